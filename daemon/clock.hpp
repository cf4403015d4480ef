#pragma once

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// Reads CLOCK_BOOTTIME and the wall clock. Only the shell calls it.
Now read_clock();

}  // namespace serverless::daemon
