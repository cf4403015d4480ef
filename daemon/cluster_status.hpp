#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// How a member of a cluster stands, for its page and its metrics. A value.
struct ClusterStatus {
  struct Member {
    std::string name{};
    std::string url{};            ///< Of its status page; empty: not told.
    bool in_step = false;         ///< It keeps to the present view.
    std::uint64_t endpoints = 0;  ///< That it has, of all accounts.

    bool operator==(const Member&) const = default;
  };

  std::string cluster{};
  std::string self{};
  bool engine_up = false;           ///< etcd answered the last time it was asked.
  std::string trouble{};            ///< Why not, in words; empty: none.
  bool joined = false;              ///< It holds a lease that is not over.
  bool settled = false;             ///< All members keep to one view.
  std::optional<Mono> renewed{};    ///< When its lease was last renewed.
  std::optional<Mono> lease_end{};  ///< From then on it polls and serves nothing.
  std::vector<Member> members{};    ///< By name, as last heard.
  std::uint64_t given_up = 0;       ///< Endpoints, to other members, since the start.

  /// As `joined`, at a later moment: a lease ends while nobody looks.
  [[nodiscard]] bool holds_lease(Mono now) const {
    return joined && (!lease_end || now < *lease_end);
  }

  /// How many endpoints that member has; 0 for one that nobody has heard of.
  [[nodiscard]] std::uint64_t endpoints_of(std::string_view member) const {
    for (const auto& one : members) {
      if (one.name == member) return one.endpoints;
    }
    return 0;
  }

  bool operator==(const ClusterStatus&) const = default;
};

}  // namespace serverless::daemon
