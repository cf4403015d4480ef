#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace serverless::daemon {

/// An address that other machines may reach, and what is not guarded there.
struct Exposure {
  std::string address{};
  std::string what{};

  bool operator==(const Exposure&) const = default;
};

/// The addresses that can be reached from elsewhere and lack TLS or authentication. Pure.
std::vector<Exposure> exposures(const config::Web& web);

/// The same for --check-config: a line each. Pure.
std::string exposure_text(const config::Web& web);

}  // namespace serverless::daemon
