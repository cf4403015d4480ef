#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
  bool engine_up = false;            ///< etcd answered the last time it was asked.
  std::string trouble{};             ///< Why not, in words; empty: none.
  bool joined = false;               ///< It holds a lease that is not over.
  bool settled = false;              ///< All members keep to one view.
  std::optional<Mono> renewed{};     ///< When its lease was last renewed.
  std::optional<Mono> lease_end{};   ///< From then on it polls and serves nothing.
  std::vector<Member> members{};     ///< By name, as last heard.
  std::uint64_t endpoints_lost = 0;  ///< Since the start: given up to other members.

  bool operator==(const ClusterStatus&) const = default;
};

}  // namespace serverless::daemon
