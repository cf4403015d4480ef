#include "collectors/vast.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/account.hpp"
#include "tests/fakes/fake_http.hpp"

namespace serverless::vast {
namespace {

using namespace std::chrono_literals;
using fakes::FakeHttp;

const std::string kConsole = "https://console.example";
const std::string kAutoscaler = "https://run.example";
const std::string kEndpoints = "GET " + kConsole + "/api/v0/endptjobs/";
const std::string kGroups = "GET " + kConsole + "/api/v0/workergroups/";
const std::string kInstances = "GET " + kConsole + "/api/v1/instances/?limit=25";
const std::string kWorkers = "POST " + kAutoscaler + "/get_endpoint_workers/";
const std::string kAutogroup = "POST " + kAutoscaler + "/get_autogroup_workers/";
const std::string kWorkergroup = "POST " + kAutoscaler + "/get_workergroup_workers/";

std::string fixture(const std::string& name) {
  std::ifstream in(std::string{SOURCE_DIR} + "/tests/fixtures/vast/" + name);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>{in}, {}};
}

Time at(std::int64_t milliseconds) { return Time{std::chrono::milliseconds{milliseconds}}; }

http::Response answer(int status, std::string body = {}) {
  return {.status = status, .body = std::move(body)};
}

Skipped skipped(std::vector<std::pair<Skip, std::string>> notes) {
  Skipped result;
  for (auto& [skip, where] : notes) result.add(skip, std::move(where));
  return result;
}

std::string failure(const Result<WorkersReport>& report) {
  if (report) return "no failure";
  return std::string{name(report.error().reason)} + ": " + report.error().detail;
}

Worker only(const std::string& fields) {
  const auto report = parse_workers("[{\"id\":1," + fields + "}]");
  EXPECT_TRUE(report.has_value());
  return report->workers.at(0);
}

TEST(VastWorkers, AreReadFromAnArray) {
  const auto report = parse_workers(fixture("workers_ok.json"));
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  ASSERT_EQ(report->workers.size(), 3U);
  EXPECT_EQ(report->workers[0], (Worker{.id = "35508355",
                                        .native_status = "idle",
                                        .status = Status::running,
                                        .staleness = Staleness::current,
                                        .gpu_type = "RTX 4090",
                                        .up_since = at(1724275610200),
                                        .started_at = at(1724275610200),
                                        .model_loaded_at = at(1724275993997),
                                        .cur_load = 150,
                                        .new_load = 50,
                                        .cur_load_rolling_avg = 48.7,
                                        .cur_perf = 80.25,
                                        .perf = 2651.69,
                                        .measured_perf = 2791.25,
                                        .dlperf = 105.87206734930771,
                                        .benchmarked = true,
                                        .reliability_ratio = 0.95,
                                        .requests_in_flight = 1,
                                        .disk_usage_bytes = 30e9}));
  EXPECT_EQ(report->workers[1], (Worker{.id = "35508401",
                                        .native_status = "model_loading",
                                        .status = Status::initializing,
                                        .staleness = Staleness::current,
                                        .gpu_type = "RTX 3090",
                                        .up_since = at(1724276100000),
                                        .started_at = at(1724276100000),
                                        .cur_load = 0,
                                        .new_load = 0,
                                        .cur_load_rolling_avg = 0,
                                        .cur_perf = 0,
                                        .perf = 41.2,
                                        .measured_perf = 42.1,
                                        .dlperf = 42.1,
                                        .benchmarked = false,
                                        .reliability_ratio = 0.9786,
                                        .requests_in_flight = 0,
                                        .disk_usage_bytes = 17.4 * 1e9}));
  EXPECT_EQ(report->workers[2].status, Status::stopped);
  EXPECT_EQ(report->workers[2].benchmarked, true);
  EXPECT_EQ(report->skipped, Skipped{});
  EXPECT_EQ(report->truncated, std::nullopt);
}

TEST(VastWorkers, NoneAreAnEmptyList) {
  EXPECT_EQ(parse_workers(fixture("workers_empty.json")), WorkersReport{});
  EXPECT_EQ(parse_workers(R"({"workers":[],"error_msg":null,"error":""})"), WorkersReport{});
}

TEST(VastWorkers, AreReadFromAnObject) {
  const auto report = parse_workers(fixture("workers_wrapped.json"));
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  const WorkersReport expected{.workers = {{.id = "67890",
                                            .native_status = "running",
                                            .status = Status::active,
                                            .staleness = Staleness::current,
                                            .created_at = at(1696161600000)}}};
  EXPECT_EQ(*report, expected);
}

TEST(VastWorkers, OneBadRecordLeavesTheOthersAlone) {
  const auto report = parse_workers(fixture("workers_traps.json"));
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  const std::vector<Worker> expected{
      {.id = "0",
       .native_status = "running",
       .status = Status::idle,
       .staleness = Staleness::current,
       .version = "42",
       .up_since = at(1724275993997),
       .model_loaded_at = at(1724275993997),
       .cur_load = 100,
       .new_load = -3.5,
       .measured_perf = 50,
       .dlperf = 50,
       .benchmarked = false,
       .reliability_ratio = 0.75,
       .requests_in_flight = 0},
      {.id = "w-1",
       .native_status = "unknown",
       .status = Status::unknown,
       .staleness = Staleness::current,
       .benchmarked = false},
      {.id = "2",
       .native_status = "update_ready",
       .status = Status::active,
       .staleness = Staleness::version,
       .version = "42",
       .measured_perf = 9},
      {.id = "3",
       .native_status = "hibernating",
       .status = Status::unknown,
       .staleness = Staleness::current,
       .created_at = at(1696161600000),
       .benchmarked = false},
      {.id = "4",
       .native_status = "error",
       .status = Status::unhealthy,
       .staleness = Staleness::current,
       .benchmarked = false},
  };
  EXPECT_EQ(report->workers, expected);
  EXPECT_EQ(report->skipped.counts, (std::array<std::uint64_t, kSkipCount>{2, 2, 1, 5}));
  EXPECT_EQ(report->skipped.first,
            (std::array<std::string, kSkipCount>{"/6: expected an object", "/4/id: expected an id",
                                                 "/9/id: expected an id of its own",
                                                 "/2/reliability: expected 0 to 1"}));
}

TEST(VastWorkers, PathsNameTheContainer) {
  EXPECT_EQ(parse_workers(R"({"workers":[1]})")->skipped,
            skipped({{Skip::not_object, "/workers/0: expected an object"}}));
}

TEST(VastWorkers, EveryWordHasItsStatusWhateverItsCase) {
  const std::pair<Status, std::vector<std::string>> cases[] = {
      {Status::idle, {"idle", "IDLE", "ready", "running", "Running", "update_ready"}},
      {Status::initializing,
       {"creating", "created", "pending", "loading", "model_loading", "MODEL_LOADING", "starting",
        "rebooting", "update_rebooting", "update_starting"}},
      {Status::unhealthy, {"error", "ERROR", "unavail", "exited", "offline", "OFFLINE"}},
      {Status::stopped, {"stopping", "stop_queued", "stopped", "destroying"}},
      {Status::unknown, {"UNKNOWN", "", "cold", "update_other"}},
  };
  for (const auto& [status, words] : cases) {
    for (const auto& word : words) {
      EXPECT_EQ(only(R"("reqs_working":0,"status":")" + word + "\"").status, status) << word;
    }
  }
}

