#include "daemon/blocks.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr std::array kStatuses{Status::running, Status::idle};
constexpr Provider kProvider{.name = "acme", .label = "acme", .statuses = kStatuses};
constexpr Context kContext{.provider = &kProvider,
                           .series = {.worker_status = config::WorkerStatusSeries::active}};

using Endpoints = FlatMap<EndpointPointer>;

Now at(std::chrono::nanoseconds after_noon) {
  return {.mono = kNoon.mono + after_noon, .wall = kNoon.wall};
}

EndpointPointer endpoint(const std::string& id, std::size_t workers,
                         std::chrono::nanoseconds when = 0s) {
  EndpointState state;
  state.info.id = id;
  state.sources[static_cast<std::size_t>(Source::workers)] =
      SourceState{.good = at(when), .ok = true, .max_age = 90s};
  for (std::size_t i = 0; i < workers; ++i) {
    WorkerState worker;
    worker.reported.id = id + "-" + std::to_string(i);
    worker.status = Status::idle;
    worker.status_since = kNoon.wall;
    state.workers.edit().push_back(std::move(worker));
  }
  return std::make_shared<const EndpointState>(std::move(state));
}

// "a", "b", ... with so many workers each.
Endpoints endpoints(const std::vector<std::size_t>& workers) {
  Endpoints all;
  char id = 'a';
  for (const auto count : workers) {
    const std::string name(1, id++);
    all.emplace(name, endpoint(name, count));
  }
  return all;
}

Runs workers_of(const Runs& before, const Endpoints& all, Now now = kNoon) {
  return make_runs(before, all, Part::workers, "prod", kContext, now);
}

// The ids of each run: "ab c".
std::string cuts(const Runs& runs) {
  std::string out;
  for (const auto& run : runs) {
    if (!out.empty()) out += ' ';
    for (const auto& each : run->endpoints) out += each->info.id;
  }
  return out;
}

std::string text_of(const Runs& runs, std::string_view metric) {
  std::string text;
  for (const auto& run : runs) {
    for (const auto& block : run->blocks) {
      if (rows()[block.row].name == metric) text += inflate(*block.piece);
    }
  }
  return text;
}

std::string status_line(const std::string& endpoint_id, const std::string& worker) {
  return "serverless_worker_status{provider=\"acme\",account=\"prod\",endpoint_id=\"" +
         endpoint_id + "\",worker_id=\"" + worker + "\",status=\"idle\"} 1\n";
}

TEST(MakeRuns, SmallEndpointsAreTogetherAndLargeOnesAlone) {
  EXPECT_EQ(cuts(workers_of({}, endpoints({30, 30, 30, 30, 300, 10, 300, 10}))), "abcd e fg h");
}

TEST(MakeRuns, ARunHasTheLinesOfItsEndpointsInTheirOrder) {
  EXPECT_EQ(text_of(workers_of({}, endpoints({1, 2})), "serverless_worker_status"),
            status_line("a", "a-0") + status_line("b", "b-0") + status_line("b", "b-1"));
}

TEST(MakeRuns, EndpointsThatAreTheSameValuesAreTheSameRun) {
  auto all = endpoints({33, 33, 33, 33, 33, 33});
  const auto before = workers_of({}, all);
  ASSERT_EQ(cuts(before), "abc def");
  EXPECT_EQ(workers_of(before, all), before);
  all["b"] = endpoint("b", 34);
  const auto after = workers_of(before, all);
  EXPECT_NE(after[0], before[0]);
  EXPECT_EQ(after[1], before[1]);
}

TEST(MakeRuns, RunsEndWhereTheyEndedUntilTheyAreTooLightOrTooHeavy) {
  auto all = endpoints({40, 40, 40, 40, 40, 40});
  auto runs = workers_of({}, all);
  ASSERT_EQ(cuts(runs), "abc def");
  all["a"] = endpoint("a", 10);
  all["b"] = endpoint("b", 12);
  runs = workers_of(runs, all);
  EXPECT_EQ(cuts(runs), "abc def");
  all["c"] = endpoint("c", 5);
  runs = workers_of(runs, all);
  EXPECT_EQ(cuts(runs), "abcde f") << "too light to be alone";
  all["c"] = endpoint("c", 280);
  EXPECT_EQ(cuts(workers_of(runs, all)), "abc de f") << "too heavy to be one";
}

