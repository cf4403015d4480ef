#include "daemon/reconcile.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Clocks of decent hosts differ by this much without anything being wrong.
constexpr seconds kFutureTolerance{5};
// Of a stamp at first sight. A Date header may be thousands of years ahead of it, which no clock
// counts in nanoseconds.
constexpr milliseconds kLongestAge = std::chrono::days{366};

// The statuses that the queue view knows, too.
constexpr std::array kQueueStatuses{Status::running, Status::initializing, Status::throttled,
                                    Status::unhealthy, Status::idle};

constexpr std::size_t index(auto enumerator) { return static_cast<std::size_t>(enumerator); }

bool remembered(const EndpointState& state, Source source, Mono now) {
  const auto* known = state.source(source);
  return known != nullptr && is_remembered(*known, now);
}

// ---- how a source fares

SourceState& note_poll(EndpointState& state, const Answer& answer, const Landing& landing) {
  auto& slot = state.sources[index(answer.source)];
  if (!slot) slot.emplace();
  ++slot->polls;
  slot->ok = answer.result.has_value();
  slot->last_attempt = landing.landed.wall;
  slot->duration = landing.landed.mono - landing.sent.mono;
  slot->interval = landing.interval;
  slot->max_age = landing.max_age;
  return *slot;
}

void note_success(SourceState& source, const Landing& landing) {
  source.last_success = landing.landed.wall;
  source.error.reset();
  source.failing_since.reset();
}

// What an answer tells is no younger than the request, nor than a cache says that it is.
Now as_of(const Landing& landing) {
  return {.mono = landing.sent.mono - landing.cached, .wall = landing.sent.wall - landing.cached};
}

void note_failure(SourceState& source, Error error, const Landing& landing) {
  // An error that may escalate is timed from its own first: an outage before it says nothing of it.
  const bool other_kind =
      error.escalation && source.error && source.error->escalation != error.escalation;
  if (!source.failing_since || other_kind) source.failing_since = landing.landed.mono;
  if (error.escalation && landing.landed.mono - *source.failing_since >= error.escalation->after) {
    error.reason = error.escalation->reason;
  }
  // Once an endpoint has answered, "not ready" is an error like any other.
  if (error.reason == Reason::not_ready && last_told(source)) error.reason = Reason::provider;
  ++source.failures[index(error.reason)];
  source.error = std::move(error);
}

void count_skips(EndpointState& state, const Skipped& skipped) {
  for (std::size_t i = 0; i < kSkipCount; ++i) state.skipped[i] += skipped.counts[i];
}

// ---- from what is reported to a status

std::int64_t count_of(const StatusCounts& counts, Status status) {
  return counts[index(status)].value_or(0);
}

std::int64_t sum_of(const StatusCounts& counts) {
  std::int64_t sum = 0;
  for (const Status status : kQueueStatuses) sum += count_of(counts, status);
  return sum;
}

// What the queue's counts prove of each of `actives` workers that are up: something only if all are
// alike. List and counts were not taken at one moment, so that more may be counted than listed.
Status proven_by_queue(const StatusCounts& queue, std::size_t actives) {
  for (const Status status : kQueueStatuses) {
    const auto count = count_of(queue, status);
    if (count > 0 && count == sum_of(queue) && std::cmp_greater_equal(count, actives)) {
      return status;
    }
  }
  return Status::active;
}

// Old answers of /health leave keys out: a view that does not account for the workers that are up
// is none.
bool is_whole(const std::optional<QueueReport>& queue, std::size_t actives) {
  if (!queue) return false;
  const bool complete =
      std::all_of(kQueueStatuses.begin(), kQueueStatuses.end(),
                  [&](Status status) { return queue->workers[index(status)].has_value(); });
  return complete ||
         (sum_of(queue->workers) > 0 && std::cmp_greater_equal(sum_of(queue->workers), actives));
}

