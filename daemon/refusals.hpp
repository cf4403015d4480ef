#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/connections.hpp"
#include "daemon/self.hpp"

namespace serverless::daemon {

/// Counts clients that were sent away, and logs them without letting them fill the log: one line a
/// minute for each reason and address, and no more than kMostLines in all. Threads: any.
class Refusals {
 public:
  static constexpr std::chrono::minutes kQuiet{1};
  static constexpr std::size_t kMostLines = 20;

  explicit Refusals(SelfMetrics& self) : self_(self) {}

  /// @param detail  for the log; never a secret.
  /// @return whether the log heard of it.
  bool note(Refusal why, const std::string& address, Mono now, const std::string& detail = "");

 private:
  [[nodiscard]] bool is_news(Refusal why, const std::string& address, Mono now);

  SelfMetrics& self_;
  std::mutex mutex_{};
  std::map<std::pair<Refusal, std::string>, Mono> told_{};  ///< When, within the last minute.
};

}  // namespace serverless::daemon
