#include "daemon/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/gate.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Mono kNoon{100h};

constexpr std::array kVastSpacings{Spacing{"get_endpoint_workers", 1100ms},
                                   Spacing{"list_endpoints", 3100ms}};

Tempo tempo(milliseconds interval = 30s, std::uint32_t max_in_flight = 8) {
  return {.interval = interval, .discovery_interval = 5min, .max_in_flight = max_in_flight};
}

Target workers_of(const std::string& endpoint) {
  return {.operation = "list_workers",
          .api = "control",
          .endpoint_id = endpoint,
          .supplies = {Source::workers}};
}

Target queue_of(const std::string& endpoint) {
  return {
      .operation = "health", .api = "queue", .endpoint_id = endpoint, .supplies = {Source::queue}};
}

Target vast_workers_of(const std::string& endpoint) {
  return {.operation = "get_endpoint_workers",
          .api = "autoscaler",
          .endpoint_id = endpoint,
          .supplies = {Source::workers}};
}

std::vector<Target> many(int count, const std::function<Target(const std::string&)>& make) {
  std::vector<Target> targets;
  for (int i = 0; i < count; ++i) targets.push_back(make("e" + std::to_string(i)));
  return targets;
}

struct Start {
  Mono when{};
  std::size_t target = 0;
};

// An account's polling, played on a clock of its own.
class Play {
 public:
  explicit Play(Schedule schedule) : schedule_(std::move(schedule)) {}

  Schedule& schedule() { return schedule_; }
  Pacing& pacing() { return pacing_; }
  [[nodiscard]] Mono now() const { return now_; }
  void take_for(std::function<nanoseconds(std::size_t)> duration) {
    duration_ = std::move(duration);
  }

  // Runs until that moment; what began is in starts().
  void run_until(Mono end) {
    while (true) {
      Plan next = plan(std::move(pacing_), schedule_, now_);
      pacing_ = std::move(next.next);
      for (const std::size_t index : next.start) {
        starts_.push_back({now_, index});
        under_way_.push_back({now_ + duration_(index), schedule_.targets[index]});
      }
      most_in_flight_ = std::max(most_in_flight_, under_way_.size());
      std::optional<Mono> wake = next.wake;
      for (const auto& [ends, target] : under_way_) wake = wake ? std::min(*wake, ends) : ends;
      if (!wake || *wake > end) {
        now_ = end;
        return;
      }
      now_ = std::max(now_, *wake);
      finish_due();
    }
  }

  [[nodiscard]] const std::vector<Start>& starts() const { return starts_; }
  [[nodiscard]] std::size_t most_in_flight() const { return most_in_flight_; }

  [[nodiscard]] std::vector<Mono> starts_of(std::size_t target) const {
    std::vector<Mono> result;
    for (const auto& start : starts_) {
      if (start.target == target) result.push_back(start.when);
    }
    return result;
  }

  // The most starts within any window of that length, from that moment on.
  [[nodiscard]] std::size_t most_within(nanoseconds window, Mono from) const {
    std::size_t most = 0;
    std::size_t end = 0;
    for (std::size_t first = 0; first < starts_.size(); ++first) {
      while (end < starts_.size() && starts_[end].when < starts_[first].when + window) ++end;
      if (starts_[first].when >= from) most = std::max(most, end - first);
    }
    return most;
  }

 private:
  void finish_due() {
    for (auto at = under_way_.begin(); at != under_way_.end();) {
      if (at->first > now_) {
        ++at;
        continue;
      }
      pacing_ = finished(std::move(pacing_), schedule_, at->second, now_);
      at = under_way_.erase(at);
    }
  }

  Schedule schedule_;
  Pacing pacing_{};
  Mono now_ = kNoon;
  std::function<nanoseconds(std::size_t)> duration_ = [](std::size_t) { return 200ms; };
  std::vector<std::pair<Mono, Target>> under_way_{};
  std::vector<Start> starts_{};
  std::size_t most_in_flight_ = 0;
};

// ---- schedule()

TEST(Schedule, SpreadsTheTargetsOfAnOperationEvenlyOverTheInterval) {
  const auto result = schedule(many(3, workers_of), tempo(30s));
  ASSERT_EQ(result.slots.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.slots[i].interval, 30s);
    EXPECT_EQ(result.slots[i].phase, 10s * i);
    EXPECT_EQ(result.slots[i].gap, 0s);
  }
  EXPECT_EQ(result.find(workers_of("e1")), 1U);
  EXPECT_EQ(result.find(workers_of("e9")), std::nullopt);
}

