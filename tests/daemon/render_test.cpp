#include "daemon/render.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr milliseconds kMaxAge = 90s;

constexpr std::array kStatuses{Status::running, Status::idle, Status::stopped};
constexpr std::array kStaleReasons{Staleness::version, Staleness::heartbeat};
constexpr Provider kProvider{
    .name = "acme", .label = "acme", .statuses = kStatuses, .stale_reasons = kStaleReasons};
constexpr Context kContext{.provider = &kProvider};
constexpr std::string_view kBase = R"(provider="acme",account="prod",endpoint_id="e1")";

Now at(milliseconds after_noon) {
  return {.mono = kNoon.mono + after_noon, .wall = kNoon.wall + after_noon};
}

SourceState answered(milliseconds when) {
  return {.good = at(when),
          .last_success = at(when).wall,
          .last_attempt = at(when).wall,
          .ok = true,
          .duration = 250ms,
          .interval = 30s,
          .max_age = kMaxAge,
          .polls = 1};
}

void set(EndpointState& state, Source source, SourceState known) {
  state.sources[static_cast<std::size_t>(source)] = std::move(known);
}

StatusCounts counts(std::initializer_list<std::pair<Status, std::int64_t>> counted) {
  StatusCounts result;
  for (const auto& [status, count] : counted) result[static_cast<std::size_t>(status)] = count;
  return result;
}

WorkerState worker(std::string id, Status status) {
  WorkerState state;
  state.reported.id = std::move(id);
  state.reported.native_status = std::string(name(status));
  state.status = status;
  state.status_since = kNoon.wall;
  return state;
}

// An endpoint whose workers answered at noon.
EndpointState endpoint(std::vector<WorkerState> workers = {}) {
  EndpointState state;
  state.info.id = "e1";
  state.workers = std::move(workers);
  set(state, Source::workers, answered(0s));
  return state;
}

// Both parts, in the order of the table.
std::vector<Lines> render_all(const EndpointState& state, const Context& context = kContext) {
  const std::vector endpoints{std::make_shared<const EndpointState>(state)};
  std::vector<Lines> all;
  for (const Part part : kParts) {
    for (auto& lines : render(endpoints, part, "prod", context, Now{})) {
      EXPECT_EQ(part_of(rows()[lines.row]), part) << rows()[lines.row].name;
      all.push_back(std::move(lines));
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Lines& one, const Lines& other) { return one.row < other.row; });
  return all;
}

bool is_of_workers(const Lines& lines) { return part_of(rows()[lines.row]) == Part::workers; }

const Lines* block(const std::vector<Lines>& blocks, std::string_view metric) {
  const auto found = std::find_if(blocks.begin(), blocks.end(),
                                  [&](const Lines& one) { return rows()[one.row].name == metric; });
  return found == blocks.end() ? nullptr : &*found;
}

// All lines of a family. `{}` in what is expected stands for the endpoint's labels.
std::string lines(const EndpointState& state, std::string_view metric,
                  const Context& context = kContext) {
  std::string text;
  for (const auto& one : render_all(state, context)) {
    if (rows()[one.row].name == metric) text += one.text;
  }
  for (auto at = text.find(kBase); at != std::string::npos; at = text.find(kBase)) {
    text.replace(at, kBase.size(), "~");
  }
  return text;
}

Mono expiry(const EndpointState& state, std::string_view metric) {
  const auto blocks = render_all(state);
  const auto* found = block(blocks, metric);
  return found == nullptr ? Mono{} : found->expires;
}

// ---- counts

TEST(RenderEndpoint, WorkersHaveEveryStatusThatTheProviderCanShow) {
  auto state = endpoint();
  state.counts.fill(0);
  state.counts[static_cast<std::size_t>(Status::idle)] = 2;
  EXPECT_EQ(lines(state, "serverless_endpoint_workers"),
            "serverless_endpoint_workers{~,status=\"running\"} 0\n"
            "serverless_endpoint_workers{~,status=\"idle\"} 2\n"
            "serverless_endpoint_workers{~,status=\"stopped\"} 0\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_ready_workers"),
            "serverless_endpoint_ready_workers{~} 2\n");
}

TEST(RenderEndpoint, AStatusThatWasLeftOutHasNoLine) {
  auto state = endpoint();
  state.counts = counts({{Status::idle, 0}});
  EXPECT_EQ(lines(state, "serverless_endpoint_workers"),
            "serverless_endpoint_workers{~,status=\"idle\"} 0\n");
  state.counts = {};
  EXPECT_EQ(lines(state, "serverless_endpoint_workers"), "");
  EXPECT_EQ(lines(state, "serverless_endpoint_ready_workers"), "");
}

TEST(RenderEndpoint, ReadyAreRunningIdleAndActive) {
  auto state = endpoint();
  state.counts = counts({{Status::running, 1},
                         {Status::idle, 2},
                         {Status::active, 4},
                         {Status::initializing, 8},
                         {Status::unhealthy, 16},
                         {Status::stopped, 32}});
  EXPECT_EQ(lines(state, "serverless_endpoint_ready_workers"),
            "serverless_endpoint_ready_workers{~} 7\n");
}

