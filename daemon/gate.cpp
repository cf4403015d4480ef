#include "daemon/gate.hpp"

#include <algorithm>

namespace serverless::daemon {

using std::chrono::milliseconds;

// Usual delays must not add up: turns have a distance that is a tenth above what providers ask for,
// and a twentieth of it may be lost.
constexpr int kTolerance = 20;

std::optional<Error> Gate::refusal(const std::string& group, const std::string& api,
                                   const std::string& operation, Mono now) const {
  const auto end_of = [&](const std::string& scope) {
    const auto found = closed_.find(group + '\n' + scope);
    return found == closed_.end() ? Mono{} : found->second;
  };
  const Mono until = std::max(end_of(api), end_of(operation));
  if (until <= now) return std::nullopt;
  return Error{.reason = Reason::rate_limited,
               .detail = "nothing was sent: this API is left alone until its quota allows more",
               .retry_after = std::chrono::ceil<milliseconds>(until - now)};
}

Result<Mono> Gate::book(const std::string& group, const std::string& api,
                        const std::string& operation, milliseconds gap, Mono now) {
  const std::lock_guard lock(mutex_);
  if (auto error = refusal(group, api, operation, now))
    return tl::make_unexpected(std::move(*error));
  if (gap.count() == 0) return now;
  auto& next = turns_[group + '\n' + operation];
  const Mono turn = std::max(next, now);
  next = turn + gap;
  return turn;
}

Result<Mono> Gate::depart(const std::string& group, const std::string& api,
                          const std::string& operation, milliseconds gap, Mono now) {
  const std::lock_guard lock(mutex_);
  if (auto error = refusal(group, api, operation, now))
    return tl::make_unexpected(std::move(*error));
  if (gap.count() == 0) return now;
  const auto [last, first] = departed_.try_emplace(group + '\n' + operation, now);
  const Mono earliest = last->second + gap - gap / kTolerance;
  if (!first && now < earliest) return earliest;
  last->second = now;
  return now;
}

void Gate::close(const std::string& group, const std::string& scope, Mono until) {
  const std::lock_guard lock(mutex_);
  auto& closed = closed_[group + '\n' + scope];
  closed = std::max(closed, until);
}

}  // namespace serverless::daemon
