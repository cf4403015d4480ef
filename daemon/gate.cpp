#include "daemon/gate.hpp"

#include <algorithm>

namespace serverless::daemon {

using std::chrono::milliseconds;

Result<Mono> Gate::book(const std::string& group, const std::string& api,
                        const std::string& operation, milliseconds gap, Mono now) {
  const std::lock_guard lock(mutex_);
  if (const auto closed = closed_.find(group + '\n' + api);
      closed != closed_.end() && closed->second > now) {
    auto error = fail(Reason::rate_limited, "the API asked us to wait; nothing was sent");
    error.value().retry_after = std::chrono::ceil<milliseconds>(closed->second - now);
    return error;
  }
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
