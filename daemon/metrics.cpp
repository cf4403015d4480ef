#include "daemon/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "daemon/derived.hpp"

namespace serverless::daemon {
namespace {

constexpr Needs kState = 0;
constexpr Needs kWorkers = bit(Source::workers);
constexpr Needs kQueue = bit(Source::queue);
constexpr Needs kCatalog = bit(Source::catalog);
constexpr Needs kInstances = bit(Source::instances);
constexpr Needs kBilling = bit(Source::billing);
constexpr Needs kGroups = bit(Source::groups);

constexpr std::size_t kMaxNativeWords = 32;

constexpr auto kGauge = MetricType::gauge;
constexpr auto kCounter = MetricType::counter;

// ---- endpoints

void endpoint_state(const EndpointState& state, const Context&, Samples& out) {
  if (state.info.state.empty()) return;
  bool listed = false;
  for (const std::string_view word : {"active", "suspended", "stopped"}) {
    listed = listed || word == state.info.state;
    out.add({{"state", word}}, word == state.info.state ? 1 : 0);
  }
  if (!listed) out.add({{"state", state.info.state}}, 1);
}

void workers_by_status(const EndpointState& state, const Context& context, Samples& out) {
  for (const Status status : context.provider->statuses) {
    const auto& count = state.counts[static_cast<std::size_t>(status)];
    if (count) out.add({{"status", name(status)}}, static_cast<double>(*count));
  }
}

void ready_workers(const EndpointState& state, const Context&, Samples& out) {
  std::optional<std::int64_t> sum;
  for (const Status status : {Status::running, Status::idle, Status::active}) {
    const auto& count = state.counts[static_cast<std::size_t>(status)];
    if (count) sum = sum.value_or(0) + *count;
  }
  out.add(sum);
}

void workers_by_native_word(const EndpointState& state, const Context&, Samples& out) {
  std::map<std::string_view, double> counts;
  for (const auto& worker : state.workers) ++counts[worker.reported.native_status];
  double others = 0;
  std::size_t written = 0;
  for (const auto& [word, count] : counts) {
    // A provider may have the word "other", too: two series of one name would spoil the page.
    if (written < kMaxNativeWords && word != "other") {
      ++written;
      out.add({{"native_status", word}}, count);
    } else {
      others += count;
    }
  }
  if (others > 0) out.add({{"native_status", "other"}}, others);
}

void stale_workers(const EndpointState& state, const Context& context, Samples& out) {
  for (const Staleness reason : context.provider->stale_reasons) {
    out.add({{"reason", name(reason)}},
            static_cast<double>(std::count_if(
                state.workers.begin(), state.workers.end(),
                [reason](const WorkerState& worker) { return worker.staleness == reason; })));
  }
}

void oldest_in_status(const EndpointState& state, const Context& context, Samples& out) {
  for (const Status status : context.provider->statuses) {
    std::optional<Time> oldest;
    for (const auto& worker : state.workers) {
      if (worker.status != status) continue;
      oldest = oldest ? std::min(*oldest, worker.status_since) : worker.status_since;
    }
    if (oldest) out.add({{"status", name(status)}}, unix_seconds(*oldest));
  }
}

void reported(const StatusCounts& counts, std::string_view view, Samples& out) {
  for (std::size_t i = 0; i < kStatusCount; ++i) {
    if (counts[i]) {
      out.add({{"view", view}, {"reported_status", kStatusNames[i]}},
              static_cast<double>(*counts[i]));
    }
  }
}

void listed_mismatch(const EndpointState& state, const Context&, Samples& out) {
  const auto& report = state.workers_report;
  if (!report.summary_total) return;
  // A malformed record was listed all the same.
  std::int64_t listed = std::ssize(state.workers);
  for (const Skip skip : {Skip::not_object, Skip::no_id, Skip::duplicate_id}) {
    listed += static_cast<std::int64_t>(report.skipped.counts[static_cast<std::size_t>(skip)]);
  }
  out.add(*report.summary_total == listed ? 0 : 1);
}

using Price = std::optional<double> (*)(const WorkerState&, const EndpointState&);

void cost(const EndpointState& state, Price price, Samples& out) {
  double sum = 0;
  for (const auto& worker : state.workers) {
    if (worker.status != Status::stopped) sum += price(worker, state).value_or(0);
  }
  out.add(sum);
}

void unpriced(const EndpointState& state, Price price, Samples& out) {
  out.add(static_cast<double>(
      std::count_if(state.workers.begin(), state.workers.end(), [&](const WorkerState& worker) {
        return worker.status != Status::stopped && !price(worker, state);
      })));
}

void group_workers(const EndpointState& state, const Context& context, Samples& out) {
  if (!state.groups) return;
  for (const auto& group : state.groups->groups) {
    std::array<double, kStatusCount> counts{};
    for (const auto& worker : state.workers) {
      if (worker.group_id == group.id) ++counts[static_cast<std::size_t>(worker.status)];
    }
    for (const Status status : context.provider->statuses) {
      out.add({{"group_id", group.id}, {"status", name(status)}},
              counts[static_cast<std::size_t>(status)]);
    }
  }
}

void transitions(const EndpointState& state, const Context& context, Samples& out) {
  for (const Status from : context.provider->statuses) {
    for (const Status to : context.provider->statuses) {
      if (from == to) continue;
      out.add({{"from", name(from)}, {"to", name(to)}},
              static_cast<double>(
                  state.transitions[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)]));
    }
  }
}

void skipped(const EndpointState& state, const Context&, Samples& out) {
  for (std::size_t i = 0; i < kSkipCount; ++i) {
    out.add({{"reason", kSkipNames[i]}}, static_cast<double>(state.skipped[i]));
  }
}

// ---- workers

void worker_info(const WorkerState& worker, const Instance* instance, const Context& context,
                 Samples& out) {
  const auto& reported = worker.reported;
  const auto or_instance = [&](const auto& own, const auto Instance::*theirs) -> std::string_view {
    return own.empty() && instance != nullptr ? std::string_view(instance->*theirs) : own;
  };
  const auto gpu_type = or_instance(reported.gpu_type, &Instance::gpu_type);
  const auto location = or_instance(reported.location, &Instance::location);
  const std::string_view interruptible =
      !reported.interruptible ? "" : (*reported.interruptible ? "true" : "false");
  // A label that is empty is no label: these two exist only where they were asked for.
  const std::string_view image = context.series.image_label ? reported.image : std::string_view{};
  out.add({{"gpu_type", gpu_type},
           {"location", location},
           {"version", reported.version},
           {"kind", reported.kind},
           {"group_id", worker.group_id},
           {"interruptible", interruptible},
           {"image", image},
           {"name", reported.name}},
          1);
}

void worker_status(const WorkerState& worker, const Instance*, const Context& context,
                   Samples& out) {
  for (const Status status : context.provider->statuses) {
    const bool is = worker.status == status;
    if (is || context.series.worker_status == config::WorkerStatusSeries::full) {
      out.add({{"status", name(status)}}, is ? 1 : 0);
    }
  }
}

void worker_stale(const WorkerState& worker, const Instance*, const Context&, Samples& out) {
  if (worker.staleness != Staleness::unknown) out.add(is_stale(worker.staleness) ? 1 : 0);
}

void instance_gpus(const WorkerState& worker, const Instance* instance, const Context&,
                   Samples& out) {
  if (!worker.reported.gpus && instance != nullptr) out.add(instance->gpus);
}

// Rows that only hand on a field of the report.
template <auto Field>
void info_field(const EndpointState& state, const Context&, Samples& out) {
  out.add(state.info.*Field);
}

template <auto Field>
void report_field(const EndpointState& state, const Context&, Samples& out) {
  out.add(state.workers_report.*Field);
}

template <auto Field>
void queue_field(const EndpointState& state, const Context&, Samples& out) {
  if (state.queue) out.add(*state.queue.*Field);
}

template <auto Counter>
void job_counter(const EndpointState& state, const Context&, Samples& out) {
  out.add((state.*Counter).value);
}

template <auto Field>
void own_counter(const EndpointState& state, const Context&, Samples& out) {
  out.add(static_cast<double>(state.*Field));
}

template <auto Field>
void worker_field(const WorkerState& worker, const Instance*, const Context&, Samples& out) {
  out.add(worker.reported.*Field);
}

// ---- polls

void poll_failures(const SourceState& state, Source, Samples& out) {
  constexpr std::array kAlways{Reason::timeout, Reason::auth, Reason::rate_limited,
                               Reason::server_error, Reason::parse};
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const bool always =
        std::find(kAlways.begin(), kAlways.end(), static_cast<Reason>(i)) != kAlways.end();
    if (always || state.failures[i] > 0) {
      out.add({{"reason", kReasonNames[i]}}, static_cast<double>(state.failures[i]));
    }
  }
}

