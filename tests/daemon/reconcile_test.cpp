#include "daemon/reconcile.hpp"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr milliseconds kInterval = 30s;
constexpr milliseconds kMaxAge = 90s;

Now at(milliseconds after_noon) {
  return {.mono = kNoon.mono + after_noon, .wall = kNoon.wall + after_noon};
}

Landing landing(milliseconds after_noon) {
  return {
      .sent = at(after_noon), .landed = at(after_noon), .interval = kInterval, .max_age = kMaxAge};
}

EndpointState take(EndpointState state, milliseconds after_noon, Source source,
                   Result<Report> result) {
  return reconcile(std::move(state),
                   {.endpoint_id = "e1", .source = source, .result = std::move(result)},
                   landing(after_noon));
}

EndpointState lists(EndpointState state, milliseconds after_noon, WorkersReport report) {
  return take(std::move(state), after_noon, Source::workers, Report{std::move(report)});
}

EndpointState queues(EndpointState state, milliseconds after_noon, QueueReport report) {
  return take(std::move(state), after_noon, Source::queue, Report{std::move(report)});
}

EndpointState fails(EndpointState state, milliseconds after_noon, Source source, Error error) {
  return take(std::move(state), after_noon, source, tl::make_unexpected(std::move(error)));
}

Worker worker(std::string id, Status status) {
  return {.id = std::move(id), .native_status = std::string(name(status)), .status = status};
}

Worker worker(std::string id, Status status, std::string native) {
  return {.id = std::move(id), .native_status = std::move(native), .status = status};
}

WorkersReport report(std::vector<Worker> workers) { return {.workers = std::move(workers)}; }

// RunPod v1: the list knows the lifecycle only.
WorkersReport lifecycle(std::vector<Worker> workers) {
  return {.workers = std::move(workers), .lifecycle_only = true};
}

WorkersReport actives(int count) {
  std::vector<Worker> workers;
  for (int i = 0; i < count; ++i) {
    workers.push_back(worker("w" + std::to_string(i), Status::active, "running"));
  }
  return lifecycle(std::move(workers));
}

using Counted = std::initializer_list<std::pair<Status, std::int64_t>>;

StatusCounts said(Counted counted) {
  StatusCounts counts;
  for (const auto& [status, count] : counted) counts[static_cast<std::size_t>(status)] = count;
  return counts;
}

StatusCounts published(Counted counted) {
  StatusCounts counts;
  counts.fill(0);
  for (const auto& [status, count] : counted) counts[static_cast<std::size_t>(status)] = count;
  return counts;
}

QueueReport queue(Counted counted) { return {.workers = said(counted)}; }

std::vector<Status> statuses(const EndpointState& state) {
  std::vector<Status> result;
  for (const auto& known : state.workers) result.push_back(known.status);
  return result;
}

std::uint64_t transitions(const EndpointState& state) {
  std::uint64_t sum = 0;
  for (const auto& from : state.transitions) {
    for (const auto count : from) sum += count;
  }
  return sum;
}