TEST(MakeRuns, EndpointsThatComeAndGoLeaveTheOtherRunsAsTheyWere) {
  auto all = endpoints({33, 33, 33, 33, 33, 33});
  const auto before = workers_of({}, all);
  all.emplace("cc", endpoint("cc", 33));
  auto after = workers_of(before, all);
  EXPECT_EQ(cuts(after), "abc ccde f");
  EXPECT_EQ(after[0], before[0]);
  all.erase("cc");
  all.erase("a");
  after = workers_of(after, all);
  EXPECT_EQ(cuts(after), "bc de f");
  EXPECT_EQ(text_of(after, "serverless_worker_status"),
            text_of(workers_of({}, all), "serverless_worker_status"));
}

TEST(MakeRuns, WhatSaysTheSameIsSharedAlthoughItsEndpointChanged) {
  auto all = endpoints({3});
  const auto before = workers_of({}, all);
  EndpointState changed = *all["a"];
  changed.workers.edit()[1].status = Status::running;
  all["a"] = std::make_shared<const EndpointState>(changed);
  const auto after = workers_of(before, all);
  ASSERT_EQ(after[0]->blocks.size(), before[0]->blocks.size());
  for (std::size_t i = 0; i < after[0]->blocks.size(); ++i) {
    const auto& block = after[0]->blocks[i];
    const bool is_status = rows()[block.row].name == "serverless_worker_status";
    EXPECT_EQ(block.piece == before[0]->blocks[i].piece, !is_status) << rows()[block.row].name;
  }
}

// Otherwise each endpoint's lines of workers would be made twice a poll: for the list, and for the
// queue, which tells nothing of them.
TEST(MakeRuns, APollOfAnotherSourceLeavesTheRunsOfWorkersAsTheyAre) {
  auto all = endpoints({3});
  const auto before = workers_of({}, all);
  const auto with = [&](const auto& change) {
    EndpointState changed = *all["a"];
    change(changed);
    const Endpoints now{{"a", std::make_shared<const EndpointState>(std::move(changed))}};
    return workers_of(before, now);
  };
  EXPECT_EQ(with([](EndpointState& state) {
              state.queue = QueueReport{.jobs_in_queue = 7};
              state.sources[static_cast<std::size_t>(Source::queue)].emplace().good = kNoon;
            }),
            before);
  EXPECT_NE(with([](EndpointState& state) { state.workers.edit(); }), before);
  EXPECT_NE(with([](EndpointState& state) {
              ++state.sources[static_cast<std::size_t>(Source::workers)]->max_age;
            }),
            before);
  EXPECT_NE(with([](EndpointState& state) {
              state.instances = std::make_shared<const InstancesReport>();
            }),
            before);
  EXPECT_NE(with([](EndpointState& state) { state.queue_used = true; }), before);
}

TEST(MakeRuns, WhatSaysSomethingElseInAsManyBytesIsNotShared) {
  const auto before = workers_of({}, endpoints({1}));
  auto all = endpoints({1});
  EndpointState changed = *all["a"];
  changed.workers.edit()[0].reported.id = "a-9";
  all["a"] = std::make_shared<const EndpointState>(changed);
  EXPECT_EQ(text_of(workers_of(before, all), "serverless_worker_status"), status_line("a", "a-9"));
}

TEST(MakeRuns, AnExpiryMakesOneRunAnew) {
  Endpoints all;
  for (const auto& [id, when] : std::vector<std::pair<std::string, std::chrono::seconds>>{
           {"a", 0s}, {"b", 30s}, {"c", 60s}}) {
    all.emplace(id, endpoint(id, id == "c" ? 300 : 60, when));
  }
  const auto before = workers_of({}, all);
  ASSERT_EQ(cuts(before), "ab c");
  EXPECT_EQ(before[0]->expires, kNoon.mono + 90s);
  EXPECT_EQ(workers_of(before, all, at(90s)), before);
  const auto after = workers_of(before, all, at(90s + 1ns));
  EXPECT_EQ(cuts(after), "ab c");
  EXPECT_EQ(after[0]->expires, kNoon.mono + 120s);
  EXPECT_EQ(after[1], before[1]);
  const auto left = text_of({after[0]}, "serverless_worker_status");
  EXPECT_EQ(left.find("\"a-0\""), std::string::npos);
  EXPECT_NE(left.find("\"b-0\""), std::string::npos);
}

TEST(MakeRuns, NoEndpointsAreNoRuns) {
  EXPECT_EQ(workers_of({}, {}), Runs{});
  EXPECT_EQ(workers_of(workers_of({}, endpoints({1})), {}), Runs{});
}

TEST(MakeRuns, AnEndpointsOwnRowsAreFourEndpointsTogether) {
  const auto runs = make_runs({}, endpoints(std::vector<std::size_t>(20, 500)), Part::endpoint,
                              "prod", kContext, kNoon);
  EXPECT_EQ(cuts(runs), "abcd efgh ijkl mnop qrst");
}

}  // namespace
}  // namespace serverless::daemon
