#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "collectors/error.hpp"
#include "collectors/rate_limit.hpp"
#include "collectors/timestamp.hpp"
#include "collectors/worker.hpp"

namespace serverless {

/// One kind of answer that an endpoint's data come from. The enumerators are the values of the
/// `source` label, and each has a freshness of its own.
enum class Source : std::uint8_t {
  workers,
  queue,      ///< RunPod /health.
  catalog,    ///< Names, bounds, scaling settings; which endpoints exist.
  instances,  ///< Vast.ai price and GPU.
  billing,    ///< RunPod v2, the last whole hour.
  groups,     ///< Vast.ai: which worker belongs to which worker group.
};

inline constexpr std::array<std::string_view, 6> kSourceNames{"workers",   "queue",   "catalog",
                                                              "instances", "billing", "groups"};
inline constexpr std::size_t kSourceCount = kSourceNames.size();
static_assert(static_cast<std::size_t>(Source::groups) + 1 == kSourceCount);

constexpr std::string_view name(Source source) {
  return kSourceNames[static_cast<std::size_t>(source)];
}

/// Why a record, or a field of one, was left out. The enumerators are the values of the `reason`
/// label of serverless_endpoint_workers_skipped_total.
enum class Skip : std::uint8_t { not_object, no_id, duplicate_id, bad_field };

inline constexpr std::array<std::string_view, 4> kSkipNames{"not_object", "no_id", "duplicate_id",
                                                            "bad_field"};
inline constexpr std::size_t kSkipCount = kSkipNames.size();
static_assert(static_cast<std::size_t>(Skip::bad_field) + 1 == kSkipCount);

constexpr std::string_view name(Skip skip) { return kSkipNames[static_cast<std::size_t>(skip)]; }

/// What a parser left out of one answer. Paths are JSON pointers (RFC 6901) and what was expected
/// there; never a value from the body, which may be a secret.
struct Skipped {
  std::array<std::uint64_t, kSkipCount> counts{};
  std::array<std::string, kSkipCount> first{};  ///< Of each kind, "/workers/3/id: expected ...".

  void add(Skip skip, std::string where) {
    const auto index = static_cast<std::size_t>(skip);
    if (counts[index]++ == 0) first[index] = std::move(where);
  }

  /// Of a record at `path` whose id an earlier one had.
  void duplicate(const std::string& path) {
    add(Skip::duplicate_id, path + "/id: expected an id of its own");
  }

  /// What a later page left out.
  void merge(const Skipped& later) {
    for (std::size_t i = 0; i < kSkipCount; ++i) {
      if (counts[i] == 0) first[i] = later.first[i];
      counts[i] += later.counts[i];
    }
  }

  bool operator==(const Skipped&) const = default;
};

/// Counts by status. A status that the provider left out is empty.
using StatusCounts = std::array<std::optional<std::int64_t>, kStatusCount>;

/// The workers of one endpoint.
struct WorkersReport {
  std::vector<Worker> workers{};
  StatusCounts summary{};  ///< The provider's own counts (RunPod v2).
  std::optional<std::int64_t> summary_total{};
  std::optional<std::int64_t> config_version{};
  /// `active` is all that this answer can say of a worker that is up: the queue view decides the
  /// rest (RunPod v1).
  bool lifecycle_only = false;
  bool priced = false;                ///< This kind of answer tells what a worker costs.
  std::optional<bool> truncated{};    ///< Empty: this provider always shows all.
  std::optional<Time> answered_at{};  ///< The Date header.
  Skipped skipped{};

  bool operator==(const WorkersReport&) const = default;
};

/// The job queue's view of one endpoint (RunPod /health).
struct QueueReport {
  StatusCounts workers{};
  std::optional<std::int64_t> ready{};  ///< Overlaps idle.
  std::optional<std::int64_t> jobs_in_queue{};
  std::optional<std::int64_t> jobs_in_progress{};
  std::optional<std::int64_t> jobs_completed{};
  std::optional<std::int64_t> jobs_failed{};
  std::optional<std::int64_t> jobs_retried{};
  Skipped skipped{};