TEST(Schedule, AnEndpointsCallsCoincideAndListsAreShiftedAgainstThem) {
  auto list = workers_of("");
  list.operation = "list_endpoints";
  const auto result =
      schedule({list, workers_of("a"), queue_of("a"), workers_of("b"), queue_of("b")}, tempo(30s));
  std::vector<nanoseconds> phases;
  for (const auto& slot : result.slots) phases.push_back(slot.phase);
  EXPECT_EQ(phases, (std::vector<nanoseconds>{10s, 0s, 0s, 15s, 15s}));
}

TEST(Schedule, SlowTargetsHaveTheDiscoveryInterval) {
  auto discovery = workers_of("");
  discovery.slow = true;
  EXPECT_EQ(schedule({discovery}, tempo()).intervals,
            (std::map<std::string, milliseconds>{{"list_workers", 5min}}));
}

TEST(Schedule, AProvidersLeastIntervalIsKept) {
  auto den = tempo(30s);
  den.policy.min_interval = 65s;
  EXPECT_EQ(schedule({workers_of("a")}, den).intervals.at("list_workers"), 65s);
  den.interval = 2min;
  EXPECT_EQ(schedule({workers_of("a")}, den).intervals.at("list_workers"), 2min);
}

TEST(Schedule, AGapStretchesTheIntervalUntilAllFit) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  EXPECT_EQ(schedule(many(26, vast_workers_of), vast).intervals.at("get_endpoint_workers"), 30s);
  const auto stretched = schedule(many(100, vast_workers_of), vast);
  // 100 distances, and for all but the first a twentieth more.
  EXPECT_EQ(stretched.intervals.at("get_endpoint_workers"), 115445ms);
  EXPECT_EQ(stretched.slots[7].phase, 7 * 1154450us);
  EXPECT_EQ(stretched.slots[7].gap, 1100ms);
}

TEST(Schedule, ATargetWithSeveralGroupsIsSeveralRequests) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  auto target = vast_workers_of("a");
  target.groups.assign(50, "g");
  EXPECT_EQ(schedule({target}, vast).intervals.at("get_endpoint_workers"), 57695ms);
}

TEST(Schedule, SharersMultiplyTheGaps) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  vast.sharers = 3;
  const auto shared = schedule(many(20, vast_workers_of), vast);
  EXPECT_EQ(shared.slots[0].gap, 3300ms);
  EXPECT_EQ(shared.intervals.at("get_endpoint_workers"), 69135ms);
  auto den = tempo(30s);
  den.policy.min_interval = 65s;
  den.sharers = 2;
  EXPECT_EQ(schedule({workers_of("a")}, den).intervals.at("list_workers"), 130s);
}

TEST(Tempo, IsTheAccountsAndTheProviders) {
  const Provider provider{.policy = {.min_interval = 65s}};
  const config::Account account{
      .poll = {.interval = 40s, .max_age = 200s, .discovery_interval = 7min, .max_in_flight = 3}};
  const Tempo result = tempo_of(account, provider, 2);
  EXPECT_EQ(result.interval, 40s);
  EXPECT_EQ(result.discovery_interval, 7min);
  EXPECT_EQ(result.max_age, 200s);
  EXPECT_EQ(result.max_in_flight, 3U);
  EXPECT_EQ(result.policy.min_interval, 65s);
  EXPECT_EQ(result.sharers, 2U);
}

// ---- max_age()

TEST(MaxAge, IsThreeIntervalsAndNotLessThan90Seconds) {
  EXPECT_EQ(max_age(10s, tempo()), 90s);
  EXPECT_EQ(max_age(30s, tempo()), 90s);
  EXPECT_EQ(max_age(31s, tempo()), 93s);
}

TEST(MaxAge, AFixedOneIsRaisedToTwoIntervals) {
  auto fixed = tempo();
  fixed.max_age = 60s;
  EXPECT_EQ(max_age(10s, fixed), 60s);
  EXPECT_EQ(max_age(30s, fixed), 60s);
  EXPECT_EQ(max_age(31s, fixed), 62s);
}

