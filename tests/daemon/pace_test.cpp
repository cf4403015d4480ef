#include "daemon/pace.hpp"

#include <gtest/gtest.h>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr Mono kNoon{12h};

Target workers_of(const std::string& endpoint) {
  return {.operation = "list_workers",
          .api = "control",
          .endpoint_id = endpoint,
          .supplies = {Source::workers}};
}

Tempo every(std::chrono::milliseconds interval) {
  return {.interval = interval, .discovery_interval = 5min, .max_in_flight = 8};
}

// An API that told one long window, from which 0.8 of `rate` can be had with the usual reserve.
std::map<std::string, ApiState> telling(double rate) {
  const http::RateWindow hour{.name = "hour",
                              .quota = static_cast<std::int64_t>(rate * 3600),
                              .length = 1h,
                              .remaining = static_cast<std::int64_t>(rate * 3600),
                              .reset_in = 1h};
  return {{"control", {.quota = learn({}, std::vector{hour}, kNoon)}}};
}

Schedule four_a_second() {
  std::vector<Target> targets;
  for (int i = 0; i < 4; ++i) targets.push_back(workers_of(std::to_string(i)));
  return schedule(std::move(targets), every(1s));
}

TEST(Revise, TheFirstWordOfAQuotaIsNews) {
  const auto revision = revise({}, telling(10), four_a_second(), 0.2, kNoon);
  EXPECT_TRUE(revision.changed);
  EXPECT_EQ(revision.allowances.at("control"), (Allowance{.rate = 8, .burst = 28800}));
  EXPECT_TRUE(revision.stretched.empty());
}

TEST(Revise, AQuotaThatCannotCarryUsStretchesUsOnce) {
  const auto first = revise({}, telling(2.5), four_a_second(), 0.2, kNoon);
  EXPECT_EQ(first.stretched, std::vector<std::string>{"control"});
  EXPECT_EQ(first.allowances.at("control").rate, 2);
  const auto again = revise(first.allowances, telling(2), four_a_second(), 0.2, kNoon);
  EXPECT_TRUE(again.changed);
  EXPECT_TRUE(again.stretched.empty()) << "said once";
}

TEST(Revise, ASmallMoveIsNoNews) {
  const std::map<std::string, Allowance> before{{"control", {.rate = 2}}};
  EXPECT_FALSE(revise(before, telling(2.6), four_a_second(), 0.2, kNoon).changed);
  EXPECT_TRUE(revise(before, telling(2.4), four_a_second(), 0.2, kNoon).changed);
  EXPECT_TRUE(revise(before, telling(2.7), four_a_second(), 0.2, kNoon).changed);
}

TEST(Revise, ARateFarAboveWhatWeWantIsOfNoConcern) {
  const std::map<std::string, Allowance> before{{"control", {.rate = 100}}};
  EXPECT_FALSE(revise(before, telling(50), four_a_second(), 0.2, kNoon).changed);
}

TEST(Revise, NothingLeftClosesTheApiAndSetsNoPace) {
  auto apis = telling(10);
  apis["control"].quota.windows[0].remaining = 100;
  const auto revision = revise({}, apis, four_a_second(), 0.2, kNoon);
  EXPECT_EQ(revision.closed, (std::map<std::string, Mono>{{"control", kNoon + 1h}}));
  EXPECT_FALSE(revision.changed);
}

TEST(Revise, AQuotaThatIsNearlySpentStretchesNobodyFarBeyondItsReset) {
  auto apis = telling(10);
  auto& hour = apis["control"].quota.windows[0];
  hour.remaining = 7201;  // One more than the reserve.
  hour.reset = kNoon + 50min;
  const auto revision = revise({}, apis, four_a_second(), 0.2, kNoon);
  auto tempo = every(1s);
  tempo.allowances = revision.allowances;
  EXPECT_EQ(schedule(four_a_second().targets, tempo).intervals.at("list_workers"), 50min);
}

TEST(ScheduleByQuota, AllIntervalsOfTheApiStretchAlikeAndNoOthers) {
  auto tempo = every(1s);
  tempo.allowances["control"] = {.rate = 0.5};
  const auto stretched = schedule({workers_of("a"),
                                   workers_of("b"),
                                   {.operation = "list_endpoints", .api = "control", .slow = true},
                                   {.operation = "health", .api = "queue", .endpoint_id = "a"}},
                                  tempo);
  const double factor = (2 + 1.0 / 300) / 0.5;
  EXPECT_DOUBLE_EQ(stretched.stretch.at("control"), factor);
  EXPECT_EQ(stretched.intervals.at("list_workers"), 4007ms);
  EXPECT_EQ(stretched.intervals.at("list_endpoints"), 1202s);
  EXPECT_EQ(stretched.intervals.at("health"), 1s);
}