TEST(RenderEndpoint, NativeWordsAreCounted) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::idle)});
  state.workers.edit()[1].reported.native_status = "loading";
  EXPECT_EQ(lines(state, "serverless_endpoint_workers_native"),
            "serverless_endpoint_workers_native{~,native_status=\"idle\"} 1\n"
            "serverless_endpoint_workers_native{~,native_status=\"loading\"} 1\n");
}

TEST(RenderEndpoint, BeyondThirtyTwoWordsAreOther) {
  EndpointState state = endpoint();
  for (int i = 0; i < 40; ++i) {
    state.workers.edit().push_back(worker("w", Status::unknown));
    state.workers.edit().back().reported.native_status = "w" + std::to_string(100 + i);
  }
  const auto text = lines(state, "serverless_endpoint_workers_native");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 33);
  EXPECT_TRUE(text.ends_with("{~,native_status=\"other\"} 8\n")) << text;
}

TEST(RenderEndpoint, AProvidersOwnWordOtherIsNoSecondSeries) {
  EndpointState state = endpoint({worker("x", Status::unknown)});
  state.workers.edit()[0].reported.native_status = "other";
  for (int i = 0; i < 40; ++i) {
    state.workers.edit().push_back(worker("w", Status::unknown));
    state.workers.edit().back().reported.native_status = "w" + std::to_string(100 + i);
  }
  const auto text = lines(state, "serverless_endpoint_workers_native");
  const auto first = text.find("\"other\"");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("\"other\"", first + 1), std::string::npos) << text;
}

TEST(RenderEndpoint, StaleWorkersHaveTheReasonsThatTheProviderCanShow) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::idle)});
  state.workers.edit()[0].staleness = Staleness::heartbeat;
  state.workers.edit()[1].staleness = Staleness::current;
  EXPECT_EQ(lines(state, "serverless_endpoint_stale_workers"),
            "serverless_endpoint_stale_workers{~,reason=\"version\"} 0\n"
            "serverless_endpoint_stale_workers{~,reason=\"heartbeat\"} 1\n");
}

TEST(RenderEndpoint, TheOldestInAStatusIsTheOneThatStandsLongest) {
  auto state = endpoint(
      {worker("a", Status::idle), worker("b", Status::idle), worker("c", Status::running)});
  state.workers.edit()[1].status_since = kNoon.wall - 1h;
  const Context without{.provider = &kProvider, .series = {.workers = false}};
  EXPECT_EQ(lines(state, "serverless_endpoint_oldest_in_status_timestamp_seconds", without),
            "serverless_endpoint_oldest_in_status_timestamp_seconds{~,status=\"running\"} "
            "1785931200\n"
            "serverless_endpoint_oldest_in_status_timestamp_seconds{~,status=\"idle\"} "
            "1785927600\n");
}

TEST(RenderEndpoint, BothViewsAreReported) {
  auto state = endpoint();
  set(state, Source::queue, answered(10s));
  state.workers_report.summary = counts({{Status::running, 1}, {Status::stopped, 0}});
  state.queue = QueueReport{.workers = counts({{Status::running, 2}}), .ready = 3};
  EXPECT_EQ(
      lines(state, "serverless_endpoint_reported_workers"),
      "serverless_endpoint_reported_workers{~,view=\"summary\",reported_status=\"running\"} 1\n"
      "serverless_endpoint_reported_workers{~,view=\"summary\",reported_status=\"stopped\"} 0\n"
      "serverless_endpoint_reported_workers{~,view=\"queue\",reported_status=\"running\"} 2\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_queue_ready_workers"),
            "serverless_endpoint_queue_ready_workers{~} 3\n");
}

TEST(RenderEndpoint, AMismatchIsATotalThatIsNotTheListsLength) {
  auto state = endpoint({worker("a", Status::idle)});
  EXPECT_EQ(lines(state, "serverless_endpoint_listed_mismatch"), "");
  state.workers_report.summary_total = 1;
  EXPECT_EQ(lines(state, "serverless_endpoint_listed_mismatch"),
            "serverless_endpoint_listed_mismatch{~} 0\n");
  state.workers_report.summary_total = 4;
  EXPECT_EQ(lines(state, "serverless_endpoint_listed_mismatch"),
            "serverless_endpoint_listed_mismatch{~} 1\n");
  for (const Skip skip : {Skip::not_object, Skip::no_id, Skip::duplicate_id}) {
    state.workers_report.skipped.add(skip, "");
  }
  state.workers_report.skipped.add(Skip::bad_field, "");
  EXPECT_EQ(lines(state, "serverless_endpoint_listed_mismatch"),
            "serverless_endpoint_listed_mismatch{~} 0\n")
      << "malformed records were listed all the same";
}

TEST(RenderEndpoint, ADisagreementIsToldAfterThreePolls) {
  auto state = endpoint();
  set(state, Source::queue, answered(0s));
  state.disagreement = {.polls = 2, .since = kNoon.wall};
  EXPECT_EQ(lines(state, "serverless_endpoint_views_disagree_since_timestamp_seconds"), "");
  state.disagreement.polls = 3;
  EXPECT_EQ(lines(state, "serverless_endpoint_views_disagree_since_timestamp_seconds"),
            "serverless_endpoint_views_disagree_since_timestamp_seconds{~} 1785931200\n");
}

