#pragma once

#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.hpp"

namespace serverless::config {

/// Turns TOML text into a Config. Pure: opens no file, reads no environment.
/// @param file  the name that problems carry.
/// @return the whole configuration, or every mistake in the order of the text.
tl::expected<Config, std::vector<Problem>> load(std::string_view text, std::string_view file,
                                                std::span<const ProviderSpec> providers);

}  // namespace serverless::config
