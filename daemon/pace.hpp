#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/observation.hpp"
#include "daemon/account.hpp"
#include "daemon/plan.hpp"

namespace serverless::daemon {

/// What the quotas of an account's APIs mean for its pace.
struct Revision {
  std::map<std::string, Allowance> allowances{};  ///< By API.
  bool changed = false;                           ///< Enough for another schedule.
  std::map<std::string, Mono> closed{};           ///< By API: no more than the reserve is left.
  std::vector<std::string> stretched{};           ///< APIs that cannot carry us from now on.
};

/// Weighs what the APIs told of their quotas against what we want of them. A rate moves with every
/// answer; allowances follow only as far as it matters, so that intervals stand still. Pure.
Revision revise(const std::map<std::string, Allowance>& before,
                const std::map<std::string, ApiState>& apis, const Schedule& schedule,
                double reserve, Mono now);

/// Remembers how many requests a good poll took. @return whether that is news. Pure but for
/// `tempo`.
bool learn_requests(Tempo& tempo, const Observation& observation);

/// How long to send nothing to the API after this poll, because it asked for it or answered 429:
/// the longest of Retry-After and the resets of exhausted windows; without either, four fifths of
/// an interval, and an interval, two, four... more with each 429 in a row, up to 10 minutes. Pure.
std::optional<std::chrono::nanoseconds> wait_after(const Observation& observation,
                                                   const ApiState& api,
                                                   std::chrono::milliseconds interval);

/// One of its answers is an error. Pure.
bool failed(const Poll& poll);

/// Whether a poll has neither a good answer nor a listing. Pure.
bool learned_nothing(const Poll& poll);

}  // namespace serverless::daemon
