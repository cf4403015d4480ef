#pragma once

#include <string>

#include "config/config.hpp"

namespace serverless::config {

/// The whole configuration with every default filled in, as TOML that load() reads back as the same
/// values. Where a key is to be found is told; no key is, nor a user in a URL, nor a hash of a
/// password. Pure.
std::string to_toml(const Config& config);

}  // namespace serverless::config
