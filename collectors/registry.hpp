#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "collectors/collector.hpp"
#include "config/config.hpp"

namespace serverless {

/// THE table of providers, in the order in which they are listed to people.
std::span<const Provider> providers();

/// The row of that name, or null.
const Provider* find_provider(std::string_view name);

/// What the configuration is told of them.
std::vector<config::ProviderSpec> provider_specs();

}  // namespace serverless