// How the statuses of one endpoint are to be read at this moment.
struct Reading {
  Status active_means = Status::active;    // What a lifecycle-only `active` turns into.
  Status running_means = Status::running;  // While RunPod v2 is degraded, RUNNING proves less.
};

Status read_status(const WorkerState& worker, const Reading& reading, Mono now) {
  const Status reported = worker.reported.status;
  if (reported == Status::active) return reading.active_means;
  if (reported == Status::running) return reading.running_means;
  if (reported == Status::idle && worker.activity.stamp &&
      now - worker.activity.changed < kActiveWithin) {
    return Status::running;
  }
  return reported;
}

Staleness read_staleness(const WorkerState& worker, Mono now) {
  const bool watched = worker.reported.staleness == Staleness::current &&
                       worker.heartbeat.stamp.has_value() && is_ready(worker.status);
  if (watched && now - worker.heartbeat.changed > kHeartbeatStaleAfter) {
    return Staleness::heartbeat;
  }
  return worker.reported.staleness;
}

// There is nothing to place anew.
bool is_placed(const WorkerState& worker, Status status) {
  return worker.status_since != Time{} && worker.status == status &&
         worker.placed_as == worker.reported.native_status;
}

// Gives a worker its status and remembers since when. From or to `active` under the same native
// word it is our knowledge that changed, not the worker.
void place(WorkerState& worker, Status status, bool baseline, EndpointState& state, Now now) {
  const bool first = worker.status_since == Time{};
  const bool same_word = worker.placed_as == worker.reported.native_status;
  worker.placed_as = worker.reported.native_status;
  if (!first && status == worker.status) return;
  const bool refined =
      !first && same_word && (status == Status::active || worker.status == Status::active);
  if (!first && !refined) ++state.transitions[index(worker.status)][index(status)];
  worker.status = status;
  worker.status_since = now.wall;
  worker.change_seen = !baseline && !refined;
}

void advance(Streak& streak, bool seen, Time when) {
  if (!seen) {
    streak = {};
  } else if (streak.polls++ == 0) {
    streak.since = when;
  }
}

bool views_differ(const StatusCounts& one, const StatusCounts& other) {
  return std::any_of(kQueueStatuses.begin(), kQueueStatuses.end(), [&](Status status) {
    const auto& a = one[index(status)];
    const auto& b = other[index(status)];
    return a && b && *a != *b;
  });
}

// Compares the provider's two views once both are newer than at the last comparison.
void compare_views(EndpointState& state, Now now) {
  const bool both = state.queue && remembered(state, Source::workers, now.mono) &&
                    remembered(state, Source::queue, now.mono);
  if (!both) {
    state.disagreement = {};
    state.degradation = {};
    return;
  }
  if (!state.workers_news || !state.queue_news) return;
  state.workers_news = false;
  state.queue_news = false;
  const auto& summary = state.workers_report.summary;
  advance(state.disagreement, views_differ(summary, state.queue->workers), now.wall);
  advance(state.degradation,
          count_of(summary, Status::running) > 0 && state.queue->jobs_in_progress == 0, now.wall);
}

Reading choose_reading(EndpointState& state, Now now) {
  Reading reading;
  state.queue_used = false;
  state.degraded = false;
  if (state.workers_report.lifecycle_only) {
    const auto actives = static_cast<std::size_t>(std::count_if(
        state.workers.begin(), state.workers.end(),
        [](const WorkerState& worker) { return worker.reported.status == Status::active; }));
    state.degraded = !remembered(state, Source::queue, now.mono) || !is_whole(state.queue, actives);
    state.queue_used = !state.degraded && actives > 0;
    if (state.queue_used) reading.active_means = proven_by_queue(state.queue->workers, actives);
  } else if (state.degradation.polls >= kBelievedAfterPolls) {
    state.degraded = true;
    reading.running_means = Status::active;
  }
  return reading;
}