// One request a year for two thousand endpoints.
TEST(ScheduleByQuota, AnAbsurdQuotaStretchesToAWeekAndNoFarther) {
  std::vector<Target> targets;
  for (int i = 0; i < 2000; ++i) targets.push_back(workers_of(std::to_string(i)));
  auto tempo = every(30s);
  tempo.allowances["control"] = {.rate = 1.0 / (366 * 86400)};
  const auto stretched = schedule(std::move(targets), tempo);
  EXPECT_EQ(stretched.intervals.at("list_workers"), std::chrono::days{7});
  const auto first = plan({}, stretched, kNoon);
  for (const auto& [key, pace] : first.next.targets) {
    EXPECT_GE(pace.due, kNoon) << key;
    EXPECT_LE(pace.due, kNoon + std::chrono::days{7}) << key;
  }
}

// The slots are counted from a moment that is as old as the process.
TEST(Rescale, AYearOfUptimeAndAnAbsurdQuotaKeepEverySlotWithinAWeek) {
  const std::vector<Target> targets{workers_of("a"), workers_of("b")};
  const auto before = schedule(targets, every(1s));
  auto tempo = every(1s);
  tempo.allowances["control"] = {.rate = 1e-9};
  const auto after = schedule(targets, tempo);
  Pacing pacing{.epochs = {{"list_workers", kNoon - 365 * 24h}},
                .targets = {{"list_workers/a", {.due = kNoon + 500ms, .in_slot = true}},
                            {"list_workers/b", {.due = kNoon + std::chrono::days{3}}}}};
  pacing = rescale(std::move(pacing), before, after, kNoon);
  EXPECT_EQ(pacing.targets.at("list_workers/a").due, kNoon + std::chrono::hours{84});
  EXPECT_EQ(pacing.targets.at("list_workers/b").due, kNoon + std::chrono::days{7});
  const auto polled = finished(std::move(pacing), after, targets.front(), kNoon);
  EXPECT_GE(polled.targets.at("list_workers/a").due, kNoon);
  EXPECT_LE(polled.targets.at("list_workers/a").due, kNoon + std::chrono::days{8});
}

TEST(Rescale, AnEvenSpreadStaysEven) {
  std::vector<Target> targets;
  for (int i = 0; i < 10; ++i) targets.push_back(workers_of(std::to_string(i)));
  const auto before = schedule(targets, every(10s));
  auto tempo = every(10s);
  tempo.allowances["control"] = {.rate = 0.5};
  const auto after = schedule(targets, tempo);
  Pacing pacing;
  for (int i = 0; i < 10; ++i) {
    pacing.targets["list_workers/" + std::to_string(i)] = {.due = kNoon + (i + 1) * 1s};
  }
  pacing = rescale(std::move(pacing), before, after, kNoon);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(pacing.targets.at("list_workers/" + std::to_string(i)).due, kNoon + (i + 1) * 2s);
  }
}

TEST(Resume, NothingIsUnderWayAndNobodyWaitsLongerThanHisInterval) {
  const auto planned = schedule({workers_of("a"), workers_of("b")}, every(30s));
  Pacing pacing;
  pacing.targets["list_workers/a"] = {.due = kNoon - 5s, .started = kNoon, .in_flight = true};
  pacing.targets["list_workers/b"] = {.due = kNoon + 1h};
  pacing.targets["list_workers/gone"] = {.in_flight = true};
  pacing = resume(std::move(pacing), planned, kNoon);
  EXPECT_EQ(pacing.targets.size(), 2U);
  EXPECT_FALSE(pacing.targets.at("list_workers/a").in_flight);
  EXPECT_EQ(pacing.targets.at("list_workers/b").due, kNoon + 30s);
}

// The longest time between two polls of one target, in half a minute of going on with `pacing`.
nanoseconds longest_wait(Pacing pacing, const Schedule& planned, Mono from) {
  nanoseconds longest{0};
  for (Mono now = from; now < from + 30s; now += 10ms) {
    const auto before = pacing;
    auto next = plan(std::move(pacing), planned, now);
    pacing = std::move(next.next);
    for (const auto index : next.start) {
      const auto& target = planned.targets[index];
      const auto known = before.targets.find(key_of(target));
      if (known != before.targets.end() && known->second.started) {
        longest = std::max(longest, now - *known->second.started);
      }
      pacing = finished(std::move(pacing), planned, target, now);
    }
  }
  return longest;
}

// As it is after a while of polling these targets.
Pacing polled(const Schedule& planned, Mono until) {
  Pacing pacing;
  for (Mono now = kNoon; now < until; now += 10ms) {
    auto next = plan(std::move(pacing), planned, now);
    pacing = std::move(next.next);
    for (const auto index : next.start) {
      pacing = finished(std::move(pacing), planned, planned.targets[index], now);
    }
  }
  return pacing;
}