// ---- first polls

TEST(Plan, FirstPollsComeOneAfterAnother) {
  Play play(schedule(many(20, workers_of), tempo(30s, 100)));
  play.run_until(kNoon + 2s);
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_FALSE(play.starts_of(i).empty());
    EXPECT_EQ(play.starts_of(i).front(), kNoon + 100ms * i);
  }
}

TEST(Plan, FirstPollsOfVeryManyFitIntoTheInterval) {
  Play play(schedule(many(400, workers_of), tempo(30s, 400)));
  play.run_until(kNoon + 30s);
  for (std::size_t i = 0; i < 400; ++i) EXPECT_FALSE(play.starts_of(i).empty()) << i;
}

TEST(Plan, FirstPollsOfASpacedOperationKeepItsGap) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  Play play(schedule(many(5, vast_workers_of), vast));
  play.run_until(kNoon + 5s);
  ASSERT_EQ(play.starts().size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(play.starts()[i].when, kNoon + 1100ms * i);
}

TEST(Plan, TellsWhenToLookAgain) {
  const auto two = schedule(many(2, workers_of), tempo());
  const auto first = plan({}, two, kNoon);
  EXPECT_EQ(first.start, std::vector<std::size_t>{0});
  EXPECT_EQ(first.wake, kNoon + 100ms);
  const auto early = plan(first.next, two, kNoon + 99ms);
  EXPECT_TRUE(early.start.empty());
  const auto second = plan(first.next, two, kNoon + 100ms);
  EXPECT_EQ(second.start, std::vector<std::size_t>{1});
  EXPECT_EQ(second.wake, std::nullopt) << "all are under way";
}

// ---- an hour

TEST(PlanForAnHour, EachTargetsGapsAreTheIntervalAndItsJitter) {
  Play play(schedule(many(25, workers_of), tempo(30s, 100)));
  play.take_for([](std::size_t index) { return 50ms * (1 + index % 40); });
  play.run_until(kNoon + 1h);
  for (std::size_t target = 0; target < 25; ++target) {
    const auto starts = play.starts_of(target);
    EXPECT_GE(starts.size(), 119U);
    for (std::size_t i = 2; i < starts.size(); ++i) {  // The first poll stands in no slot.
      EXPECT_GE(starts[i] - starts[i - 1], 30s - 2 * 1500ms);
      EXPECT_LE(starts[i] - starts[i - 1], 30s + 2 * 1500ms);
    }
  }
}

TEST(PlanForAnHour, JitterIsThereAndNeverMoreThanTwoSeconds) {
  Play play(schedule({workers_of("a")}, tempo(5min)));
  play.run_until(kNoon + 10h);
  const auto starts = play.starts_of(0);
  std::vector<nanoseconds> off;
  for (std::size_t i = 1; i < starts.size(); ++i) {
    const auto since = starts[i] - kNoon;
    const auto slot = ((since + 150s) / 300s) * 300s;
    off.push_back(since - slot);
  }
  const auto [least, most] = std::minmax_element(off.begin(), off.end());
  EXPECT_GE(*least, -2s);
  EXPECT_LE(*most, 2s);
  EXPECT_GT(*most - *least, 1s) << "it does not only stand in the comment";
}

TEST(PlanForAnHour, AnEndpointsCallsStartTogether) {
  auto targets = many(25, workers_of);
  for (auto& target : many(25, queue_of)) targets.push_back(std::move(target));
  Play play(schedule(std::move(targets), tempo(30s, 100)));
  play.run_until(kNoon + 1h);
  for (std::size_t endpoint = 0; endpoint < 25; ++endpoint) {
    auto workers = play.starts_of(endpoint);
    auto queue = play.starts_of(endpoint + 25);
    // First polls stand in no slot.
    for (auto* starts : {&workers, &queue}) {
      std::erase_if(*starts, [](Mono when) { return when < kNoon + 1min; });
    }
    EXPECT_GE(workers.size(), 117U);
    EXPECT_EQ(workers, queue) << endpoint;
  }
}

// A queue whose quota is used up must not slow the lists of workers.
TEST(Schedule, AQuotaThatStretchesOneApiLeavesTheOtherItsPace) {
  auto short_of_queue = tempo(30s);
  short_of_queue.allowances["queue"] = {.rate = 0.01};
  const auto result = schedule({workers_of("a"), queue_of("a")}, short_of_queue);
  EXPECT_EQ(result.intervals,
            (std::map<std::string, milliseconds>{{"health", 100s}, {"list_workers", 30s}}));
}