TEST(RenderEndpoint, TheQueueViewIsUpByItsLastPollOnly) {
  auto state = endpoint();
  EXPECT_EQ(lines(state, "serverless_endpoint_queue_view_up"), "");
  set(state, Source::queue, {});
  EXPECT_EQ(lines(state, "serverless_endpoint_queue_view_up"), "") << "not asked yet";
  set(state, Source::queue, answered(0s));
  EXPECT_EQ(lines(state, "serverless_endpoint_queue_view_up"),
            "serverless_endpoint_queue_view_up{~} 1\n");
  state.sources[static_cast<std::size_t>(Source::queue)]->ok = false;
  EXPECT_EQ(lines(state, "serverless_endpoint_queue_view_up"),
            "serverless_endpoint_queue_view_up{~} 0\n");
}

TEST(RenderEndpoint, OnlyWhereThereIsAQueueStatusesCanBeDegraded) {
  auto state = endpoint();
  state.degraded = true;
  EXPECT_EQ(lines(state, "serverless_endpoint_status_degraded"), "");
  set(state, Source::queue, {});
  EXPECT_EQ(lines(state, "serverless_endpoint_status_degraded"),
            "serverless_endpoint_status_degraded{~} 1\n");
  state.degraded = false;
  EXPECT_EQ(lines(state, "serverless_endpoint_status_degraded"),
            "serverless_endpoint_status_degraded{~} 0\n");
}

// ---- catalog, queue, money

TEST(RenderEndpoint, FactsAreLabelsAndAreNotWithdrawn) {
  EndpointState state;
  state.info = {.id = "e1", .name = "my \"llama\"", .kind = "queue", .api = "v2"};
  EXPECT_EQ(lines(state, "serverless_endpoint_info"),
            "serverless_endpoint_info{~,name=\"my \\\"llama\\\"\",kind=\"queue\",api=\"v2\","
            "scaler=\"\"} 1\n");
  EXPECT_EQ(expiry(state, "serverless_endpoint_info"), Mono::max());
}

TEST(RenderEndpoint, TheProvidersStateIsOneOfItsWords) {
  auto state = endpoint();
  set(state, Source::catalog, answered(0s));
  EXPECT_EQ(lines(state, "serverless_endpoint_state"), "");
  state.info.state = "suspended";
  EXPECT_EQ(lines(state, "serverless_endpoint_state"),
            "serverless_endpoint_state{~,state=\"active\"} 0\n"
            "serverless_endpoint_state{~,state=\"suspended\"} 1\n"
            "serverless_endpoint_state{~,state=\"stopped\"} 0\n");
  state.info.state = "frozen";
  EXPECT_EQ(lines(state, "serverless_endpoint_state"),
            "serverless_endpoint_state{~,state=\"active\"} 0\n"
            "serverless_endpoint_state{~,state=\"suspended\"} 0\n"
            "serverless_endpoint_state{~,state=\"stopped\"} 0\n"
            "serverless_endpoint_state{~,state=\"frozen\"} 1\n");
}

TEST(RenderEndpoint, EveryBoundHasItsOwnMetric) {
  auto state = endpoint();
  set(state, Source::catalog, answered(0s));
  state.info = {.id = "e1",
                .workers_min = 1,
                .workers_max = 2,
                .cold_workers = 3,
                .target_utilization_ratio = 0.25,
                .idle_timeout_seconds = 5,
                .execution_timeout_seconds = 6,
                .scaler_value = 7,
                .created_at = Time{8s}};
  state.workers_report.config_version = 9;
  const auto value = [&](const std::string& metric) {
    const auto text = lines(state, metric);
    const auto prefix = metric + "{~} ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : "no such line: " + text;
  };
  EXPECT_EQ(value("serverless_endpoint_spec_workers_min"), "1\n");
  EXPECT_EQ(value("serverless_endpoint_spec_workers_max"), "2\n");
  EXPECT_EQ(value("serverless_endpoint_spec_cold_workers"), "3\n");
  EXPECT_EQ(value("serverless_endpoint_spec_target_utilization_ratio"), "0.25\n");
  EXPECT_EQ(value("serverless_endpoint_spec_idle_timeout_seconds"), "5\n");
  EXPECT_EQ(value("serverless_endpoint_spec_execution_timeout_seconds"), "6\n");
  EXPECT_EQ(value("serverless_endpoint_spec_scaler_value"), "7\n");
  EXPECT_EQ(value("serverless_endpoint_created_timestamp_seconds"), "8\n");
  EXPECT_EQ(value("serverless_endpoint_config_version"), "9\n");
}

TEST(RenderEndpoint, JobsAreTheQueues) {
  auto state = endpoint();
  set(state, Source::queue, answered(5s));
  state.queue = QueueReport{.jobs_in_queue = 1, .jobs_in_progress = 0, .jobs_completed = 90};
  state.completed = {.value = 100, .fell = true};
  state.failed = {.value = 3};
  EXPECT_EQ(lines(state, "serverless_endpoint_jobs_in_queue"),
            "serverless_endpoint_jobs_in_queue{~} 1\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_jobs_in_progress"),
            "serverless_endpoint_jobs_in_progress{~} 0\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_jobs_completed_total"),
            "serverless_endpoint_jobs_completed_total{~} 100\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_jobs_failed_total"),
            "serverless_endpoint_jobs_failed_total{~} 3\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_jobs_retried_total"), "");
  EXPECT_EQ(expiry(state, "serverless_endpoint_jobs_in_queue"), at(5s + kMaxAge).mono);
}