// ---- accounts

void account_up(const AccountState& account, Samples& out) {
  for (const auto& [api, state] : account.apis) {
    if (state.up) out.add({{"api", api}}, *state.up ? 1 : 0);
  }
}

void account_failures(const AccountState& account, Samples& out) {
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    out.add({{"reason", kReasonNames[i]}}, static_cast<double>(account.failures[i]));
  }
}

void account_orphans(const AccountState& account, Samples& out) {
  if (const auto orphans = orphan_instances(account)) {
    out.expire_at(orphans->expires);
    out.add(static_cast<double>(orphans->value));
  }
}

void account_listed(const AccountState& account, Samples& out) {
  if (const auto& listed = account.endpoints_listed) {
    out.expire_at(listed->expires);
    out.add(static_cast<double>(listed->value));
  }
}

void api_requests(const AccountState& account, Samples& out) {
  for (const auto& [key, count] : account.requests) {
    out.add({{"api", key.api}, {"operation", key.operation}, {"code", key.code}},
            static_cast<double>(count));
  }
}

void api_durations(const AccountState& account, Samples& out) {
  for (const auto& [key, histogram] : account.durations) {
    const auto& [api, operation] = key;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kDurationBuckets.size(); ++i) {
      below += histogram.buckets[i];
      out.add_part(
          "_bucket",
          {{"api", api}, {"operation", operation}, {"le", format_bound(kDurationBuckets[i])}},
          static_cast<double>(below));
    }
    const auto count = static_cast<double>(histogram.count);
    out.add_part("_bucket", {{"api", api}, {"operation", operation}, {"le", "+Inf"}}, count);
    out.add_part("_sum", {{"api", api}, {"operation", operation}}, histogram.sum);
    out.add_part("_count", {{"api", api}, {"operation", operation}}, count);
  }
}

