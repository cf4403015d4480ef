#include "daemon/api.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/metrics.hpp"
#include "daemon/polls.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using Given = std::vector<std::pair<std::string, std::string>>;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z

SourceState answered(std::chrono::milliseconds ago) {
  return {.good = Now{.mono = kNoon.mono - ago},
          .last_success = kNoon.wall - ago,
          .last_attempt = kNoon.wall - ago,
          .ok = true,
          .duration = 250ms,
          .interval = 30s,
          .max_age = 90s,
          .polls = 7};
}

void set_source(EndpointState& state, Source source, SourceState value) {
  state.sources[static_cast<std::size_t>(source)] = std::move(value);
}

// A worker of which everything is known.
WorkerState full_worker(std::string id) {
  WorkerState state{WorkerMemory{.status = Status::running,
                                 .staleness = Staleness::version,
                                 .status_since = kNoon.wall - 60s,
                                 .change_seen = true,
                                 .group_id = "g1",
                                 .uptime_seconds = 61.5}};
  auto& worker = state.reported;
  worker = {.id = std::move(id),
            .native_status = "idle",
            .gpu_type = "RTX 4090",
            .location = "Reykjav\xC3\xADk",
            .version = "3",
            .kind = "pod",
            .image = "img:1",
            .name = "one",
            .interruptible = true,
            .started_at = kNoon.wall - 90s,
            .created_at = kNoon.wall - 91s,
            .model_loaded_at = kNoon.wall - 80s,
            .maintenance_start = kNoon.wall,
            .maintenance_end = kNoon.wall + 1h,
            .last_heartbeat = kNoon.wall - 5s,
            .last_active = kNoon.wall - 6s,
            .cur_load = 1.5,
            .new_load = 2,
            .cur_load_rolling_avg = 1.25,
            .cur_perf = 3,
            .perf = 4,
            .measured_perf = 5,
            .dlperf = 6,
            .benchmarked = true,
            .reliability_ratio = 0.875,
            .requests_in_flight = 1,
            .disk_usage_bytes = 1e9,
            .gpus = 1,
            .vcpus = 8,
            .memory_bytes = 64e9,
            .cost_dollars_per_hour = 0.25};
  return state;
}

EndpointState endpoint(std::string id, std::vector<WorkerState> workers) {
  EndpointState state;
  state.info = {.id = std::move(id), .name = "llama", .kind = "queue", .api = "v2", .scaler = "d"};
  state.workers = std::move(workers);
  state.counts[static_cast<std::size_t>(Status::running)] = 2;
  set_source(state, Source::workers, answered(5s));
  return state;
}

std::shared_ptr<const AccountPage> account(std::string name, std::string_view provider,
                                           std::vector<EndpointState> endpoints) {
  AccountState state{.name = std::move(name), .provider = find_provider(provider)};
  state.apis["control"].up = true;
  for (auto& each : endpoints) {
    const auto id = each.info.id;
    state.endpoints.emplace(id, std::make_shared<const EndpointState>(std::move(each)));
  }
  return std::make_shared<const AccountPage>(
      make_page(std::move(state),
                {.provider = find_provider(provider), .series = {.image_label = true}}, kNoon));
}

std::string all_of(Stream stream) {
  std::string text;
  for (auto part = stream(); !part.empty(); part = stream()) text += part;
  return text;
}

Json workers_of(const Pages& pages, const Given& arguments = {}) {
  return Json::parse(all_of(workers_json(pages, arguments, kNoon).value()));
}

Json endpoints_of(const Pages& pages, const Given& arguments = {}) {
  return Json::parse(all_of(endpoints_json(pages, arguments, kNoon).value()));
}

std::vector<std::string> ids_of(const Json& answer) {
  std::vector<std::string> ids;
  for (const auto& worker : answer["workers"]) ids.push_back(worker["worker_id"]);
  return ids;
}

