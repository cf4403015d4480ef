#include "simulator/fleet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

using Words = std::set<std::string>;

constexpr seconds kWatch{180};

Fleet demo(std::uint64_t seed) {
  return Fleet({.seed = seed, .born = kNoon - std::chrono::hours{1}});
}

/// Calls `look` with a view for each step of `time` from `begin`.
template <class Look>
void watch(const Fleet& fleet, seconds time, seconds step, Look&& look, Time begin = kNoon) {
  for (seconds passed{0}; passed <= time; passed += step) {
    look(view_of(fleet, begin + passed));
  }
}

/// Several moments at which somebody may begin to poll.
std::vector<Time> beginnings() {
  std::vector<Time> all;
  for (int i = 0; i < 12; ++i) all.push_back(kNoon + i * milliseconds{97'301});
  return all;
}

template <class Look>
void each_runpod(const View& view, Api api, Look&& look) {
  view.each_endpoint(api, [&](const Endpoint& endpoint) {
    for (std::size_t place = 0; place < endpoint.workers; ++place) {
      if (const auto worker = view.runpod(endpoint, place)) look(endpoint, *worker);
    }
  });
}

template <class Look>
void each_vast(const View& view, Look&& look) {
  view.each_endpoint(Api::vast, [&](const Endpoint& endpoint) {
    for (std::size_t place = 0; place < endpoint.workers; ++place) {
      if (const auto worker = view.vast(endpoint, place)) look(endpoint, *worker);
    }
  });
}

class EverySeed : public testing::TestWithParam<std::uint64_t> {};

TEST_P(EverySeed, RunpodV2ShowsEveryStatusWithinThreeMinutesAtFiveSeconds) {
  const Fleet fleet = demo(GetParam());
  for (const Time begin : beginnings()) {
    Words seen;
    bool stale = false;
    watch(
        fleet, kWatch, seconds{5},
        [&](const View& view) {
          each_runpod(view, Api::runpod, [&](const Endpoint&, const RunpodWorker& worker) {
            seen.insert(worker.word);
            stale = stale || worker.stale;
          });
        },
        begin);
    EXPECT_EQ(seen, (Words{"RUNNING", "IDLE", "INITIALIZING", "THROTTLED", "UNHEALTHY", "EXITED",
                           "DRAINING"}));
    EXPECT_TRUE(stale);
  }
}

TEST_P(EverySeed, RunpodV1ShowsRunningExitedAndTerminatedAndItsSingleWorkerEveryBucket) {
  const Fleet fleet = demo(GetParam());
  for (const Time begin : beginnings()) {
    Words single;
    Words several;
    watch(
        fleet, kWatch, seconds{5},
        [&](const View& view) {
          each_runpod(view, Api::runpod_v1,
                      [&](const Endpoint& endpoint, const RunpodWorker& worker) {
                        (endpoint.workers == 1 ? single : several).insert(worker.word);
                      });
        },
        begin);
    EXPECT_EQ(single, (Words{"RUNNING", "IDLE", "INITIALIZING", "THROTTLED", "UNHEALTHY"}));
    EXPECT_EQ(several, (Words{"RUNNING", "IDLE", "INITIALIZING", "THROTTLED", "UNHEALTHY", "EXITED",
                              "TERMINATED"}));
  }
}

TEST_P(EverySeed, VastShowsEveryStatusWithinThreeMinutesAtTenSeconds) {
  const Fleet fleet = demo(GetParam());
  for (const Time begin : beginnings()) {
    Words seen;
    bool idle = false;
    bool busy = false;
    bool without_key = false;
    bool not_benchmarked = false;
    bool without_instance = false;
    watch(
        fleet, kWatch, seconds{10},
        [&](const View& view) {
          each_vast(view, [&](const Endpoint&, const VastWorker& worker) {
            seen.insert(worker.word);
            idle = idle || (worker.word == "idle" && worker.reqs_working == 0);
            busy = busy || (worker.word == "idle" && worker.reqs_working.value_or(0) > 0);
            without_key = without_key || (worker.word == "running" && !worker.reqs_working);
            not_benchmarked =
                not_benchmarked || (!worker.ready_ever && worker.measured_perf == worker.dlperf);
            without_instance = without_instance || !worker.has_instance;
          });
        },
        begin);
    EXPECT_EQ(seen, (Words{"idle", "running", "creating", "loading", "model_loading", "starting",
                           "rebooting", "update_ready", "update_rebooting", "update_starting",
                           "error", "unavail", "offline", "stopped", "stopping", "destroying",
                           "migrating", "Idle", "Model_Loading"}));
    EXPECT_TRUE(idle && busy && without_key && not_benchmarked && without_instance);
  }
}

TEST_P(EverySeed, DenShowsEveryStatusAtOnceAtAnyTime) {
  const Fleet fleet = demo(GetParam());
  watch(fleet, std::chrono::hours{2}, seconds{65}, [&](const View& view) {
    Words seen;
    for (std::size_t i = 0; i < fleet.worker_count(Api::den); ++i) {
      const auto worker = view.den(i);
      const bool active = worker->active && view.now - *worker->active < seconds{600};
      const bool silent = worker->heartbeat && view.now - *worker->heartbeat > seconds{900};
      seen.insert(worker->local                                        ? "local"
                  : worker->heartbeat && *worker->heartbeat > view.now ? "fast clock"
                  : worker->status == "healthy" && silent              ? "silent"
                  : worker->status == "healthy" && active              ? "active"
                                                                       : worker->status);
    }
    ASSERT_EQ(seen, (Words{"local", "fast clock", "silent", "active", "healthy", "provisioning",
                           "failed", "stopped", "suspended"}));
  });
}

TEST_P(EverySeed, HealthAgreesWithTheListExceptWhereThePlantsAre) {
  const Fleet fleet = demo(GetParam());
  std::size_t disagreements = 0;
  std::size_t degraded = 0;
  watch(fleet, kWatch, seconds{1}, [&](const View& view) {
    for (const Api api : {Api::runpod, Api::runpod_v1}) {
      view.each_endpoint(api, [&](const Endpoint& endpoint) {
        if (fleet.views_disagree(endpoint, view.now)) {
          ++disagreements;
          EXPECT_NE(view.health(endpoint), view.buckets(endpoint));
        } else if (fleet.is_degraded(endpoint, view.now)) {
          ++degraded;
          EXPECT_GT(view.buckets(endpoint).running, 0U);
          EXPECT_EQ(view.jobs(endpoint).in_progress, 0);
        } else {
          EXPECT_EQ(view.health(endpoint), view.buckets(endpoint));
        }
      });
    }
  });
  EXPECT_GT(disagreements, 60U);
  EXPECT_GT(degraded, 60U);
}

TEST_P(EverySeed, JobCountersAndHeartbeatsNeverFall) {
  const Fleet fleet = demo(GetParam());
  std::map<std::string, Jobs> last;
  std::map<std::string, std::pair<Time, Time>> last_beats;
  watch(fleet, minutes{30}, seconds{7}, [&](const View& view) {
    for (const Api api : {Api::runpod, Api::runpod_v1}) {
      view.each_endpoint(api, [&](const Endpoint& endpoint) {
        const Jobs jobs = view.jobs(endpoint);
        Jobs& before = last[endpoint.id];
        EXPECT_GE(jobs.completed, before.completed);
        EXPECT_GE(jobs.failed, before.failed);
        EXPECT_GE(jobs.retried, before.retried);
        before = jobs;
      });
    }
    for (std::size_t i = 0; i < fleet.worker_count(Api::den); ++i) {
      const auto worker = view.den(i);
      auto& [beat, active] = last_beats[worker->id];
      EXPECT_GE(worker->heartbeat.value_or(Time{}), beat);
      EXPECT_GE(worker->active.value_or(Time{}), active);
      beat = worker->heartbeat.value_or(Time{});
      active = worker->active.value_or(Time{});
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Seeds, EverySeed, testing::Range<std::uint64_t>(1, 21));

TEST(Fleet, DegradationLastsLongerThanAMinuteAtATime) {
  const Fleet fleet = demo(1);
  const Endpoint endpoint = fleet.endpoint(Api::runpod, 2);
  int longest = 0;
  int current = 0;
  watch(fleet, minutes{6}, seconds{1}, [&](const View& view) {
    current = fleet.is_degraded(endpoint, view.now) ? current + 1 : 0;
    longest = std::max(longest, current);
  });
  EXPECT_EQ(longest, 110);
}

TEST(Fleet, EqualSeedsAndTimesGiveEqualWorkersAndOtherSeedsOthers) {
  const auto ids = [](std::uint64_t seed) {
    const Fleet fleet = demo(seed);
    std::string all;
    each_runpod(
        view_of(fleet, kNoon), Api::runpod,
        [&](const Endpoint&, const RunpodWorker& worker) { all += worker.id + worker.word; });
    return all;
  };
  EXPECT_EQ(ids(3), ids(3));
  EXPECT_NE(ids(3), ids(4));
}

TEST(Fleet, FindsEveryEndpointByItsIdAndNoOther) {
  const Fleet fleet({.seed = 9, .born = kNoon, .endpoints = 2000, .workers = 3});
  for (const Api api : {Api::runpod, Api::runpod_v1, Api::vast}) {
    for (const std::size_t index : {0U, 1U, 36U, 1999U}) {
      const Endpoint endpoint = fleet.endpoint(api, index);
      EXPECT_EQ(fleet.find(api, endpoint.id), endpoint);
    }
  }
  EXPECT_EQ(fleet.find(Api::runpod, "nosuch0000"), std::nullopt);
  EXPECT_EQ(fleet.find(Api::runpod, fleet.endpoint(Api::runpod_v1, 0).id), std::nullopt);
  EXPECT_EQ(fleet.find(Api::vast, "3200"), std::nullopt);
}

TEST(Fleet, WorkerIdsAreUnique) {
  const Fleet fleet({.seed = 5, .born = kNoon - minutes{60}, .endpoints = 20, .workers = 500});
  std::set<std::string> runpod;
  std::set<std::int64_t> vast;
  std::size_t runpod_rows = 0;
  std::size_t vast_rows = 0;
  const View view = view_of(fleet, kNoon);
  each_runpod(view, Api::runpod, [&](const Endpoint&, const RunpodWorker& worker) {
    runpod.insert(worker.id);
    ++runpod_rows;
  });
  each_vast(view, [&](const Endpoint&, const VastWorker& worker) {
    vast.insert(worker.id);
    ++vast_rows;
  });
  EXPECT_EQ(runpod.size(), runpod_rows);
  EXPECT_EQ(vast.size(), vast_rows);
  EXPECT_GT(runpod_rows, 9000U);
  EXPECT_GT(vast_rows, 9000U);
}

TEST(Fleet, AWorkerThatIsUpGrowsOlderSecondBySecond) {
  const Fleet fleet = demo(1);
  const Endpoint endpoint = fleet.endpoint(Api::runpod, 0);
  std::map<std::string, RunpodWorker> last;
  watch(fleet, minutes{10}, seconds{1}, [&](const View& view) {
    std::map<std::string, RunpodWorker> now;
    for (std::size_t place = 0; place < endpoint.workers; ++place) {
      if (const auto worker = view.runpod(endpoint, place)) now[worker->id] = *worker;
    }
    for (const auto& [id, worker] : now) {
      const auto before = last.find(id);
      if (before == last.end() || !before->second.up || !worker.up) continue;
      EXPECT_EQ(worker.uptime_s, before->second.uptime_s + 1);
      EXPECT_EQ(worker.started, before->second.started);
    }
    last = std::move(now);
  });
}

}  // namespace
}  // namespace simulator
