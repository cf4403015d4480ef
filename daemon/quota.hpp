#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/rate_limit.hpp"
#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// One window of an API's quota, as the last answer told it.
struct QuotaWindow {
  std::string name{};
  std::optional<std::int64_t> quota{};
  std::optional<std::chrono::seconds> length{};
  std::optional<std::int64_t> remaining{};
  std::optional<Mono> reset{};  ///< When the window begins anew.

  bool operator==(const QuotaWindow&) const = default;
};

/// What is known of one API's quota.
struct Quota {
  std::vector<QuotaWindow> windows{};
  double drawn = 0;  ///< By how much the windows fell lately, whoever asked.
  double ours = 0;   ///< How many of these requests were ours.

  bool operator==(const Quota&) const = default;
};

/// Takes what an answer told. Answers that were under way at once may come in another order than
/// they were counted in: within a window what remains only falls. A window that is not told any
/// more is forgotten with the whole. Pure.
Quota learn(Quota quota, std::span<const http::RateWindow> told, Mono now);

/// The rate in requests a second at which the quota lasts, with `reserve` (0 to 1) of each window
/// left to others; empty where no window says enough. Others who take more than the reserve are
/// left their share of the rest, or each of us would take all that the day has left, and nothing
/// would be left in the evening. Where less is left than a `round`, the requests that ask
/// everything once, the rate is that of one round until the reset: nobody need wait longer than for
/// that, and closed_until() ends it where nothing is left. Pure.
std::optional<double> lasting_rate(const Quota& quota, double round, double reserve, Mono now);

/// How many requests there is room for now, the reserve aside. Pure.
std::optional<double> room(const Quota& quota, double reserve);

/// Until when to send nothing, because a window has no more than the reserve left. Pure.
std::optional<Mono> closed_until(const Quota& quota, double reserve, Mono now);

/// The longest wait that exhausted windows ask for, the reserve aside: after a 429 its Retry-After
/// may speak of one window only. Pure.
std::optional<std::chrono::nanoseconds> exhausted_wait(std::span<const http::RateWindow> told);

}  // namespace serverless::daemon