TEST(RenderEndpoint, CapacityIsOfReadyWorkersThatWereBenchmarked) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::idle),
                         worker("c", Status::stopped), worker("d", Status::running)});
  for (auto& one : state.workers.edit()) {
    one.reported.perf = 10;
    one.reported.benchmarked = true;
  }
  EXPECT_EQ(lines(state, "serverless_endpoint_load"), "");
  EXPECT_EQ(lines(state, "serverless_endpoint_capacity"), "") << "a provider without loads";
  state.workers.edit()[0].reported.cur_load = 1.5;
  state.workers.edit()[2].reported.cur_load = 2;
  state.workers.edit()[1].reported.benchmarked = false;
  EXPECT_EQ(lines(state, "serverless_endpoint_load"), "serverless_endpoint_load{~} 3.5\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_capacity"), "serverless_endpoint_capacity{~} 20\n");
}

TEST(RenderEndpoint, CostIsOfTheListWhereTheListHasPrices) {
  auto state = endpoint(
      {worker("a", Status::idle), worker("b", Status::stopped), worker("c", Status::running)});
  state.workers.edit()[0].reported.cost_dollars_per_hour = 0.5;
  state.workers.edit()[1].reported.cost_dollars_per_hour = 8;
  EXPECT_EQ(lines(state, "serverless_endpoint_cost_dollars_per_hour"), "");
  state.workers_report.priced = true;
  EXPECT_EQ(lines(state, "serverless_endpoint_cost_dollars_per_hour"),
            "serverless_endpoint_cost_dollars_per_hour{~} 0.5\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_cost_unpriced_workers"),
            "serverless_endpoint_cost_unpriced_workers{~} 1\n");
}

TEST(RenderEndpoint, CostIsOfTheInstancesWhereTheyHaveThePrices) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::running)});
  set(state, Source::instances, answered(-40s));
  state.instances = std::make_shared<const InstancesReport>(InstancesReport{
      .by_id = {{"a", {.cost_dollars_per_hour = 0.25}}, {"z", {.cost_dollars_per_hour = 9}}}});
  EXPECT_EQ(lines(state, "serverless_endpoint_cost_dollars_per_hour"),
            "serverless_endpoint_cost_dollars_per_hour{~} 0.25\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_cost_unpriced_workers"),
            "serverless_endpoint_cost_unpriced_workers{~} 1\n");
  EXPECT_EQ(expiry(state, "serverless_endpoint_cost_dollars_per_hour"), at(50s).mono);
}

TEST(RenderEndpoint, BillingIsOfTheLastHour) {
  auto state = endpoint();
  set(state, Source::billing, answered(0s));
  state.billing = BillingReport{.dollars = 3.5};
  EXPECT_EQ(lines(state, "serverless_endpoint_billed_dollars"),
            "serverless_endpoint_billed_dollars{~,window=\"hour\"} 3.5\n");
}

TEST(RenderEndpoint, GroupsHaveEveryStatus) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::idle)});
  set(state, Source::groups, answered(0s));
  state.groups = GroupsReport{.groups = {{.id = "g1"}, {.id = "g2"}}};
  state.workers.edit()[1].group_id = "g2";
  EXPECT_EQ(lines(state, "serverless_group_workers"),
            "serverless_group_workers{~,group_id=\"g1\",status=\"running\"} 0\n"
            "serverless_group_workers{~,group_id=\"g1\",status=\"idle\"} 0\n"
            "serverless_group_workers{~,group_id=\"g1\",status=\"stopped\"} 0\n"
            "serverless_group_workers{~,group_id=\"g2\",status=\"running\"} 0\n"
            "serverless_group_workers{~,group_id=\"g2\",status=\"idle\"} 1\n"
            "serverless_group_workers{~,group_id=\"g2\",status=\"stopped\"} 0\n");
}

// ---- our own memory

TEST(RenderEndpoint, CountersExistBeforeTheFirstAnswer) {
  EndpointState state;
  state.info.id = "e1";
  EXPECT_EQ(lines(state, "serverless_endpoint_worker_transitions_total"),
            "serverless_endpoint_worker_transitions_total{~,from=\"running\",to=\"idle\"} 0\n"
            "serverless_endpoint_worker_transitions_total{~,from=\"running\",to=\"stopped\"} 0\n"
            "serverless_endpoint_worker_transitions_total{~,from=\"idle\",to=\"running\"} 0\n"
            "serverless_endpoint_worker_transitions_total{~,from=\"idle\",to=\"stopped\"} 0\n"
            "serverless_endpoint_worker_transitions_total{~,from=\"stopped\",to=\"running\"} 0\n"
            "serverless_endpoint_worker_transitions_total{~,from=\"stopped\",to=\"idle\"} 0\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_workers_appeared_total"),
            "serverless_endpoint_workers_appeared_total{~} 0\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_workers_disappeared_total"),
            "serverless_endpoint_workers_disappeared_total{~} 0\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_workers_skipped_total"),
            "serverless_endpoint_workers_skipped_total{~,reason=\"not_object\"} 0\n"
            "serverless_endpoint_workers_skipped_total{~,reason=\"no_id\"} 0\n"
            "serverless_endpoint_workers_skipped_total{~,reason=\"duplicate_id\"} 0\n"
            "serverless_endpoint_workers_skipped_total{~,reason=\"bad_field\"} 0\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_future_timestamps_total"),
            "serverless_endpoint_future_timestamps_total{~} 0\n");
}

