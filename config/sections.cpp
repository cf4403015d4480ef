#include "config/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>

#include "config/units.hpp"

namespace serverless::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMostScrapes = 1000;
constexpr std::uint64_t kMostInFlight = 256;
constexpr double kMostReserve = 0.9;
constexpr std::uint64_t kMostWorkers = 1'000'000'000;
constexpr std::size_t kLeastBody = 1024;
constexpr std::size_t kMostBody = 1024 * 1024 * 1024;

struct Unsupported {
  std::string_view title{};
  std::string_view key{};
};

constexpr Unsupported kUnsupported[] = {
    {"[web]", "auth_exempt_paths"},
    {"[web]", "basic_auth_users"},
    {"[web]", "tls_server_config"},
};

template <typename Enum>
auto word(std::span<const std::string_view> words) {
  return [words](const Node& node) {
    return read_word(node, words).map([](std::size_t index) { return static_cast<Enum>(index); });
  };
}

template <typename Number>
auto integer(std::uint64_t least, std::uint64_t most) {
  return [least, most](const Node& node) {
    return read_integer(node, least, most).map([](std::uint64_t number) {
      return static_cast<Number>(number);
    });
  };
}

auto duration(milliseconds least, milliseconds most) {
  return [least, most](const Node& node) { return read_duration(node, least, most); };
}

}  // namespace

void refuse_unsupported(Table& table, std::string_view title) {
  for (const auto& entry : table.entries()) {
    const auto is_entry = [&](const Unsupported& row) {
      return row.title == title && row.key == entry.key;
    };
    if (std::none_of(std::begin(kUnsupported), std::end(kUnsupported), is_entry)) continue;
    table.add(entry, entry.place, "not supported by this version of serverless_exporter");
    table.forgive(entry.key);
  }
}

void read_web(Table& table, Web& web) {
  const auto* listen = table.read_list("listen", web.listen, read_listen_address);
  if (listen != nullptr && web.listen.empty()) {
    table.add(*listen, listen->node.place, "expected at least one address");
  }
  table.read("enable_lifecycle", web.enable_lifecycle, read_boolean);
  table.read("max_concurrent_scrapes", web.max_concurrent_scrapes,
             integer<std::uint32_t>(1, kMostScrapes));
}

void read_poll(Table& table, Poll& poll) {
  const auto before = table.findings().size();
  table.read("interval", poll.interval, duration(seconds{1}, hours{24}));
  const bool interval_is_known = table.findings().size() == before;
  table.read("max_age", poll.max_age, [](const Node& node) {
    return read_duration_or_auto(node, seconds{1}, hours{24 * 7});
  });
  const auto* timeout =
      table.read("timeout", poll.timeout, duration(milliseconds{100}, minutes{10}));
  if (timeout != nullptr && interval_is_known && poll.timeout > poll.interval) {
    table.add(*timeout, timeout->node.place,
              fmt::format("{} is longer than the interval, which is {} here",
                          duration_text(poll.timeout), duration_text(poll.interval)));
  }
  if (timeout == nullptr) poll.timeout = std::min(poll.timeout, poll.interval);
  table.read("discovery_interval", poll.discovery_interval, duration(seconds{1}, hours{24}));
  table.read("max_in_flight", poll.max_in_flight, integer<std::uint32_t>(1, kMostInFlight));
  table.read("quota_reserve", poll.quota_reserve,
             [](const Node& node) { return read_ratio(node, 0, kMostReserve); });
  table.read("max_body", poll.max_body,
             [](const Node& node) { return read_size(node, kLeastBody, kMostBody); });
}

void read_limits(Table& table, Limits& limits) {
  const auto workers = integer<std::uint64_t>(0, kMostWorkers);
  table.read("workers_per_endpoint", limits.workers_per_endpoint, workers);
  table.read("workers_per_account", limits.workers_per_account, workers);
  table.read("workers_total", limits.workers_total, workers);
}

void read_series(Table& table, Series& series) {
  table.read("workers", series.workers, read_boolean);
  table.read("worker_status", series.worker_status,
             word<WorkerStatusSeries>(kWorkerStatusSeriesNames));
  table.read("image_label", series.image_label, read_boolean);
}

void read_log(Table& table, Log& log) {
  table.read("level", log.level, word<LogLevel>(kLogLevelNames));
  table.read("format", log.format, word<LogFormat>(kLogFormatNames));
}

}  // namespace serverless::config
