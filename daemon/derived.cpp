#include "daemon/derived.hpp"

#include <algorithm>

namespace serverless::daemon {
namespace {

bool loads_are_known(const EndpointState& state) {
  return std::any_of(state.workers.begin(), state.workers.end(),
                     [](const WorkerState& worker) { return worker.reported.cur_load; });
}

}  // namespace

std::optional<double> load_of(const EndpointState& state) {
  if (!loads_are_known(state)) return std::nullopt;
  double sum = 0;
  for (const auto& worker : state.workers) sum += worker.reported.cur_load.value_or(0);
  return sum;
}

std::optional<double> capacity_of(const EndpointState& state) {
  if (!loads_are_known(state)) return std::nullopt;
  double sum = 0;
  for (const auto& worker : state.workers) {
    if (is_ready(worker.status) && worker.reported.benchmarked == true) {
      sum += worker.reported.perf.value_or(0);
    }
  }
  return sum;
}

std::int64_t stale_of(const EndpointState& state) {
  return std::count_if(state.workers.begin(), state.workers.end(),
                       [](const WorkerState& worker) { return is_stale(worker.staleness); });
}

const Instance* instance_of(const WorkerState& worker, const EndpointState& state) {
  if (!state.instances) return nullptr;
  const auto found = state.instances->by_id.find(worker.reported.id);
  return found == state.instances->by_id.end() ? nullptr : &found->second;
}

std::optional<double> joined_price(const WorkerState& worker, const EndpointState& state) {
  const auto* instance = instance_of(worker, state);
  return instance != nullptr ? instance->cost_dollars_per_hour : std::nullopt;
}

std::optional<double> reported_price(const WorkerState& worker, const EndpointState&) {
  return worker.reported.cost_dollars_per_hour;
}

}  // namespace serverless::daemon
