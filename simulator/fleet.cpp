#include "simulator/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "simulator/hash.hpp"

namespace simulator {
namespace {

struct DemoEndpoint {
  std::string_view name{};
  std::size_t workers = 0;
};

// Two share a name and some need escaping: names are the users' and not unique.
constexpr std::array kDemoRunpod{
    DemoEndpoint{"image-gen", 12}, DemoEndpoint{"llm \"prod\"\\eu\n", 7},
    DemoEndpoint{"image-gen", 4}, DemoEndpoint{"gel\xc3\xb6scht -fb", 0}};
constexpr std::array kDemoRunpodV1{DemoEndpoint{"my endpoint", 1},
                                   DemoEndpoint{"legacy \"llm\"", 8}, DemoEndpoint{"unused", 0}};
constexpr std::array kDemoVast{DemoEndpoint{"vLLM-Qwen3-8B", 12},
                               DemoEndpoint{"weird \"name\"\n", 9},
                               DemoEndpoint{"comfy-suspended", 2}};
constexpr std::size_t kDemoDen = 10;

// An organisation of more has not been heard of; beyond it the key's limit of 600 requests
// would not carry one walk through the pages.
constexpr std::size_t kMostDen = 5000;

std::span<const DemoEndpoint> demo(Api api) {
  switch (api) {
    case Api::runpod:
      return kDemoRunpod;
    case Api::runpod_v1:
      return kDemoRunpodV1;
    case Api::vast:
      return kDemoVast;
    case Api::den:
      break;
  }
  return {};
}

constexpr std::int64_t kFirstVastEndpoint = 1200;
constexpr std::int64_t kFirstVastGroup = 5'000'000;

// The index sits in the last four digits, so that an id is found without a table.
constexpr std::size_t kIndexDigits = 4;

std::string base36(std::uint64_t value, std::size_t digits) {
  std::string out(digits, '0');
  for (std::size_t i = digits; i > 0; --i, value /= 36) {
    out[i - 1] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
  }
  return out;
}

template <class Integer>
std::optional<Integer> integer_in(std::string_view text, int base) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Fleet::Fleet(Shape shape) : shape_(shape) {}

std::size_t Fleet::endpoint_count(Api api) const {
  if (api == Api::den) return 1;
  return is_demo() ? demo(api).size() : shape_.endpoints;
}

std::size_t Fleet::worker_count(Api api) const {
  if (api == Api::den) {
    return is_demo() ? kDemoDen : std::min(shape_.endpoints * shape_.workers, kMostDen);
  }
  if (!is_demo()) return shape_.endpoints * shape_.workers;
  std::size_t count = 0;
  for (const DemoEndpoint& row : demo(api)) count += row.workers;
  return count;
}

std::uint64_t Fleet::key(Api api, std::uint64_t kind, std::uint64_t number) const {
  return hash_of({shape_.seed, static_cast<std::uint64_t>(api), kind, number});
}

Endpoint Fleet::endpoint(Api api, std::size_t index) const {
  Endpoint endpoint{.api = api, .index = index};
  if (api == Api::den) {
    endpoint.id = "org_" + base36(key(api, 1, 0), 12) + base36(key(api, 2, 0), 12) + "00";
    endpoint.name = "organization";
    endpoint.workers = worker_count(api);
    return endpoint;
  }
  if (is_demo()) {
    const auto rows = demo(api);
    endpoint.name = rows[index].name;
    endpoint.workers = rows[index].workers;
    for (std::size_t i = 0; i < index; ++i) endpoint.first += rows[i].workers;
  } else {
    endpoint.name = fmt::format("endpoint-{}", index);
    endpoint.workers = shape_.workers;
    endpoint.first = index * shape_.workers;
  }
  endpoint.id = api == Api::vast ? std::to_string(kFirstVastEndpoint + static_cast<int>(index))
                                 : base36(key(api, 1, index), 6) + base36(index, kIndexDigits);
  return endpoint;
}

std::optional<Endpoint> Fleet::find(Api api, std::string_view id) const {
  std::optional<std::size_t> index = 0;
  if (api == Api::vast) {
    const auto number = integer_in<std::int64_t>(id, 10);
    if (!number || *number < kFirstVastEndpoint) return std::nullopt;
    index = static_cast<std::size_t>(*number - kFirstVastEndpoint);
  } else if (api != Api::den) {
    if (id.size() < kIndexDigits) return std::nullopt;
    index = integer_in<std::size_t>(id.substr(id.size() - kIndexDigits), 36);
  }
  if (!index || *index >= endpoint_count(api)) return std::nullopt;
  Endpoint endpoint = this->endpoint(api, *index);
  if (endpoint.id != id) return std::nullopt;
  return endpoint;
}

bool Fleet::is_suspended(const Endpoint& endpoint) const {
  return is_demo() && endpoint.index == 2;
}

std::size_t Fleet::group_count(const Endpoint& endpoint) const {
  return is_suspended(endpoint) ? 1 : 2;
}

std::int64_t Fleet::group_id(const Endpoint& endpoint, std::size_t group) const {
  return kFirstVastGroup + static_cast<std::int64_t>(endpoint.index * 2 + group);
}

std::optional<std::pair<Endpoint, std::size_t>> Fleet::find_group(std::string_view id) const {
  const auto number = integer_in<std::int64_t>(id, 10);
  if (!number || *number < kFirstVastGroup) return std::nullopt;
  const auto offset = static_cast<std::size_t>(*number - kFirstVastGroup);
  if (offset / 2 >= endpoint_count(Api::vast)) return std::nullopt;
  Endpoint owner = endpoint(Api::vast, offset / 2);
  if (offset % 2 >= group_count(owner)) return std::nullopt;
  return std::pair{std::move(owner), offset % 2};
}

bool View::knows(const Endpoint& endpoint) const {
  return !controls->removed_endpoints.contains(endpoint.id);
}

std::optional<Endpoint> View::find(Api api, std::string_view id) const {
  auto endpoint = fleet->find(api, id);
  if (endpoint && !knows(*endpoint)) return std::nullopt;
  return endpoint;
}

}  // namespace simulator
