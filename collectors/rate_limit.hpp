#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serverless::http {

/// One window of a quota, as an answer tells it. What was not told is empty.
struct RateWindow {
  std::string name{};
  std::optional<std::int64_t> quota{};             ///< q: requests a window.
  std::optional<std::chrono::seconds> length{};    ///< w
  std::optional<std::int64_t> remaining{};         ///< r
  std::optional<std::chrono::seconds> reset_in{};  ///< t

  bool operator==(const RateWindow&) const = default;
};

/// Reads `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), which are lists
/// of items with parameters (RFC 8941): `"minute";q=60;w=60` and `"minute";r=12;t=3`. Parameters
/// may come in any order, unknown ones are ignored, names may hold commas. A header that is not
/// such a list says nothing, as RFC 8941 asks; nor does one of more than 32 windows or with a name
/// longer than a label; nor do values that are negative, windows longer than a year and resets
/// farther away than 7 days. Pure.
/// @return the windows in the order in which they are first named.
std::vector<RateWindow> parse_rate_limit(std::string_view policy, std::string_view limit);

}  // namespace serverless::http
