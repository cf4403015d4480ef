#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "daemon/pulses.hpp"

namespace serverless::daemon {

/// What supervises the process: systemd, or whoever set NOTIFY_SOCKET. Without it nothing is told.
/// sd_notify(3), sd_watchdog_enabled(3). Threads: main only.
class Supervisor {
 public:
  /// @param pulses  outlives this.
  explicit Supervisor(const Pulses& pulses);

  void ready();
  void reloading();
  void stopping();

  /// How often to call feed(); empty: there is no watchdog.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> period() const;
  /// Tells the watchdog that all is well, unless a loop was not seen for half of its patience: then
  /// says so once, and lets it bite.
  void feed();

 private:
  const Pulses& pulses_;
  std::chrono::microseconds watchdog_{0};  ///< 0: none.
  std::set<std::string> stuck_{};          ///< As logged.
};

}  // namespace serverless::daemon
