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
  auto& line = lines_[group + '\n' + operation];
  const auto before = line.waiting.empty() ? line.last : std::optional(*line.waiting.rbegin());
  const Mono turn = before ? std::max(now, *before + gap) : now;
  line.waiting.insert(turn);
  return turn;
}

Result<Mono> Gate::depart(const std::string& group, const std::string& api,
                          const std::string& operation, milliseconds gap, Mono turn, Mono now) {
  const std::lock_guard lock(mutex_);
  auto& line = lines_[group + '\n' + operation];
  if (auto error = refusal(group, api, operation, now)) {
    line.waiting.erase(turn);
    return tl::make_unexpected(std::move(*error));
  }
  if (gap.count() == 0) return now;
  const auto earliest = line.departed ? *line.departed + gap - gap / kTolerance : now;
  if (now < earliest) return earliest;
  line.waiting.erase(turn);
  line.last = std::max(line.last.value_or(turn), turn);
  line.departed = now;
  return now;
}

void Gate::give_back(const std::string& group, const std::string& operation, Mono turn) {
  const std::lock_guard lock(mutex_);
  lines_[group + '\n' + operation].waiting.erase(turn);
}

void Gate::close(const std::string& group, const std::string& scope, Mono until) {
  const std::lock_guard lock(mutex_);
  auto& closed = closed_[group + '\n' + scope];
  closed = std::max(closed, until);
}

}  // namespace serverless::daemon