TEST(Plan, AHundredTargetsAreNeverABurst) {
  Play play(schedule(many(100, workers_of), tempo(30s, 100)));
  play.run_until(kNoon + 1h);
  EXPECT_LE(play.most_within(100ms, kNoon), 8U);
  // 33 by the mean, and a tenth more where the jitter grows from its least to its most.
  EXPECT_LE(play.most_within(10s, kNoon + 1min), 38U);
  EXPECT_LE(play.most_within(1s, kNoon + 1min), 5U);
}

// The end of a poll has to start another one then, and else nothing.
TEST(Plan, TellsWhetherSomethingDueWaitsForTheEndOfAPoll) {
  const auto plan_of = [](std::uint32_t max_in_flight) {
    const auto two = schedule(many(2, workers_of), tempo(30s, max_in_flight));
    const auto first = plan({}, two, kNoon);
    return plan(first.next, two, kNoon + 20s);
  };
  EXPECT_TRUE(plan_of(1).held);
  EXPECT_FALSE(plan_of(2).held);
}

TEST(PlanForAnHour, NoMoreThanMaxInFlightAreUnderWay) {
  Play play(schedule(many(30, workers_of), tempo(30s, 4)));
  play.take_for([](std::size_t index) { return index % 2 == 0 ? 5s : 100ms; });
  play.run_until(kNoon + 1h);
  EXPECT_EQ(play.most_in_flight(), 4U);
  for (std::size_t target = 0; target < 30; ++target) {
    EXPECT_GE(play.starts_of(target).size(), 80U) << "nobody starves: " << target;
  }
}

TEST(PlanForAnHour, AHungTargetDelaysOnlyItself) {
  Play healthy(schedule(many(10, workers_of), tempo(30s, 4)));
  healthy.run_until(kNoon + 1h);
  Play hung(schedule(many(10, workers_of), tempo(30s, 4)));
  hung.take_for([](std::size_t index) { return index == 3 ? 2h : 200ms; });
  hung.run_until(kNoon + 1h);
  EXPECT_EQ(hung.starts_of(3).size(), 1U);
  for (const std::size_t target : {0U, 1U, 2U, 4U, 5U, 6U, 7U, 8U, 9U}) {
    EXPECT_EQ(hung.starts_of(target), healthy.starts_of(target));
  }
}

// All polls of one API until their timeouts: the other API's are as if nothing were.
TEST(PlanForAnHour, AnApiThatHangsDelaysNoOther) {
  const auto play_of = [](seconds control) {
    auto targets = many(30, workers_of);
    for (auto& target : many(30, queue_of)) targets.push_back(std::move(target));
    Play play(schedule(std::move(targets), tempo(30s, 4)));
    play.take_for([=](std::size_t index) { return index < 30 ? control : 1s; });
    play.run_until(kNoon + 1h);
    return play;
  };
  const auto healthy = play_of(1s);
  const auto hung = play_of(10s);
  for (std::size_t queue = 30; queue < 60; ++queue) {
    EXPECT_EQ(hung.starts_of(queue), healthy.starts_of(queue));
  }
}

TEST(PlanForAnHour, APollThatTakesLongerThanItsIntervalIsFollowedByTheNextSlot) {
  Play play(schedule({workers_of("a")}, tempo(30s)));
  play.take_for([](std::size_t) { return 40s; });
  play.run_until(kNoon + 1h);
  const auto starts = play.starts_of(0);
  ASSERT_GE(starts.size(), 59U);
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_GE(starts[i] - starts[i - 1], 40s);
}

TEST(PlanForAnHour, DensLeastIntervalIsNeverUndercut) {
  auto den = tempo(30s);
  den.policy.min_interval = 65s;
  Play play(schedule({workers_of("org")}, den));
  std::size_t polls = 0;
  play.take_for([&](std::size_t) { return 100ms * (1 + (polls++ * 37) % 90); });
  play.run_until(kNoon + 1h);
  const auto starts = play.starts_of(0);
  EXPECT_GE(starts.size(), 50U);
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_GE(starts[i] - starts[i - 1], 65s);
}

