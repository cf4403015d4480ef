#pragma once

#include <chrono>

#include "daemon/state.hpp"

namespace serverless::daemon {

/// When an answer came, and what the schedule says of its source.
struct Landing {
  Now sent{};
  Now landed{};
  std::chrono::seconds cached{0};  ///< For how long a cache had kept it.
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds max_age{0};
};

/// A worker that its provider calls healthy is `running` while its last activity is younger.
inline constexpr std::chrono::seconds kActiveWithin{600};
/// Three beats of Den's 300 s: one lost beat is no alarm.
inline constexpr std::chrono::seconds kHeartbeatStaleAfter{900};

/// Takes one answer into what is known of its endpoint. Pure. A failed answer changes only how the
/// source fares: the last good data stand until they expire.
EndpointState reconcile(EndpointState state, const Answer& answer, const Landing& landing);

/// Derives statuses and counts anew because a source expired and no answer came. Pure.
EndpointState settle(EndpointState state, Now now);

}  // namespace serverless::daemon