TEST(WorkersJson, AWorkerIsWhatTheMetricsSayOfIt) {
  const auto answer = workers_of({account("prod", "vast", {endpoint("e1", {full_worker("w1")})})});
  EXPECT_EQ(answer.dump(), Json::parse(R"({
    "time": 1785931200, "total": 1, "not_fresh": [],
    "workers": [{
      "provider": "vast", "account": "prod", "endpoint_id": "e1", "worker_id": "w1",
      "status": "running", "native_status": "idle", "stale_reason": "version",
      "gpu_type": "RTX 4090", "location": "Reykjavík", "version": "3", "kind": "pod",
      "group_id": "g1", "interruptible": "true", "image": "img:1", "name": "one",
      "status_since_timestamp_seconds": 1785931140, "stale": 1, "uptime_seconds": 61.5,
      "start_time_seconds": 1785931110, "created_timestamp_seconds": 1785931109,
      "model_loaded_timestamp_seconds": 1785931120, "cur_load": 1.5, "new_load": 2,
      "cur_load_rolling_avg": 1.25, "cur_perf": 3, "perf": 4, "measured_perf": 5,
      "benchmarked": 1, "dlperf_score": 6, "reliability_ratio": 0.875, "requests_in_flight": 1,
      "disk_usage_bytes": 1000000000, "gpus": 1, "vcpus": 8, "memory_bytes": 64000000000,
      "maintenance_start_timestamp_seconds": 1785931200,
      "maintenance_end_timestamp_seconds": 1785934800, "cost_dollars_per_hour": 0.25,
      "last_heartbeat_timestamp_seconds": 1785931195, "last_active_timestamp_seconds": 1785931194
    }]})")
                               .dump());
}

TEST(WorkersJson, HasEveryMetricOfAWorkerThatThePageHas) {
  const Pages pages{account("prod", "vast", {endpoint("e1", {full_worker("w1")})})};
  const auto worker = workers_of(pages)["workers"][0];
  std::istringstream lines(assemble(pages, {}, kNoon).text());
  std::size_t compared = 0;
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kPrefix = "serverless_worker_";
    const auto family = line.substr(0, line.find('{'));
    const bool plain = line.find("worker_id=\"w1\"}") != std::string::npos;
    if (!family.starts_with(kPrefix) || !plain) continue;
    const auto key = family.substr(kPrefix.size());
    ASSERT_TRUE(worker.contains(key)) << line;
    EXPECT_EQ(worker[key].get<double>(), std::stod(line.substr(line.rfind(' ')))) << line;
    ++compared;
  }
  EXPECT_GT(compared, 20U);
}

TEST(WorkersJson, WhatIsNotFreshIsNamedAndNotTold) {
  auto old = endpoint("old", {full_worker("w1")});
  set_source(old, Source::workers, answered(90001ms));
  const auto answer =
      workers_of({account("prod", "runpod", {old, endpoint("young", {full_worker("w2")})})});
  EXPECT_EQ(ids_of(answer), std::vector<std::string>{"w2"});
  EXPECT_EQ(answer["not_fresh"],
            Json::parse(R"([{"provider":"runpod","account":"prod","endpoint_id":"old"}])"));
  EXPECT_EQ(answer["total"], 1);
}

TEST(WorkersJson, AStatusThatRestsOnAnExpiredViewIsNull) {
  auto state = endpoint("e1", {full_worker("w1")});
  state.queue_used = true;
  set_source(state, Source::queue, answered(91s));
  const Pages pages{account("prod", "runpod", {state})};
  const auto worker = workers_of(pages)["workers"][0];
  EXPECT_TRUE(worker["status"].is_null());
  EXPECT_FALSE(worker.contains("uptime_seconds")) << "it rests on the status";
  EXPECT_EQ(worker["native_status"], "idle");
  EXPECT_EQ(ids_of(workers_of(pages, {{"status", "running"}})), std::vector<std::string>{});
}

TEST(WorkersJson, FiltersSortsAndCuts) {
  auto sick = full_worker("sick");
  sick.status = Status::unhealthy;
  sick.staleness = Staleness::current;
  auto mute = full_worker("mute");
  mute.staleness = Staleness::unknown;
  mute.reported.location = "Oslo";
  const Pages pages{account("a", "vast", {endpoint("e1", {full_worker("w1"), sick})}),
                    account("b", "den", {endpoint("e2", {mute})})};
  const auto ids = [&](const Given& arguments) { return ids_of(workers_of(pages, arguments)); };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({}), (Ids{"w1", "sick", "mute"}));
  EXPECT_EQ(ids({{"provider", "den"}}), (Ids{"mute"}));
  EXPECT_EQ(ids({{"account", "a"}}), (Ids{"w1", "sick"}));
  EXPECT_EQ(ids({{"endpoint", "e2"}}), (Ids{"mute"}));
  EXPECT_EQ(ids({{"status", "unhealthy"}}), (Ids{"sick"}));
  EXPECT_EQ(ids({{"stale", "true"}}), (Ids{"w1"}));
  EXPECT_EQ(ids({{"stale", "false"}}), (Ids{"sick"})) << "who does not say is neither";
  EXPECT_EQ(ids({{"text", "OSL"}}), (Ids{"mute"}));
  EXPECT_EQ(ids({{"sort", "worst"}}), (Ids{"sick", "w1", "mute"}));
  EXPECT_EQ(ids({{"sort", "worker"}, {"order", "desc"}}), (Ids{"w1", "sick", "mute"}));
  EXPECT_EQ(ids({{"offset", "1"}, {"limit", "1"}}), (Ids{"sick"}));
  EXPECT_EQ(ids({{"offset", "9"}}), (Ids{}));
  EXPECT_EQ(workers_of(pages, {{"limit", "1"}})["total"], 3);
}

