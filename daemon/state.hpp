#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/observation.hpp"
#include "config/config.hpp"

namespace serverless::daemon {

/// A set of sources, one bit each.
using Needs = std::uint8_t;
constexpr Needs bit(Source source) {
  return static_cast<Needs>(1U << static_cast<unsigned>(source));
}
static_assert(kSourceCount <= 8);

/// What polling one source of one endpoint has been like.
struct SourceState {
  /// When the request of the last good answer went out, or when the cache that it came from got it:
  /// what it tells was true then or later.
  std::optional<Now> good{};
  /// As `good`, of the member of a cluster that had the endpoint before: nothing of it is served,
  /// but what is remembered goes on from there. Counts until there is a good answer of our own.
  std::optional<Mono> handed{};
  std::optional<Time> last_success{};
  std::optional<Time> last_attempt{};
  bool ok = false;               ///< The last poll succeeded.
  std::optional<Error> error{};  ///< Of the last poll.
  std::optional<Mono> failing_since{};
  std::chrono::nanoseconds duration{0};
  std::chrono::milliseconds interval{0};  ///< Effective.
  std::chrono::milliseconds max_age{0};
  std::uint64_t polls = 0;
  std::array<std::uint64_t, kReasonCount> failures{};

  bool operator==(const SourceState&) const = default;
};

/// The last good answer is no older than its max age.
constexpr bool is_fresh(const SourceState& source, Mono now) {
  return source.good && now - source.good->mono <= source.max_age;
}

/// When what is remembered of the source was true.
constexpr std::optional<Mono> last_told(const SourceState& source) {
  return source.good ? std::optional(source.good->mono) : source.handed;
}

/// What is remembered of the source is young enough for the next answer to go on from.
constexpr bool is_remembered(const SourceState& source, Mono now) {
  const auto told = last_told(source);
  return told && now - *told <= source.max_age;
}

/// A stamp of a clock that is not ours and may be wrong for ever. What counts is when it changed
/// for us.
struct Watched {
  std::optional<Time> stamp{};
  Mono changed{};  ///< By our clock. At first sight: now less the age that it had by the Date
                   ///< header.

  bool operator==(const Watched&) const = default;
};

/// What no API tells of a worker.
struct WorkerMemory {
  Status status = Status::unknown;  ///< Reconciled.
  Staleness staleness = Staleness::unknown;
  Time status_since{};       ///< When we first saw it have this status. The epoch: not placed yet.
  bool change_seen = false;  ///< status_since is a change that we saw.
  std::string placed_as{};   ///< The native word that the status was derived from.
  std::string group_id{};
  std::optional<double> uptime_seconds{};
  Watched heartbeat{};
  Watched activity{};

  bool operator==(const WorkerMemory&) const = default;
};

/// A worker and what we remember of it.
struct WorkerState : WorkerMemory {
  Worker reported{};

  bool operator==(const WorkerState&) const = default;
};

/// The workers of one endpoint, by id. A copy shares them until it is edited: of two polls of an
/// endpoint one tells nothing of its workers, and what was made of the same list is still right.
class Workers {
 public:
  Workers() = default;
  Workers(std::vector<WorkerState> list)
      : list_(std::make_shared<std::vector<WorkerState>>(std::move(list))) {}
  Workers(std::initializer_list<WorkerState> list) : Workers(std::vector<WorkerState>(list)) {}

  [[nodiscard]] auto begin() const { return all().begin(); }
  [[nodiscard]] auto end() const { return all().end(); }
  [[nodiscard]] std::size_t size() const { return all().size(); }
  [[nodiscard]] bool empty() const { return all().empty(); }
  const WorkerState& operator[](std::size_t i) const { return all()[i]; }

  /// The list to write to: a copy, where it is shared. Whoever shares it must not be let go by
  /// another thread meanwhile.
  std::vector<WorkerState>& edit() {
    if (list_ == nullptr || list_.use_count() > 1) {
      list_ = std::make_shared<std::vector<WorkerState>>(all());
    }
    return *list_;
  }

  /// The very same list. Costs nothing.
  [[nodiscard]] bool shares(const Workers& other) const { return list_ == other.list_; }
  bool operator==(const Workers& other) const { return all() == other.all(); }

 private:
  [[nodiscard]] const std::vector<WorkerState>& all() const {
    static const std::vector<WorkerState> kNone;
    return list_ == nullptr ? kNone : *list_;
  }

  std::shared_ptr<std::vector<WorkerState>> list_{};
};

/// A provider's counter. A fall is held for one answer: a lagging cache answers too.
struct JobCounter {
  std::optional<std::int64_t> value{};
  bool fell = false;  ///< The last answer was lower than the value.

  bool operator==(const JobCounter&) const = default;
};

/// Something that has to be seen in three polls in a row before it is believed.
struct Streak {
  int polls = 0;
  Time since{};  ///< The first of them.

  bool operator==(const Streak&) const = default;
};
inline constexpr int kBelievedAfterPolls = 3;

/// Everything that is known of one endpoint. reconcile() makes the next from the one before.
struct EndpointState {
  EndpointInfo info{};
  bool configured = false;   ///< Named in the configuration: never dropped.
  int missing_listings = 0;  ///< Good discoveries in a row that did not list it.
  std::array<std::optional<SourceState>, kSourceCount> sources{};

  Workers workers{};
  WorkersReport workers_report{};  ///< Without its workers.
  std::optional<QueueReport> queue{};
  std::shared_ptr<const InstancesReport> instances{};
  std::optional<BillingReport> billing{};
  std::optional<GroupsReport> groups{};
  JobCounter completed{};
  JobCounter failed{};
  JobCounter retried{};

  StatusCounts counts{};          ///< As published. Empty: not reported.
  bool degraded = false;          ///< Statuses are the lifecycle's only.
  bool queue_used = false;        ///< Statuses or counts rest on the queue view too.
  bool expects_baseline = false;  ///< The next list is of another key: no difference is a change.
  bool empty_pending = false;     ///< An empty list came once and waits for a second one.
  bool workers_news = false;      ///< Since the two views were last compared.
  bool queue_news = false;
  Streak disagreement{};
  Streak degradation{};

  std::array<std::array<std::uint64_t, kStatusCount>, kStatusCount> transitions{};  ///< [from][to].
  std::uint64_t appeared = 0;
  std::uint64_t disappeared = 0;
  std::array<std::uint64_t, kSkipCount> skipped{};
  std::uint64_t future_timestamps = 0;

  [[nodiscard]] const SourceState* source(Source which) const {
    const auto& state = sources[static_cast<std::size_t>(which)];
    return state ? &*state : nullptr;
  }

  bool operator==(const EndpointState&) const = default;
};

}  // namespace serverless::daemon
