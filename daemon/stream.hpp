#pragma once

#include <functional>
#include <string>

namespace serverless::daemon {

/// A text that is made while it is sent, in stretches of some kilobytes; empty: that was all. It
/// holds what it is made of.
using Stream = std::function<std::string()>;

}  // namespace serverless::daemon