TEST(Resume, AnotherIntervalMakesNobodyWaitLongerThanThat) {
  std::vector<Target> targets;
  for (int i = 0; i < 25; ++i) targets.push_back(workers_of(std::to_string(i)));
  const auto before = schedule(targets, every(2s));
  const auto after = schedule(targets, every(3s));
  const Mono when = kNoon + 9100ms;
  EXPECT_LE(longest_wait(resume(polled(before, when), after, when), after, when), 3300ms);
}

TEST(Rescale, APauseIsNotStretched) {
  const auto before = schedule({workers_of("a"), workers_of("b")}, every(2s));
  auto tempo = every(2s);
  tempo.allowances["control"] = {.rate = 0.25};
  const auto after = schedule({workers_of("a"), workers_of("b")}, tempo);
  ASSERT_EQ(after.intervals.at("list_workers"), 8s);
  auto pacing = pause(polled(before, kNoon + 9s), before, "control", kNoon + 19s, kNoon + 9s);
  std::map<std::string, Mono> dues;
  for (const auto& [key, pace] : pacing.targets) dues[key] = pace.due;
  pacing = rescale(std::move(pacing), before, after, kNoon + 9s);
  for (const auto& [key, pace] : pacing.targets) {
    EXPECT_EQ(pace.due, kNoon + 19s + 4 * (dues.at(key) - (kNoon + 19s))) << key;
  }
}

TEST(Rescale, WhatWasDueLongAgoStaysDueHoweverMuchIsStretched) {
  const auto before = schedule({workers_of("a")}, every(1s));
  auto tempo = every(1s);
  tempo.allowances["control"] = {.rate = 1e-9};
  const auto after = schedule({workers_of("a")}, tempo);
  ASSERT_EQ(after.intervals.at("list_workers"), 168h);
  const Mono when = kNoon + 24h * 400;
  auto pacing = polled(before, kNoon + 9s);
  const Mono due = pacing.targets.at("list_workers/a").due;
  pacing = rescale(std::move(pacing), before, after, when);
  EXPECT_EQ(pacing.targets.at("list_workers/a").due, due);
}

TEST(Rescale, AnEndpointMoreMakesNobodyWaitLongerThanTheInterval) {
  std::vector<Target> targets;
  for (int i = 0; i < 3; ++i) targets.push_back(workers_of(std::to_string(i)));
  const auto before = schedule(targets, every(2s));
  targets.insert(targets.begin(), workers_of("a"));
  const auto after = schedule(targets, every(2s));
  const Mono when = kNoon + 9100ms;
  auto pacing = rescale(polled(before, when), before, after, when);
  EXPECT_LE(longest_wait(std::move(pacing), after, when), 2200ms);
}

TEST(Resume, TheLeastIntervalOutlivesAReload) {
  auto tempo = every(30s);
  tempo.policy.min_interval = 65s;
  const auto planned = schedule({workers_of("a")}, tempo);
  Pacing pacing;
  pacing.targets["list_workers/a"] = {.due = kNoon, .started = kNoon - 5s, .in_flight = true};
  pacing = resume(std::move(pacing), planned, kNoon);
  EXPECT_EQ(pacing.targets.at("list_workers/a").due, kNoon + 60s);
}

TEST(Postponed, ATargetOfWhichNothingWasSentWaitsForTheEndOfThePause) {
  const auto planned = schedule({workers_of("a")}, every(30s));
  auto begun = plan({}, planned, kNoon);
  ASSERT_EQ(begun.start, std::vector<std::size_t>{0});
  auto pacing = postponed(std::move(begun.next), workers_of("a"));
  pacing = pause(std::move(pacing), planned, "control", kNoon + 100s, kNoon);
  const auto meanwhile = plan(pacing, planned, kNoon + 99s);
  EXPECT_TRUE(meanwhile.start.empty());
  ASSERT_TRUE(meanwhile.wake);
  EXPECT_GE(*meanwhile.wake, kNoon + 100s);
  EXPECT_LE(*meanwhile.wake, kNoon + 130s + 2s);
}

