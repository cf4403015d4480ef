#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/timestamp.hpp"

namespace serverless {

/// A longer id or word is none: labels are cut beyond it, and two series might be left with one
/// name.
inline constexpr std::size_t kMaxIdBytes = 256;

/// What a worker is doing, in the one vocabulary of all providers. The enumerators are the values
/// of every `status` label.
enum class Status : std::uint8_t {
  running,       ///< Ready and working on at least one job.
  idle,          ///< Ready, waiting for work.
  active,        ///< Up; whether it works, or is ready, is not known.
  initializing,  ///< Starting, not ready.
  throttled,     ///< Waiting for capacity.
  unhealthy,     ///< Failing.
  stopped,       ///< Deliberately not running.
  unknown,       ///< A word that we do not know.
};

inline constexpr std::array<std::string_view, 8> kStatusNames{
    "running", "idle", "active", "initializing", "throttled", "unhealthy", "stopped", "unknown"};
inline constexpr std::size_t kStatusCount = kStatusNames.size();
static_assert(static_cast<std::size_t>(Status::unknown) + 1 == kStatusCount);

constexpr std::string_view name(Status status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

constexpr bool is_ready(Status status) {
  return status == Status::running || status == Status::idle || status == Status::active;
}

/// Is the worker what it should be now? The last three are the values of the `reason` label of
/// serverless_endpoint_stale_workers.
enum class Staleness : std::uint8_t {
  unknown,  ///< The provider does not say.
  current,
  version,    ///< Runs an older endpoint configuration.
  image,      ///< Runs another container image.
  heartbeat,  ///< Says that it is healthy and has not been heard of.
};

inline constexpr std::array<std::string_view, 5> kStalenessNames{"unknown", "current", "version",
                                                                 "image", "heartbeat"};
static_assert(static_cast<std::size_t>(Staleness::heartbeat) + 1 == kStalenessNames.size());

constexpr std::string_view name(Staleness staleness) {
  return kStalenessNames[static_cast<std::size_t>(staleness)];
}

constexpr bool is_stale(Staleness staleness) { return staleness >= Staleness::version; }

/// One worker as its provider reports it. A field that was not reported is empty, never zero: zero
/// is a measurement.
struct Worker {
  std::string id{};             ///< Unique within the account.
  std::string native_status{};  ///< The provider's own word, lower-case.
  Status status = Status::unknown;
  Staleness staleness = Staleness::unknown;

  std::string gpu_type{};
  std::string location{};
  std::string version{};
  std::string kind{};
  std::string image{};
  std::string name{};
  std::optional<bool> interruptible{};

  std::optional<double> uptime_seconds{};  ///< As reported.
  std::optional<Time> up_since{};          ///< Uptime is counted from here where none is reported.
  std::optional<Time> started_at{};
  std::optional<Time> created_at{};
  std::optional<Time> model_loaded_at{};
  std::optional<Time> maintenance_start{};
  std::optional<Time> maintenance_end{};
  std::optional<Time> last_heartbeat{};  ///< By the worker's own clock.
  std::optional<Time> last_active{};     ///< By the worker's own clock.

  std::optional<double> cur_load{};
  std::optional<double> new_load{};
  std::optional<double> cur_load_rolling_avg{};
  std::optional<double> cur_perf{};
  std::optional<double> perf{};
  std::optional<double> measured_perf{};
  std::optional<double> dlperf{};
  std::optional<bool> benchmarked{};  ///< perf and measured_perf are a benchmark's, not DLPerf.
  std::optional<double> reliability_ratio{};
  std::optional<double> requests_in_flight{};
  std::optional<double> disk_usage_bytes{};
  std::optional<double> gpus{};
  std::optional<double> vcpus{};
  std::optional<double> memory_bytes{};
  std::optional<double> cost_dollars_per_hour{};

  bool operator==(const Worker&) const = default;
};

}  // namespace serverless
