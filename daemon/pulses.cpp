#include "daemon/pulses.hpp"

#include <pthread.h>

#include <utility>

namespace serverless::daemon {

Pulses::Id Pulses::enter(std::string name, Mono now) {
  const std::lock_guard lock(mutex_);
  const Id id = next_++;
  all_.emplace(id, Pulse{.name = std::move(name), .last = now});
  return id;
}

void Pulses::beat(Id id, Mono now) {
  const std::lock_guard lock(mutex_);
  all_.at(id).last = now;
}

void Pulses::leave(Id id) {
  const std::lock_guard lock(mutex_);
  all_.erase(id);
}

std::vector<std::string> Pulses::silent(Mono now, std::chrono::nanoseconds patience) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [id, pulse] : all_) {
    if (now - pulse.last > patience) names.push_back(pulse.name);
  }
  return names;
}

Pulse::Pulse(Pulses& all, const std::string& name, Mono now)
    : all_(all), id_(all.enter(name, now)) {
  name_thread(name);
}

void name_thread(const std::string& name) {
  constexpr std::size_t kLongestName = 15;
  pthread_setname_np(pthread_self(), name.substr(0, kLongestName).c_str());
}

}  // namespace serverless::daemon