TEST(RenderEndpoint, CountersTellWhatWasCounted) {
  auto state = endpoint();
  state.transitions[static_cast<std::size_t>(Status::idle)]
                   [static_cast<std::size_t>(Status::stopped)] = 4;
  state.appeared = 5;
  state.disappeared = 6;
  state.skipped[static_cast<std::size_t>(Skip::no_id)] = 7;
  state.future_timestamps = 8;
  EXPECT_NE(lines(state, "serverless_endpoint_worker_transitions_total")
                .find("{~,from=\"idle\",to=\"stopped\"} 4\n"),
            std::string::npos);
  EXPECT_EQ(lines(state, "serverless_endpoint_workers_appeared_total"),
            "serverless_endpoint_workers_appeared_total{~} 5\n");
  EXPECT_EQ(lines(state, "serverless_endpoint_workers_disappeared_total"),
            "serverless_endpoint_workers_disappeared_total{~} 6\n");
  EXPECT_NE(
      lines(state, "serverless_endpoint_workers_skipped_total").find("{~,reason=\"no_id\"} 7\n"),
      std::string::npos);
  EXPECT_EQ(lines(state, "serverless_endpoint_future_timestamps_total"),
            "serverless_endpoint_future_timestamps_total{~} 8\n");
}

TEST(RenderEndpoint, PollsAreToldBySource) {
  EndpointState state;
  state.info.id = "e1";
  set(state, Source::queue, {.interval = 30s, .max_age = kMaxAge});
  auto workers = answered(0s);
  workers.polls = 9;
  workers.failures[static_cast<std::size_t>(Reason::dns)] = 2;
  workers.failures[static_cast<std::size_t>(Reason::auth)] = 1;
  set(state, Source::workers, workers);
  const std::string w = "{~,source=\"workers\"";
  const std::string q = "{~,source=\"queue\"";
  const auto expect = [&](const std::string& metric, const std::string& of_workers,
                          const std::string& of_queue) {
    std::string expected = metric + w + "} " + of_workers + "\n";
    if (!of_queue.empty()) expected += metric + q + "} " + of_queue + "\n";
    EXPECT_EQ(lines(state, metric), expected);
  };
  expect("serverless_polls_total", "9", "0");
  expect("serverless_poll_success", "1", "");
  expect("serverless_poll_duration_seconds", "0.25", "");
  expect("serverless_poll_interval_seconds", "30", "30");
  expect("serverless_poll_max_age_seconds", "90", "90");
  expect("serverless_poll_last_success_timestamp_seconds", "1785931200", "");
  expect("serverless_poll_last_attempt_timestamp_seconds", "1785931200", "");
  std::string failures;
  for (const auto& [labels, of_workers] : {std::pair(w, std::array{"0", "2", "1", "0", "0", "0"}),
                                           std::pair(q, std::array{"0", "", "0", "0", "0", "0"})}) {
    constexpr std::array kReasons{"timeout",      "dns",          "auth",
                                  "rate_limited", "server_error", "parse"};
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
      if (std::string_view(of_workers[i]).empty()) continue;
      failures += "serverless_poll_failures_total" + labels + ",reason=\"" + kReasons[i] + "\"} " +
                  of_workers[i] + "\n";
    }
  }
  EXPECT_EQ(lines(state, "serverless_poll_failures_total"), failures);
}

// ---- what is served until when

TEST(RenderExpiry, ABlockCarriesTheEarliestExpiryOfItsNeeds) {
  auto state = endpoint({worker("a", Status::idle)});
  state.counts.fill(0);
  state.workers.edit()[0].uptime_seconds = 1;
  set(state, Source::queue, answered(-20s));
  for (const std::string_view metric :
       {"serverless_endpoint_workers", "serverless_endpoint_ready_workers",
        "serverless_endpoint_oldest_in_status_timestamp_seconds",
        "serverless_endpoint_status_degraded", "serverless_worker_status",
        "serverless_worker_uptime_seconds"}) {
    state.queue_used = false;
    EXPECT_EQ(expiry(state, metric), at(kMaxAge).mono) << metric;
    state.queue_used = true;
    EXPECT_EQ(expiry(state, metric), at(kMaxAge - 20s).mono) << metric;
  }
  set(state, Source::queue, answered(20s));
  EXPECT_EQ(expiry(state, "serverless_endpoint_workers"), at(kMaxAge).mono) << "whichever is older";
  EXPECT_EQ(expiry(state, "serverless_endpoint_workers_native"), at(kMaxAge).mono)
      << "the provider's words do not rest on the queue";
}

TEST(RenderExpiry, WhatNeverAnsweredHasNoBlock) {
  EndpointState state;
  state.info.id = "e1";
  state.workers = {worker("a", Status::idle)};
  state.counts.fill(0);
  set(state, Source::workers, {.max_age = kMaxAge});
  for (const auto& one : render_all(state)) {
    EXPECT_EQ(rows()[one.row].needs, 0) << rows()[one.row].name;
    EXPECT_EQ(one.expires, Mono::max()) << rows()[one.row].name;
  }
}