TEST(VastWorkers, ARequestUnderWayMakesAReadyWorkerRun) {
  EXPECT_EQ(only(R"("status":"idle","reqs_working":1)").status, Status::running);
  EXPECT_EQ(only(R"("status":"idle","reqs_working":0)").status, Status::idle);
  EXPECT_EQ(only(R"("status":"idle")").status, Status::active);
  EXPECT_EQ(only(R"("status":"loading","reqs_working":1)").status, Status::initializing);
}

TEST(VastWorkers, AWorkerBeingUpdatedIsOfAnOldVersion) {
  for (const std::string word : {"update_ready", "UPDATE_rebooting", "update_starting"}) {
    EXPECT_EQ(only(R"("status":")" + word + "\"").staleness, Staleness::version) << word;
  }
  EXPECT_EQ(only(R"("status":"stopped")").staleness, Staleness::current);
}

TEST(VastWorkers, PerfIsABenchmarksOnlyOfAWorkerThatWasReadyAndDiffersFromDlperf) {
  const std::string differ = R"(,"measured_perf":90.5,"dlperf":42.1)";
  const std::string equal = R"(,"measured_perf":42.1,"dlperf":42.1)";
  const std::string loading = R"("status":"model_loading")";
  EXPECT_EQ(only(loading + differ).benchmarked, false);
  EXPECT_EQ(only(loading + R"(,"ready_ever":true)" + differ).benchmarked, true);
  EXPECT_EQ(only(loading + R"(,"ready_ever":true)" + equal).benchmarked, false);
  EXPECT_EQ(only(loading + R"(,"loaded_at":1724275993.9)" + differ).benchmarked, true);
  EXPECT_EQ(only(loading + R"(,"loaded_at":0.0)" + differ).benchmarked, false);
  EXPECT_EQ(only(R"("status":"idle")" + differ).benchmarked, true);
  EXPECT_EQ(only(R"("status":"idle")" + equal).benchmarked, false);
  EXPECT_EQ(only(R"("status":"idle","dlperf":42.1)").benchmarked, std::nullopt);
  EXPECT_EQ(only(R"("status":"idle","measured_perf":42.1)").benchmarked, std::nullopt);
  EXPECT_EQ(only(R"("status":"loading")").benchmarked, false);
}

TEST(VastWorkers, ADiskThatWouldOverflowIsABadField) {
  const auto report = parse_workers(R"([{"id":1,"disk_usage":1e305}])");
  EXPECT_EQ(report->workers.at(0).disk_usage_bytes, std::nullopt);
  EXPECT_EQ(report->skipped, skipped({{Skip::bad_field, "/0/disk_usage: expected a number"}}));
}

