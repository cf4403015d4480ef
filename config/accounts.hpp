#pragma once

#include <span>
#include <vector>

#include "config/config.hpp"
#include "config/table.hpp"

namespace serverless::config {

/// Reads every [[accounts]] table. Mistakes are in the findings of `top`; with any of them, the
/// accounts may be incomplete.
/// @param poll  what applies where an account does not override it.
std::vector<Account> read_accounts(Table& top, const Poll& poll,
                                   std::span<const ProviderSpec> providers);

}  // namespace serverless::config
