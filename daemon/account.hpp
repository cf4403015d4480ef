#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/observation.hpp"
#include "daemon/flat_map.hpp"
#include "daemon/quota.hpp"
#include "daemon/state.hpp"

namespace serverless::daemon {

/// Seconds; the last bucket of the exposition is +Inf.
inline constexpr std::array kDurationBuckets{0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0};

struct Histogram {
  std::array<std::uint64_t, kDurationBuckets.size()> buckets{};  ///< Not cumulative.
  std::uint64_t count = 0;
  double sum = 0;

  void observe(double value);
  bool operator==(const Histogram&) const = default;
};

/// One request of an API, as counted.
struct RequestKey {
  std::string api{};
  std::string operation{};
  std::string code{};

  auto operator<=>(const RequestKey&) const = default;
};

/// What is known of one of an account's APIs.
struct ApiState {
  std::optional<bool> up{};  ///< It accepted us the last time it was asked. Empty: not asked yet.
  std::optional<std::chrono::milliseconds> skew{};
  std::optional<Time> backoff_until{};
  Quota quota{};
  std::optional<Now> quota_told{};  ///< When the quota was last told.
  int refusals = 0;                 ///< 429s in a row.

  bool operator==(const ApiState&) const = default;
};

/// One poll of a target, as it is remembered for people.
struct PollRecord {
  Time sent{};
  std::chrono::nanoseconds duration{0};
  std::uint32_t requests = 0;
  std::uint64_t bytes = 0;         ///< Of all bodies, decoded.
  std::string code{};              ///< Of the last request; the reason where no status line came.
  std::optional<Reason> reason{};  ///< Of the first answer that failed.

  bool operator==(const PollRecord&) const = default;
};

/// The last polls of a target.
struct PollLog {
  std::string operation{};
  std::string endpoint_id{};  ///< Empty: the account.
  std::vector<Source> supplies{};
  std::vector<PollRecord> polls{};  ///< The newest last.

  bool operator==(const PollLog&) const = default;
};
inline constexpr std::size_t kRememberedPolls = 20;

/// A number with the moment after which it is not known any more.
struct Expiring {
  std::uint64_t value = 0;
  Mono expires{};

  bool operator==(const Expiring&) const = default;
};

/// What another member of a cluster remembered of an endpoint: see daemon/handover.hpp.
struct Heirloom {
  std::shared_ptr<const EndpointState> state{};
  Mono until{};  ///< Whoever has not met the endpoint by then begins anew with it.
};
using Heirlooms = std::map<std::string, Heirloom, std::less<>>;  ///< By endpoint id.

/// What another member of the cluster asked of the account as a whole.
struct Heard {
  Time sent{};
  std::chrono::milliseconds interval{0};  ///< After which that member asks again.
};

/// Everything that is known of one account. A value: the dispatcher owns the next one and publishes
/// copies, which share the endpoints.
struct AccountState {
  std::string name{};
  const Provider* provider = nullptr;
  FlatMap<std::shared_ptr<const EndpointState>> endpoints{};
  Heirlooms heirlooms{};  ///< Of endpoints that were not met yet.
  std::map<RequestKey, std::uint64_t> requests{};
  std::map<std::pair<std::string, std::string>, Histogram> durations{};  ///< By api, operation.
  std::array<std::uint64_t, kReasonCount> failures{};
  std::map<std::string, ApiState> apis{};
  FlatMap<std::shared_ptr<const PollLog>> polls{};  ///< By key_of() the target.
  std::map<std::string, Heard> heard{};  ///< By key_of(): the last that others passed on.
  std::uint64_t endpoints_removed = 0;
  /// How many endpoints the last whole list named, whoever watches them. Empty where nothing lists,
  /// or where only named ones are watched.
  std::optional<Expiring> endpoints_listed{};
  bool discovered = false;  ///< The first discovery has ended, either way.
  bool exhaustive = false;  ///< Every endpoint of the account is watched, not only named ones.
  bool divided = false;     ///< Other shards watch others of its endpoints.
};

/// The schedule's word on one source of one endpoint.
struct Pace {
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds max_age{0};
};
using PaceOf = std::function<Pace(const Target&, Source)>;

/// An account as the configuration describes it: its configured endpoints, nothing polled.
AccountState initial_account(std::string name, const Provider& provider,
                             std::vector<EndpointInfo> configured, bool exhaustive);

/// Takes over what was known of this account before its configuration changed: its counters, the
/// endpoints that are still wanted, and what other members knew of those that nothing was asked of
/// yet. Pure.
AccountState inherit(AccountState fresh, const AccountState& before);

/// Adds what another member knew, of each endpoint in the place of what was added before, since
/// clocks of several members do not say which is newer: to the account that inherit() is
/// given as `before`. An endpoint that the configuration names has it from inherit(), and one that
/// is discovered from apply(), if nothing was asked of it before that. Pure.
AccountState take_over(AccountState account, const Heirlooms& heirlooms);

/// The endpoints, for Collector::targets().
std::vector<EndpointInfo> endpoint_infos(const AccountState& account);

/// When each of these targets was polled by another member of a cluster, as far as that is known
/// here, by key_of(). A list of the account as a whole: when any of its endpoints was told of what
/// it supplies. Pure.
std::map<std::string, Mono> polled_elsewhere(const AccountState& account,
                                             const std::vector<Target>& targets);

/// Gives each endpoint the sources that these targets supply, with their pace, and no others, and
/// each target a log of its polls.
/// @return the endpoints that changed.
std::set<std::string> adopt_targets(AccountState& account, const std::vector<Target>& targets,
                                    const PaceOf& pace_of);

/// The next good list of workers of each endpoint counts no changes, nor does that of one that is
/// not met yet. @return all endpoints.
std::set<std::string> expect_baseline(AccountState& account);

/// Takes one poll into the account. Pure but for the state it is given.
/// @return the endpoints that changed, appeared or went.
std::set<std::string> apply(AccountState& account, const Observation& observation,
                            const PaceOf& pace_of);

/// How many instances bill and are in no endpoint's list. Empty unless every list was read.
std::optional<Expiring> orphan_instances(const AccountState& account);

}  // namespace serverless::daemon