TEST(RenderExpiry, WhatWeRememberIsNotWithdrawn) {
  auto state = endpoint({worker("a", Status::idle)});
  for (const std::string_view metric :
       {"serverless_endpoint_info", "serverless_endpoint_worker_transitions_total",
        "serverless_endpoint_workers_appeared_total",
        "serverless_endpoint_workers_disappeared_total",
        "serverless_endpoint_workers_skipped_total", "serverless_endpoint_future_timestamps_total",
        "serverless_polls_total", "serverless_poll_failures_total", "serverless_poll_success",
        "serverless_poll_last_success_timestamp_seconds"}) {
    EXPECT_EQ(expiry(state, metric), Mono::max()) << metric;
  }
}

TEST(RenderExpiry, BlocksStandInTheOrderOfTheTableAndCountTheirSeries) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::idle)});
  state.counts.fill(0);
  const auto blocks = render_all(state);
  EXPECT_GT(blocks.size(), 10U);
  for (std::size_t i = 1; i < blocks.size(); ++i) EXPECT_LT(blocks[i - 1].row, blocks[i].row);
  for (const auto& one : blocks) {
    EXPECT_EQ(std::count(one.text.begin(), one.text.end(), '\n'), one.series);
    EXPECT_GT(one.series, 0U);
    EXPECT_EQ(is_of_workers(one), rows()[one.row].name.starts_with("serverless_worker_"))
        << rows()[one.row].name;
  }
}

// ---- workers

TEST(RenderWorker, InfoHasEveryLabelInThisOrder) {
  auto state = endpoint({worker("w\"1", Status::idle)});
  auto& reported = state.workers.edit()[0].reported;
  reported.gpu_type = "H100";
  reported.location = "EU";
  reported.version = "3";
  reported.kind = "cloud";
  reported.interruptible = false;
  reported.image = "acme/llama:1";
  reported.name = "jane";
  state.workers.edit()[0].group_id = "g1";
  const std::string begin =
      "serverless_worker_info{~,worker_id=\"w\\\"1\",gpu_type=\"H100\",location=\"EU\","
      "version=\"3\",kind=\"cloud\",group_id=\"g1\",interruptible=\"false\",image=\"";
  EXPECT_EQ(lines(state, "serverless_worker_info"), begin + "\",name=\"jane\"} 1\n");
  const Context with{.provider = &kProvider, .series = {.image_label = true}};
  EXPECT_EQ(lines(state, "serverless_worker_info", with),
            begin + "acme/llama:1\",name=\"jane\"} 1\n");
}

TEST(RenderWorker, WhatTheListDoesNotKnowComesFromTheInstance) {
  auto state = endpoint({worker("a", Status::idle)});
  set(state, Source::instances, answered(0s));
  state.instances = std::make_shared<const InstancesReport>(
      InstancesReport{.by_id = {{"a",
                                 {.gpu_type = "A40",
                                  .location = "US",
                                  .gpus = 2,
                                  .gpu_utilization_ratio = 0.5,
                                  .cost_dollars_per_hour = 0.75}}}});
  EXPECT_NE(lines(state, "serverless_worker_info").find("gpu_type=\"A40\",location=\"US\""),
            std::string::npos);
  EXPECT_EQ(lines(state, "serverless_worker_gpus"),
            "serverless_worker_gpus{~,worker_id=\"a\"} 2\n");
  EXPECT_EQ(lines(state, "serverless_worker_gpu_utilization_ratio"),
            "serverless_worker_gpu_utilization_ratio{~,worker_id=\"a\"} 0.5\n");
  EXPECT_EQ(lines(state, "serverless_worker_cost_dollars_per_hour"),
            "serverless_worker_cost_dollars_per_hour{~,worker_id=\"a\"} 0.75\n");
  state.workers.edit()[0].reported.gpu_type = "own";
  state.workers.edit()[0].reported.gpus = 1;
  EXPECT_NE(lines(state, "serverless_worker_info").find("gpu_type=\"own\",location=\"US\""),
            std::string::npos);
  EXPECT_EQ(lines(state, "serverless_worker_gpus"),
            "serverless_worker_gpus{~,worker_id=\"a\"} 1\n");
}

TEST(RenderWorker, StatusIsOneSeriesAStatusOrOnlyTheOneThatIs) {
  const auto state = endpoint({worker("a", Status::idle), worker("b", Status::stopped)});
  EXPECT_EQ(lines(state, "serverless_worker_status"),
            "serverless_worker_status{~,worker_id=\"a\",status=\"running\"} 0\n"
            "serverless_worker_status{~,worker_id=\"a\",status=\"idle\"} 1\n"
            "serverless_worker_status{~,worker_id=\"a\",status=\"stopped\"} 0\n"
            "serverless_worker_status{~,worker_id=\"b\",status=\"running\"} 0\n"
            "serverless_worker_status{~,worker_id=\"b\",status=\"idle\"} 0\n"
            "serverless_worker_status{~,worker_id=\"b\",status=\"stopped\"} 1\n");
  const Context active{.provider = &kProvider,
                       .series = {.worker_status = config::WorkerStatusSeries::active}};
  EXPECT_EQ(lines(state, "serverless_worker_status", active),
            "serverless_worker_status{~,worker_id=\"a\",status=\"idle\"} 1\n"
            "serverless_worker_status{~,worker_id=\"b\",status=\"stopped\"} 1\n");
}