TEST(PlanForAnHour, VastsGapsAreNeverUndercutOnceAllStandInTheirSlots) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  auto targets = many(40, vast_workers_of);
  targets.push_back({.operation = "list_endpoints",
                     .api = "console",
                     .supplies = {Source::catalog},
                     .slow = true});
  Play play(schedule(std::move(targets), vast));
  play.run_until(kNoon + 1h);
  std::optional<Mono> before;
  for (const auto& start : play.starts()) {
    if (start.target == 40 || start.when < kNoon + 2min) continue;
    if (before) {
      EXPECT_GE(start.when - *before, 1100ms);
    }
    before = start.when;
  }
  EXPECT_TRUE(before);
}

TEST(PlanForAnHour, WhatIsStartedNeverWaitsLongAtTheGate) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  Play play(schedule(many(40, vast_workers_of), vast));
  Gate gate;
  std::optional<Mono> before;
  nanoseconds longest{0};
  play.run_until(kNoon + 1h);
  for (const auto& start : play.starts()) {
    const auto turn =
        gate.book("account a", "autoscaler", "get_endpoint_workers", 1100ms, start.when);
    ASSERT_TRUE(turn);
    if (before) {
      EXPECT_GE(*turn - *before, 1100ms);
    }
    before = *turn;
    longest = std::max<nanoseconds>(longest, *turn - start.when);
  }
  // One first round and one round in the slots overlap at most.
  EXPECT_LE(longest, 44s);
}

// Without room to catch up each delay would stay for ever, and the next one come on top of it.
TEST(PlanForAnHour, WhatHeldUpASpacedOperationIsMadeGoodWithinARound) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  Play play(schedule(many(40, vast_workers_of), vast));
  play.run_until(kNoon + 1h);
  Gate gate;
  nanoseconds late{0};
  for (const auto& start : play.starts()) {
    // Once in a round the processors are busy with something else.
    const Mono asked = start.target == 20 ? start.when + 1s : start.when;
    const auto sent = gate.book("account a", "autoscaler", "get_endpoint_workers", 1100ms, asked);
    ASSERT_TRUE(sent);
    // The first round and that in the slots overlap; that, too, takes its time to be made good.
    if (start.target == 19 && start.when > kNoon + 15min) {
      late = std::max<nanoseconds>(late, *sent - start.when);
    }
  }
  EXPECT_EQ(late, 0s);
}

// Endpoints that come back, say, because a list was empty for a while.
TEST(PlanForAnHour, WhoComesNewToAFullSpacedOperationHoldsUpNobody) {
  auto vast = tempo(30s);
  vast.policy.spacings = kVastSpacings;
  Play play(schedule(many(36, vast_workers_of), vast));
  play.run_until(kNoon + 30min);
  play.schedule() = schedule(many(40, vast_workers_of), vast);
  play.run_until(kNoon + 40min);
  Gate gate;
  nanoseconds late{0};
  for (const auto& start : play.starts()) {
    const auto sent =
        gate.book("account a", "autoscaler", "get_endpoint_workers", 1100ms, start.when);
    ASSERT_TRUE(sent);
    if (start.when > kNoon + 30min) late = std::max<nanoseconds>(late, *sent - start.when);
  }
  EXPECT_LE(late, 1100ms);
  for (std::size_t i = 36; i < 40; ++i) {
    ASSERT_FALSE(play.starts_of(i).empty());
    EXPECT_LE(play.starts_of(i).front(), kNoon + 30min + 50s);
  }
}

TEST(CarryOn, WhatWasPolledElsewhereIsDueAnIntervalAfterThat) {
  const auto plan_of = schedule(many(3, workers_of), tempo(30s));
  Pacing pacing;
  pacing.targets[key_of(plan_of.targets[0])] = {.due = kNoon + 7s};
  const auto carried = carry_on(pacing, plan_of,
                                {{key_of(plan_of.targets[0]), kNoon - 20s},
                                 {key_of(plan_of.targets[1]), kNoon - 20s},
                                 {"list_workers/gone", kNoon - 20s}});
  EXPECT_EQ(carried.targets,
            (FlatMap<TargetPace>{{key_of(plan_of.targets[0]), {.due = kNoon + 7s}},
                                 {key_of(plan_of.targets[1]), {.due = kNoon + 10s}}}));
}