StatusCounts count_statuses(const EndpointState& state) {
  StatusCounts counts;
  counts.fill(0);
  std::int64_t unproven = 0;
  for (const auto& worker : state.workers) {
    ++*counts[index(worker.status)];
    if (worker.status == Status::active && worker.reported.status == Status::active) ++unproven;
  }
  // RunPod v1's queue view gives counts without saying which worker is which.
  if (state.queue_used && unproven > 1 && sum_of(state.queue->workers) > 0) {
    counts[index(Status::active)] = 0;
    for (const Status status : kQueueStatuses) {
      counts[index(status)] = state.queue->workers[index(status)];
    }
  }
  return counts;
}

void derive(EndpointState& state, bool baseline, Now now) {
  compare_views(state, now);
  if (!remembered(state, Source::workers, now.mono)) {
    state.queue_used = false;  // Nothing that is served rests on it any more.
    return;
  }
  const Reading reading = choose_reading(state, now);
  for (std::size_t i = 0; i < state.workers.size(); ++i) {
    const auto& known = state.workers[i];
    const Status status = read_status(known, reading, now.mono);
    if (is_placed(known, status) && known.staleness == read_staleness(known, now.mono)) continue;
    auto& worker = state.workers.edit()[i];
    place(worker, status, baseline, state, now);
    worker.staleness = read_staleness(worker, now.mono);
  }
  state.counts = count_statuses(state);
}

// ---- workers

std::uint64_t future_stamps(const Worker& worker, Time answered) {
  std::uint64_t count = 0;
  for (const auto& stamp : {worker.up_since, worker.started_at, worker.created_at,
                            worker.model_loaded_at, worker.last_heartbeat, worker.last_active}) {
    if (stamp && *stamp > answered + kFutureTolerance) ++count;
  }
  return count;
}

Watched watch(const Watched& before, const std::optional<Time>& stamp, Mono now, Time answered) {
  if (!stamp) return {};
  if (before.stamp) {
    return {.stamp = stamp, .changed = *stamp == *before.stamp ? before.changed : now};
  }
  return {.stamp = stamp,
          .changed = now - std::clamp(answered - *stamp, milliseconds{0}, kLongestAge)};
}

// The endpoint's list decides which workers there are; the groups' lists only say whose they are.
void assign_groups(EndpointState& state) {
  if (!state.groups) return;
  std::unordered_map<std::string_view, std::string_view> group_of;
  for (const auto& group : state.groups->groups) {
    for (const auto& worker : group.workers) group_of.emplace(worker, group.id);
  }
  for (std::size_t i = 0; i < state.workers.size(); ++i) {
    const auto found = group_of.find(state.workers[i].reported.id);
    const auto group_id = found == group_of.end() ? std::string_view{} : found->second;
    if (state.workers[i].group_id != group_id) state.workers.edit()[i].group_id = group_id;
  }
}

std::optional<double> uptime(const Worker& worker, Status status, Time now) {
  if (worker.uptime_seconds) return worker.uptime_seconds;
  if (!worker.up_since || !is_ready(status) || *worker.up_since > now) return std::nullopt;
  return std::chrono::duration<double>(now - *worker.up_since).count();
}

// Joins the new list with what we remember of each worker.
std::vector<WorkerState> join(const Workers& before, std::vector<Worker> reported,
                              std::uint64_t& stayed) {
  // Each is large, and moved once: what is sorted are pointers.
  std::vector<Worker*> ordered;
  ordered.reserve(reported.size());
  for (auto& worker : reported) ordered.push_back(&worker);
  std::sort(ordered.begin(), ordered.end(),
            [](const Worker* a, const Worker* b) { return a->id < b->id; });
  std::vector<WorkerState> workers;
  workers.reserve(reported.size());
  auto old = before.begin();
  for (auto* worker : ordered) {
    while (old != before.end() && old->reported.id < worker->id) ++old;
    const bool known = old != before.end() && old->reported.id == worker->id;
    if (known) ++stayed;
    auto& next = workers.emplace_back();
    if (known) static_cast<WorkerMemory&>(next) = *old;
    next.reported = std::move(*worker);
  }
  return workers;
}