TEST(RenderWorker, SinceWhenIsToldOnlyOfAChangeThatWasSeen) {
  auto state = endpoint({worker("a", Status::idle), worker("b", Status::idle)});
  state.workers.edit()[1].change_seen = true;
  EXPECT_EQ(lines(state, "serverless_worker_status_since_timestamp_seconds"),
            "serverless_worker_status_since_timestamp_seconds{~,worker_id=\"b\"} 1785931200\n");
}

TEST(RenderWorker, StaleIsAbsentWhereItIsNotKnown) {
  auto state =
      endpoint({worker("a", Status::idle), worker("b", Status::idle), worker("c", Status::idle)});
  state.workers.edit()[1].staleness = Staleness::current;
  state.workers.edit()[2].staleness = Staleness::image;
  EXPECT_EQ(lines(state, "serverless_worker_stale"),
            "serverless_worker_stale{~,worker_id=\"b\"} 0\n"
            "serverless_worker_stale{~,worker_id=\"c\"} 1\n");
}

TEST(RenderWorker, EveryFieldHasItsOwnMetric) {
  auto state = endpoint({worker("a", Status::idle)});
  state.workers.edit()[0].uptime_seconds = 1;
  auto& reported = state.workers.edit()[0].reported;
  reported.started_at = Time{2s};
  reported.created_at = Time{3s};
  reported.model_loaded_at = Time{4s};
  reported.cur_load = 5;
  reported.new_load = 6;
  reported.cur_load_rolling_avg = 7;
  reported.cur_perf = 8;
  reported.perf = 9;
  reported.measured_perf = 10;
  reported.benchmarked = true;
  reported.dlperf = 12;
  reported.reliability_ratio = 0.5;
  reported.requests_in_flight = 14;
  reported.disk_usage_bytes = 15;
  reported.gpus = 16;
  reported.vcpus = 17;
  reported.memory_bytes = 18;
  reported.maintenance_start = Time{19s};
  reported.maintenance_end = Time{20s};
  reported.cost_dollars_per_hour = 21;
  reported.last_heartbeat = Time{22s};
  reported.last_active = Time{23s};
  std::string text;
  for (const auto& one : render_all(state)) {
    const auto& row = rows()[one.row];
    const bool other =
        row.name == "serverless_worker_info" || row.name == "serverless_worker_status";
    if (!is_of_workers(one) || other) continue;
    text += one.text;
  }
  const std::string labels = "{" + std::string(kBase) + ",worker_id=\"a\"} ";
  std::string expected;
  for (const auto& [metric, value] : std::vector<std::pair<std::string, std::string>>{
           {"uptime_seconds", "1"},
           {"start_time_seconds", "2"},
           {"created_timestamp_seconds", "3"},
           {"model_loaded_timestamp_seconds", "4"},
           {"cur_load", "5"},
           {"new_load", "6"},
           {"cur_load_rolling_avg", "7"},
           {"cur_perf", "8"},
           {"perf", "9"},
           {"measured_perf", "10"},
           {"benchmarked", "1"},
           {"dlperf_score", "12"},
           {"reliability_ratio", "0.5"},
           {"requests_in_flight", "14"},
           {"disk_usage_bytes", "15"},
           {"gpus", "16"},
           {"vcpus", "17"},
           {"memory_bytes", "18"},
           {"maintenance_start_timestamp_seconds", "19"},
           {"maintenance_end_timestamp_seconds", "20"},
           {"cost_dollars_per_hour", "21"},
           {"last_heartbeat_timestamp_seconds", "22"},
           {"last_active_timestamp_seconds", "23"}}) {
    expected += "serverless_worker_" + metric + labels + value + "\n";
  }
  EXPECT_EQ(text, expected);
}

TEST(RenderWorker, WhatIsNotReportedHasNoSeries) {
  const auto state = endpoint({worker("a", Status::idle)});
  for (const auto& one : render_all(state)) {
    if (!is_of_workers(one)) continue;
    const auto metric = rows()[one.row].name;
    EXPECT_TRUE(metric == "serverless_worker_info" || metric == "serverless_worker_status")
        << metric;
  }
}

TEST(RenderWorker, SeriesOfSingleWorkersCanBeSwitchedOff) {
  auto state = endpoint({worker("a", Status::idle)});
  state.counts.fill(0);
  const Context off{.provider = &kProvider, .series = {.workers = false}};
  for (const auto& one : render_all(state, off)) {
    EXPECT_FALSE(is_of_workers(one)) << one.text;
    EXPECT_EQ(one.text.find("worker_id"), std::string::npos) << one.text;
  }
  EXPECT_NE(lines(state, "serverless_endpoint_workers", off), "");
}

// ---- accounts

AccountState account() {
  AccountState state;
  state.name = "prod";
  state.provider = &kProvider;
  return state;
}

std::string account_lines(const AccountState& state, std::string_view metric) {
  const auto blocks = render(state);
  const auto* found = block(blocks, metric);
  return found == nullptr ? "" : found->text;
}