TEST(VastErrors, AnExcuseInA200IsNotReadyAndNeverNoWorkers) {
  EXPECT_EQ(
      failure(parse_workers(fixture("workers_error_msg.json"))),
      "not_ready: authenticate_endpoint_apikey_by_id: invalid api_key or endpoint 123 not found");
  EXPECT_EQ(failure(parse_workers(fixture("workers_error_string.json"))),
            "not_ready: authenticate_endpoint_apikey: invalid api_key or endpoint "
            "vLLM-Qwen3-8B not found");
  EXPECT_EQ(failure(parse_workers(R"({"error_msg":"loading","workers":[]})")),
            "not_ready: loading");
  EXPECT_EQ(failure(parse_workers(R"({"error_msg":{"code":3}})")),
            "not_ready: an error without words");
  EXPECT_EQ(failure(parse_workers(R"({"error_msg":{"msg":"wait"},"workers":null})")),
            "not_ready: wait");
}

TEST(VastErrors, AnErrorInA200IsTheProviders) {
  EXPECT_EQ(failure(parse_workers(R"({"error":"boom"})")), "provider: boom");
  EXPECT_EQ(failure(parse_workers(R"({"error":{"code":3},"workers":[]})")),
            "provider: an error without words");
  EXPECT_EQ(
      failure(parse_workers(R"({"success":false,"error":"invalid_args","msg":"no such id"})")),
      "provider: invalid_args: no such id");
  EXPECT_EQ(failure(parse_workers(R"({"success":false,"error":"auth_error","msg":"bad"})")),
            "auth: auth_error: bad");
}

TEST(VastErrors, AnotherContainerIsASchemaError) {
  for (const std::string body : {"{}", "7", "null", "true", R"({"35508355":{"status":"idle"}})",
                                 R"({"workers":{}})", R"({"workers":null})"}) {
    EXPECT_EQ(parse_workers(body).error().reason, Reason::schema) << body;
  }
}

TEST(VastErrors, WhatIsNotJsonIsAParseError) {
  for (const std::string body :
       {"", "<html>502</html>", R"([{"id":1,)", R"([{"id":1,"perf":NaN}])",
        R"([{"id":1,"perf":Infinity}])", "[] []", "API requests too frequent"}) {
    EXPECT_EQ(parse_workers(body).error().reason, Reason::parse) << body;
  }
}

TEST(VastErrors, TheProvidersWordsAreCutCleanedAndHoldNoKey) {
  EXPECT_EQ(failure(parse_workers(R"({"error_msg":"a\nb\tc\u0000d\u007fe"})")),
            "not_ready: a b c d e");
  EXPECT_EQ(failure(parse_workers(R"("GET /x?API_KEY=abc123 failed")")),
            "not_ready: GET /x?api_key (hidden)");
  EXPECT_EQ(failure(parse_workers(R"({"error":"{\"api_key\": \"abc123\"}"})")),
            "provider: {\"api_key (hidden)");
  const std::string a(199, 'a');
  EXPECT_EQ(failure(parse_workers("\"" + a + "\u00e9\"")), "not_ready: " + a);
  EXPECT_EQ(failure(parse_workers("\"" + std::string(500, 'a') + "\"")),
            "not_ready: " + std::string(200, 'a'));
}

TEST(VastJudge, AnAuthErrorIsABadKeyWhateverTheCode) {
  for (const int status : {400, 401, 403, 404, 429}) {
    EXPECT_EQ(judge_answer(answer(status, fixture("auth_error.json"))),
              (Error{.reason = Reason::auth,
                     .detail = "HTTP " + std::to_string(status) + ", auth_error"}));
  }
  EXPECT_EQ(judge_answer(answer(404, R"({"error":"no_such_endpoint"})"))->reason,
            Reason::not_found);
  EXPECT_EQ(judge_answer(answer(404, "auth_error"))->reason, Reason::not_found);
  EXPECT_EQ(judge_answer(answer(500, fixture("auth_error.json")))->reason, Reason::server_error);
  EXPECT_EQ(judge_answer(answer(410, fixture("instances_v0_gone.json")))->reason, Reason::gone);
  EXPECT_EQ(judge_answer(answer(200, "anything")), std::nullopt);
}

TEST(VastJudge, TheBodyOfA429SaysHowLongToWait) {
  const auto wait = [](std::string body) {
    return judge_answer(answer(429, std::move(body)))->retry_after;
  };
  EXPECT_EQ(wait(fixture("workers_429.json")), 1s);
  EXPECT_EQ(wait(R"({"retry_after":"2.5"})"), 2500ms);
  EXPECT_EQ(wait(R"({"retry_after":0})"), 0s);
  for (const std::string body :
       {R"({"retry_after":604801})", R"({"retry_after":-1})", R"({"retry_after":1e300})",
        R"({"retry_after":"soon"})", R"({"retry_after":null})", R"({"retry_after":true})", "[1]",
        "API requests too frequent: endpoint threshold=3.0", ""}) {
    EXPECT_EQ(wait(body), std::nullopt) << body;
  }
  EXPECT_EQ(
      judge_answer(
          {.status = 429, .headers = {{"retry-after", "7"}}, .body = fixture("workers_429.json")})
          ->retry_after,
      7s);
  EXPECT_EQ(judge_answer(answer(503, fixture("workers_429.json")))->retry_after, std::nullopt);
}

EndpointInfo endpoint_123() {
  return {.id = "123",
          .name = "vLLM-Qwen3-8B",
          .kind = "autoscaled",
          .api = "v0",
          .state = "active",
          .workers_max = 20,
          .cold_workers = 5,
          .target_utilization_ratio = 0.9,
          .created_at = at(1696161600123)};
}

EndpointInfo endpoint_124() {
  return {.id = "124",
          .name = "weird \"name\"",
          .kind = "autoscaled",
          .api = "v0",
          .state = "suspended",
          .workers_max = 1,
          .cold_workers = 0,
          .target_utilization_ratio = 0.9,
          .created_at = at(1696161600000)};
}

EndpointInfo with_groups(EndpointInfo info, std::vector<std::string> groups) {
  info.groups = std::move(groups);
  return info;
}

TEST(VastEndpoints, AListOfMoreEndpointsThanAnybodyHasIsRefused) {
  std::string rows = R"({"id":"0"})";
  for (std::size_t i = 1; i < kMostEndpoints; ++i)
    rows += R"(,{"id":")" + std::to_string(i) + "\"}";
  EXPECT_TRUE(parse_endpoints(R"({"results":[)" + rows + "]}"));
  const auto over = parse_endpoints(R"({"results":[)" + rows + R"(,{"id":"more"}]})");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, Reason::too_large);
}

