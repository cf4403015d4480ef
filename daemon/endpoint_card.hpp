#pragma once

#include <string>

#include "daemon/overview.hpp"

namespace serverless::daemon {

/// An endpoint's name, or its id; HTML. Names need not differ: the id tells which. Pure.
std::string title_of(const EndpointState& state);

/// One endpoint on the status page: how it is, what failed and what to do, its figures. What is
/// well needs one look only: its figures are there for who asks. Pure.
std::string endpoint_card(const AccountView& account, const EndpointView& view, Now now);

}  // namespace serverless::daemon