void api_backoff(const AccountState& account, Samples& out) {
  for (const auto& [api, state] : account.apis) {
    if (state.backoff_until) out.add({{"api", api}}, unix_seconds(*state.backoff_until));
  }
}

void rate_limit(const AccountState& account, auto value_of, Samples& out) {
  for (const auto& [api, state] : account.apis) {
    for (const auto& window : state.quota.windows) {
      const std::optional<double> value = value_of(window, state);
      if (value) out.add({{"api", api}, {"window", window.name}}, *value);
    }
  }
}

void api_skew(const AccountState& account, Samples& out) {
  for (const auto& [api, state] : account.apis) {
    if (state.skew) out.add({{"api", api}}, std::chrono::duration<double>(*state.skew).count());
  }
}

// Families of several rows say the same thing in each.
constexpr std::string_view kReportedHelp =
    "Workers by status as the provider itself counts them, in its list's summary or in the job "
    "queue's view. The two overlap and may disagree; neither is corrected.";
constexpr std::string_view kCostHelp =
    "US dollars an hour of the workers that are not stopped and whose price is known.";
constexpr std::string_view kUnpricedHelp =
    "Workers that are not stopped and whose price is not known: the cost is low by these.";
constexpr std::string_view kGpusHelp = "GPUs allocated to the worker.";
constexpr std::string_view kWorkerCostHelp =
    "US dollars an hour that the provider reports for the worker.";

