#include "daemon/pace.hpp"

#include <algorithm>

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int kMaxDoublings = 4;
constexpr milliseconds kLongestUnadvised = std::chrono::minutes{10};

// Quickly slower, slowly faster.
constexpr double kTighter = 0.99;
constexpr double kWider = 1.05;
// A rate is of no concern while we want less than this share of it.
constexpr double kConcern = 0.9;

double value_of(const std::map<std::string, double>& by_api, const std::string& api) {
  const auto found = by_api.find(api);
  return found == by_api.end() ? 0 : found->second;
}

bool is_news(const Allowance& before, double rate, double demand) {
  if (before.rate == 0) return true;
  const bool matters = demand > kConcern * std::min(rate, before.rate);
  return matters && (rate < before.rate * kTighter || rate > before.rate * kWider);
}

// A little less than whole intervals: a slot just ahead is kept, or one refusal alone would make
// the data as old as they may be.
nanoseconds unadvised_wait(int refusals, milliseconds interval) {
  const auto wait = interval * (1L << std::clamp(refusals - 1, 0, kMaxDoublings)) - interval / 5;
  return std::min(wait, std::max(kLongestUnadvised, interval));
}

}  // namespace

Revision revise(const std::map<std::string, Allowance>& before,
                const std::map<std::string, ApiState>& apis, const Schedule& schedule,
                double reserve, Mono now) {
  Revision result{.allowances = before};
  for (const auto& [api, state] : apis) {
    if (const auto until = closed_until(state.quota, reserve, now)) result.closed[api] = *until;
    const auto rate = lasting_rate(state.quota, value_of(schedule.round, api), reserve, now);
    // Nothing left is not a pace: closed_until() has it.
    if (!rate || *rate <= 0) continue;
    auto& allowance = result.allowances[api];
    const double demand = value_of(schedule.demand, api);
    if (!is_news(allowance, *rate, demand)) continue;
    const bool carried_us = allowance.rate == 0 || demand <= allowance.rate;
    if (carried_us && demand > *rate) result.stretched.push_back(api);
    allowance = {.rate = *rate, .burst = room(state.quota, reserve).value_or(0)};
    result.changed = true;
  }
  return result;
}

bool learn_requests(Tempo& tempo, const Observation& observation) {
  if (failed(observation.poll)) return false;
  const auto& target = observation.target;
  const auto before = requests_of(target, tempo);
  const auto seen = std::count_if(
      observation.exchanges.begin(), observation.exchanges.end(),
      [&](const Exchange& exchange) { return exchange.operation == target.operation; });
  if (seen > 1) {
    tempo.requests[key_of(target)] = seen;
  } else {
    tempo.requests.erase(key_of(target));
  }
  return requests_of(target, tempo) != before;
}

std::optional<nanoseconds> wait_after(const Observation& observation, const ApiState& api,
                                      milliseconds interval) {
  std::optional<nanoseconds> wait;
  for (const auto& answer : observation.poll.answers) {
    if (answer.result) continue;
    const auto& error = answer.result.error();
    if (error.reason != Reason::rate_limited && !error.retry_after) continue;
    wait = std::max<nanoseconds>(wait.value_or(nanoseconds{0}),
                                 error.retry_after.value_or(milliseconds{0}));
  }
  for (const auto& exchange : observation.exchanges) {
    if (exchange.code != "429") continue;  // Whatever the collector made of it.
    wait = std::max(wait.value_or(nanoseconds{0}),
                    exhausted_wait(exchange.windows).value_or(nanoseconds{0}));
  }
  if (!wait) return std::nullopt;
  return wait->count() > 0 ? *wait : unadvised_wait(api.refusals, interval);
}

bool failed(const Poll& poll) {
  return std::any_of(poll.answers.begin(), poll.answers.end(),
                     [](const Answer& answer) { return !answer.result; });
}

bool learned_nothing(const Poll& poll) {
  return !poll.listing &&
         std::none_of(poll.answers.begin(), poll.answers.end(),
                      [](const Answer& answer) { return answer.result.has_value(); });
}

}  // namespace serverless::daemon