TEST(VastEndpoints, AreReadWithoutTheirSecrets) {
  EXPECT_EQ(parse_endpoints(fixture("endptjobs_ok.json")),
            (EndpointList{.endpoints = {endpoint_123(), endpoint_124()}}));
}

TEST(VastEndpoints, BadFieldsAreCountedAtTheirEndpoint) {
  const auto list = parse_endpoints(
      R"({"results":[{"id":1,"max_workers":-2},{"id":2},{"id":2,"cold_workers":"x"},{"a":1},null]})");
  ASSERT_TRUE(list.has_value()) << list.error().detail;
  ASSERT_EQ(list->endpoints.size(), 2U);
  EXPECT_EQ(list->endpoints[0].skipped.counts, (std::array<std::uint64_t, kSkipCount>{0, 0, 0, 1}));
  EXPECT_EQ(list->endpoints[1].skipped.counts, (std::array<std::uint64_t, kSkipCount>{0, 0, 1, 1}));
  EXPECT_EQ(list->skipped, skipped({{Skip::no_id, "/results/3/id: expected an id"},
                                    {Skip::not_object, "/results/4: expected an object"}}));
}

TEST(VastEndpoints, NoneIsAnErrorThatMeansAnEmptyList) {
  EXPECT_EQ(parse_endpoints(fixture("endptjobs_fail.json")), EndpointList{});
  EXPECT_EQ(parse_endpoints(R"({"success":false,"msg":"Other"})").error(),
            (Error{.reason = Reason::provider, .detail = "Other"}));
  EXPECT_EQ(parse_endpoints(fixture("auth_error.json")).error(),
            (Error{.reason = Reason::auth, .detail = "auth_error: Invalid user key"}));
  EXPECT_EQ(parse_endpoints(R"({"success":false,"error":"auth_error","msg":"No endpoints"})")
                .error()
                .reason,
            Reason::auth);
  EXPECT_EQ(parse_endpoints(R"({"success":false,"results":null})").error().reason,
            Reason::provider);
}

TEST(VastEndpoints, AnotherContainerIsASchemaError) {
  for (const std::string body :
       {"[]", "{}", R"({"success":true})", R"({"results":null})", R"({"results":{}})", R"("x")"}) {
    EXPECT_EQ(parse_endpoints(body).error().reason, Reason::schema) << body;
  }
}

TEST(VastGroups, AreReadByEndpoint) {
  EXPECT_EQ(parse_groups(fixture("workergroups_ok.json")),
            (GroupList{.by_endpoint = {{"123", {"1001"}}}}));
  EXPECT_EQ(
      parse_groups(R"({"results":[{"id":1,"endpoint_id":"5"},{"id":2,"endpoint_id":5},{"id":3},
                                  {"id":1,"endpoint_id":5}]})"),
      (GroupList{
          .by_endpoint = {{"5", {"1", "2"}}},
          .skipped = skipped({{Skip::bad_field, "/results/2/endpoint_id: expected an id"},
                              {Skip::duplicate_id, "/results/3/id: expected an id of its own"}})}));
}

TEST(VastGroups, TheirWorkersAreIds) {
  EXPECT_EQ(parse_group_workers(fixture("workers_ok.json")),
            (GroupWorkers{.ids = {"35508355", "35508401", "35508377"}}));
  EXPECT_EQ(parse_group_workers(fixture("workers_wrapped.json")), (GroupWorkers{.ids = {"67890"}}));
  EXPECT_EQ(parse_group_workers(fixture("workers_error_msg.json")).error().reason,
            Reason::not_ready);
  EXPECT_EQ(
      parse_group_workers("[{\"id\":1},{\"id\":1},2]"),
      (GroupWorkers{.ids = {"1"},
                    .skipped = skipped({{Skip::duplicate_id, "/1/id: expected an id of its own"},
                                        {Skip::not_object, "/2: expected an object"}})}));
}

