#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

// How numbers and times are told to people. All are pure.

/// "1 worker", "3 workers".
std::string plural(std::size_t count, std::string_view one, std::string_view many);

/// "a", "a and b", "a, b and c".
std::string enumerate(const std::vector<std::string_view>& words);

/// A length of time in the largest unit that tells it well: "90 s", "45 min", "3 h", "2 d".
std::string span_text(double seconds);

/// "2026-08-05T12:00:00.123Z".
std::string time_text(Time time);

/// "2026-08-05 12:00:00 UTC".
std::string clock_text(Time time);

/// Three digits that count.
std::string number_text(double value);

}  // namespace serverless::daemon
