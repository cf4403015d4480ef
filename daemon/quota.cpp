#include "daemon/quota.hpp"

#include <algorithm>

namespace serverless::daemon {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// Resets are told in whole seconds: the same moment may be told a little differently each time.
constexpr seconds kSameReset{3};
// A window that ends sooner does not set the pace; closed_until() guards it.
constexpr seconds kShortWindow{90};

// Of so many requests the older half is forgotten: who shares the quota changes.
constexpr double kRecent = 100;
// What one answer can say of others: who took thousands at once, or a limiter that counts
// otherwise, is not to keep us away for hours, in which we would not hear that it is over.
constexpr double kMostOfOneAnswer = kRecent / 4;
// Who has less than another comes closer: all take themselves for a little more than they are.
constexpr double kConfidence = 5;

double in_seconds(nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

// A window of another size has a count of its own, whatever it is called.
bool is_same(const QuotaWindow& before, const QuotaWindow& window, Mono now) {
  return before.quota == window.quota && before.length == window.length && before.reset &&
         window.reset && *before.reset > now && *window.reset < *before.reset + kSameReset;
}

QuotaWindow merge(const QuotaWindow& before, const http::RateWindow& told, Mono now) {
  QuotaWindow window{.name = told.name,
                     .quota = told.quota ? told.quota : before.quota,
                     .length = told.length ? told.length : before.length,
                     .remaining = told.remaining,
                     .reset = told.reset_in ? std::optional(now + *told.reset_in) : std::nullopt};
  if (is_same(before, window, now)) {
    // Where the reset always lies as far ahead, a little at a time, it is another one some day.
    window.reset = before.reset;
    if (before.remaining && window.remaining) {
      window.remaining = std::min(*before.remaining, *window.remaining);
    }
  }
  return window;
}

// How many requests a window counted since it was last told.
std::optional<std::int64_t> fall_of(const QuotaWindow& before, const QuotaWindow& window,
                                    Mono now) {
  if (!is_same(before, window, now) || !before.remaining || !window.remaining) return std::nullopt;
  return *before.remaining - *window.remaining;
}

// What may still be used of a window, or nothing if it says too little.
std::optional<double> usable(const QuotaWindow& window, double reserve) {
  if (!window.remaining) return std::nullopt;
  const auto kept = reserve * static_cast<double>(window.quota.value_or(0));
  return std::max(0.0, static_cast<double>(*window.remaining) - kept);
}

// Of what is drawn by all.
double share(const Quota& quota, double reserve) {
  if (quota.ours >= (1 - reserve) * quota.drawn) return 1;
  return (quota.ours + kConfidence) / (quota.drawn + kConfidence);
}

// In requests a second.
std::optional<double> rate_of(const QuotaWindow& window, double our_share, double round,
                              double reserve, Mono now) {
  std::optional<double> usual;
  if (window.quota && window.length && window.length->count() > 0) {
    usual = (1 - reserve) * static_cast<double>(*window.quota) / in_seconds(*window.length);
  }
  const auto left = usable(window, reserve);
  if (left && window.reset && *window.reset - now >= kShortWindow) {
    if (*left <= 0) return 0;
    // What was not used earlier in a long window may be used later.
    const double until_reset = in_seconds(*window.reset - now);
    const double a_round = round / until_reset;
    return std::max(our_share * *left / until_reset, usual ? std::min(*usual, a_round) : a_round);
  }
  return usual ? std::optional(our_share * *usual) : std::nullopt;
}

}  // namespace

Quota learn(Quota quota, std::span<const http::RateWindow> told, Mono now) {
  if (told.empty()) return quota;
  Quota next{.drawn = quota.drawn, .ours = quota.ours};
  std::optional<std::int64_t> fall;
  for (const auto& window : told) {
    const auto before =
        std::find_if(quota.windows.begin(), quota.windows.end(),
                     [&](const QuotaWindow& known) { return known.name == window.name; });
    next.windows.push_back(
        merge(before == quota.windows.end() ? QuotaWindow{} : *before, window, now));
    if (before == quota.windows.end()) continue;
    if (const auto fallen = fall_of(*before, next.windows.back(), now))
      fall = std::max(fall.value_or(0), *fallen);
  }
  if (fall) {
    next.drawn += std::min(static_cast<double>(*fall), kMostOfOneAnswer);
    next.ours += 1;
  }
  if (next.drawn > kRecent) {
    next.drawn /= 2;
    next.ours /= 2;
  }
  return next;
}

std::optional<double> lasting_rate(const Quota& quota, double round, double reserve, Mono now) {
  const double ours = share(quota, reserve);
  std::optional<double> lowest;
  for (const auto& window : quota.windows) {
    const auto rate = rate_of(window, ours, round, reserve, now);
    if (rate) lowest = lowest ? std::min(*lowest, *rate) : *rate;
  }
  return lowest;
}

std::optional<double> room(const Quota& quota, double reserve) {
  std::optional<double> least;
  for (const auto& window : quota.windows) {
    const auto left = usable(window, reserve);
    if (left) least = least ? std::min(*least, *left) : *left;
  }
  return least;
}

std::optional<Mono> closed_until(const Quota& quota, double reserve, Mono now) {
  std::optional<Mono> until;
  for (const auto& window : quota.windows) {
    const auto left = usable(window, reserve);
    if (!left || *left >= 1 || !window.reset || *window.reset <= now) continue;
    until = until ? std::max(*until, *window.reset) : *window.reset;
  }
  return until;
}

std::optional<nanoseconds> exhausted_wait(std::span<const http::RateWindow> told) {
  std::optional<nanoseconds> longest;
  for (const auto& window : told) {
    if (window.remaining != 0 || !window.reset_in || window.reset_in->count() == 0) continue;
    longest = longest ? std::max<nanoseconds>(*longest, *window.reset_in) : *window.reset_in;
  }
  return longest;
}

}  // namespace serverless::daemon