TEST(VastInstances, AreReadByPage) {
  const auto page = parse_instances_page(fixture("instances_v1_page1.json"));
  ASSERT_TRUE(page.has_value()) << page.error().detail;
  const InstancesPage expected{
      .instances = {{"35508355",
                     {.gpu_type = "RTX 4090",
                      .location = "California, United States",
                      .gpus = 1,
                      .gpu_utilization_ratio = 0.97,
                      .cost_dollars_per_hour = 0.8021}},
                    {"35508401", {.gpu_type = "RTX 3090", .cost_dollars_per_hour = 0.2009}}},
      .next_token = "eyJ2YWx1ZXMiOiB7ImlkIjogMzU1MDg0MDF9fQ=="};
  EXPECT_EQ(*page, expected);
}

TEST(VastInstances, BillUnlessTheyAreKnownNotTo) {
  const auto page = parse_instances_page(fixture("instances_v1_page2.json"));
  ASSERT_TRUE(page.has_value()) << page.error().detail;
  const InstancesPage expected{
      .instances = {{"35508377",
                     {.gpu_type = "RTX 3090",
                      .location = "Quebec, Canada",
                      .gpus = 2,
                      .cost_dollars_per_hour = 0.05}},
                    {"35508378", {.cost_dollars_per_hour = 0.3, .bills = false}},
                    {"35508379", {.cost_dollars_per_hour = 0, .bills = false}},
                    {"35508380", {}}},
      .skipped = skipped({{Skip::bad_field, "/instances/0/gpu_util: expected 0 to 100"},
                          {Skip::bad_field, ""},
                          {Skip::bad_field, ""}})};
  EXPECT_EQ(*page, expected);
}

TEST(VastInstances, ATokenThatIsNoTextIsASchemaError) {
  EXPECT_EQ(parse_instances_page(R"({"instances":[],"next_token":5})").error().reason,
            Reason::schema);
  EXPECT_EQ(parse_instances_page(R"({"instances":[]})"), InstancesPage{});
  EXPECT_EQ(parse_instances_page(fixture("instances_v0_gone.json")).error().reason,
            Reason::provider);
}

std::unique_ptr<Collector> collector(config::Account account = {}) {
  account.settings.emplace("api_url", kConsole);
  account.settings.emplace("autoscaler_url", kAutoscaler);
  return provider().make(fakes::account(provider(), std::move(account)));
}

Poll poll(const Target& target, FakeHttp& http, config::Account account = {}) {
  return collector(std::move(account))->poll(target, http);
}

const Target kListEndpoints{
    .operation = "list_endpoints", .api = "console", .supplies = {Source::catalog}, .slow = true};
const Target kListInstances{
    .operation = "list_instances", .api = "console", .supplies = {Source::instances}};
const Target kGetWorkers{.operation = "get_endpoint_workers",
                         .api = "autoscaler",
                         .endpoint_id = "123",
                         .supplies = {Source::workers}};
const Target kGetGroups{.operation = "get_group_workers",
                        .api = "autoscaler",
                        .endpoint_id = "123",
                        .supplies = {Source::groups},
                        .groups = {"1001", "1002"}};

TEST(VastCollector, WithoutEndpointsItOnlyDiscovers) {
  EXPECT_EQ(collector()->targets({}), std::vector{kListEndpoints});
}

TEST(VastCollector, EachEndpointHasItsTargets) {
  const std::vector endpoints{with_groups(endpoint_123(), {"1001", "1002"}), endpoint_124()};
  auto other = kGetWorkers;
  other.endpoint_id = "124";
  EXPECT_EQ(collector()->targets(endpoints),
            (std::vector{kListEndpoints, kListInstances, kGetWorkers, kGetGroups, other}));
  EXPECT_EQ(collector({.settings = {{"join_instances", false}}})->targets(endpoints),
            (std::vector{kListEndpoints, kGetWorkers, kGetGroups, other}));
}

TEST(VastCollector, ConfiguredEndpointsExistBeforeAnythingIsAsked) {
  EXPECT_EQ(collector()->configured(), std::vector<EndpointInfo>{});
  EXPECT_EQ(
      collector({.endpoints = {"123"}, .settings = {{"groups", std::vector<std::string>{"7"}}}})
          ->configured(),
      (std::vector<EndpointInfo>{
          {.id = "123", .kind = "autoscaled", .api = "v0", .groups = {{"7"}}}}));
  EXPECT_EQ(
      collector({.endpoints = {"1", "2"}, .settings = {{"groups", std::vector<std::string>{"7"}}}})
          ->configured(),
      (std::vector<EndpointInfo>{{.id = "1", .kind = "autoscaled", .api = "v0"},
                                 {.id = "2", .kind = "autoscaled", .api = "v0"}}));
}

TEST(VastCollector, AsksForTheWorkersOfOneEndpoint) {
  FakeHttp http;
  http.add(kWorkers, http::Response{.status = 200,
                                    .headers = {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}},
                                    .body = fixture("workers_wrapped.json")});
  const auto result = poll(kGetWorkers, http);
  EXPECT_EQ(http.diary(),
            (std::vector<http::Request>{{.api = "autoscaler",
                                         .operation = "get_endpoint_workers",
                                         .method = "POST",
                                         .url = kAutoscaler + "/get_endpoint_workers/",
                                         .body = R"({"id":123})",
                                         .auth = http::Auth::bearer}}));
  auto expected = *parse_workers(fixture("workers_wrapped.json"));
  expected.answered_at = at(784111777000);
  ASSERT_EQ(result.answers.size(), 1U);
  EXPECT_EQ(result.answers[0].endpoint_id, "123");
  EXPECT_EQ(result.answers[0].source, Source::workers);
  EXPECT_EQ(result.answers[0].result, Report{expected});
  EXPECT_EQ(result.listing, std::nullopt);
}