  bool operator==(const QueueReport&) const = default;
};

/// A list of more endpoints, or groups of them, is not believed: each takes tens of kilobytes of
/// memory, and a dozen bytes of an answer.
inline constexpr std::size_t kMostEndpoints = 10'000;

/// An endpoint's static facts.
struct EndpointInfo {
  std::string id{};
  std::string name{};
  std::string kind{};  ///< queue, load_balancer, autoscaled, organization; empty: not known.
  std::string api{};   ///< v1, v2, ...
  std::string scaler{};
  std::string state{};  ///< The provider's own word.
  std::optional<double> workers_min{};
  std::optional<double> workers_max{};
  std::optional<double> cold_workers{};
  std::optional<double> target_utilization_ratio{};
  std::optional<double> idle_timeout_seconds{};
  std::optional<double> execution_timeout_seconds{};
  std::optional<double> scaler_value{};
  std::optional<Time> created_at{};
  std::optional<std::vector<std::string>> groups{};  ///< Ids of its worker groups. Empty: not told.
  Skipped skipped{};

  bool operator==(const EndpointInfo&) const = default;
};

/// One instance of the account (Vast.ai). Its id is the worker's.
struct Instance {
  std::string gpu_type{};
  std::string location{};
  std::optional<double> gpus{};
  std::optional<double> gpu_utilization_ratio{};
  std::optional<double> cost_dollars_per_hour{};
  bool bills = true;  ///< Is not known to cost nothing.

  bool operator==(const Instance&) const = default;
};

struct InstancesReport {
  std::unordered_map<std::string, Instance> by_id{};
  Skipped skipped{};

  bool operator==(const InstancesReport&) const = default;
};

struct BillingReport {
  std::optional<double> dollars{};  ///< Of the last whole hour. Empty: no bill for it.

  bool operator==(const BillingReport&) const = default;
};

struct GroupsReport {
  struct Group {
    std::string id{};
    std::vector<std::string> workers{};

    bool operator==(const Group&) const = default;
  };
  std::vector<Group> groups{};
  Skipped skipped{};

  bool operator==(const GroupsReport&) const = default;
};

/// Instances belong to the account and are joined by each endpoint, so they are shared.
using Report = std::variant<WorkersReport, QueueReport, EndpointInfo,
                            std::shared_ptr<const InstancesReport>, BillingReport, GroupsReport>;

/// What one poll says about one source of one endpoint.
struct Answer {
  /// Empty: of every endpoint of the account that has no answer of its own in this poll.
  std::string endpoint_id{};
  Source source = Source::workers;
  Result<Report> result{};
};

/// What one poll fetches, and which sources it supplies. One request, or a few that only make sense
/// together (pages of a list).
struct Target {
  std::string operation{};    ///< As in the `operation` label: "list_workers".
  std::string api{};          ///< As in the `api` label: what shares one quota.
  std::string endpoint_id{};  ///< Empty: the account.
  std::vector<Source> supplies{};
  bool slow = false;                  ///< Polled at the discovery interval.
  std::vector<std::string> groups{};  ///< Vast.ai: the worker groups to ask for.

  bool operator==(const Target&) const = default;
};

/// One request and how it went, for the API's own metrics.
struct Exchange {
  std::string api{};
  std::string operation{};
  std::string code{};  ///< "200", or the reason when no status line came.
  std::chrono::nanoseconds duration{0};
  std::uint64_t body_bytes = 0;
  std::optional<std::chrono::milliseconds> skew{};  ///< The Date header less our clock.
  std::vector<http::RateWindow> windows{};          ///< What the answer told of the quota.
  Mono landed{};
};

/// What a collector makes of one poll.
struct Poll {
  std::vector<Answer> answers{};
  /// Every endpoint id that exists, when the poll listed them all. What is not in it is gone.
  std::optional<std::vector<std::string>> listing{};
  /// How many the listing named before assign() took out what is not this member's.
  std::optional<std::size_t> listed{};
};

/// A Poll with its times: the input of reconcile().
struct Observation {
  Target target{};
  Now sent{};
  Now landed{};
  Poll poll{};
  std::vector<Exchange> exchanges{};
  std::uint64_t key_generation = 0;  ///< Of the key that the last request carried.
  std::chrono::seconds cached{0};    ///< For how long a cache had kept the oldest of its answers.
  /// It was cut short before it learned anything, because nothing may be sent for so long: this was
  /// no poll.
  std::optional<std::chrono::milliseconds> withheld{};
  /// Another exporter of the cluster asked, and passed the answer on. It asks again after so long.
  std::optional<std::chrono::milliseconds> heard{};
  bool again = false;  ///< It was taken in before, by whoever had fewer endpoints then.
};

}  // namespace serverless