std::uint64_t transitions(const EndpointState& state, Status from, Status to) {
  return state.transitions[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

Staleness staleness(const EndpointState& state) { return state.workers[0].staleness; }

// ---- RunPod v1: lifecycle and queue view together

TEST(ReconcileV1, ASingleActiveWorkerIsWhatTheQueueCountsIt) {
  for (const Status status : {Status::running, Status::initializing, Status::throttled,
                              Status::unhealthy, Status::idle}) {
    const auto state = queues(lists({}, 0s, actives(1)), 1s, queue({{status, 1}}));
    EXPECT_EQ(statuses(state), std::vector{status}) << name(status);
    EXPECT_EQ(state.counts, published({{status, 1}})) << name(status);
    EXPECT_FALSE(state.degraded);
    EXPECT_TRUE(state.queue_used);
  }
}

TEST(ReconcileV1, WhereTheQueueCountsSeveralKindsNothingIsProvenOfASingleWorker) {
  const auto state = queues(lists({}, 0s, actives(1)), 1s,
                            queue({{Status::running, 1}, {Status::initializing, 1}}));
  EXPECT_EQ(statuses(state), std::vector{Status::active});
  EXPECT_EQ(state.counts, published({{Status::active, 1}}));
}

TEST(ReconcileV1, MoreOfOneKindThanAreListedAreStillAllAlike) {
  const auto state = queues(lists({}, 0s, actives(1)), 1s, queue({{Status::throttled, 3}}));
  EXPECT_EQ(statuses(state), std::vector{Status::throttled});
  EXPECT_EQ(state.counts, published({{Status::throttled, 1}}));
}

TEST(ReconcileV1, TheQueueViewMayComeBeforeTheList) {
  const auto state = lists(queues({}, 0s, queue({{Status::idle, 1}})), 1s, actives(1));
  EXPECT_EQ(statuses(state), std::vector{Status::idle});
  EXPECT_TRUE(state.queue_used);
}

TEST(ReconcileV1, SeveralWorkersAreCountedByTheQueueAndEachIsNoMoreThanActive) {
  const auto state = queues(lists({}, 0s, actives(3)), 1s,
                            queue({{Status::running, 1},
                                   {Status::idle, 2},
                                   {Status::initializing, 0},
                                   {Status::throttled, 0},
                                   {Status::unhealthy, 0}}));
  EXPECT_EQ(statuses(state), (std::vector{Status::active, Status::active, Status::active}));
  EXPECT_EQ(state.counts, published({{Status::running, 1}, {Status::idle, 2}}));
  EXPECT_TRUE(state.queue_used);
  EXPECT_FALSE(state.degraded);
}

TEST(ReconcileV1, SeveralWorkersThatAreAllAlikeAreProvenOneByOne) {
  const auto state =
      queues(lists({}, 0s, actives(2)), 1s, queue({{Status::idle, 2}, {Status::running, 0}}));
  EXPECT_EQ(statuses(state), (std::vector{Status::idle, Status::idle}));
  EXPECT_EQ(state.counts, published({{Status::idle, 2}}));
}

TEST(ReconcileV1, FewerCountedThanListedProveNothingOfEach) {
  const auto state = queues(lists({}, 0s, actives(3)), 1s, queue({{Status::idle, 2}}));
  EXPECT_EQ(statuses(state), (std::vector{Status::active, Status::active, Status::active}));
}

TEST(ReconcileV1, AStatusThatTheQueueLeftOutIsAbsentAndNotZero) {
  const auto state =
      queues(lists({}, 0s, actives(2)), 1s, queue({{Status::running, 1}, {Status::idle, 1}}));
  auto expected = published({{Status::running, 1}, {Status::idle, 1}});
  for (const Status missing : {Status::initializing, Status::throttled, Status::unhealthy}) {
    expected[static_cast<std::size_t>(missing)].reset();
  }
  EXPECT_EQ(state.counts, expected);
}

TEST(ReconcileV1, AQueueThatCountsNobodyProvesNothing) {
  const auto zeros = queue({{Status::running, 0},
                            {Status::idle, 0},
                            {Status::initializing, 0},
                            {Status::throttled, 0},
                            {Status::unhealthy, 0}});
  const auto one = queues(lists({}, 0s, actives(1)), 1s, zeros);
  EXPECT_EQ(statuses(one), std::vector{Status::active});
  EXPECT_EQ(one.counts, published({{Status::active, 1}}));
  const auto two = queues(lists({}, 0s, actives(2)), 1s, zeros);
  EXPECT_EQ(statuses(two), (std::vector{Status::active, Status::active}));
  EXPECT_EQ(two.counts, published({{Status::active, 2}}));
}

TEST(ReconcileV1, AWorkerThatIsNotUpKeepsItsOwnStatus) {
  auto listed = actives(1);
  listed.workers.push_back(worker("z", Status::stopped, "exited"));
  const auto state = queues(lists({}, 0s, std::move(listed)), 1s, queue({{Status::running, 1}}));
  EXPECT_EQ(statuses(state), (std::vector{Status::running, Status::stopped}));
  EXPECT_EQ(state.counts, published({{Status::running, 1}, {Status::stopped, 1}}));
}

TEST(ReconcileV1, WithoutAWorkerThatIsUpTheQueueIsNotUsed) {
  const auto state = queues(lists({}, 0s, lifecycle({worker("a", Status::stopped, "exited")})), 1s,
                            queue({{Status::idle, 1}}));
  EXPECT_FALSE(state.queue_used);
  EXPECT_EQ(state.counts, published({{Status::stopped, 1}}));
}

TEST(ReconcileV1, WithoutAQueueViewTheStatusesAreDegraded) {
  const auto state = lists({}, 0s, actives(2));
  EXPECT_TRUE(state.degraded);
  EXPECT_FALSE(state.queue_used);
  EXPECT_EQ(state.counts, published({{Status::active, 2}}));
}

TEST(ReconcileV1, AnExpiredQueueViewLeavesTheLifecycleOnly) {
  auto state = queues(lists({}, 0s, actives(1)), 0s, queue({{Status::running, 1}}));
  state = lists(std::move(state), 60s, actives(1));
  EXPECT_FALSE(settle(state, at(kMaxAge)).degraded);
  const auto settled = settle(state, at(kMaxAge + 1ms));
  EXPECT_TRUE(settled.degraded);
  EXPECT_FALSE(settled.queue_used);
  EXPECT_EQ(statuses(settled), std::vector{Status::active});
  EXPECT_EQ(settled.counts, published({{Status::active, 1}}));
  EXPECT_EQ(transitions(settled), 0U);
}

TEST(ReconcileV1, AQueueViewThatExpiresAfterTheListIsLetGoOf) {
  // Otherwise whoever waits for its expiry would find it expired for ever.
  auto state = queues(lists({}, 0s, actives(1)), 10s, queue({{Status::running, 1}}));
  ASSERT_TRUE(state.queue_used);
  EXPECT_FALSE(settle(state, at(kMaxAge + 11s)).queue_used);
}

TEST(ReconcileV1, AQueueViewThatAccountsForFewerThanAreUpAndLeavesKeysOutIsNone) {
  const auto state = queues(lists({}, 0s, actives(3)), 1s, queue({{Status::initializing, 1}}));
  EXPECT_TRUE(state.degraded);
  EXPECT_EQ(state.counts, published({{Status::active, 3}}));
  const auto jobs_only = queues(lists({}, 0s, actives(1)), 1s, queue({}));
  EXPECT_TRUE(jobs_only.degraded);
}

TEST(ReconcileV1, ANewListWithAnExpiredQueueViewIsDegraded) {
  auto state = queues(lists({}, 0s, actives(1)), 0s, queue({{Status::running, 1}}));
  state = lists(std::move(state), kMaxAge + 1s, actives(1));
  EXPECT_TRUE(state.degraded);
  EXPECT_EQ(statuses(state), std::vector{Status::active});
}

TEST(ReconcileV1, AFailedQueuePollAfterItsViewExpiredDegradesToo) {
  auto state = queues(lists({}, 0s, actives(1)), 0s, queue({{Status::running, 1}}));
  state = lists(std::move(state), 60s, actives(1));
  state = fails(std::move(state), 80s, Source::queue, {.reason = Reason::timeout});
  EXPECT_FALSE(state.degraded);
  state = fails(std::move(state), 91s, Source::queue, {.reason = Reason::timeout});
  EXPECT_TRUE(state.degraded);
}

TEST(ReconcileV1, ANewQueueViewEndsTheDegradation) {
  const auto state = queues(lists({}, 0s, actives(1)), 30s, queue({{Status::idle, 1}}));
  EXPECT_FALSE(state.degraded);
}

TEST(ReconcileV1, WithoutAFreshListNothingIsDerived) {
  auto state = queues(lists({}, 0s, actives(1)), 0s, queue({{Status::running, 1}}));
  state = queues(std::move(state), kMaxAge + 1s, queue({{Status::idle, 1}}));
  EXPECT_EQ(statuses(state), std::vector{Status::running});
}

// ---- RunPod v2: degraded by a heuristic, two views

WorkersReport summarised(Counted counted, Status status = Status::running) {
  return {.workers = {worker("a", status)}, .summary = said(counted)};
}

QueueReport in_progress(std::int64_t jobs) { return {.jobs_in_progress = jobs}; }

// One poll of both views, the queue a second after the list.
EndpointState both(EndpointState state, milliseconds when, WorkersReport list, QueueReport view) {
  return queues(lists(std::move(state), when, std::move(list)), when + 1s, std::move(view));
}

TEST(ReconcileV2, ThreePairsWithRunningWorkersAndNoJobAreDegraded) {
  const auto running = summarised({{Status::running, 1}});
  auto state = both({}, 0s, running, in_progress(0));
  state = both(std::move(state), 30s, running, in_progress(0));
  EXPECT_FALSE(state.degraded);
  EXPECT_EQ(statuses(state), std::vector{Status::running});
  state = both(std::move(state), 60s, running, in_progress(0));
  EXPECT_TRUE(state.degraded);
  EXPECT_EQ(statuses(state), std::vector{Status::active});
  EXPECT_EQ(state.counts, published({{Status::active, 1}}));
  EXPECT_EQ(transitions(state), 0U);
}

TEST(ReconcileV2, OneJobInProgressEndsTheDegradation) {
  const auto running = summarised({{Status::running, 1}});
  EndpointState state;
  for (int i = 0; i < 3; ++i) state = both(std::move(state), i * 30s, running, in_progress(0));
  ASSERT_TRUE(state.degraded);
  state = both(std::move(state), 90s, running, in_progress(1));
  EXPECT_FALSE(state.degraded);
  EXPECT_EQ(statuses(state), std::vector{Status::running});
  EXPECT_EQ(transitions(state), 0U);
  EXPECT_FALSE(state.workers[0].change_seen);
}

TEST(ReconcileV2, APairThatAgreesStartsTheCountAnew) {
  const auto running = summarised({{Status::running, 1}});
  auto state = both({}, 0s, running, in_progress(0));
  state = both(std::move(state), 30s, running, in_progress(0));
  state = both(std::move(state), 60s, running, in_progress(2));
  state = both(std::move(state), 90s, running, in_progress(0));
  state = both(std::move(state), 120s, running, in_progress(0));
  EXPECT_FALSE(state.degraded);
}

TEST(ReconcileV2, WithoutRunningWorkersNoJobIsNoSign) {
  EndpointState state;
  for (int i = 0; i < 4; ++i) {
    state =
        both(std::move(state), i * 30s,
             summarised({{Status::running, 0}, {Status::idle, 1}}, Status::idle), in_progress(0));
  }
  EXPECT_FALSE(state.degraded);
}

TEST(ReconcileV2, AQueueThatDoesNotCountJobsIsNoSign) {
  EndpointState state;
  for (int i = 0; i < 4; ++i) {
    state = both(std::move(state), i * 30s, summarised({{Status::running, 1}}), QueueReport{});
  }
  EXPECT_FALSE(state.degraded);
}

TEST(ReconcileV2, APairNeedsNewsFromBothViews) {
  const auto running = summarised({{Status::running, 1}});
  auto state = both({}, 0s, running, in_progress(0));
  for (int i = 1; i < 5; ++i) state = lists(std::move(state), 1s + i * 10s, running);
  EXPECT_EQ(state.degradation, (Streak{.polls = 1, .since = at(1s).wall}));
  state = queues(std::move(state), 50s, in_progress(0));
  for (int i = 1; i < 5; ++i) state = queues(std::move(state), 50s + i * 1s, in_progress(0));
  EXPECT_EQ(state.degradation, (Streak{.polls = 2, .since = at(1s).wall}));
  EXPECT_FALSE(state.degraded);
}

TEST(ReconcileV2, ViewsThatDifferThreeTimesDisagreeSinceTheFirst) {
  const QueueReport view{.workers = said({{Status::running, 2}}), .jobs_in_progress = 1};
  const auto list = summarised({{Status::running, 1}});
  EndpointState state;
  for (int i = 0; i < 3; ++i) state = both(std::move(state), i * 30s, list, view);
  EXPECT_EQ(state.disagreement, (Streak{.polls = 3, .since = at(1s).wall}));
  state = both(std::move(state), 90s, summarised({{Status::running, 2}}), view);
  EXPECT_EQ(state.disagreement, Streak{});
}

TEST(ReconcileV2, EachOfTheFiveSharedStatusesIsCompared) {
  for (const Status status : {Status::running, Status::idle, Status::initializing,
                              Status::throttled, Status::unhealthy}) {
    const auto state = both({}, 0s, summarised({{status, 1}}, Status::idle), queue({{status, 2}}));
    EXPECT_EQ(state.disagreement.polls, 1) << name(status);
  }
}

TEST(ReconcileV2, WhatOneViewDoesNotCountIsNoDifference) {
  const auto state =
      both({}, 0s, summarised({{Status::running, 1}, {Status::stopped, 4}}, Status::idle),
           queue({{Status::idle, 1}, {Status::stopped, 0}}));
  EXPECT_EQ(state.disagreement, Streak{});
}

TEST(ReconcileV2, ViewsThatDisagreeAreBothKept) {
  const auto list = summarised({{Status::running, 1}});
  const QueueReport view{.workers = said({{Status::running, 2}}), .jobs_in_progress = 1};
  const auto state = both({}, 0s, list, view);
  EXPECT_EQ(state.workers_report.summary, list.summary);
  EXPECT_EQ(state.queue, view);
  EXPECT_EQ(state.counts, published({{Status::running, 1}}));
}

TEST(ReconcileV2, AnExpiredViewEndsTheDisagreement) {
  const QueueReport view{.workers = said({{Status::running, 2}}), .jobs_in_progress = 1};
  EndpointState state;
  for (int i = 0; i < 3; ++i) {
    state = both(std::move(state), i * 30s, summarised({{Status::running, 1}}), view);
  }
  state = settle(std::move(state), at(61s + kMaxAge + 1ms));
  EXPECT_EQ(state.disagreement, Streak{});
}

// ---- what we remember

TEST(Reconcile, TheFirstListIsABaselineThatCountsNothing) {
  const auto state =
      lists({}, 0s, report({worker("a", Status::running), worker("b", Status::idle)}));
  EXPECT_EQ(state.appeared, 0U);
  EXPECT_EQ(state.disappeared, 0U);
  EXPECT_EQ(transitions(state), 0U);
  ASSERT_EQ(state.workers.size(), 2U);
  EXPECT_EQ(state.workers[0].status_since, kNoon.wall);
  EXPECT_FALSE(state.workers[0].change_seen);
  EXPECT_FALSE(state.workers[1].change_seen);
}

TEST(Reconcile, WorkersAreKeptById) {
  const auto state = lists({}, 0s,
                           report({worker("c", Status::idle), worker("a", Status::running),
                                   worker("b", Status::throttled)}));
  EXPECT_EQ(statuses(state), (std::vector{Status::running, Status::throttled, Status::idle}));
}

TEST(Reconcile, AChangeThatWeSawIsCountedAndDated) {
  auto state = lists({}, 0s, report({worker("a", Status::initializing)}));
  state = lists(std::move(state), 30s, report({worker("a", Status::idle)}));
  EXPECT_EQ(transitions(state, Status::initializing, Status::idle), 1U);
  EXPECT_EQ(transitions(state), 1U);
  EXPECT_EQ(state.workers[0].status_since, at(30s).wall);
  EXPECT_TRUE(state.workers[0].change_seen);
  state = lists(std::move(state), 60s, report({worker("a", Status::idle)}));
  EXPECT_EQ(transitions(state), 1U);
  EXPECT_EQ(state.workers[0].status_since, at(30s).wall);
  EXPECT_TRUE(state.workers[0].change_seen);
}

TEST(Reconcile, TheFirstListAfterAnExpiryIsABaselineAgain) {
  auto state = lists({}, 0s, report({worker("a", Status::idle), worker("b", Status::idle)}));
  state = lists(std::move(state), 30s, report({worker("a", Status::running)}));
  const milliseconds later = 30s + kMaxAge + 1s;
  state = lists(std::move(state), later,
                report({worker("a", Status::unhealthy), worker("c", Status::idle)}));
  EXPECT_EQ(state.appeared, 0U);
  EXPECT_EQ(state.disappeared, 1U);
  EXPECT_EQ(transitions(state), 1U);
  EXPECT_EQ(state.workers[0].status, Status::unhealthy);
  EXPECT_EQ(state.workers[0].status_since, at(later).wall);
  EXPECT_FALSE(state.workers[0].change_seen);
}

TEST(Reconcile, TheFirstListOfANewKeyIsABaselineToo) {
  auto state = lists({}, 0s, report({worker("a", Status::idle), worker("b", Status::idle)}));
  state.expects_baseline = true;
  state = lists(std::move(state), 30s,
                report({worker("a", Status::running), worker("c", Status::idle)}));
  EXPECT_EQ(state.appeared, 0U);
  EXPECT_EQ(state.disappeared, 0U);
  EXPECT_EQ(transitions(state), 0U);
  EXPECT_FALSE(state.workers[0].change_seen);
  state = lists(std::move(state), 60s, report({worker("a", Status::running)}));
  EXPECT_EQ(state.disappeared, 1U) << "only the first";
}

// As another member of a cluster hands it on: without an answer of one's own.
EndpointState handed_on(EndpointState state) {
  for (auto& source : state.sources) {
    if (!source) continue;
    source = SourceState{.handed = last_told(*source), .max_age = source->max_age};
  }
  return state;
}

TEST(Reconcile, AListThatIsHandedOnIsWhatTheNextOneIsComparedWith) {
  auto state = lists({}, 0s, report({worker("a", Status::idle), worker("b", Status::idle)}));
  state = lists(handed_on(std::move(state)), kMaxAge,
                report({worker("a", Status::running), worker("c", Status::idle)}));
  EXPECT_EQ(transitions(state, Status::idle, Status::running), 1U);
  EXPECT_EQ(state.appeared, 1U);
  EXPECT_EQ(state.disappeared, 1U);
  EXPECT_TRUE(state.workers[0].change_seen);
  EXPECT_EQ(state.source(Source::workers)->good, at(kMaxAge));
}

TEST(Reconcile, AListThatWasHandedOnTooLongAgoMakesABaseline) {
  auto state = lists({}, 0s, report({worker("a", Status::idle), worker("b", Status::idle)}));
  state = lists(handed_on(std::move(state)), kMaxAge + 1ms,
                report({worker("a", Status::running), worker("c", Status::idle)}));
  EXPECT_EQ(transitions(state), 0U);
  EXPECT_EQ(state.appeared, 0U);
  EXPECT_EQ(state.disappeared, 0U);
}

TEST(Reconcile, AnAnswerOfOnesOwnIsWhatCountsHoweverOld) {
  auto state = handed_on(lists({}, 0s, report({worker("a", Status::idle)})));
  auto old = landing(10s);
  old.cached = 60s;
  state = reconcile(std::move(state),
                    {.endpoint_id = "e1",
                     .source = Source::workers,
                     .result = Report{report({worker("a", Status::idle)})}},
                    old);
  EXPECT_EQ(last_told(*state.source(Source::workers)), at(-50s).mono);
  state = lists(std::move(state), 50s, report({worker("a", Status::running)}));
  EXPECT_EQ(transitions(state), 0U) << "the cache's list has expired, so this is a baseline";
}

TEST(Reconcile, AnEmptyListAfterOneThatIsHandedOnWaitsForASecondOne) {
  auto state = handed_on(lists({}, 0s, report({worker("a", Status::idle)})));
  state = lists(std::move(state), 30s, report({}));
  EXPECT_EQ(state.workers.size(), 1U);
  EXPECT_EQ(state.source(Source::workers)->good, std::nullopt) << "and nothing is served";
  state = lists(std::move(state), 60s, report({}));
  EXPECT_EQ(state.workers.size(), 0U);
  EXPECT_EQ(state.disappeared, 1U);
}

TEST(ReconcileV1, AQueueViewThatIsHandedOnStillTellsWhatIsProven) {
  auto state = queues(lists({}, 0s, actives(1)), 1s, queue({{Status::running, 1}}));
  state = lists(handed_on(std::move(state)), 30s, actives(1));
  EXPECT_EQ(statuses(state), std::vector{Status::running});
  EXPECT_EQ(state.workers[0].status_since, at(1s).wall);
  EXPECT_TRUE(state.queue_used) << "so that its status is not served before a view of one's own";
  state = lists(std::move(state), 1s + kMaxAge + 1ms, actives(1));
  EXPECT_EQ(statuses(state), std::vector{Status::active});
  EXPECT_TRUE(state.degraded);
}

TEST(Reconcile, AListAtItsMaxAgeIsNoBaseline) {
  auto state = lists({}, 0s, report({worker("a", Status::idle)}));
  state = lists(std::move(state), kMaxAge, report({worker("a", Status::running)}));
  EXPECT_EQ(transitions(state, Status::idle, Status::running), 1U);
}

TEST(Reconcile, WorkersAppearAndDisappear) {
  auto state = lists({}, 0s, report({worker("a", Status::idle), worker("b", Status::idle)}));
  state = lists(std::move(state), 30s,
                report({worker("b", Status::idle), worker("c", Status::initializing),
                        worker("d", Status::initializing)}));
  EXPECT_EQ(state.appeared, 2U);
  EXPECT_EQ(state.disappeared, 1U);
  EXPECT_EQ(transitions(state), 0U);
  EXPECT_FALSE(state.workers[0].change_seen);
  EXPECT_TRUE(state.workers[1].change_seen);
  EXPECT_EQ(state.workers[1].status_since, at(30s).wall);
}

TEST(Reconcile, AnIdThatWentAndCameBackIsANewWorker) {
  const auto other = worker("b", Status::idle);
  auto state = lists({}, 0s, report({worker("a", Status::running), other}));
  state = lists(std::move(state), 30s, report({other}));
  state = lists(std::move(state), 60s, report({worker("a", Status::initializing), other}));
  EXPECT_EQ(state.appeared, 1U);
  EXPECT_EQ(state.disappeared, 1U);
  EXPECT_EQ(transitions(state), 0U);
  EXPECT_EQ(state.workers[0].status_since, at(60s).wall);
}

TEST(Reconcile, ToKnowMoreOrLessOfAnActiveWorkerIsNoTransition) {
  auto state = queues(lists({}, 0s, actives(1)), 1s, queue({{Status::running, 1}}));
  EXPECT_EQ(state.workers[0].status_since, at(1s).wall);
  EXPECT_FALSE(state.workers[0].change_seen);
  state = lists(std::move(state), 30s, actives(2));
  EXPECT_EQ(statuses(state), (std::vector{Status::active, Status::active}));
  state = queues(std::move(state), 31s, queue({{Status::running, 2}}));
  EXPECT_EQ(statuses(state), (std::vector{Status::running, Status::running}));
  EXPECT_EQ(transitions(state), 0U);
  EXPECT_FALSE(state.workers[0].change_seen);
}

TEST(Reconcile, TheSameNativeWordWithTwoProvenStatusesIsATransition) {
  auto state = queues(lists({}, 0s, actives(1)), 1s, queue({{Status::idle, 1}}));
  state = queues(std::move(state), 31s, queue({{Status::running, 1}}));
  EXPECT_EQ(transitions(state, Status::idle, Status::running), 1U);
  EXPECT_TRUE(state.workers[0].change_seen);
}

TEST(Reconcile, FromActiveUnderAnotherNativeWordIsATransition) {
  auto state = lists({}, 0s, report({worker("a", Status::active, "ready")}));
  state = lists(std::move(state), 30s, report({worker("a", Status::unhealthy, "error")}));
  EXPECT_EQ(transitions(state, Status::active, Status::unhealthy), 1U);
  EXPECT_TRUE(state.workers[0].change_seen);
}

TEST(Reconcile, AnotherWordForTheSameStatusIsTheWordThatALaterRefinementIsHeldAgainst) {
  auto state = lists({}, 0s, report({worker("a", Status::idle, "idle")}));
  state = lists(std::move(state), 30s, report({worker("a", Status::idle, "ready")}));
  state = lists(std::move(state), 60s, report({worker("a", Status::active, "ready")}));
  EXPECT_EQ(transitions(state), 0U);
}

TEST(Reconcile, AFailedPollKeepsTheDataAndCountsItsReason) {
  auto state = lists({}, 0s, report({worker("a", Status::idle)}));
  const auto before = state;
  const Error error{.reason = Reason::server_error, .detail = "HTTP 500"};
  state = fails(std::move(state), 30s, Source::workers, error);
  EXPECT_EQ(state.workers, before.workers);
  EXPECT_EQ(state.counts, before.counts);
  SourceState expected{.good = kNoon,
                       .last_success = kNoon.wall,
                       .last_attempt = at(30s).wall,
                       .ok = false,
                       .error = error,
                       .failing_since = at(30s).mono,
                       .interval = kInterval,
                       .max_age = kMaxAge,
                       .polls = 2};
  expected.failures[static_cast<std::size_t>(Reason::server_error)] = 1;
  ASSERT_NE(state.source(Source::workers), nullptr);
  EXPECT_EQ(*state.source(Source::workers), expected);
  EXPECT_EQ(state.source(Source::queue), nullptr);
}

TEST(Reconcile, AGoodAnswerIsAsOldAsItsRequest) {
  const Answer answer{.endpoint_id = "e1",
                      .source = Source::workers,
                      .result = Report{report({worker("a", Status::idle)})}};
  const auto state = reconcile(
      {}, answer, {.sent = at(0s), .landed = at(4s), .interval = kInterval, .max_age = kMaxAge});
  EXPECT_EQ(*state.source(Source::workers), (SourceState{.good = at(0s),
                                                         .last_success = at(4s).wall,
                                                         .last_attempt = at(4s).wall,
                                                         .ok = true,
                                                         .duration = 4s,
                                                         .interval = kInterval,
                                                         .max_age = kMaxAge,
                                                         .polls = 1}));
}

TEST(Reconcile, AnAnswerFromACacheIsAsOldAsTheCacheSays) {
  const Answer answer{.endpoint_id = "e1",
                      .source = Source::workers,
                      .result = Report{report({worker("a", Status::idle)})}};
  const auto state = reconcile({}, answer,
                               {.sent = at(200s),
                                .landed = at(201s),
                                .cached = 150s,
                                .interval = kInterval,
                                .max_age = kMaxAge});
  EXPECT_EQ(*state.source(Source::workers), (SourceState{.good = at(50s),
                                                         .last_success = at(201s).wall,
                                                         .last_attempt = at(201s).wall,
                                                         .ok = true,
                                                         .duration = 1s,
                                                         .interval = kInterval,
                                                         .max_age = kMaxAge,
                                                         .polls = 1}));
}

TEST(Reconcile, ASuccessForgetsTheErrorAndKeepsTheCount) {
  auto state = fails({}, 0s, Source::workers, {.reason = Reason::parse});
  state = lists(std::move(state), 30s, report({}));
  const auto& source = *state.source(Source::workers);
  EXPECT_TRUE(source.ok);
  EXPECT_EQ(source.error, std::nullopt);
  EXPECT_EQ(source.failing_since, std::nullopt);
  EXPECT_EQ(source.failures[static_cast<std::size_t>(Reason::parse)], 1U);
}

TEST(Reconcile, OneEmptyListAfterAFullOneWaitsForASecond) {
  auto state = lists({}, 0s, report({worker("a", Status::idle)}));
  state = lists(std::move(state), 30s, report({}));
  EXPECT_EQ(state.workers.size(), 1U);
  EXPECT_EQ(state.disappeared, 0U);
  EXPECT_EQ(state.source(Source::workers)->good, kNoon) << "the data keep their age";
  EXPECT_TRUE(state.source(Source::workers)->ok);
  state = lists(std::move(state), 60s, report({}));
  EXPECT_TRUE(state.workers.empty());
  EXPECT_EQ(state.disappeared, 1U);
  EXPECT_EQ(state.counts, published({}));
  EXPECT_EQ(state.source(Source::workers)->good, at(60s));
}

TEST(Reconcile, AFullListBetweenTwoEmptyOnesStartsAnew) {
  const auto full = report({worker("a", Status::idle)});
  auto state = lists({}, 0s, full);
  state = lists(std::move(state), 30s, report({}));
  state = lists(std::move(state), 60s, full);
  state = lists(std::move(state), 90s, report({}));
  EXPECT_EQ(state.workers.size(), 1U);
  EXPECT_EQ(state.disappeared, 0U);
}

TEST(Reconcile, AFirstEmptyListIsBelieved) {
  const auto state = lists({}, 0s, report({}));
  EXPECT_EQ(state.counts, published({}));
  EXPECT_EQ(state.source(Source::workers)->good, kNoon);
}

TEST(Reconcile, AnEmptyListAfterAnExpiryIsBelieved) {
  auto state = lists({}, 0s, report({worker("a", Status::idle)}));
  state = lists(std::move(state), kMaxAge + 1s, report({}));
  EXPECT_TRUE(state.workers.empty());
  EXPECT_EQ(state.disappeared, 0U);
}

// ---- job counters

TEST(ReconcileJobs, AFallIsHeldForOneAnswerAndBelievedAtTheSecond) {
  auto state = queues({}, 0s, {.jobs_completed = 100, .jobs_failed = 5, .jobs_retried = 7});
  state =
      queues(std::move(state), 30s, {.jobs_completed = 60, .jobs_failed = 1, .jobs_retried = 2});
  EXPECT_EQ(state.completed, (JobCounter{.value = 100, .fell = true}));
  EXPECT_EQ(state.failed, (JobCounter{.value = 5, .fell = true}));
  EXPECT_EQ(state.retried, (JobCounter{.value = 7, .fell = true}));
  state =
      queues(std::move(state), 60s, {.jobs_completed = 61, .jobs_failed = 1, .jobs_retried = 3});
  EXPECT_EQ(state.completed, (JobCounter{.value = 61}));
  EXPECT_EQ(state.failed, (JobCounter{.value = 1}));
  EXPECT_EQ(state.retried, (JobCounter{.value = 3}));
}

TEST(ReconcileJobs, ALaggingCacheIsForgottenWhenTheCountIsBack) {
  auto state = queues({}, 0s, {.jobs_completed = 100});
  state = queues(std::move(state), 30s, {.jobs_completed = 99});
  state = queues(std::move(state), 60s, {.jobs_completed = 104});
  EXPECT_EQ(state.completed, (JobCounter{.value = 104}));
  state = queues(std::move(state), 90s, {.jobs_completed = 103});
  EXPECT_EQ(state.completed, (JobCounter{.value = 104, .fell = true}));
}

TEST(ReconcileJobs, ACountThatIsLeftOutIsAbsent) {
  auto state = queues({}, 0s, {.jobs_completed = 100});
  state = queues(std::move(state), 30s, {});
  EXPECT_EQ(state.completed, JobCounter{});
}

// ---- errors that depend on what was before

TEST(ReconcileErrors, NotReadyIsAProviderErrorOnceTheEndpointHasAnswered) {
  const Error not_ready{.reason = Reason::not_ready, .detail = "error_msg"};
  const auto known = fails(handed_on(lists({}, 0s, report({}))), 1s, Source::workers, not_ready);
  EXPECT_EQ(known.source(Source::workers)->error->reason, Reason::provider) << "another had one";
  auto state = fails({}, 0s, Source::workers, not_ready);
  EXPECT_EQ(state.source(Source::workers)->error->reason, Reason::not_ready);
  state = lists(std::move(state), 30s, report({}));
  state = fails(std::move(state), 60s, Source::workers, not_ready);
  EXPECT_EQ(state.source(Source::workers)->error,
            (Error{.reason = Reason::provider, .detail = "error_msg"}));
  std::array<std::uint64_t, kReasonCount> expected{};
  expected[static_cast<std::size_t>(Reason::not_ready)] = 1;
  expected[static_cast<std::size_t>(Reason::provider)] = 1;
  EXPECT_EQ(state.source(Source::workers)->failures, expected);
}

Error den_401() {
  return {.reason = Reason::rate_limited,
          .detail = "HTTP 401",
          .escalation = Escalation{.reason = Reason::auth, .after = 120s}};
}

Reason reason(const EndpointState& state) {
  return state.source(Source::workers)->error.value().reason;
}

TEST(ReconcileErrors, Den401IsAuthOnceItHasLasted) {
  auto state = fails({}, 0s, Source::workers, den_401());
  EXPECT_EQ(reason(state), Reason::rate_limited);
  state = fails(std::move(state), 119999ms, Source::workers, den_401());
  EXPECT_EQ(reason(state), Reason::rate_limited);
  state = fails(std::move(state), 120s, Source::workers, den_401());
  EXPECT_EQ(reason(state), Reason::auth);
  std::array<std::uint64_t, kReasonCount> expected{};
  expected[static_cast<std::size_t>(Reason::rate_limited)] = 2;
  expected[static_cast<std::size_t>(Reason::auth)] = 1;
  EXPECT_EQ(state.source(Source::workers)->failures, expected);
}

TEST(ReconcileErrors, ASuccessStartsTheTimeOfDens401Anew) {
  auto state = fails({}, 0s, Source::workers, den_401());
  state = lists(std::move(state), 60s, report({}));
  state = fails(std::move(state), 125s, Source::workers, den_401());
  EXPECT_EQ(reason(state), Reason::rate_limited);
}

TEST(ReconcileErrors, OneDen401AfterAnOutageIsNotAuth) {
  auto state = fails({}, 0s, Source::workers, {.reason = Reason::timeout});
  state = fails(std::move(state), 300s, Source::workers, {.reason = Reason::timeout});
  state = fails(std::move(state), 365s, Source::workers, den_401());
  EXPECT_EQ(reason(state), Reason::rate_limited);
  state = fails(std::move(state), 365s + 120s, Source::workers, den_401());
  EXPECT_EQ(reason(state), Reason::auth);
}

// ---- heartbeats, activity, uptime

Worker healthy(std::optional<Time> heartbeat) {
  auto result = worker("a", Status::idle, "healthy");
  result.staleness = Staleness::current;
  result.last_heartbeat = heartbeat;
  return result;
}

WorkersReport answered(Worker reported, milliseconds date) {
  return {.workers = {std::move(reported)}, .answered_at = at(date).wall};
}

TEST(ReconcileHeartbeat, AtFirstSightItIsAsOldAsTheAnswersDateSays) {
  const auto young = lists({}, 0s, answered(healthy(kNoon.wall - 900s), 0s));
  EXPECT_EQ(staleness(young), Staleness::current);
  const auto old = lists({}, 0s, answered(healthy(kNoon.wall - 900001ms), 0s));
  EXPECT_EQ(staleness(old), Staleness::heartbeat);
}

TEST(ReconcileHeartbeat, ADateOfTheYear9999MakesItOldAndOverflowsNothing) {
  auto report = answered(healthy(kNoon.wall), 0s);
  report.answered_at = Time{std::chrono::sys_days{std::chrono::year{9999} / 12 / 31}};
  const auto state = lists({}, 0s, report);
  EXPECT_EQ(staleness(state), Staleness::heartbeat);
  EXPECT_EQ(state.workers[0].heartbeat.changed, kNoon.mono - std::chrono::days{366});
}

TEST(ReconcileHeartbeat, TheAgeIsByTheAnswersClockAndNotByOurs) {
  // Our clock is an hour ahead of Den's.
  const auto state = lists({}, 0s, answered(healthy(kNoon.wall - 1h), -1h));
  EXPECT_EQ(staleness(state), Staleness::current);
}

TEST(ReconcileHeartbeat, UnchangedForLongerThan900SecondsIsStale) {
  EndpointState state;
  for (milliseconds when = 0s; when <= 900s; when += 60s) {
    state = lists(std::move(state), when, answered(healthy(kNoon.wall), when));
    EXPECT_EQ(staleness(state), Staleness::current) << when.count();
  }
  state = lists(std::move(state), 901s, answered(healthy(kNoon.wall), 901s));
  EXPECT_EQ(staleness(state), Staleness::heartbeat);
}

TEST(ReconcileHeartbeat, AnyChangeOfTheStampIsALifeSign) {
  auto state = lists({}, 0s, answered(healthy(kNoon.wall), 0s));
  state = lists(std::move(state), 60s, answered(healthy(kNoon.wall - 1h), 60s));
  EXPECT_EQ(state.workers[0].heartbeat,
            (Watched{.stamp = kNoon.wall - 1h, .changed = at(60s).mono}));
  EXPECT_EQ(staleness(state), Staleness::current);
}

TEST(ReconcileHeartbeat, AStampInTheFutureForEverBecomesStaleToo) {
  auto state = lists({}, 0s, answered(healthy(kNoon.wall + 24h), 0s));
  EXPECT_EQ(state.workers[0].heartbeat.changed, kNoon.mono);
  EXPECT_EQ(staleness(state), Staleness::current);
  state = lists(std::move(state), 60s, answered(healthy(kNoon.wall + 24h), 60s));
  state = lists(std::move(state), 120s, answered(healthy(kNoon.wall + 24h), 120s));
  EXPECT_EQ(staleness(state), Staleness::current);
  state = lists(std::move(state), 901s, answered(healthy(kNoon.wall + 24h), 901s));
  EXPECT_EQ(staleness(state), Staleness::heartbeat);
}

TEST(ReconcileHeartbeat, NoneAtAllIsNeverStale) {
  EndpointState state;
  for (milliseconds when = 0s; when <= 3600s; when += 60s) {
    state = lists(std::move(state), when, answered(healthy(std::nullopt), when));
    EXPECT_EQ(staleness(state), Staleness::current);
  }
}

TEST(ReconcileHeartbeat, AStampThatWentIsNeverStale) {
  auto state = lists({}, 0s, answered(healthy(kNoon.wall - 2h), 0s));
  ASSERT_EQ(staleness(state), Staleness::heartbeat);
  state = lists(std::move(state), 60s, answered(healthy(std::nullopt), 60s));
  EXPECT_EQ(staleness(state), Staleness::current);
}

TEST(ReconcileHeartbeat, OnlyAWorkerThatSaysItIsHealthyIsExpectedToBeat) {
  for (const Status status : {Status::stopped, Status::unhealthy, Status::initializing}) {
    auto quiet = healthy(kNoon.wall - 2h);
    quiet.status = status;
    EXPECT_EQ(staleness(lists({}, 0s, answered(quiet, 0s))), Staleness::current) << name(status);
  }
}

TEST(ReconcileHeartbeat, AWorkerThatIsNotWatchedIsNeverStale) {
  auto local = healthy(kNoon.wall - 2h);
  local.staleness = Staleness::unknown;
  EXPECT_EQ(staleness(lists({}, 0s, answered(local, 0s))), Staleness::unknown);
}

TEST(ReconcileHeartbeat, WhatTheProviderCallsStaleStaysSo) {
  auto old = healthy(kNoon.wall - 2h);
  old.staleness = Staleness::version;
  EXPECT_EQ(staleness(lists({}, 0s, answered(old, 0s))), Staleness::version);
}

TEST(ReconcileHeartbeat, AFailedPollShowsThatTimeGoesOn) {
  auto state = lists({}, 0s, answered(healthy(kNoon.wall - 850s), 0s));
  ASSERT_EQ(staleness(state), Staleness::current);
  state = fails(std::move(state), 60s, Source::workers, {.reason = Reason::timeout});
  EXPECT_EQ(staleness(state), Staleness::heartbeat);
}

TEST(ReconcileActivity, RecentlyActiveIsRunningAndThenIdleAgain) {
  auto busy = healthy(kNoon.wall);
  busy.last_active = kNoon.wall - 540s;
  auto state = lists({}, 0s, answered(busy, 0s));
  EXPECT_EQ(statuses(state), std::vector{Status::running});
  state = lists(std::move(state), 59999ms, answered(busy, 60s));
  EXPECT_EQ(statuses(state), std::vector{Status::running});
  state = lists(std::move(state), 60s, answered(busy, 60s));
  EXPECT_EQ(statuses(state), std::vector{Status::idle});
  EXPECT_EQ(transitions(state, Status::running, Status::idle), 1U);
}

TEST(ReconcileActivity, ANewStampIsNewActivity) {
  auto quiet = healthy(kNoon.wall);
  quiet.last_active = kNoon.wall - 1h;
  auto state = lists({}, 0s, answered(quiet, 0s));
  ASSERT_EQ(statuses(state), std::vector{Status::idle});
  quiet.last_active = kNoon.wall - 59min;
  state = lists(std::move(state), 60s, answered(quiet, 60s));
  EXPECT_EQ(statuses(state), std::vector{Status::running});
}

TEST(ReconcileActivity, OnlyAnIdleWorkerIsMadeRunningByIt) {
  auto failed = healthy(kNoon.wall);
  failed.status = Status::unhealthy;
  failed.last_active = kNoon.wall;
  EXPECT_EQ(statuses(lists({}, 0s, answered(failed, 0s))), std::vector{Status::unhealthy});
}

TEST(ReconcileUptime, IsCountedOnlyWhileTheWorkerIsUp) {
  for (std::size_t i = 0; i < kStatusCount; ++i) {
    const auto status = static_cast<Status>(i);
    auto up = worker("a", status);
    up.up_since = kNoon.wall - 90500ms;
    const auto state = lists({}, 0s, report({up}));
    const auto expected = is_ready(status) ? std::optional(90.5) : std::nullopt;
    EXPECT_EQ(state.workers[0].uptime_seconds, expected) << name(status);
  }
}

TEST(ReconcileUptime, IsNeverNegative) {
  auto up = worker("a", Status::running);
  up.up_since = kNoon.wall + 1ms;
  EXPECT_EQ(lists({}, 0s, report({up})).workers[0].uptime_seconds, std::nullopt);
}

TEST(ReconcileUptime, WhatIsReportedIsTaken) {
  auto up = worker("a", Status::initializing);
  up.uptime_seconds = 12;
  up.up_since = kNoon.wall - 1h;
  EXPECT_EQ(lists({}, 0s, report({up})).workers[0].uptime_seconds, 12);
}

// ---- counters and joins

TEST(Reconcile, StampsInTheFutureAreCounted) {
  const Time future = kNoon.wall + 5001ms;
  auto odd = worker("a", Status::idle);
  odd.up_since = future;
  odd.started_at = future;
  odd.created_at = future;
  odd.model_loaded_at = future;
  odd.last_heartbeat = future;
  odd.last_active = future;
  odd.maintenance_start = kNoon.wall + 24h;  // Lies in the future by its nature.
  odd.maintenance_end = kNoon.wall + 25h;
  auto state = lists({}, 0s, answered(odd, 0s));
  EXPECT_EQ(state.future_timestamps, 6U);
  state = lists(std::move(state), 1ms, answered(odd, 1ms));
  EXPECT_EQ(state.future_timestamps, 6U) << "five seconds are nothing";
}

TEST(Reconcile, WhatWasSkippedIsCountedForEachSource) {
  Skipped skipped;
  skipped.add(Skip::no_id, "/workers/0");
  skipped.add(Skip::no_id, "/workers/1");
  skipped.add(Skip::bad_field, "/workers/2/vcpus");
  auto state = lists({}, 0s, {.skipped = skipped});
  EXPECT_EQ(state.skipped, skipped.counts);
  state = queues(std::move(state), 0s, {.skipped = skipped});
  state = take(std::move(state), 0s, Source::catalog,
               Report{EndpointInfo{.id = "e1", .skipped = skipped}});
  state = take(std::move(state), 0s, Source::groups, Report{GroupsReport{.skipped = skipped}});
  EXPECT_EQ(state.skipped, (std::array<std::uint64_t, kSkipCount>{0, 8, 0, 4}));
}

TEST(Reconcile, GroupsSayWhoseAWorkerIsWhicheverComesFirst) {
  const GroupsReport groups{
      .groups = {{.id = "g1", .workers = {"a", "x"}}, {.id = "g2", .workers = {"b", "a"}}}};
  const auto list =
      report({worker("a", Status::idle), worker("b", Status::idle), worker("c", Status::idle)});
  const auto group_ids = [](const EndpointState& state) {
    std::vector<std::string> ids;
    for (const auto& known : state.workers) ids.push_back(known.group_id);
    return ids;
  };
  const std::vector<std::string> expected{"g1", "g2", ""};
  const auto one = take(lists({}, 0s, list), 1s, Source::groups, Report{groups});
  EXPECT_EQ(group_ids(one), expected);
  const auto other = lists(take({}, 0s, Source::groups, Report{groups}), 1s, list);
  EXPECT_EQ(group_ids(other), expected);
  const auto moved = take(one, 30s, Source::groups,
                          Report{GroupsReport{.groups = {{.id = "g3", .workers = {"c"}}}}});
  EXPECT_EQ(group_ids(moved), (std::vector<std::string>{"", "", "g3"}));
}

TEST(Reconcile, InstancesAndBillingAreKept) {
  const auto instances = std::make_shared<const InstancesReport>(
      InstancesReport{.by_id = {{"a", {.gpus = 2, .cost_dollars_per_hour = 0.5}}}});
  auto state = take({}, 0s, Source::instances, Report{instances});
  state = take(std::move(state), 1s, Source::billing, Report{BillingReport{.dollars = 3.5}});
  EXPECT_EQ(state.instances, instances);
  EXPECT_EQ(state.billing, (BillingReport{.dollars = 3.5}));
  EXPECT_EQ(state.source(Source::instances)->good, kNoon);
  EXPECT_EQ(state.source(Source::billing)->good, at(1s));
}

TEST(Reconcile, TheCatalogReplacesTheFacts) {
  const EndpointInfo info{.id = "e1", .name = "llama", .api = "v2", .workers_max = 3};
  const auto state = take({}, 0s, Source::catalog, Report{info});
  EXPECT_EQ(state.info, info);
}

TEST(Reconcile, ACatalogThatDoesNotTellTheGroupsKeepsThem) {
  const EndpointInfo with{.id = "e1", .groups = std::vector<std::string>{"g1"}};
  auto state = take({}, 0s, Source::catalog, Report{with});
  state = take(std::move(state), 1s, Source::catalog, Report{EndpointInfo{.id = "e1"}});
  EXPECT_EQ(state.info, with);
  const EndpointInfo none{.id = "e1", .groups = std::vector<std::string>{}};
  EXPECT_EQ(take(std::move(state), 2s, Source::catalog, Report{none}).info, none);
}

TEST(Reconcile, TheListIsKeptWithoutItsWorkers) {
  WorkersReport list{.workers = {worker("a", Status::idle)},
                     .summary = said({{Status::idle, 1}}),
                     .summary_total = 1,
                     .config_version = 7,
                     .priced = true,
                     .truncated = false};
  const auto state = lists({}, 0s, list);
  list.workers.clear();
  EXPECT_EQ(state.workers_report, list);
}

}  // namespace
}  // namespace serverless::daemon