TEST(VastCollector, AFailedPollIsAnAnswerToo) {
  const std::pair<Result<http::Response>, Reason> cases[] = {
      {fail(Reason::timeout, "no answer in 10 s"), Reason::timeout},
      {answer(502, "<html>"), Reason::server_error},
      {answer(404, fixture("auth_error.json")), Reason::auth},
      {answer(429, fixture("workers_429.json")), Reason::rate_limited},
      {answer(200, fixture("workers_error_msg.json")), Reason::not_ready},
      {answer(200, ""), Reason::parse},
  };
  for (const auto& [response, reason] : cases) {
    FakeHttp http;
    http.add(kWorkers, response);
    const auto result = poll(kGetWorkers, http);
    ASSERT_EQ(result.answers.size(), 1U);
    EXPECT_EQ(result.answers[0].endpoint_id, "123");
    EXPECT_EQ(result.answers[0].result.error().reason, reason);
  }
}

TEST(VastCollector, AnIdThatIsNoIntegerIsNotSent) {
  for (const std::string id : {"", "abc", "1,\"x\":2", "007", "-1", "1.0", "1234567890123456789"}) {
    FakeHttp http;
    auto target = kGetWorkers;
    target.endpoint_id = id;
    EXPECT_EQ(poll(target, http).answers.at(0).result.error().reason, Reason::not_found) << id;
    EXPECT_TRUE(http.diary().empty());
  }
}

std::vector<std::string> asked(const FakeHttp& http) {
  std::vector<std::string> lines;
  for (const auto& request : http.diary()) {
    auto line = request.operation + " " + request.url.substr(request.url.find('/', 8));
    if (!request.body.empty()) line += " " + request.body;
    lines.push_back(std::move(line));
  }
  return lines;
}

TEST(VastCollector, AsksForTheWorkersOfEachGroup) {
  FakeHttp http;
  http.add(kAutogroup, fixture("workers_wrapped.json"));
  http.add(kAutogroup, fixture("workers_empty.json"));
  const auto result = poll(kGetGroups, http);
  EXPECT_EQ(asked(http),
            (std::vector<std::string>{R"(get_group_workers /get_autogroup_workers/ {"id":1001})",
                                      R"(get_group_workers /get_autogroup_workers/ {"id":1002})"}));
  EXPECT_EQ(result.answers.at(0).source, Source::groups);
  EXPECT_EQ(result.answers.at(0).endpoint_id, "123");
  EXPECT_EQ(result.answers.at(0).result,
            Report{(GroupsReport{.groups = {{"1001", {"67890"}}, {"1002", {}}}})});
}

TEST(VastCollector, ARouteThatIsNotThereHasAnotherNameWhichIsRemembered) {
  FakeHttp http;
  http.add(kAutogroup, answer(404, "not found"));
  http.add(kWorkergroup, fixture("workers_wrapped.json"));
  http.add(kWorkergroup, fixture("workers_empty.json"));
  EXPECT_TRUE(poll(kGetGroups, http).answers.at(0).result.has_value());
  EXPECT_EQ(asked(http), (std::vector<std::string>{
                             R"(get_group_workers /get_autogroup_workers/ {"id":1001})",
                             R"(get_group_workers /get_workergroup_workers/ {"id":1001})",
                             R"(get_group_workers /get_workergroup_workers/ {"id":1002})"}));
}

TEST(VastCollector, AGroupThatNeitherRouteKnowsIsNotFound) {
  FakeHttp http;
  http.add(kAutogroup, fixture("workers_wrapped.json"));
  http.add(kAutogroup, answer(404));
  http.add(kWorkergroup, answer(404));
  const auto result = poll(kGetGroups, http);
  ASSERT_EQ(result.answers.size(), 1U);
  EXPECT_EQ(result.answers[0].result.error().reason, Reason::not_found);
}

TEST(VastCollector, ABadKeyIsNoMissingRoute) {
  FakeHttp http;
  http.add(kAutogroup, answer(404, fixture("auth_error.json")));
  EXPECT_EQ(poll(kGetGroups, http).answers.at(0).result.error().reason, Reason::auth);
  EXPECT_EQ(http.diary().size(), 1U);
}

TEST(VastDiscovery, ListsEndpointsAndTheirGroups) {
  FakeHttp http;
  http.add(kEndpoints, fixture("endptjobs_ok.json"));
  http.add(kGroups, fixture("workergroups_ok.json"));
  const auto result = poll(kListEndpoints, http);
  EXPECT_EQ(
      http.diary(),
      (std::vector<http::Request>{
          {.api = "console", .operation = "list_endpoints", .url = kConsole + "/api/v0/endptjobs/"},
          {.api = "console",
           .operation = "list_groups",
           .url = kConsole + "/api/v0/workergroups/"}}));
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(result.answers[0].endpoint_id, "123");
  EXPECT_EQ(result.answers[0].source, Source::catalog);
  EXPECT_EQ(result.answers[0].result, Report{with_groups(endpoint_123(), {"1001"})});
  EXPECT_EQ(result.answers[1].result, Report{with_groups(endpoint_124(), {})});
  EXPECT_EQ(result.listing, (std::vector<std::string>{"123", "124"}));
}

