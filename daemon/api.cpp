#include "daemon/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/derived.hpp"
#include "daemon/metrics.hpp"

namespace serverless::daemon {
namespace {

using Json = nlohmann::ordered_json;

// About as much as is deflated at once.
constexpr std::size_t kStretch = 64 * 1024;

Json number(double value) {
  constexpr double kExact = 9007199254740992.0;
  if (std::trunc(value) == value && std::abs(value) < kExact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view without(std::string_view prefix, std::string_view name) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

Context context_of(const AccountPage& account) {
  return {.provider = account.state.provider, .series = {.image_label = true}};
}

// Static facts are the labels of their family, not its value.
bool is_info(std::string_view metric) { return metric.ends_with("_info"); }

// One family of one thing. Without labels it is a number, with one an object by its values, with
// more a list.
void put(Json& into, std::string_view key, const std::vector<Sample>& samples) {
  for (const auto& sample : samples) {
    if (sample.labels.empty()) {
      into.emplace(std::string(key), number(sample.value));
    } else if (sample.labels.size() == 1) {
      into[std::string(key)].emplace(sample.labels[0].second, number(sample.value));
    } else {
      Json entry;
      for (const auto& [name, value] : sample.labels) entry.emplace(name, value);
      entry.emplace("value", number(sample.value));
      into[std::string(key)].push_back(std::move(entry));
    }
  }
}

void put_info(Json& into, const std::vector<Sample>& samples) {
  for (const auto& sample : samples) {
    for (const auto& [name, value] : sample.labels) {
      if (!value.empty()) into.emplace(name, value);
    }
  }
}

// Calls `use` with each row of that kind that may be served, and its samples.
template <typename Reader, typename Read, typename Use>
void read_rows(const EndpointState& endpoint, Mono now, const Read& read, const Use& use) {
  std::vector<Sample> kept;
  for (const Row& row : rows()) {
    const auto* reader = std::get_if<Reader>(&row.read);
    if (reader == nullptr || !is_served(endpoint, row.needs, row.by_status, now)) continue;
    kept.clear();
    Samples samples(kept);
    read(*reader, samples);
    if (!kept.empty()) use(row, kept);
  }
}

Json worker_json(const FoundWorker& found, Mono now) {
  const auto& account = found.account->state;
  const WorkerState& worker = *found.worker;
  const EndpointState& endpoint = *found.endpoint;
  const Context context = context_of(*found.account);
  Json json{{"provider", account.provider->label},
            {"account", account.name},
            {"endpoint_id", endpoint.info.id},
            {"worker_id", worker.reported.id},
            {"status", nullptr},
            {"native_status", worker.reported.native_status}};
  if (found.status_known) json["status"] = name(worker.status);
  if (is_stale(worker.staleness)) json["stale_reason"] = name(worker.staleness);
  read_rows<WorkerRead>(
      endpoint, now,
      [&](WorkerRead read, Samples& out) {
        read(worker, instance_of(worker, endpoint), context, out);
      },
      [&](const Row& row, const std::vector<Sample>& samples) {
        if (row.name == "serverless_worker_status") return;
        if (is_info(row.name)) return put_info(json, samples);
        put(json, without("serverless_worker_", row.name), samples);
      });
  return json;
}

Json source_json(const EndpointState& endpoint, Source which, const SourceState& source, Now now) {
  Json json{{"fresh", is_fresh(source, now.mono)}};
  if (source.good) {
    const auto age = std::chrono::duration<double>(now.mono - source.good->mono);
    json["age_seconds"] = std::round(age.count() * 1000) / 1000;
  }
  if (source.error) {
    json["error"] = {{"reason", name(source.error->reason)}, {"detail", source.error->detail}};
  }
  read_rows<SourceRead>(
      endpoint, now.mono, [&](SourceRead read, Samples& out) { read(source, which, out); },
      [&](const Row& row, const std::vector<Sample>& samples) {
        put(json, without("serverless_", row.name), samples);
      });
  return json;
}

Json endpoint_json(const AccountPage& account, const EndpointState& endpoint, Now now) {
  const Context context = context_of(account);
  Json json{{"provider", account.state.provider->label},
            {"account", account.state.name},
            {"endpoint_id", endpoint.info.id}};
  read_rows<EndpointRead>(
      endpoint, now.mono, [&](EndpointRead read, Samples& out) { read(endpoint, context, out); },
      [&](const Row& row, const std::vector<Sample>& samples) {
        if (is_info(row.name)) return put_info(json, samples);
        put(json, without("serverless_endpoint_", row.name), samples);
      });
  auto& sources = json["sources"] = Json::object();
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    const auto& source = endpoint.sources[i];
    if (!source) continue;
    sources[std::string(kSourceNames[i])] =
        source_json(endpoint, static_cast<Source>(i), *source, now);
  }
  return json;
}

Json account_json(const AccountPage& account) {
  Json apis = Json::object();
  for (const auto& [api, state] : account.state.apis) {
    if (state.up) apis[api] = {{"up", *state.up}};
  }
  return {{"provider", account.state.provider->label},
          {"account", account.state.name},
          {"discovered", account.state.discovered},
          {"endpoints", account.state.endpoints.size()},
          {"apis", std::move(apis)}};
}

// "head item,item tail" in stretches.
Stream stream(std::string head, std::size_t count, std::function<Json(std::size_t)> item) {
  return [head = std::move(head), count, item = std::move(item), next = std::size_t{0},
          ended = false]() mutable {
    if (ended) return std::string();
    std::string text = std::exchange(head, {});
    for (; next < count && text.size() < kStretch; ++next) {
      text += next == 0 ? "\n" : ",\n";
      text += text_of(item(next));
    }
    if (next == count) {
      text += "\n]}\n";
      ended = true;
    }
    return text;
  };
}

// An object whose last member is a list that goes on.
std::string head_of(const Json& object, std::string_view list) {
  auto text = text_of(object);
  text.pop_back();
  return text + fmt::format(",\"{}\":[", list);
}

tl::expected<std::size_t, std::string> parse_count(const std::string& name,
                                                   const std::string& value) {
  std::size_t count = 0;
  const auto end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, count);
  if (result.ec == std::errc{} && result.ptr == end) return count;
  return tl::make_unexpected(fmt::format("{}: expected a number, not '{}'\n", name, value));
}

struct Asked {
  WorkerQuery query{};
  std::size_t offset = 0;
  std::optional<std::size_t> limit{};
};

tl::expected<Asked, std::string> parse(Arguments arguments) {
  Asked asked;
  for (const auto& [name, value] : arguments) {
    const auto taken = take_argument(asked.query, name, value);
    if (!taken) return tl::make_unexpected(taken.error());
    if (*taken) continue;
    if (name != "offset" && name != "limit") {
      return tl::make_unexpected(fmt::format("there is no argument '{}'\n", name));
    }
    const auto count = parse_count(name, value);
    if (!count) return tl::make_unexpected(count.error());
    if (name == "offset") {
      asked.offset = *count;
    } else {
      asked.limit = *count;
    }
  }
  return asked;
}

bool is_asked_for(const WorkerQuery& query, const AccountPage& account) {
  return (query.account.empty() || query.account == account.state.name) &&
         (query.provider.empty() || query.provider == account.state.provider->label);
}

}  // namespace

tl::expected<Stream, std::string> endpoints_json(Pages pages, Arguments arguments, Now now) {
  for (const auto& [name, value] : arguments) {
    if (name != "provider" && name != "account" && name != "endpoint") {
      return tl::make_unexpected(fmt::format("there is no argument '{}'\n", name));
    }
  }
  const auto asked = parse(arguments);
  if (!asked) return tl::make_unexpected(asked.error());
  std::vector<std::pair<const AccountPage*, const EndpointState*>> found;
  Json accounts = Json::array();
  for (const auto& account : pages) {
    if (!is_asked_for(asked->query, *account)) continue;
    accounts.push_back(account_json(*account));
    for (const auto& [id, endpoint] : account->state.endpoints) {
      const auto& wanted = asked->query.endpoint;
      if (wanted.empty() || wanted == id) found.emplace_back(account.get(), endpoint.get());
    }
  }
  const Json head{{"time", number(unix_seconds(now.wall))}, {"accounts", std::move(accounts)}};
  const auto count = found.size();
  return stream(head_of(head, "endpoints"), count,
                [pages = std::move(pages), found = std::move(found), now](std::size_t i) {
                  return endpoint_json(*found[i].first, *found[i].second, now);
                });
}

tl::expected<Stream, std::string> workers_json(Pages pages, Arguments arguments, Now now) {
  const auto asked = parse(arguments);
  if (!asked) return tl::make_unexpected(asked.error());
  auto found = find_workers(pages, asked->query, now.mono);
  Json not_fresh = Json::array();
  for (const auto& account : pages) {
    if (!is_asked_for(asked->query, *account)) continue;
    for (const auto& [id, endpoint] : account->state.endpoints) {
      const auto& wanted = asked->query.endpoint;
      if (!wanted.empty() && wanted != id) continue;
      if (is_served(*endpoint, bit(Source::workers), false, now.mono)) continue;
      not_fresh.push_back({{"provider", account->state.provider->label},
                           {"account", account->state.name},
                           {"endpoint_id", id}});
    }
  }
  const Json head{{"time", number(unix_seconds(now.wall))},
                  {"total", found.size()},
                  {"not_fresh", std::move(not_fresh)}};
  const auto offset = std::min(asked->offset, found.size());
  const auto count = std::min(asked->limit.value_or(found.size()), found.size() - offset);
  return stream(head_of(head, "workers"), count,
                [pages = std::move(pages), found = std::move(found), offset, now](std::size_t i) {
                  return worker_json(found[offset + i], now.mono);
                });
}

}  // namespace serverless::daemon
