#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "config/config.hpp"
#include "daemon/account.hpp"
#include "daemon/samples.hpp"
#include "daemon/state.hpp"

namespace serverless::daemon {

enum class MetricType : std::uint8_t { gauge, counter, histogram };

constexpr std::string_view name(MetricType type) {
  switch (type) {
    case MetricType::gauge:
      return "gauge";
    case MetricType::counter:
      return "counter";
    case MetricType::histogram:
      return "histogram";
  }
  return "untyped";
}

/// What a row may know beside the state that it reads.
struct Context {
  const Provider* provider = nullptr;
  config::Series series{};
};

/// How a row reads its samples; which one it has says what it is about. A row of workers sees the
/// worker and its instance, if one is known, and nothing else of the endpoint: polls of other
/// sources leave its lines as they are (see says_the_same()).
using EndpointRead = void (*)(const EndpointState&, const Context&, Samples&);
using WorkerRead = void (*)(const WorkerState&, const Instance*, const Context&, Samples&);
using SourceRead = void (*)(const SourceState&, Source, Samples&);
using AccountRead = void (*)(const AccountState&, Samples&);
/// Written at scrape time: by assemble() (fresh, withheld), or by the process's own registry.
struct Live {};
using Read = std::variant<Live, EndpointRead, WorkerRead, SourceRead, AccountRead>;

/// A row of the table of metrics.
struct Row {
  std::string_view name{};
  MetricType type = MetricType::gauge;
  std::string_view help{};
  /// The sources whose data it shows: served only while all are fresh. 0: our own memory, always
  /// served.
  Needs needs = 0;
  Read read{};
  /// Rests on the reconciled status: where the queue view decided, it needs that one, too.
  bool by_status = false;
};

/// THE table of metrics, in the order of the page. Rows of one family stand together.
std::span<const Row> rows();

/// The row of that name (the first), or null.
const Row* find_row(std::string_view name);

}  // namespace serverless::daemon