TEST(VastDiscovery, AnswersOnlyForConfiguredEndpointsAndListsAll) {
  FakeHttp http;
  http.add(kEndpoints, fixture("endptjobs_ok.json"));
  http.add(kGroups, fixture("workergroups_ok.json"));
  const auto result = poll(kListEndpoints, http, {.endpoints = {"124", "999"}});
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(result.answers[0].result, Report{with_groups(endpoint_124(), {})});
  EXPECT_EQ(result.answers[1].endpoint_id, "999");
  EXPECT_EQ(result.answers[1].result.error(),
            (Error{.reason = Reason::not_found, .detail = "not in the list of endpoints"}));
  EXPECT_EQ(result.listing, (std::vector<std::string>{"123", "124"}));
}

TEST(VastDiscovery, KeepsTheConfiguredGroupsOnly) {
  for (const auto& [wanted, kept] :
       {std::pair<std::string, std::vector<std::string>>{"1001", {"1001"}}, {"7", {}}}) {
    FakeHttp http;
    http.add(kEndpoints, fixture("endptjobs_ok.json"));
    http.add(kGroups, fixture("workergroups_ok.json"));
    const auto result =
        poll(kListEndpoints, http, {.settings = {{"groups", std::vector<std::string>{wanted}}}});
    EXPECT_EQ(result.answers.at(0).result, Report{with_groups(endpoint_123(), kept)});
  }
}

TEST(VastDiscovery, AnAccountWithoutEndpointsIsNoFailure) {
  for (const int status : {200, 400}) {
    FakeHttp http;
    http.add(kEndpoints, answer(status, fixture("endptjobs_fail.json")));
    const auto result = poll(kListEndpoints, http);
    EXPECT_TRUE(result.answers.empty());
    EXPECT_EQ(result.listing, std::vector<std::string>{});
    EXPECT_EQ(http.diary().size(), 1U);
  }
}

TEST(VastDiscovery, AFailureIsTheWholeAccounts) {
  const std::pair<http::Response, Error> cases[] = {
      {answer(400, R"({"success":false,"msg":"Other"})"),
       {.reason = Reason::client_error, .detail = "HTTP 400"}},
      {answer(404, fixture("auth_error.json")),
       {.reason = Reason::auth, .detail = "HTTP 404, auth_error"}},
      {answer(429, "API requests too frequent: endpoint threshold=3.0"),
       {.reason = Reason::rate_limited, .detail = "HTTP 429"}},
      {answer(200, R"({"success":false,"error":"x"})"),
       {.reason = Reason::provider, .detail = "x"}},
  };
  for (const auto& [response, error] : cases) {
    FakeHttp http;
    http.add(kEndpoints, response);
    const auto result = poll(kListEndpoints, http);
    ASSERT_EQ(result.answers.size(), 1U);
    EXPECT_EQ(result.answers[0].endpoint_id, "");
    EXPECT_EQ(result.answers[0].source, Source::catalog);
    EXPECT_EQ(result.answers[0].result.error(), error);
    EXPECT_EQ(result.listing, std::nullopt);
  }
}

TEST(VastDiscovery, GroupsThatMayNotBeReadAreLeftOut) {
  FakeHttp http;
  http.add(kEndpoints, fixture("endptjobs_ok.json"));
  http.add(kGroups, answer(403));
  const auto result = poll(kListEndpoints, http);
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(result.answers[0].result, Report{endpoint_123()});
  EXPECT_EQ(result.answers[1].result, Report{endpoint_124()});
}

TEST(VastDiscovery, GroupsThatFailDoNotFailTheCatalogAndAreNotSilent) {
  FakeHttp http;
  http.add(kEndpoints, fixture("endptjobs_ok.json"));
  http.add(kGroups, answer(500));
  const auto result = poll(kListEndpoints, http);
  ASSERT_EQ(result.answers.size(), 3U);
  EXPECT_EQ(result.answers[0].endpoint_id, "");
  EXPECT_EQ(result.answers[0].source, Source::groups);
  EXPECT_EQ(result.answers[0].result.error().reason, Reason::server_error);
  EXPECT_EQ(result.answers[1].result, Report{endpoint_123()});
}

TEST(VastDiscovery, ConfiguredGroupsThatMayNotBeReadAreAFailure) {
  FakeHttp http;
  http.add(kEndpoints, fixture("endptjobs_ok.json"));
  http.add(kGroups, answer(403));
  const auto result =
      poll(kListEndpoints, http,
           {.endpoints = {"123"}, .settings = {{"groups", std::vector<std::string>{"1001"}}}});
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(result.answers[0].result.error().reason, Reason::forbidden);
  EXPECT_EQ(result.answers[1].result, Report{with_groups(endpoint_123(), {"1001"})});
}