// Nothing is known before it has answered.
TEST(CarryOn, AListOfAllIsDueAfterNoMoreThanItsLeastDistance) {
  auto near = workers_of("");
  near.operation = "near";
  auto far = workers_of("");
  far.operation = "far";
  auto apart = tempo(30s);
  const std::array spacings{Spacing{"far", 25s}};
  apart.policy.spacings = spacings;
  const auto plan_of = schedule({near, far}, apart);
  const auto carried =
      carry_on({}, plan_of, {{key_of(near), kNoon - 20s}, {key_of(far), kNoon - 20s}});
  EXPECT_EQ(carried.targets, (FlatMap<TargetPace>{{key_of(near), {.due = kNoon - 20s}},
                                                  {key_of(far), {.due = kNoon + 5s}}}));
}

// ---- pause()

TEST(Pause, NothingOfThatApiStartsBeforeItsEnd) {
  auto targets = many(10, workers_of);
  for (auto& target : many(10, queue_of)) targets.push_back(std::move(target));
  Play play(schedule(std::move(targets), tempo(30s, 100)));
  play.run_until(kNoon + 2min);
  const Mono end = kNoon + 4min;
  play.pacing() = pause(play.pacing(), play.schedule(), "control", end, kNoon + 2min);
  play.run_until(kNoon + 10min);
  std::size_t others = 0;
  std::size_t later = 0;
  for (const auto& start : play.starts()) {
    if (start.when <= kNoon + 2min) continue;
    if (start.target >= 10) {
      if (start.when < end) ++others;
    } else {
      EXPECT_GE(start.when, end);
      ++later;
    }
  }
  EXPECT_GE(others, 35U) << "another API goes on";
  EXPECT_GE(later, 110U) << "it goes on afterwards";
}

TEST(Pause, ItsEndIsNoBurst) {
  Play play(schedule(many(100, workers_of), tempo(30s, 100)));
  play.run_until(kNoon + 2min);
  const Mono end = kNoon + 4min;
  play.pacing() = pause(play.pacing(), play.schedule(), "control", end, kNoon + 2min);
  play.run_until(kNoon + 10min);
  EXPECT_LE(play.most_within(1s, end), 12U);
}

TEST(Pause, HoldsUpAllAlikeAndNobodyLosesATurn) {
  Play play(schedule(many(20, workers_of), tempo(60s, 100)));
  // Another exporter uses up each minute of the key's quota before its end.
  for (auto now = kNoon + 2min; now < kNoon + 20min; now += 1min) {
    play.run_until(now + 50s);
    play.pacing() = pause(play.pacing(), play.schedule(), "control", now + 1min, now + 50s);
  }
  for (std::size_t i = 0; i < 20; ++i) {
    const auto starts = play.starts_of(i);
    for (std::size_t n = 1; n < starts.size(); ++n) {
      if (starts[n - 1] < kNoon + 2min) continue;
      EXPECT_LE(starts[n] - starts[n - 1], 60s + 2 * 10s + 2 * 2s) << i << ' ' << n;
    }
  }
}

TEST(Pause, TargetsThatAppearMeanwhileAreNoBurstAtItsEnd) {
  Play play(schedule({workers_of("first")}, tempo(30s, 100)));
  play.run_until(kNoon + 1min);
  const Mono end = kNoon + 4min;
  play.pacing() = pause(play.pacing(), play.schedule(), "control", end, kNoon + 1min);
  play.schedule() = schedule(many(100, workers_of), tempo(30s, 100));
  play.run_until(kNoon + 10min);
  EXPECT_EQ(play.starts_of(50).front() >= end, true);
  EXPECT_LE(play.most_within(1s, end), 12U);
}

TEST(Pause, PollsThatEndMeanwhileAreNoBurstAtItsEnd) {
  Play play(schedule(many(100, workers_of), tempo(30s, 100)));
  play.take_for([](std::size_t) { return 20s; });
  play.run_until(kNoon + 2min);
  const Mono end = kNoon + 3min;
  play.pacing() = pause(play.pacing(), play.schedule(), "control", end, kNoon + 2min);
  play.run_until(kNoon + 10min);
  EXPECT_LE(play.most_within(1s, end), 12U);
}

