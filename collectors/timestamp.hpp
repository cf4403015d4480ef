#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace serverless {

/// A moment of the wall clock, UTC. What providers send and what is published.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// CLOCK_BOOTTIME: counts through a suspend and knows no NTP step. All ages are by it. It is read
/// in the shell only, so it has no now().
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using Mono = BootClock::time_point;

/// The present, handed in by the shell.
struct Now {
  Mono mono{};
  Time wall{};

  bool operator==(const Now&) const = default;
};

/// Seconds since the epoch, as published.
constexpr double unix_seconds(Time time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000.0;
}

/// Reads the forms of time that the providers send as text: RFC 3339 ("2026-08-05T21:42:31.705Z",
/// any fraction, seconds may be missing, offset or Z), Go's ("2025-10-06 15:27:53.5 +0000 UTC"),
/// and "2026-11-22 02:00:00", which is UTC. Nothing for anything else.
std::optional<Time> parse_time(std::string_view text);

/// Seconds since the epoch as a number (Vast.ai). Nothing for what is not positive and finite or
/// lies beyond the year 9999.
std::optional<Time> time_of_unix(double seconds);

/// The Date header (RFC 9110 section 5.6.7, the IMF-fixdate form).
std::optional<Time> parse_http_date(std::string_view text);

}  // namespace serverless
