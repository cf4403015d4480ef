#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "config/config.hpp"

namespace serverless::daemon {

/// The simulated providers of --demo: the program `serverless_simulator` that stands beside this
/// one, on a loopback port of its own. Ends with this object, and with this process.
class Demo {
 public:
  /// Starts the simulator and waits until it listens.
  /// @throw std::runtime_error when it is not there or does not start.
  Demo();
  ~Demo();
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  /// demo_config() of its simulator.
  [[nodiscard]] std::string config_text() const;

 private:
  pid_t child_ = -1;
  std::string url_{};
};

/// The configuration of --demo: an account of each provider, at the simulator with that URL and
/// nowhere else. Pure.
std::string demo_config(std::string_view url);

}  // namespace serverless::daemon
