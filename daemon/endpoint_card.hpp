#pragma once

#include <string>

#include "daemon/overview.hpp"

namespace serverless::daemon {

/// One endpoint on the status page: how it is, what failed and what to do, its figures. What is
/// well needs one look only: its figures are there for who asks. Pure.
std::string endpoint_card(const AccountView& account, const EndpointView& view, Now now);

}  // namespace serverless::daemon