TEST(Backoff, TheFirstFailureCostsNothingAndLaterOnesARandomShare) {
  const auto planned = schedule({workers_of("a")}, every(30s));
  auto begun = plan({}, planned, kNoon).next;
  const auto good = finished(begun, planned, workers_of("a"), kNoon + 1s);
  auto pacing = finished(begun, planned, workers_of("a"), kNoon + 1s, true);
  EXPECT_EQ(pacing.targets.at("list_workers/a").due, good.targets.at("list_workers/a").due);
  nanoseconds longest{0};
  for (int failures = 2; failures < 40; ++failures) {
    const Mono now = pacing.targets.at("list_workers/a").due;
    pacing = plan(std::move(pacing), planned, now).next;
    pacing = finished(std::move(pacing), planned, workers_of("a"), now + 1s, true);
    const auto wait = pacing.targets.at("list_workers/a").due - now;
    EXPECT_LE(wait, 5min + 30s + 2s) << failures;
    longest = std::max(longest, wait);
  }
  EXPECT_GT(longest, 60s);
  const Mono now = pacing.targets.at("list_workers/a").due;
  pacing = plan(std::move(pacing), planned, now).next;
  pacing = finished(std::move(pacing), planned, workers_of("a"), now + 1s);
  EXPECT_LE(pacing.targets.at("list_workers/a").due - now, 47s) << "the first success ends it";
}

Observation refused(std::optional<std::chrono::milliseconds> retry_after,
                    std::vector<http::RateWindow> windows = {}) {
  Error error{.reason = Reason::rate_limited, .retry_after = retry_after};
  return {.target = workers_of("a"),
          .poll = {.answers = {{"a", Source::workers, tl::make_unexpected(std::move(error))}}},
          .exchanges = {{.api = "control",
                         .operation = "list_workers",
                         .code = "429",
                         .windows = std::move(windows)}}};
}

TEST(WaitAfter, IsTheLongestOfWhatTheApiSaid) {
  EXPECT_EQ(wait_after(refused(12s), {}, 30s), 12s);
  EXPECT_EQ(
      wait_after(refused(12s, {{.name = "hour", .remaining = 0, .reset_in = 1724s}}), {}, 30s),
      1724s);
  EXPECT_EQ(wait_after(refused(12s, {{.name = "day", .remaining = 9, .reset_in = 9999s}}), {}, 30s),
            12s);
}

TEST(WaitAfter, DoublesWithoutAdviceUpToTenMinutes) {
  EXPECT_EQ(wait_after(refused({}), {.refusals = 1}, 30s), 24s);
  EXPECT_EQ(wait_after(refused({}), {.refusals = 2}, 30s), 54s);
  EXPECT_EQ(wait_after(refused({}), {.refusals = 5}, 30s), 474s);
  EXPECT_EQ(wait_after(refused({}), {.refusals = 9}, 30s), 474s);
  EXPECT_EQ(wait_after(refused({}), {.refusals = 9}, 60s), 600s);
}

TEST(WaitAfter, ARefusalIsOneWhateverTheCollectorMadeOfIt) {
  auto passed_over = refused({}, {{.name = "hour", .remaining = 0, .reset_in = 1724s}});
  passed_over.poll.answers[0].result = fail(Reason::auth, "HTTP 429, auth_error");
  EXPECT_EQ(wait_after(passed_over, {}, 30s), 1724s);
  passed_over.poll.answers.clear();
  passed_over.exchanges[0].windows.clear();
  EXPECT_EQ(wait_after(passed_over, {.refusals = 1}, 30s), 24s);
}

TEST(WaitAfter, OtherFailuresAndGoodAnswersAskForNone) {
  auto failure = refused({});
  failure.poll.answers[0].result = fail(Reason::server_error, "HTTP 500");
  failure.exchanges[0].code = "500";
  EXPECT_EQ(wait_after(failure, {}, 30s), std::nullopt);
  EXPECT_EQ(wait_after({.target = workers_of("a")}, {}, 30s), std::nullopt);
}

TEST(LearnRequests, AListOfManyPagesTakesItsTime) {
  static constexpr std::array kSpacings{Spacing{"list_instances", 1100ms}};
  const Target target{
      .operation = "list_instances", .api = "console", .supplies = {Source::instances}};
  auto tempo = every(5s);
  tempo.policy.spacings = kSpacings;
  Observation nine_pages{.target = target};
  for (int i = 0; i < 9; ++i) {
    nine_pages.exchanges.push_back({.api = "console", .operation = "list_instances"});
  }
  EXPECT_TRUE(learn_requests(tempo, nine_pages));
  EXPECT_FALSE(learn_requests(tempo, nine_pages));
  EXPECT_EQ(schedule({target}, tempo).intervals.at("list_instances"), 10340ms);
}

TEST(LearnRequests, APollThatFailedSaysNothingOfTheNumberOfPages) {
  auto tempo = every(5s);
  auto broken = refused({});
  broken.exchanges.resize(4, broken.exchanges.front());
  EXPECT_FALSE(learn_requests(tempo, broken));
  EXPECT_EQ(requests_of(broken.target, tempo), 1);
}

}  // namespace
}  // namespace serverless::daemon
