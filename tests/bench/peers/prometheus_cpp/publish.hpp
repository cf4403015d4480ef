#pragma once

#include <prometheus/exposer.h>

#include <memory>

#include "tests/bench/peers/prometheus_cpp/fleet.hpp"

namespace peer {

/// One way to publish with prometheus-cpp.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Threads: any, one at a time or not.
  virtual void take(Snapshot snapshot) = 0;
  virtual void expose(prometheus::Exposer& exposer) = 0;
};

/// A Registry whose gauges are set when a poll lands.
std::unique_ptr<Publisher> make_registry_publisher();

/// A Collectable that makes metric families of the last answers at every scrape.
std::unique_ptr<Publisher> make_collectable_publisher();

}  // namespace peer
