#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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
  std::uint64_t endpoints = 0;  ///< That it has, of all accounts.
  /// What it passes on: when it asked, in Unix milliseconds, by the key under which the answer is.
  std::map<std::string, std::int64_t> passed{};

  bool operator==(const MemberRecord&) const = default;
};

/// As etcd keeps it, JSON; without what etcd itself tells. Pure.
std::string encode(const MemberRecord& record);
/// @return what is wrong with the text, in words, and nothing of it. Pure.
tl::expected<MemberRecord, std::string> decode_member(std::string_view text);

/// What may be a member's name: any other byte than a letter of ASCII, a digit, '.', '_' and '-'
/// becomes '-'. Pure.
std::string as_name(std::string text);

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

/// What etcd has of this member's own acknowledgement. What an earlier write left may be there
/// whether its answer came or not; anything else is of an etcd that was restored, and must agree to
/// nothing: empty then. Pure.
/// @param known  what was last known to stand there.
std::optional<std::string> own_acknowledgement(const Roll& roll, const std::string& self,
                                               const std::string& known, const Standing& standing);

}  // namespace serverless::daemon
