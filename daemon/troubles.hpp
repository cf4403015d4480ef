#pragma once

#include <string>
#include <vector>

#include "daemon/overview.hpp"

namespace serverless::daemon {

/// What is not well, once an account and reason, with what to do: a list on the status page, the
/// worst first. Empty where there is nothing. Pure.
std::string troubles(const std::vector<AccountView>& accounts, Mono now);

}  // namespace serverless::daemon