TEST(Pause, OfOneOperationLeavesTheOthersOfItsApiGoing) {
  auto targets = many(10, workers_of);
  for (const auto& target : many(10, workers_of)) {
    targets.push_back(target);
    targets.back().operation = "get_endpoint";
  }
  Play play(schedule(std::move(targets), tempo(30s, 100)));
  play.run_until(kNoon + 2min);
  const Mono end = kNoon + 4min;
  play.pacing() = pause(play.pacing(), play.schedule(), "list_workers", end, kNoon + 2min);
  play.run_until(end - 1ns);
  std::size_t others = 0;
  for (const auto& start : play.starts()) {
    if (start.when <= kNoon + 2min) continue;
    EXPECT_GE(start.target, 10U);
    ++others;
  }
  EXPECT_GE(others, 35U);
}

TEST(RefusedScope, IsTheOperationWhereItHasALimitOfItsOwn) {
  static constexpr std::array kOwn{Spacing{"list_workers", 1s}};
  auto target = workers_of("a");
  EXPECT_EQ(refused_scope(target, {}), "control");
  EXPECT_EQ(refused_scope(target, {.spacings = kOwn}), "list_workers");
  target.operation = "get_endpoint";
  EXPECT_EQ(refused_scope(target, {.spacings = kOwn}), "control");
}

TEST(Pause, AShorterOneDoesNotEndALongerOne) {
  const auto one = schedule({workers_of("a")}, tempo());
  auto pacing = plan({}, one, kNoon).next;
  pacing = pause(std::move(pacing), one, "control", kNoon + 10min, kNoon);
  pacing = pause(std::move(pacing), one, "control", kNoon + 1min, kNoon);
  EXPECT_EQ(pacing.paused, (std::map<std::string, Mono>{{"control", kNoon + 10min}}));
}

// ---- targets that come and go

TEST(Plan, ATargetThatVanishesIsForgotten) {
  Play play(schedule(many(3, workers_of), tempo()));
  play.run_until(kNoon + 1min);
  play.schedule() = schedule(many(2, workers_of), tempo());
  const auto before = play.starts_of(2).size();
  play.run_until(kNoon + 10min);
  EXPECT_EQ(play.starts_of(2).size(), before);
  EXPECT_FALSE(play.pacing().targets.contains("list_workers/e2"));
}

TEST(Plan, APollWhoseTargetVanishedMeanwhileEndsQuietly) {
  const auto two = schedule(many(2, workers_of), tempo());
  auto pacing = plan({}, two, kNoon).next;
  const auto none = schedule({}, tempo());
  pacing = plan(std::move(pacing), none, kNoon + 1s).next;
  EXPECT_TRUE(pacing.targets.contains("list_workers/e0")) << "still under way";
  pacing = finished(std::move(pacing), none, workers_of("e0"), kNoon + 2s);
  EXPECT_TRUE(pacing.targets.empty());
}

TEST(Plan, ATargetThatAppearsIsPolledAtOnceAndTheOthersKeepTheirPace) {
  Play play(schedule(many(2, workers_of), tempo()));
  play.run_until(kNoon + 5min + 7s);
  play.schedule() = schedule(many(3, workers_of), tempo());
  play.run_until(kNoon + 15min);
  ASSERT_FALSE(play.starts_of(2).empty());
  EXPECT_LE(play.starts_of(2).front(), kNoon + 5min + 8s);
  const auto starts = play.starts_of(0);
  for (std::size_t i = 2; i < starts.size(); ++i) {
    EXPECT_GE(starts[i] - starts[i - 1], 15s);
    EXPECT_LE(starts[i] - starts[i - 1], 45s);
  }
}

TEST(Plan, TheEndOfAPollThatWasNeverOrderedChangesNothing) {
  const auto one = schedule({workers_of("a")}, tempo());
  const auto pacing = plan({}, one, kNoon).next;
  EXPECT_EQ(finished(pacing, one, workers_of("b"), kNoon + 1s), pacing);
}

TEST(Plan, IsAPureFunction) {
  const auto some = schedule(many(5, workers_of), tempo());
  const auto one = plan({}, some, kNoon);
  const auto other = plan({}, some, kNoon);
  EXPECT_EQ(one.start, other.start);
  EXPECT_EQ(one.wake, other.wake);
  EXPECT_EQ(one.next, other.next);
}

}  // namespace
}  // namespace serverless::daemon
