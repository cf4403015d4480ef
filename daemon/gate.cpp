#include "daemon/gate.hpp"

#include <algorithm>

namespace serverless::daemon {

using std::chrono::milliseconds;

std::optional<Error> Gate::refusal(const std::string& group, const std::string& api,
                                   Mono now) const {
  const auto closed = closed_.find(group + '\n' + api);
  if (closed == closed_.end() || closed->second <= now) return std::nullopt;
  return Error{.reason = Reason::rate_limited,
               .detail = "nothing was sent: this API is left alone until its quota allows more",
               .retry_after = std::chrono::ceil<milliseconds>(closed->second - now)};
}

Result<Mono> Gate::book(const std::string& group, const std::string& api,
                        const std::string& operation, milliseconds gap, Mono now) {
  const std::lock_guard lock(mutex_);
  if (auto error = refusal(group, api, now)) return tl::make_unexpected(std::move(*error));
  if (gap.count() == 0) return now;
  auto& next = turns_[group + '\n' + operation];
  const Mono turn = std::max(next, now);
  next = turn + gap;
  return turn;
}

void Gate::close(const std::string& group, const std::string& api, Mono until) {
  const std::lock_guard lock(mutex_);
  auto& closed = closed_[group + '\n' + api];
  closed = std::max(closed, until);
}

}  // namespace serverless::daemon