void take(EndpointState& state, WorkersReport report, SourceState& source, const Landing& landing) {
  const Now now = landing.landed;
  const bool expired = !is_remembered(source, now.mono);
  const bool baseline = expired || state.expects_baseline;
  count_skips(state, report.skipped);
  if (report.workers.empty() && !state.workers.empty() && !expired && !state.empty_pending) {
    // One empty list may be a lost organisation or a hiccup. What stands keeps its age.
    state.empty_pending = true;
    return;
  }
  state.empty_pending = false;
  state.expects_baseline = false;
  source.good = as_of(landing);
  const Time answered = report.answered_at.value_or(now.wall);
  std::uint64_t stayed = 0;
  auto workers = join(state.workers, std::move(report.workers), stayed);
  if (!baseline) {
    state.appeared += workers.size() - stayed;
    state.disappeared += state.workers.size() - stayed;
  }
  state.workers = std::move(workers);
  for (auto& worker : state.workers.edit()) {
    if (baseline) worker.status_since = Time{};
    worker.heartbeat = watch(worker.heartbeat, worker.reported.last_heartbeat, now.mono, answered);
    worker.activity = watch(worker.activity, worker.reported.last_active, now.mono, answered);
    state.future_timestamps += future_stamps(worker.reported, answered);
  }
  state.workers_report = std::move(report);
  state.workers_report.workers.clear();
  state.workers_news = true;
  assign_groups(state);
  derive(state, baseline, now);
  for (auto& worker : state.workers.edit()) {
    worker.uptime_seconds = uptime(worker.reported, worker.status, now.wall);
  }
}

// ---- queue

void fold(JobCounter& counter, const std::optional<std::int64_t>& value) {
  const bool falls = value && counter.value && *value < *counter.value;
  if (falls && !counter.fell) {
    counter.fell = true;
    return;
  }
  counter.fell = false;
  counter.value = value;
}

void take(EndpointState& state, QueueReport report, SourceState& source, const Landing& landing) {
  source.good = as_of(landing);
  count_skips(state, report.skipped);
  fold(state.completed, report.jobs_completed);
  fold(state.failed, report.jobs_failed);
  fold(state.retried, report.jobs_retried);
  state.queue = std::move(report);
  state.queue_news = true;
  derive(state, false, landing.landed);
}

// ---- the others

void take(EndpointState& state, EndpointInfo report, SourceState& source, const Landing& landing) {
  source.good = as_of(landing);
  count_skips(state, report.skipped);
  auto groups = std::move(state.info.groups);
  state.info = std::move(report);
  if (!state.info.groups) state.info.groups = std::move(groups);
}

void take(EndpointState& state, std::shared_ptr<const InstancesReport> report, SourceState& source,
          const Landing& landing) {
  source.good = as_of(landing);
  state.instances = std::move(report);
}

void take(EndpointState& state, BillingReport report, SourceState& source, const Landing& landing) {
  source.good = as_of(landing);
  state.billing = report;
}

void take(EndpointState& state, GroupsReport report, SourceState& source, const Landing& landing) {
  source.good = as_of(landing);
  count_skips(state, report.skipped);
  state.groups = std::move(report);
  assign_groups(state);
}

}  // namespace

EndpointState reconcile(EndpointState state, const Answer& answer, const Landing& landing) {
  auto& source = note_poll(state, answer, landing);
  if (answer.result) {
    note_success(source, landing);
    std::visit([&](const auto& report) { take(state, report, source, landing); }, *answer.result);
  } else {
    note_failure(source, answer.result.error(), landing);
    derive(state, false, landing.landed);
  }
  return state;
}

EndpointState settle(EndpointState state, Now now) {
  derive(state, false, now);
  return state;
}

}  // namespace serverless::daemon