TEST(VastDiscovery, AListWithARowThatCannotBeReadProvesNothingGone) {
  FakeHttp http;
  http.add(kEndpoints, R"({"results":[{"endpoint_name":"no id"},{"id":5}]})");
  http.add(kGroups, R"({"results":[]})");
  const auto result = poll(kListEndpoints, http, {.endpoints = {"5", "6"}});
  ASSERT_EQ(result.answers.size(), 2U);
  EXPECT_EQ(
      result.answers[0].result,
      (Report{EndpointInfo{.id = "5",
                           .kind = "autoscaled",
                           .api = "v0",
                           .groups = std::vector<std::string>{},
                           .skipped = skipped({{Skip::no_id, "/results/0/id: expected an id"}})}}));
  EXPECT_EQ(result.answers[1].result.error().reason, Reason::schema);
  EXPECT_EQ(result.listing, std::nullopt);
}

TEST(VastDiscovery, RowsThatAreNoEndpointsAreNotAnEmptyList) {
  FakeHttp http;
  http.add(kEndpoints, R"({"results":[7]})");
  const auto result = poll(kListEndpoints, http);
  ASSERT_EQ(result.answers.size(), 1U);
  EXPECT_EQ(result.answers[0].result.error().reason, Reason::schema);
  EXPECT_EQ(result.listing, std::nullopt);
}

const InstancesReport& instances(const Poll& poll) {
  return *std::get<std::shared_ptr<const InstancesReport>>(*poll.answers.at(0).result);
}

TEST(VastInstances, AllPagesAreOneReport) {
  FakeHttp http;
  const auto second = kInstances + "&after_token=eyJ2YWx1ZXMiOiB7ImlkIjogMzU1MDg0MDF9fQ%3D%3D";
  http.add(kInstances, fixture("instances_v1_page1.json"));
  http.add(second, fixture("instances_v1_page2.json"));
  const auto result = poll(kListInstances, http);
  EXPECT_EQ(http.diary(),
            (std::vector<http::Request>{
                {.api = "console", .operation = "list_instances", .url = kInstances.substr(4)},
                {.api = "console", .operation = "list_instances", .url = second.substr(4)}}));
  ASSERT_EQ(result.answers.size(), 1U);
  EXPECT_EQ(result.answers[0].endpoint_id, "");
  EXPECT_EQ(result.answers[0].source, Source::instances);
  ASSERT_TRUE(result.answers[0].result.has_value());
  EXPECT_EQ(instances(result).by_id.size(), 6U);
  EXPECT_EQ(instances(result).by_id.at("35508377").cost_dollars_per_hour, 0.05);
  EXPECT_EQ(instances(result).skipped.counts, (std::array<std::uint64_t, kSkipCount>{0, 0, 0, 3}));
}

TEST(VastInstances, OneFailedPageFailsAll) {
  FakeHttp http;
  http.add(kInstances, R"({"instances":[{"id":1}],"next_token":"a"})");
  http.add(kInstances + "&after_token=a", answer(429));
  EXPECT_EQ(poll(kListInstances, http).answers.at(0).result.error().reason, Reason::rate_limited);
}

TEST(VastInstances, APageThatComesAgainEndsThePoll) {
  FakeHttp http;
  http.add(kInstances, R"({"instances":[],"next_token":"a"})");
  http.add(kInstances + "&after_token=a", R"({"instances":[],"next_token":"b"})");
  http.add(kInstances + "&after_token=b", R"({"instances":[],"next_token":"a"})");
  EXPECT_EQ(
      poll(kListInstances, http).answers.at(0).result.error(),
      (Error{.reason = Reason::provider, .detail = "the list of instances has a page twice"}));
}

/// Always has one more page.
class Endless final : public http::Client {
 public:
  Result<http::Response> send(const http::Request&) override {
    return answer(200, R"({"instances":[],"next_token":")" + std::to_string(++pages) + "\"}");
  }
  int pages = 0;
};

TEST(VastInstances, AListWithoutAnEndEndsThePoll) {
  Endless http;
  EXPECT_EQ(
      collector()->poll(kListInstances, http).answers.at(0).result.error(),
      (Error{.reason = Reason::provider, .detail = "the list of instances has over 4000 pages"}));
  EXPECT_EQ(http.pages, 4000);
}

TEST(VastProvider, KnowsItsQuotaAndItsKeys) {
  const auto row = provider();
  EXPECT_EQ(row.name, "vast");
  EXPECT_EQ(row.label, "vast");
  ASSERT_EQ(row.keys.size(), 4U);
  EXPECT_EQ(row.keys[0].fallback, config::Setting{std::string{"https://console.vast.ai"}});
  EXPECT_EQ(row.keys[1].fallback, config::Setting{std::string{"https://run.vast.ai"}});
  EXPECT_EQ(row.keys[2].check("1001"), std::nullopt);
  EXPECT_TRUE(row.keys[2].check("x").has_value());
  EXPECT_EQ(row.keys[3].fallback, config::Setting{true});
  ASSERT_EQ(row.policy.spacings.size(), 5U);
  EXPECT_EQ(row.policy.spacings[2].operation, "list_endpoints");
  EXPECT_EQ(row.policy.spacings[2].gap, 3100ms);
}

}  // namespace
}  // namespace serverless::vast
