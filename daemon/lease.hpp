#pragma once

#include <atomic>

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// Until when this exporter may ask providers and show what they said. Alone it always may; a
/// member of a cluster no longer than nobody else does so in its place. It ends by itself: whoever
/// was stopped or cut off meanwhile need not be told. Threads: any.
class Lease {
 public:
  [[nodiscard]] bool is_over(Mono now) const { return now >= end(); }
  [[nodiscard]] Mono end() const { return Mono(Mono::duration(end_.load())); }
  void set_end(Mono end) { end_ = end.time_since_epoch().count(); }

 private:
  std::atomic<Mono::rep> end_{Mono::max().time_since_epoch().count()};
};

}  // namespace serverless::daemon
