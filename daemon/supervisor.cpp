#include "daemon/supervisor.hpp"

#include <systemd/sd-daemon.h>

#include "daemon/clock.hpp"
#include "daemon/log.hpp"

namespace serverless::daemon {

Supervisor::Supervisor(const Pulses& pulses) : pulses_(pulses) {
  std::uint64_t watchdog_us = 0;
  if (sd_watchdog_enabled(0, &watchdog_us) > 0) watchdog_ = std::chrono::microseconds(watchdog_us);
}

void Supervisor::ready() { sd_notify(0, "READY=1\nSTATUS=Polling and serving."); }
void Supervisor::reloading() { sd_notify(0, "RELOADING=1\nSTATUS=Reading the configuration."); }
void Supervisor::stopping() { sd_notify(0, "STOPPING=1\nSTATUS=Stopping."); }

std::optional<std::chrono::nanoseconds> Supervisor::period() const {
  if (watchdog_.count() == 0) return std::nullopt;
  return watchdog_ / 4;
}

void Supervisor::feed() {
  if (watchdog_.count() == 0) return;
  const auto silent = pulses_.silent(read_clock().mono, watchdog_ / 2);
  if (silent.empty()) {
    stuck_.clear();
    sd_notify(0, "WATCHDOG=1");
    return;
  }
  for (const auto& name : silent) {
    if (stuck_.insert(name).second) log::error("loop_stuck", {{"loop", name}});
  }
}

}  // namespace serverless::daemon
