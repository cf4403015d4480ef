#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// The loops that must never stop, and when each was last seen going round: one an account, one a
/// listen address, and that of libcurl. None of them waits for a provider, so that one that hangs
/// stops none. Time is an argument. Threads: any.
class Pulses {
 public:
  /// How long a loop may wait for something to happen before it shows itself.
  static constexpr std::chrono::milliseconds kBeat{1000};

  using Id = std::uint64_t;
  [[nodiscard]] Id enter(std::string name, Mono now);
  void beat(Id id, Mono now);
  void leave(Id id);

  /// The names of those that were not seen for longer than that.
  [[nodiscard]] std::vector<std::string> silent(Mono now, std::chrono::nanoseconds patience) const;

 private:
  struct Pulse {
    std::string name{};
    Mono last{};
  };

  mutable std::mutex mutex_{};
  Id next_ = 1;
  std::map<Id, Pulse> all_{};
};

/// What tools like top call the thread, as far as the system lets (15 bytes). Threads: its own; one
/// that it starts is called so, too, until it has another name.
void name_thread(const std::string& name);

/// A loop's own pulse: it counts while this lives. Threads: the loop's.
class Pulse {
 public:
  /// Names the thread, too.
  Pulse(Pulses& all, const std::string& name, Mono now);
  ~Pulse() { all_.leave(id_); }
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  void beat(Mono now) const { all_.beat(id_, now); }

 private:
  Pulses& all_;
  Pulses::Id id_;
};

}  // namespace serverless::daemon
