#pragma once

#include <string>

#include "collectors/collector.hpp"
#include "config/config.hpp"
#include "daemon/assignment.hpp"

namespace serverless::daemon {

/// The calls that a member will make for an account, for --check-config: each operation with its
/// effective interval and its calls a minute, an hour and a day; those that every discovered
/// endpoint adds; and a warning where the provider's documented limits ask for a longer interval
/// than the configured one. What the provider tells of its quota at run time is not known here.
/// Pure.
/// @param sharers  accounts that share its quota, itself among them, each as often as members ask
/// it.
/// @param share    what of the account is this member's.
std::string forecast(const config::Account& account, const Provider& provider,
                     std::uint32_t sharers, const Share& share);

}  // namespace serverless::daemon