constexpr std::array kRows{
    // Endpoints
    Row{"serverless_endpoint_fresh", kGauge,
        "1 while the last good answer of that source is younger than its max age. At 0 the series "
        "that the source supplies are withdrawn.",
        kState, Live{}},
    Row{"serverless_endpoint_info", kGauge, "Static facts of the endpoint; always 1.", kState,
        [](const EndpointState& state, const Context&, Samples& out) {
          out.add({{"name", state.info.name},
                   {"kind", state.info.kind},
                   {"api", state.info.api},
                   {"scaler", state.info.scaler}},
                  1);
        }},
    Row{"serverless_endpoint_state", kGauge,
        "1 for the provider's own word for the state of the endpoint.", kCatalog, endpoint_state},
    Row{"serverless_endpoint_workers", kGauge, "Workers by reconciled status.", kWorkers,
        workers_by_status, true},
    Row{"serverless_endpoint_ready_workers", kGauge, "Workers that are running, idle or active.",
        kWorkers, ready_workers, true},
    Row{"serverless_endpoint_workers_native", kGauge,
        "Workers by the provider's own status word in lower case; beyond 32 words: other.",
        kWorkers, workers_by_native_word},
    Row{"serverless_endpoint_stale_workers", kGauge,
        "Workers that are not what they should be: older version, other image, lost heartbeat.",
        kWorkers, stale_workers},
    Row{"serverless_endpoint_oldest_in_status_timestamp_seconds", kGauge,
        "Since when, at least, the longest-standing worker of that status has had it. Unix time.",
        kWorkers, oldest_in_status, true},
    Row{"serverless_endpoint_reported_workers", kGauge, kReportedHelp, kWorkers,
        [](const EndpointState& state, const Context&, Samples& out) {
          reported(state.workers_report.summary, "summary", out);
        }},
    Row{"serverless_endpoint_reported_workers", kGauge, kReportedHelp, kQueue,
        [](const EndpointState& state, const Context&, Samples& out) {
          if (state.queue) reported(state.queue->workers, "queue", out);
        }},
    Row{"serverless_endpoint_queue_ready_workers", kGauge,
        "Workers that the job queue calls ready. Overlaps its idle ones.", kQueue,
        queue_field<&QueueReport::ready>},
    Row{"serverless_endpoint_listed_mismatch", kGauge,
        "1 if the provider's total differs from the number of workers that it lists.", kWorkers,
        listed_mismatch},
    Row{"serverless_endpoint_views_disagree_since_timestamp_seconds", kGauge,
        "Since when the list's summary and the job queue differ, once they have in 3 polls in a "
        "row. Unix time; absent while they agree.",
        kWorkers | kQueue,
        [](const EndpointState& state, const Context&, Samples& out) {
          if (state.disagreement.polls >= kBelievedAfterPolls) {
            out.add(unix_seconds(state.disagreement.since));
          }
        }},
    Row{"serverless_endpoint_queue_view_up", kGauge,
        "1 if our own request for the job queue's view succeeded in the last poll.", kState,
        [](const EndpointState& state, const Context&, Samples& out) {
          const auto* queue = state.source(Source::queue);
          if (queue != nullptr && queue->last_attempt) out.add(queue->ok ? 1 : 0);
        }},
    Row{"serverless_endpoint_status_degraded", kGauge,
        "1 while statuses rest on the workers' lifecycle alone. RunPod v1: no view of the job "
        "queue. RunPod v2 does not say so: a guess, made when /health has no job in progress while "
        "the summary has running workers in 3 polls in a row.",
        kWorkers,
        [](const EndpointState& state, const Context&, Samples& out) {
          if (state.source(Source::queue) != nullptr) out.add(state.degraded ? 1 : 0);
        },
        true},
    Row{"serverless_endpoint_spec_workers_min", kGauge, "Configured lower bound of workers.",
        kCatalog, info_field<&EndpointInfo::workers_min>},
    Row{"serverless_endpoint_spec_workers_max", kGauge, "Configured upper bound of workers.",
        kCatalog, info_field<&EndpointInfo::workers_max>},
    Row{"serverless_endpoint_spec_cold_workers", kGauge,
        "Configured number of workers that are kept when there is no load (Vast.ai).", kCatalog,
        info_field<&EndpointInfo::cold_workers>},
    Row{"serverless_endpoint_spec_target_utilization_ratio", kGauge,
        "Configured share of the capacity that is to be used, 0 to 1 (Vast.ai).", kCatalog,
        info_field<&EndpointInfo::target_utilization_ratio>},
    Row{"serverless_endpoint_spec_idle_timeout_seconds", kGauge,
        "Configured time without a job after which a worker is scaled down (RunPod).", kCatalog,
        info_field<&EndpointInfo::idle_timeout_seconds>},
    Row{"serverless_endpoint_spec_execution_timeout_seconds", kGauge,
        "Configured time after which a job is failed (RunPod), as reported.", kCatalog,
        info_field<&EndpointInfo::execution_timeout_seconds>},
    Row{"serverless_endpoint_spec_scaler_value", kGauge,
        "Configured value of the scaler: seconds of queue delay, or requests a worker (RunPod).",
        kCatalog, info_field<&EndpointInfo::scaler_value>},
    Row{"serverless_endpoint_created_timestamp_seconds", kGauge,
        "When the endpoint was created. Unix time.", kCatalog,
        info_field<&EndpointInfo::created_at>},
    Row{"serverless_endpoint_config_version", kGauge,
        "The endpoint's current configuration version.", kWorkers,
        report_field<&WorkersReport::config_version>},
    Row{"serverless_endpoint_jobs_in_queue", kGauge, "Jobs that wait for a worker.", kQueue,
        queue_field<&QueueReport::jobs_in_queue>},
    Row{"serverless_endpoint_jobs_in_progress", kGauge, "Jobs that a worker is at.", kQueue,
        queue_field<&QueueReport::jobs_in_progress>},
    Row{"serverless_endpoint_jobs_completed_total", kCounter,
        "Jobs completed, as reported. A fall is believed when a second answer shows it.", kQueue,
        job_counter<&EndpointState::completed>},
    Row{"serverless_endpoint_jobs_failed_total", kCounter,
        "Jobs failed, as reported. A fall is believed when a second answer shows it.", kQueue,
        job_counter<&EndpointState::failed>},
    Row{"serverless_endpoint_jobs_retried_total", kCounter,
        "Jobs retried, as reported. A fall is believed when a second answer shows it.", kQueue,
        job_counter<&EndpointState::retried>},
    Row{"serverless_endpoint_load", kGauge,
        "Sum of the workers' current load, in the endpoint's own unit.", kWorkers,
        [](const EndpointState& state, const Context&, Samples& out) { out.add(load_of(state)); }},
    Row{"serverless_endpoint_capacity", kGauge,
        "Sum of perf over ready workers that were benchmarked, in the endpoint's own unit.",
        kWorkers,
        [](const EndpointState& state, const Context&, Samples& out) {
          out.add(capacity_of(state));
        }},
    Row{"serverless_endpoint_cost_dollars_per_hour", kGauge, kCostHelp, kWorkers,
        [](const EndpointState& state, const Context&, Samples& out) {
          if (state.workers_report.priced) cost(state, reported_price, out);
        }},
    Row{"serverless_endpoint_cost_dollars_per_hour", kGauge, kCostHelp, kWorkers | kInstances,
        [](const EndpointState& state, const Context&, Samples& out) {
          cost(state, joined_price, out);
        }},
    Row{"serverless_endpoint_cost_unpriced_workers", kGauge, kUnpricedHelp, kWorkers,
        [](const EndpointState& state, const Context&, Samples& out) {
          if (state.workers_report.priced) unpriced(state, reported_price, out);
        }},
    Row{"serverless_endpoint_cost_unpriced_workers", kGauge, kUnpricedHelp, kWorkers | kInstances,
        [](const EndpointState& state, const Context&, Samples& out) {
          unpriced(state, joined_price, out);
        }},
    Row{"serverless_endpoint_billed_dollars", kGauge,
        "US dollars billed for the last whole hour that has a bill (RunPod v2).", kBilling,
        [](const EndpointState& state, const Context&, Samples& out) {
          if (state.billing) out.add(state.billing->dollars, {{"window", "hour"}});
        }},
    Row{"serverless_endpoint_worker_transitions_total", kCounter,
        "Changes of a worker's status that were seen between two polls.", kState, transitions},
    Row{"serverless_endpoint_workers_appeared_total", kCounter,
        "Workers that were not in the poll before.", kState, own_counter<&EndpointState::appeared>},
    Row{"serverless_endpoint_workers_disappeared_total", kCounter,
        "Workers that are not in the poll after.", kState,
        own_counter<&EndpointState::disappeared>},
    Row{"serverless_endpoint_workers_skipped_total", kCounter,
        "Malformed records that were left out of an answer; bad_field: only the field was.", kState,
        skipped},
    Row{"serverless_endpoint_future_timestamps_total", kCounter,
        "Time stamps of workers that lay in the future, each time that they were read.", kState,
        own_counter<&EndpointState::future_timestamps>},
    Row{"serverless_endpoint_truncated", kGauge,
        "1 if the provider shows only a part of the workers (Den: 50 rows and no cursor).",
        kWorkers, report_field<&WorkersReport::truncated>},
    Row{"serverless_endpoint_worker_series_withheld", kGauge,
        "Workers whose own series are not published because of that limit.", kState, Live{}},
    Row{"serverless_group_workers", kGauge, "Workers of a Vast.ai worker group by status.",
        kWorkers | kGroups, group_workers},

    // Workers
    Row{"serverless_worker_info", kGauge, "Static facts of the worker; always 1.", kWorkers,
        worker_info},
    Row{"serverless_worker_status", kGauge, "1 for the worker's reconciled status.", kWorkers,
        worker_status, true},
    Row{"serverless_worker_status_since_timestamp_seconds", kGauge,
        "When the worker took its status; only for a change that was seen. Unix time.", kWorkers,
        [](const WorkerState& worker, const Instance*, const Context&, Samples& out) {
          if (worker.change_seen) out.add(unix_seconds(worker.status_since));
        },
        true},
    Row{"serverless_worker_stale", kGauge,
        "1 if the worker is not what it should be; see serverless_endpoint_stale_workers.",
        kWorkers, worker_stale},
    Row{"serverless_worker_uptime_seconds", kGauge,
        "How long the worker has been up, at the time of the poll.", kWorkers,
        [](const WorkerState& worker, const Instance*, const Context&, Samples& out) {
          out.add(worker.uptime_seconds);
        },
        true},
    Row{"serverless_worker_start_time_seconds", kGauge,
        "When the worker's pod or instance last started, as reported. Unix time.", kWorkers,
        worker_field<&Worker::started_at>},
    Row{"serverless_worker_created_timestamp_seconds", kGauge,
        "When the worker was created. Unix time.", kWorkers, worker_field<&Worker::created_at>},
    Row{"serverless_worker_model_loaded_timestamp_seconds", kGauge,
        "When the worker finished loading its model (Vast.ai). Unix time.", kWorkers,
        worker_field<&Worker::model_loaded_at>},
    Row{"serverless_worker_cur_load", kGauge,
        "Current load (Vast.ai), as reported, in the endpoint's own unit a second.", kWorkers,
        worker_field<&Worker::cur_load>},
    Row{"serverless_worker_new_load", kGauge, "Load received recently (Vast.ai), as reported.",
        kWorkers, worker_field<&Worker::new_load>},
    Row{"serverless_worker_cur_load_rolling_avg", kGauge,
        "Rolling average of the current load (Vast.ai), as reported.", kWorkers,
        worker_field<&Worker::cur_load_rolling_avg>},
    Row{"serverless_worker_cur_perf", kGauge,
        "Current performance (Vast.ai), as reported, in the endpoint's own unit a second.",
        kWorkers, worker_field<&Worker::cur_perf>},
    Row{"serverless_worker_perf", kGauge,
        "measured_perf times reliability (Vast.ai), as reported. Another unit until "
        "serverless_worker_benchmarked is 1.",
        kWorkers, worker_field<&Worker::perf>},
    Row{"serverless_worker_measured_perf", kGauge,
        "Benchmarked performance (Vast.ai), as reported. DLPerf until "
        "serverless_worker_benchmarked is 1.",
        kWorkers, worker_field<&Worker::measured_perf>},
    Row{"serverless_worker_benchmarked", kGauge,
        "1 if perf and measured_perf come from a benchmark of this worker (Vast.ai).", kWorkers,
        worker_field<&Worker::benchmarked>},
    Row{"serverless_worker_dlperf_score", kGauge, "DLPerf of the machine (Vast.ai).", kWorkers,
        worker_field<&Worker::dlperf>},
    Row{"serverless_worker_reliability_ratio", kGauge,
        "Reliability of the machine, 0 to 1 (Vast.ai), as reported.", kWorkers,
        worker_field<&Worker::reliability_ratio>},
    Row{"serverless_worker_requests_in_flight", kGauge,
        "Requests that the autoscaler believes the worker is at (Vast.ai).", kWorkers,
        worker_field<&Worker::requests_in_flight>},
    Row{"serverless_worker_disk_usage_bytes", kGauge, "Disk used (Vast.ai).", kWorkers,
        worker_field<&Worker::disk_usage_bytes>},
    Row{"serverless_worker_gpus", kGauge, kGpusHelp, kWorkers, worker_field<&Worker::gpus>},
    Row{"serverless_worker_gpus", kGauge, kGpusHelp, kWorkers | kInstances, instance_gpus},
    Row{"serverless_worker_vcpus", kGauge, "Virtual CPUs of the worker.", kWorkers,
        worker_field<&Worker::vcpus>},
    Row{"serverless_worker_memory_bytes", kGauge, "Memory of the worker.", kWorkers,
        worker_field<&Worker::memory_bytes>},
    Row{"serverless_worker_maintenance_start_timestamp_seconds", kGauge,
        "When maintenance of the worker's machine begins (RunPod v1). Unix time.", kWorkers,
        worker_field<&Worker::maintenance_start>},
    Row{"serverless_worker_maintenance_end_timestamp_seconds", kGauge,
        "When maintenance of the worker's machine ends (RunPod v1). Unix time.", kWorkers,
        worker_field<&Worker::maintenance_end>},
    Row{"serverless_worker_gpu_utilization_ratio", kGauge,
        "Utilisation of the instance's GPUs, 0 to 1 (Vast.ai).", kWorkers | kInstances,
        [](const WorkerState&, const Instance* instance, const Context&, Samples& out) {
          if (instance != nullptr) out.add(instance->gpu_utilization_ratio);
        }},
    Row{"serverless_worker_cost_dollars_per_hour", kGauge, kWorkerCostHelp, kWorkers,
        worker_field<&Worker::cost_dollars_per_hour>},
    Row{"serverless_worker_cost_dollars_per_hour", kGauge, kWorkerCostHelp, kWorkers | kInstances,
        [](const WorkerState&, const Instance* instance, const Context&, Samples& out) {
          if (instance != nullptr) out.add(instance->cost_dollars_per_hour);
        }},
    Row{"serverless_worker_last_heartbeat_timestamp_seconds", kGauge,
        "The worker's last heartbeat (Den), by the worker's own clock. Unix time.", kWorkers,
        worker_field<&Worker::last_heartbeat>},
    Row{"serverless_worker_last_active_timestamp_seconds", kGauge,
        "The worker's last activity (Den), by the worker's own clock. Unix time.", kWorkers,
        worker_field<&Worker::last_active>},

    // Polls
    Row{"serverless_polls_total", kCounter, "Polls that ended, either way.", kState,
        [](const SourceState& state, Source, Samples& out) {
          out.add(static_cast<double>(state.polls));
        }},
    Row{"serverless_poll_failures_total", kCounter, "Polls that failed, by reason.", kState,
        poll_failures},
    Row{"serverless_poll_success", kGauge, "1 if the last poll succeeded.", kState,
        [](const SourceState& state, Source, Samples& out) {
          if (state.last_attempt) out.add(state.ok ? 1 : 0);
        }},
    Row{"serverless_poll_duration_seconds", kGauge, "How long the last poll took.", kState,
        [](const SourceState& state, Source, Samples& out) {
          if (state.last_attempt) {
            out.add(std::chrono::duration<double>(state.duration).count());
          }
        }},
    Row{"serverless_poll_interval_seconds", kGauge,
        "The effective time between two polls: the configured one, or more where the provider's "
        "limits ask for it.",
        kState,
        [](const SourceState& state, Source, Samples& out) {
          out.add(std::chrono::duration<double>(state.interval).count());
        }},
    Row{"serverless_poll_max_age_seconds", kGauge,
        "The age after which data of that source are withdrawn.", kState,
        [](const SourceState& state, Source, Samples& out) {
          out.add(std::chrono::duration<double>(state.max_age).count());
        }},
    Row{"serverless_poll_last_success_timestamp_seconds", kGauge,
        "When the last good answer came. Unix time; absent before the first.", kState,
        [](const SourceState& state, Source, Samples& out) { out.add(state.last_success); }},
    Row{"serverless_poll_last_attempt_timestamp_seconds", kGauge,
        "When the last poll ended. Unix time; absent before the first.", kState,
        [](const SourceState& state, Source, Samples& out) { out.add(state.last_attempt); }},

    // Accounts and their APIs
    Row{"serverless_account_up", kGauge,
        "1 if the last poll of that API got an answer and was not refused; 0 after a refusal, a "
        "rate "
        "limit, an error of the server or no answer.",
        kState, account_up},
    Row{"serverless_account_endpoints", kGauge, "Endpoints that are watched.", kState,
        [](const AccountState& account, Samples& out) {
          out.add(static_cast<double>(account.endpoints.size()));
        }},
    Row{"serverless_account_endpoints_listed", kGauge,
        "Endpoints that the provider lists, whether this exporter watches them or another one. "
        "Absent where only named ones are watched.",
        kCatalog, account_listed},
    Row{"serverless_account_endpoints_removed_total", kCounter,
        "Endpoints that the provider no longer lists and that were dropped.", kState,
        [](const AccountState& account, Samples& out) {
          out.add(static_cast<double>(account.endpoints_removed));
        }},
    Row{"serverless_account_orphan_instances", kGauge,
        "Instances that bill and are in no endpoint's list of workers (Vast.ai): rented by "
        "themselves, or forgotten.",
        kWorkers | kInstances, account_orphans},
    Row{"serverless_account_poll_failures_total", kCounter,
        "Polls that failed, by reason, counted once each however many endpoints they concern.",
        kState, account_failures},
    Row{"serverless_api_requests_total", kCounter,
        "Requests sent; code is the HTTP status, or why none came.", kState, api_requests},
    Row{"serverless_api_request_duration_seconds", MetricType::histogram,
        "How long a request took, from sending it to the last byte.", kState, api_durations},
    Row{"serverless_api_rate_limit_remaining", kGauge,
        "Requests left in that window of the quota, as the API last told.", kState,
        [](const AccountState& account, Samples& out) {
          rate_limit(
              account,
              [](const QuotaWindow& window, const ApiState&) {
                return window.remaining ? std::optional<double>(*window.remaining) : std::nullopt;
              },
              out);
        }},
    Row{"serverless_api_rate_limit_quota", kGauge,
        "Requests that the API allows in that window, as it last told.", kState,
        [](const AccountState& account, Samples& out) {
          rate_limit(
              account,
              [](const QuotaWindow& window, const ApiState&) {
                return window.quota ? std::optional<double>(*window.quota) : std::nullopt;
              },
              out);
        }},
    Row{"serverless_api_rate_limit_reset_timestamp_seconds", kGauge,
        "When that window of the quota begins anew, as the API last told. Unix time.", kState,
        [](const AccountState& account, Samples& out) {
          rate_limit(
              account,
              [](const QuotaWindow& window, const ApiState& state) -> std::optional<double> {
                if (!window.reset || !state.quota_told) return std::nullopt;
                const std::chrono::duration<double> left = *window.reset - state.quota_told->mono;
                return std::round(unix_seconds(state.quota_told->wall) + left.count());
              },
              out);
        }},
    Row{"serverless_api_backoff_until_timestamp_seconds", kGauge,
        "Until when we leave the API alone: it asked us to, or only the reserve of its quota is "
        "left. "
        "Unix time; absent before the first time.",
        kState, api_backoff},
    Row{"serverless_api_clock_skew_seconds", kGauge,
        "The clock of the API, by its Date header, less ours.", kState, api_skew},

    // The exporter itself
    Row{"serverless_exporter_build_info", kGauge, "What was built; always 1.", kState, Live{}},
    Row{"serverless_exporter_config_last_reload_successful", kGauge,
        "1 if the configuration was accepted the last time that it was read.", kState, Live{}},
    Row{"serverless_exporter_config_last_reload_success_timestamp_seconds", kGauge,
        "When a configuration was last accepted. Unix time.", kState, Live{}},
    Row{"serverless_exporter_shard_ordinal", kGauge,
        "Which of the shards this exporter is, counted from 0.", kState, Live{}},
    Row{"serverless_exporter_shards", kGauge,
        "Among how many exporters the endpoints are divided; 1: this one has all.", kState, Live{}},
    Row{"serverless_exporter_cluster_info", kGauge,
        "The cluster of exporters that this one is in, and its name there; always 1. As all of "
        "serverless_exporter_cluster_*, absent where it is in none.",
        kState, Live{}},
    Row{"serverless_exporter_cluster_engine_up", kGauge,
        "1 if etcd answered this exporter the last time that it was asked.", kState, Live{}},
    Row{"serverless_exporter_cluster_joined", kGauge,
        "1 while this exporter holds a lease of etcd's. At 0 it polls and serves nothing.", kState,
        Live{}},
    Row{"serverless_exporter_cluster_settled", kGauge,
        "1 while all members divide the endpoints alike; 0 while endpoints move.", kState, Live{}},
    Row{"serverless_exporter_cluster_lease_age_seconds", kGauge,
        "Time since the lease was last renewed, at this scrape.", kState, Live{}},
    Row{"serverless_exporter_cluster_members", kGauge,
        "Exporters of the cluster that hold a lease, as this one last heard.", kState, Live{}},
    Row{"serverless_exporter_cluster_endpoints", kGauge,
        "Endpoints that this exporter has of the cluster's, of all accounts.", kState, Live{}},
    Row{"serverless_exporter_cluster_endpoints_given_up_total", kCounter,
        "Endpoints that this exporter gave up to other members.", kState, Live{}},
    Row{"serverless_exporter_series", kGauge, "Series on the last whole page.", kState, Live{}},
    Row{"serverless_exporter_page_bytes", kGauge,
        "Size of the last whole page as text and as gzip.", kState, Live{}},
    Row{"serverless_exporter_scrapes_total", kCounter, "Requests for the page, by HTTP status.",
        kState, Live{}},
    Row{"serverless_exporter_scrape_duration_seconds", MetricType::histogram,
        "How long it took to put a page together.", kState, Live{}},
    Row{"serverless_exporter_web_refusals_total", kCounter,
        "Clients that were sent away or cut off, by reason.", kState, Live{}},
    Row{"serverless_exporter_web_reload_failures_total", kCounter,
        "Times that the certificate or the users changed and could not be read; the old ones stay.",
        kState, Live{}},
    Row{"serverless_exporter_web_last_reload_successful", kGauge,
        "1 if the certificate or the users could be read the last time that they changed.", kState,
        Live{}},
    Row{"serverless_exporter_web_certificate_not_after_timestamp_seconds", kGauge,
        "When the certificate that is served expires. Unix time; absent without TLS.", kState,
        Live{}},
    Row{"process_cpu_seconds_total", kCounter, "User and system CPU time spent.", kState, Live{}},
    Row{"process_open_fds", kGauge, "Open file descriptors.", kState, Live{}},
    Row{"process_max_fds", kGauge, "Limit of open file descriptors.", kState, Live{}},
    Row{"process_virtual_memory_bytes", kGauge, "Virtual memory.", kState, Live{}},
    Row{"process_virtual_memory_max_bytes", kGauge, "Limit of virtual memory; -1: none.", kState,
        Live{}},
    Row{"process_resident_memory_bytes", kGauge, "Resident memory.", kState, Live{}},
    Row{"process_start_time_seconds", kGauge, "When the process started. Unix time.", kState,
        Live{}},
    Row{"process_network_receive_bytes_total", kCounter,
        "Bytes that the process's network namespace received over IP.", kState, Live{}},
    Row{"process_network_transmit_bytes_total", kCounter,
        "Bytes that the process's network namespace sent over IP.", kState, Live{}},
};

}  // namespace

std::span<const Row> rows() { return kRows; }

const Row* find_row(std::string_view name) {
  const auto found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.name == name; });
  return found == kRows.end() ? nullptr : &*found;
}

}  // namespace serverless::daemon
