#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "daemon/assignment.hpp"

namespace serverless::daemon {

/// What a member tells the others of itself: the value of its key, which lives as long as its
/// lease.
struct MemberRecord {
  std::string name{};
  std::int64_t since =
      0;              ///< The revision at which it joined: a member that comes back is another.
  std::string url{};  ///< Of its status page; empty: not told.
  /// The view that it keeps to: it polls and serves nothing that another has by this view.
  std::string acked{};
  std::map<std::string, std::uint64_t> endpoints{};  ///< That it has, by account.

  bool operator==(const MemberRecord&) const = default;
};

/// All members, as of one revision, sorted by name.
using Roll = std::vector<MemberRecord>;

/// A name for who is in the roll: another when one joins, leaves or comes back. Pure.
std::string view_of(const Roll& roll);

/// Where this member stands between two divisions of the work.
struct Standing {
  /// What is ours by all of these is ours: first what was agreed on last, then what came since.
  std::vector<Members> views{Members::nobody()};
  std::string view{};    ///< view_of() the last.
  bool settled = false;  ///< Everybody keeps to the last.

  bool operator==(const Standing&) const = default;
};

/// Takes in a roll. When somebody joins or leaves, each member gives up at once what another has by
/// the new view, and says so (MemberRecord::acked); only when all have, each takes what is new to
/// it. So nothing is ever polled or served by two, whatever order they learn of it in. A member
/// that is not in the roll has nothing. Pure.
Standing follow(Standing standing, const Roll& roll, const std::string& self);

}  // namespace serverless::daemon