TEST(RenderAccount, ANewOneHasItsCountersAtZero) {
  std::string text;
  for (const auto& one : render(account())) text += one.text;
  const std::string labels = R"({provider="acme",account="prod")";
  std::string expected = "serverless_account_endpoints" + labels + "} 0\n" +
                         "serverless_account_endpoints_removed_total" + labels + "} 0\n";
  for (const auto reason : kReasonNames) {
    expected += "serverless_account_poll_failures_total" + labels + ",reason=\"" +
                std::string(reason) + "\"} 0\n";
  }
  EXPECT_EQ(text, expected);
}

TEST(RenderAccount, TellsOfItsApis) {
  auto state = account();
  state.apis["control"] = {.up = true, .skew = -1500ms};
  state.apis["queue"] = {.up = false, .backoff_until = kNoon.wall};
  state.apis["unasked"] = {};
  const std::string labels = R"({provider="acme",account="prod",api=)";
  EXPECT_EQ(account_lines(state, "serverless_account_up"),
            "serverless_account_up" + labels + "\"control\"} 1\n" + "serverless_account_up" +
                labels + "\"queue\"} 0\n");
  EXPECT_EQ(account_lines(state, "serverless_api_clock_skew_seconds"),
            "serverless_api_clock_skew_seconds" + labels + "\"control\"} -1.5\n");
  EXPECT_EQ(account_lines(state, "serverless_api_backoff_until_timestamp_seconds"),
            "serverless_api_backoff_until_timestamp_seconds" + labels + "\"queue\"} 1785931200\n");
}

TEST(RenderAccount, RequestsAndTheirDurations) {
  auto state = account();
  state.requests[{"control", "list", "200"}] = 3;
  state.durations[{"control", "list"}].observe(0.2);
  state.durations[{"control", "list"}].observe(0.3);
  state.durations[{"control", "list"}].observe(31);
  const std::string labels = R"({provider="acme",account="prod",api="control",operation="list")";
  EXPECT_EQ(account_lines(state, "serverless_api_requests_total"),
            "serverless_api_requests_total" + labels + ",code=\"200\"} 3\n");
  std::string expected;
  for (const auto& [le, count] : std::vector<std::pair<std::string, std::string>>{{"0.05", "0"},
                                                                                  {"0.1", "0"},
                                                                                  {"0.25", "1"},
                                                                                  {"0.5", "2"},
                                                                                  {"1.0", "2"},
                                                                                  {"2.5", "2"},
                                                                                  {"5.0", "2"},
                                                                                  {"10.0", "2"},
                                                                                  {"30.0", "2"},
                                                                                  {"+Inf", "3"}}) {
    expected += "serverless_api_request_duration_seconds_bucket" + labels + ",le=\"" + le + "\"} " +
                count + "\n";
  }
  expected += "serverless_api_request_duration_seconds_sum" + labels + "} 31.5\n";
  expected += "serverless_api_request_duration_seconds_count" + labels + "} 3\n";
  EXPECT_EQ(account_lines(state, "serverless_api_request_duration_seconds"), expected);
}

TEST(RenderAccount, OrphansExpireWithTheOldestList) {
  auto state = account();
  state.exhaustive = true;
  auto known = endpoint({worker("a", Status::idle)});
  set(known, Source::instances, answered(-20s));
  known.instances =
      std::make_shared<const InstancesReport>(InstancesReport{.by_id = {{"a", {}}, {"z", {}}}});
  state.endpoints["e1"] = std::make_shared<const EndpointState>(known);
  EXPECT_EQ(account_lines(state, "serverless_account_orphan_instances"),
            "serverless_account_orphan_instances{provider=\"acme\",account=\"prod\"} 1\n");
  const auto blocks = render(state);
  EXPECT_EQ(block(blocks, "serverless_account_orphan_instances")->expires, at(kMaxAge - 20s).mono);
  EXPECT_EQ(account_lines(state, "serverless_account_endpoints"),
            "serverless_account_endpoints{provider=\"acme\",account=\"prod\"} 1\n");
}

TEST(RenderAccount, HowManyEndpointsAreListedExpiresWithTheList) {
  auto state = account();
  state.endpoints_listed = Expiring{.value = 5, .expires = at(kMaxAge - 20s).mono};
  EXPECT_EQ(account_lines(state, "serverless_account_endpoints_listed"),
            "serverless_account_endpoints_listed{provider=\"acme\",account=\"prod\"} 5\n");
  const auto blocks = render(state);
  EXPECT_EQ(block(blocks, "serverless_account_endpoints_listed")->expires, at(kMaxAge - 20s).mono);
}

// ---- headers

TEST(FamilyHeader, IsHelpAndType) {
  EXPECT_EQ(family_header({.name = "m", .type = MetricType::counter, .help = "What it tells."}),
            "# HELP m What it tells.\n# TYPE m counter\n");
  EXPECT_EQ(family_header({.name = "m", .type = MetricType::histogram, .help = "a\\b\nc \"d\""}),
            "# HELP m a\\\\b\\nc \"d\"\n# TYPE m histogram\n");
}

TEST(FamilyHeader, SaysWhatIsCached) {
  EXPECT_EQ(family_header({.name = "m", .help = "What it tells.", .needs = bit(Source::workers)}),
            "# HELP m What it tells. Cached: at most serverless_poll_max_age_seconds old.\n"
            "# TYPE m gauge\n");
}

}  // namespace
}  // namespace serverless::daemon