TEST(WorkersJson, EachColumnHasItsOrder) {
  std::vector<WorkerState> workers;
  for (const Status status : {Status::stopped, Status::idle, Status::running, Status::initializing,
                              Status::throttled, Status::unknown, Status::unhealthy}) {
    auto worker = full_worker(std::string(name(status)));
    worker.status = status;
    worker.status_since = kNoon.wall - std::chrono::seconds{workers.size()};
    worker.reported.cur_load = static_cast<double>(workers.size() % 3);
    workers.push_back(std::move(worker));
  }
  const Pages pages{account("b", "vast", {endpoint("e", workers)}),
                    account("a", "vast", {endpoint("e", {full_worker("first")})})};
  const auto sorted = [&](const std::string& by, const std::string& of) {
    return ids_of(workers_of(pages, {{"sort", by}, {"account", of}}));
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(sorted("status", "b"), (Ids{"unhealthy", "unknown", "throttled", "initializing",
                                        "running", "idle", "stopped"}));
  EXPECT_EQ(sorted("since", "b"), (Ids{"unhealthy", "unknown", "throttled", "initializing",
                                       "running", "idle", "stopped"}));
  EXPECT_EQ(sorted("load", "b"), (Ids{"stopped", "initializing", "unhealthy", "idle", "throttled",
                                      "running", "unknown"}));
  EXPECT_EQ(sorted("endpoint", "")[0], "first");
}

TEST(WorkersJson, RefusesWhatItDoesNotUnderstand) {
  const auto refusal = [](const Given& arguments) {
    return workers_json({}, arguments, kNoon).error();
  };
  EXPECT_EQ(refusal({{"colour", "red"}}), "there is no argument 'colour'\n");
  EXPECT_EQ(refusal({{"status", "fine"}}),
            "status: expected one of running, idle, active, initializing, throttled, unhealthy, "
            "stopped, unknown, not 'fine'\n");
  EXPECT_EQ(refusal({{"stale", "1"}}), "stale: expected true or false, not '1'\n");
  EXPECT_EQ(refusal({{"limit", "-1"}}), "limit: expected a number, not '-1'\n");
  EXPECT_EQ(refusal({{"sort", "name"}}),
            "sort: expected one of worst, worker, endpoint, status, since, load, not 'name'\n");
  EXPECT_EQ(endpoints_json({}, Given{{"status", "idle"}}, kNoon).error(),
            "there is no argument 'status'\n");
}

TEST(WorkersJson, ManyWorkersComeInStretches) {
  std::vector<WorkerState> workers;
  for (int i = 0; i < 5000; ++i) workers.push_back(full_worker("w" + std::to_string(i)));
  const Pages pages{account("prod", "vast", {endpoint("e1", std::move(workers))})};
  auto stream = workers_json(pages, {}, kNoon).value();
  std::string text;
  std::size_t longest = 0;
  for (auto part = stream(); !part.empty(); part = stream()) {
    longest = std::max(longest, part.size());
    text += part;
  }
  EXPECT_LT(longest, 80000U);
  EXPECT_EQ(Json::parse(text)["workers"].size(), 5000U);
}

TEST(WorkersJson, BytesThatAreNoUtf8AreReplaced) {
  const auto answer = workers_of({account("prod", "vast", {endpoint("e\xFF", {})})});
  EXPECT_EQ(answer["total"], 0);
  const auto endpoints = endpoints_of({account("prod", "vast", {endpoint("e\xFF", {})})});
  EXPECT_EQ(endpoints["endpoints"][0]["endpoint_id"], "e\uFFFD");
}

TEST(EndpointsJson, AnEndpointIsWhatTheMetricsSayOfIt) {
  auto state = endpoint("e1", {full_worker("w1")});
  state.sources[0]->error = Error{.reason = Reason::timeout, .detail = "after 10 s"};
  state.sources[0]->ok = false;
  const auto answer = endpoints_of({account("prod", "vast", {state})});
  EXPECT_EQ(answer["accounts"], Json::parse(R"([{"provider":"vast","account":"prod",
      "discovered":false,"endpoints":1,"apis":{"control":{"up":true}}}])"));
  const auto& told = answer["endpoints"][0];
  EXPECT_EQ(told["name"], "llama");
  EXPECT_EQ(told["workers"], Json::parse(R"({"running":2})"));
  EXPECT_EQ(told["ready_workers"], 2);
  EXPECT_EQ(told["stale_workers"], Json::parse(R"({"version":1})"));
  EXPECT_EQ(told["load"], 1.5);
  EXPECT_EQ(told["capacity"], 4);
  const auto& source = told["sources"]["workers"];
  EXPECT_EQ(source["fresh"], true);
  EXPECT_EQ(source["age_seconds"], 5);
  EXPECT_EQ(source["error"], Json::parse(R"({"reason":"timeout","detail":"after 10 s"})"));
  EXPECT_EQ(source["poll_max_age_seconds"], 90);
  EXPECT_EQ(source["poll_success"], 0);
}

