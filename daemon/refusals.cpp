#include "daemon/refusals.hpp"

#include "daemon/log.hpp"

namespace serverless::daemon {

bool Refusals::note(Refusal why, const std::string& address, Mono now, const std::string& detail) {
  self_.count_refusal(name(why));
  if (!is_news(why, address, now)) return false;
  if (detail.empty()) {
    log::warn("client_refused", {{"reason", std::string(name(why))}, {"address", address}});
  } else {
    log::warn("client_refused",
              {{"reason", std::string(name(why))}, {"address", address}, {"detail", detail}});
  }
  return true;
}

bool Refusals::is_news(Refusal why, const std::string& address, Mono now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(told_, [&](const auto& entry) { return now - entry.second >= kQuiet; });
  return told_.size() < kMostLines && told_.emplace(std::pair(why, address), now).second;
}

}  // namespace serverless::daemon
