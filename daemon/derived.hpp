#pragma once

#include <cstdint>
#include <optional>

#include "daemon/state.hpp"

namespace serverless::daemon {

// What follows from an endpoint's state. All are pure, and none asks whether the data are fresh.

/// Sum of the workers' current load. Empty where none tells its load.
std::optional<double> load_of(const EndpointState& state);

/// Sum of perf over ready workers that were benchmarked. Empty where no worker tells its load.
std::optional<double> capacity_of(const EndpointState& state);

/// How many workers are not what they should be now.
std::int64_t stale_of(const EndpointState& state);

/// The worker's instance (Vast.ai), or null.
const Instance* instance_of(const WorkerState& worker, const EndpointState& state);

/// US dollars an hour, by the worker's own report.
std::optional<double> reported_price(const WorkerState& worker, const EndpointState& state);
/// US dollars an hour, by the worker's instance.
std::optional<double> joined_price(const WorkerState& worker, const EndpointState& state);

}  // namespace serverless::daemon