TEST(EndpointsJson, WhatIsTooOldIsNotTold) {
  auto state = endpoint("e1", {full_worker("w1")});
  set_source(state, Source::workers, answered(91s));
  const auto told = endpoints_of({account("prod", "vast", {state})})["endpoints"][0];
  EXPECT_FALSE(told.contains("workers"));
  EXPECT_FALSE(told.contains("load"));
  EXPECT_EQ(told["sources"]["workers"]["fresh"], false);
  EXPECT_EQ(told["name"], "llama");
}

TEST(PollsText, TellsTheLastPollsOfEachTargetTheNewestFirst) {
  AccountState state{.name = "pr\u202Eod", .provider = find_provider("vast")};
  state.polls["list/e1"] =
      std::make_shared<const PollLog>(PollLog{.operation = "list",
                                              .endpoint_id = "e1",
                                              .supplies = {Source::workers, Source::queue},
                                              .polls = {{.sent = kNoon.wall - 40s,
                                                         .duration = 1234ms,
                                                         .requests = 2,
                                                         .bytes = 5678,
                                                         .code = "200"},
                                                        {.sent = kNoon.wall - 10s,
                                                         .duration = 10s,
                                                         .requests = 1,
                                                         .code = "timeout",
                                                         .reason = Reason::timeout}}});
  state.polls["all/"] = std::make_shared<const PollLog>(PollLog{.operation = "all"});
  auto page = std::make_shared<AccountPage>();
  page->state = std::move(state);
  page->next_polls["list/e1"] = {.at = kNoon.mono + 2500ms};
  page->next_polls["all/"] = {.in_flight = true};
  EXPECT_EQ(all_of(polls_text({page}, {}, kNoon).value()),
            "The last 20 polls of each target, the newest first, at 2026-08-05T12:00:00.000Z.\n"
            "\npr\\u{202E}od (vast): all of the account: ; next under way\n"
            "  no poll has ended yet\n"
            "\npr\\u{202E}od (vast): list of e1: workers, queue; next in 2.5 s\n"
            "  sent                          took requests      bytes  code         result\n"
            "  2026-08-05T11:59:50.000Z  10.000 s        1          0  timeout      timeout\n"
            "  2026-08-05T11:59:20.000Z   1.234 s        2       5678  200          good\n");
  EXPECT_EQ(polls_text({}, Given{{"x", "y"}}, kNoon).error(), "there is no argument 'x'\n");
}

TEST(Visible, WhatActsOnItsSurroundingsIsWrittenOut) {
  EXPECT_EQ(visible("a\nb\x1B[1m\x7F"), "a\\u{A}b\\u{1B}[1m\\u{7F}");
  EXPECT_EQ(visible("\u202Ex\u2069\u061C"), "\\u{202E}x\\u{2069}\\u{61C}");
  EXPECT_EQ(visible("Zürich 東京"), "Zürich 東京");
}

}  // namespace
}  // namespace serverless::daemon
