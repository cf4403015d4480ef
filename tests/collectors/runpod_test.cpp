#include "collectors/runpod.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_http.hpp"
#include "tests/fakes/fixture.hpp"

namespace serverless::runpod {
namespace {

using fakes::FakeHttp;
using fakes::fixture;
using testing::ElementsAre;

constexpr const char* kListRoute = "GET https://control.example/v2/serverless";
constexpr const char* kWorkersRoute =
    "GET https://control.example/v2/serverless/q7k2m9x4ab/workers";
constexpr const char* kBillingRoute =
    "GET https://control.example/v2/billing/serverless?bucketSize=hour&lastN=2";
constexpr const char* kDate = "Sun, 22 Nov 2026 03:20:00 GMT";

Time at(std::string_view text) { return parse_time(text).value(); }

std::unique_ptr<Collector> collector(std::vector<std::string> endpoints = {}) {
  config::Account account{.name = "prod", .provider = "runpod", .endpoints = std::move(endpoints)};
  account.settings["api_url"] = std::string{"https://control.example"};
  account.settings["queue_url"] = std::string{"https://queue.example"};
  return provider().make(account);
}

Target list_endpoints() {
  return {
      .operation = "list_endpoints", .api = "control", .supplies = {Source::catalog}, .slow = true};
}

Target list_billing() {
  return {
      .operation = "list_billing", .api = "control", .supplies = {Source::billing}, .slow = true};
}

Target list_workers(std::string id) {
  return {.operation = "list_workers",
          .api = "control",
          .endpoint_id = std::move(id),
          .supplies = {Source::workers}};
}

Target health(std::string id) {
  return {.operation = "health",
          .api = "queue",
          .endpoint_id = std::move(id),
          .supplies = {Source::queue}};
}

http::Response dated(std::string body) {
  return {.status = 200, .headers = {{"date", kDate}}, .body = std::move(body)};
}

std::vector<std::string> ids(const Poll& poll) {
  std::vector<std::string> result;
  for (const auto& answer : poll.answers) result.push_back(answer.endpoint_id);
  return result;
}

void expect_workers(const std::vector<Worker>& got, const std::vector<Worker>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], expected[i]) << expected[i].id;
}

EndpointInfo image_gen() {
  return {.id = "q7k2m9x4ab",
          .name = "image-gen",
          .kind = "queue",
          .api = "v2",
          .scaler = "queue_delay",
          .workers_min = 1,
          .workers_max = 5,
          .idle_timeout_seconds = 5,
          .execution_timeout_seconds = 600,
          .scaler_value = 0.5,
          .created_at = at("2026-06-01T12:00:00Z")};
}

TEST(RunPodEndpoints, AListOfMoreEndpointsThanAnybodyHasIsRefused) {
  std::string rows = R"({"id":"0"})";
  for (std::size_t i = 1; i < kMostEndpoints; ++i)
    rows += R"(,{"id":")" + std::to_string(i) + "\"}";
  EXPECT_TRUE(parse_endpoints(R"({"endpoints":[)" + rows + "]}"));
  const auto over = parse_endpoints(R"({"endpoints":[)" + rows + R"(,{"id":"more"}]})");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, Reason::too_large);
}

TEST(RunPodEndpoints, ReadsQueueLoadBalancerAndCpu) {
  const Endpoints expected{.endpoints = {image_gen(),
                                         {.id = "lb3n8t5rqz",
                                          .name = "llm \"prod\"\\eu",
                                          .kind = "load_balancer",
                                          .api = "v2",
                                          .scaler = "request_count",
                                          .workers_min = 0,
                                          .workers_max = 3,
                                          .idle_timeout_seconds = 60,
                                          .execution_timeout_seconds = 0,
                                          .scaler_value = 4,
                                          .created_at = at("2026-08-20T08:00:00.123Z")},
                                         {.id = "cpu1aaaaaa",
                                          .name = "image-gen",
                                          .api = "v2",
                                          .scaler = "request_count",
                                          .workers_min = 0,
                                          .workers_max = 0,
                                          .execution_timeout_seconds = 300,
                                          .scaler_value = 1,
                                          .created_at = at("2026-08-21T00:00:00Z")}}};
  EXPECT_EQ(parse_endpoints(fixture("runpod/endpoints.json")), expected);
}

TEST(RunPodEndpoints, NoneIsAnAnswer) {
  EXPECT_EQ(parse_endpoints(R"({"endpoints":[]})"), Endpoints{});
}

TEST(RunPodEndpoints, ARecordWithoutAnIdIsLeftOutAndTheListIsNotComplete) {
  const Endpoints expected{.endpoints = {{.id = "a", .api = "v2"}}, .complete = false};
  EXPECT_EQ(parse_endpoints(R"({"endpoints":[{"name":"x"},3,{"id":"a"},{"id":""}]})"), expected);
}

TEST(RunPodEndpoints, TheLastOfADuplicateWinsAndOddFieldsAreCounted) {
  EndpointInfo info{.id = "a", .name = "new", .api = "v2", .scaler = "fancy"};
  info.skipped.add(Skip::bad_field,
                   "/endpoints/1/workers/min: expected a number that is not negative");
  info.skipped.add(Skip::bad_field, "");
  info.skipped.add(Skip::duplicate_id, "/endpoints/1/id: expected an id of its own");
  EXPECT_EQ(parse_endpoints(R"({"endpoints":[{"id":"a","name":"old"},)"
                            R"({"id":"a","name":"new","type":"NEW_KIND","workers":{"min":-1},)"
                            R"("scaling":{"type":"FANCY"},"timeout":"never"}]})"),
            (Endpoints{.endpoints = {info}}));
}

TEST(RunPodEndpoints, AnythingElseIsAnErrorAndNeverNone) {
  for (const auto* body : {"{}", "[]", R"([{"id":"a"}])", "null", R"({"error":"do-not-log"})"}) {
    EXPECT_EQ(parse_endpoints(body).error(),
              (Error{.reason = Reason::schema, .detail = "/endpoints: expected an array"}))
        << body;
  }
  EXPECT_EQ(parse_endpoints(R"({"endpoints":null})").error().reason, Reason::schema);
  EXPECT_EQ(parse_endpoints("<!DOCTYPE html>").error().reason, Reason::parse);
}

TEST(RunPodWorkers, ReadsARollout) {
  const auto report = parse_workers(fixture("runpod/workers_rollout.json"));
  ASSERT_TRUE(report);
  expect_workers(report->workers, {{.id = "wk1aaaaaaaaaaa",
                                    .native_status = "running",
                                    .status = Status::running,
                                    .staleness = Staleness::current,
                                    .gpu_type = "NVIDIA GeForce RTX 4090",
                                    .location = "US-KS-2",
                                    .version = "7",
                                    .image = "acme/sdxl:v3",
                                    .uptime_seconds = 5400,
                                    .started_at = at("2026-11-20T10:00:00Z"),
                                    .gpus = 1},
                                   {.id = "wk2bbbbbbbbbbb",
                                    .native_status = "running",
                                    .status = Status::running,
                                    .staleness = Staleness::version,
                                    .gpu_type = "NVIDIA GeForce RTX 4090",
                                    .location = "US-KS-2",
                                    .version = "6",
                                    .image = "acme/sdxl:v2",
                                    .uptime_seconds = 86400,
                                    .started_at = at("2026-11-19T11:30:00.705Z"),
                                    .gpus = 1},
                                   {.id = "wk3ccccccccccc",
                                    .native_status = "idle",
                                    .status = Status::idle,
                                    .staleness = Staleness::current,
                                    .gpu_type = "NVIDIA L4",
                                    .location = "EU-RO-1",
                                    .version = "7",
                                    .image = "acme/sdxl:v3",
                                    .started_at = at("2026-11-20T11:00:00Z"),
                                    .gpus = 1},
                                   {.id = "wk4ddddddddddd",
                                    .native_status = "initializing",
                                    .status = Status::initializing,
                                    .staleness = Staleness::current,
                                    .version = "7",
                                    .image = "acme/sdxl:v3",
                                    .gpus = 1}});
  WorkersReport rest{
      .summary = {2, 1, {}, 1, 0, 0, {}, {}}, .summary_total = 4, .config_version = 7};
  rest.workers = report->workers;
  EXPECT_EQ(*report, rest);
}

TEST(RunPodWorkers, NoUptimeIsMadeOfTheStart) {
  const auto report = parse_workers(fixture("runpod/workers_live.json"));
  ASSERT_TRUE(report);
  const WorkersReport expected{.workers = {{.id = "z3jr9rv2k3tt2y",
                                            .native_status = "running",
                                            .status = Status::running,
                                            .staleness = Staleness::current,
                                            .gpu_type = "NVIDIA GeForce RTX 4090",
                                            .location = "US-NC-1",
                                            .version = "2",
                                            .image = "org/app:v1",
                                            .started_at = at("2026-08-05T21:42:31.705Z"),
                                            .gpus = 1}},
                               .summary = {1, 0, {}, 0, 0, 0, {}, {}},
                               .summary_total = 2,  // As the provider counts: it lists one.
                               .config_version = 2};
  EXPECT_EQ(*report, expected);
}

TEST(RunPodWorkers, ScaledToZeroIsAnAnswer) {
  EXPECT_EQ(parse_workers(fixture("runpod/workers_none.json")),
            (WorkersReport{.summary = {0, 0, {}, 0, 0, 0, {}, {}}, .summary_total = 0}));
}

TEST(RunPodWorkers, EqualOrUnknownVersionsOfAStaleWorkerMeanItsImage) {
  const auto report = parse_workers(fixture("runpod/workers_starved.json"));
  ASSERT_TRUE(report);
  expect_workers(report->workers, {{.id = "th1",
                                    .native_status = "throttled",
                                    .status = Status::throttled,
                                    .staleness = Staleness::current,
                                    .version = "1",
                                    .image = "acme/a:1",
                                    .gpus = 1},
                                   {.id = "th2",
                                    .native_status = "throttled",
                                    .status = Status::throttled,
                                    .staleness = Staleness::image,
                                    .version = "1",
                                    .image = "acme/a:0",
                                    .gpus = 1},
                                   {.id = "un1",
                                    .native_status = "unhealthy",
                                    .status = Status::unhealthy,
                                    .staleness = Staleness::current,
                                    .gpu_type = "NVIDIA A40",
                                    .location = "EU-SE-1",
                                    .uptime_seconds = 3,
                                    .started_at = at("2026-11-22T03:00:00Z"),
                                    .gpus = 1}});
  const auto staleness = [](const std::string& endpoint_version, const std::string& version) {
    const auto answer = parse_workers(R"({"workers":[{"id":"a","status":"IDLE","isStale":true)" +
                                      version + "}]" + endpoint_version + "}");
    return answer.value().workers.at(0).staleness;
  };
  EXPECT_EQ(staleness("", ""), Staleness::image);
  EXPECT_EQ(staleness("", R"(,"version":3)"), Staleness::image);
  EXPECT_EQ(staleness(R"(,"endpointVersion":4)", R"(,"version":null)"), Staleness::image);
  EXPECT_EQ(staleness(R"(,"endpointVersion":4)", R"(,"version":4)"), Staleness::image);
  EXPECT_EQ(staleness(R"(,"endpointVersion":4)", R"(,"version":3)"), Staleness::version);
  EXPECT_EQ(staleness(R"(,"endpointVersion":4)", R"(,"version":0)"), Staleness::version);
}

TEST(RunPodWorkers, EveryTrap) {
  const auto report = parse_workers(fixture("runpod/workers_traps.json"));
  ASSERT_TRUE(report);
  expect_workers(report->workers,
                 {{.id = "t0",
                   .native_status = "exited",
                   .status = Status::stopped,
                   .staleness = Staleness::version,
                   .version = "6",
                   .uptime_seconds = 90,
                   .started_at = at("2026-08-06T21:42:31Z"),
                   .gpus = 2},
                  {.id = "t3",
                   .native_status = "running",
                   .status = Status::running,
                   .staleness = Staleness::image,
                   .gpus = 1},
                  {.id = "77",
                   .native_status = "stopped",
                   .status = Status::stopped,
                   .staleness = Staleness::unknown,
                   .gpus = 0},
                  {.id = "t4",
                   .native_status = "draining_2",
                   .status = Status::unknown,
                   .staleness = Staleness::current},
                  {.id = "t5", .status = Status::unknown, .staleness = Staleness::current}});
  EXPECT_EQ(report->summary, (StatusCounts{2, {}, {}, {}, {}, {}, {}, {}}));
  EXPECT_EQ(report->summary_total, 12);
  EXPECT_EQ(report->config_version, 7);

  const Skipped skipped{.counts = {2, 3, 1, 9},
                        .first = {"/workers/3: expected an object", "/workers/5/id: expected an id",
                                  "/workers/9/id: expected an id of its own",
                                  "/workers/7/id: expected a string or an integer"}};
  EXPECT_EQ(report->skipped.counts, skipped.counts);
  EXPECT_EQ(report->skipped.first, skipped.first);
}

TEST(RunPodWorkers, AWorkerThatIsGoneInItsLastRecordIsGone) {
  const auto report = parse_workers(
      R"({"workers":[{"id":"a","status":"RUNNING"},{"id":"a","status":"TERMINATED"}]})");
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->workers.empty());
  EXPECT_EQ(report->skipped.counts, (std::array<std::uint64_t, kSkipCount>{0, 0, 1, 0}));
}

TEST(RunPodWorkers, ASummaryThatIsNoObjectIsCounted) {
  WorkersReport expected;
  expected.skipped.add(Skip::bad_field, "/summary: expected an object");
  EXPECT_EQ(parse_workers(R"({"workers":[],"summary":[1]})"), expected);
}

TEST(RunPodWorkers, AnythingElseIsAnErrorAndNeverNoWorkers) {
  for (const auto* body :
       {"{}", "[]", R"([{"id":"a","status":"IDLE"}])", "null", "\"do-not-log\"",
        R"({"summary":{"total":0}})", R"({"title":"Not Found","status":404,"detail":"x"})"}) {
    EXPECT_EQ(parse_workers(body).error(),
              (Error{.reason = Reason::schema, .detail = "/workers: expected an array"}))
        << body;
  }
  for (const auto* workers : {"null", "{}", "3", "\"do-not-log\""}) {
    EXPECT_EQ(parse_workers(std::string{R"({"workers":)"} + workers + "}").error(),
              (Error{.reason = Reason::schema, .detail = "/workers: expected one array"}))
        << workers;
  }
  for (const auto* body : {"", "<html>", R"({"workers":[{"id":"a")", R"({"workers":[]} x)"}) {
    EXPECT_EQ(parse_workers(body).error().reason, Reason::parse) << body;
  }
}

std::map<std::string, Result<BillingReport>> bills(std::string_view body, std::string_view now) {
  return parse_billing(body, at(now)).value();
}

TEST(RunPodBilling, TakesTheLastWholeHour) {
  const std::map<std::string, Result<BillingReport>> expected{
      {"q7k2m9x4ab", BillingReport{.dollars = 1.5}},
      {"lb3n8t5rqz", BillingReport{.dollars = 0.25}}};
  const auto body = fixture("runpod/billing.json");
  EXPECT_EQ(bills(body, "2026-11-22T03:20:00Z"), expected);
  EXPECT_EQ(bills(body, "2026-11-22T03:00:00Z"), expected);
}

TEST(RunPodBilling, AnEndpointWithoutARecordForThatHourShowsNoOlderOne) {
  const std::map<std::string, Result<BillingReport>> expected{
      {"q7k2m9x4ab", BillingReport{.dollars = 0.42}}};
  EXPECT_EQ(bills(fixture("runpod/billing.json"), "2026-11-22T04:00:00Z"), expected);
}

TEST(RunPodBilling, NeitherTheHourInProgressNorOneLongAgoIsShown) {
  EXPECT_TRUE(bills(fixture("runpod/billing.json"), "2026-11-22T02:59:59Z").empty());
  EXPECT_FALSE(bills(fixture("runpod/billing.json"), "2026-11-22T05:59:59Z").empty());
  EXPECT_TRUE(bills(fixture("runpod/billing.json"), "2026-11-22T06:00:00Z").empty());
  EXPECT_TRUE(bills(R"({"records":[]})", "2026-11-22T03:20:00Z").empty());
}

TEST(RunPodBilling, RecordsOfOneHourAddUpAndABadOneFailsItsEndpoint) {
  const auto* const body =
      R"({"records":[{"serverlessId":"a","endTime":"2026-11-22T03:00:00Z","totalAmount":1},)"
      R"({"serverlessId":"a","endTime":"2026-11-22T03:00:00Z","totalAmount":"0.5"},)"
      R"({"serverlessId":"b","endTime":"2026-11-22T03:00:00Z","totalAmount":1},)"
      R"({"serverlessId":"b","endTime":"2026-11-22T03:00:00Z","totalAmount":-1},)"
      R"({"endTime":"2026-11-22T03:00:00Z","totalAmount":7}]})";
  const std::map<std::string, Result<BillingReport>> expected{
      {"a", BillingReport{.dollars = 1.5}},
      {"b", fail(Reason::schema, "/records/3/totalAmount: expected an amount")}};
  EXPECT_EQ(bills(body, "2026-11-22T03:20:00Z"), expected);
}

TEST(RunPodBilling, AnythingElseIsAnError) {
  const auto reason = [](std::string_view body) {
    return parse_billing(body, at("2026-11-22T03:20:00Z")).error();
  };
  EXPECT_EQ(reason("{}"),
            (Error{.reason = Reason::schema, .detail = "/records: expected an array"}));
  EXPECT_EQ(reason("[]"),
            (Error{.reason = Reason::schema, .detail = "/records: expected an array"}));
  EXPECT_EQ(reason(R"({"records":[{"serverlessId":"a","totalAmount":1}]})"),
            (Error{.reason = Reason::schema, .detail = "/records/0/endTime: expected a time"}));
  EXPECT_EQ(reason("").reason, Reason::parse);
}

TEST(RunPod, IsARowOfTheTable) {
  const auto row = provider();
  EXPECT_EQ(row.name, "runpod");
  EXPECT_EQ(row.label, "runpod");
  EXPECT_TRUE(row.discovers);
  EXPECT_EQ(row.statuses.size(), kStatusCount);
  EXPECT_THAT(row.stale_reasons, ElementsAre(Staleness::version, Staleness::image));
  ASSERT_EQ(row.keys.size(), 2u);
  EXPECT_EQ(row.keys[0].name, "api_url");
  EXPECT_EQ(std::get<std::string>(row.keys[0].fallback), "https://api.runpod.io");
  EXPECT_EQ(row.keys[1].name, "queue_url");
}

TEST(RunPod, RefusesAnApiUrlOfAnotherApi) {
  const auto check = provider().keys[0].check;
  for (const auto* url : {"https://api.runpod.io", "https://v2-rest.runpod.io",
                          "http://127.0.0.1:8080", "http://127.0.0.1:8080/runpod"}) {
    EXPECT_EQ(check(url), std::nullopt) << url;
  }
  EXPECT_EQ(check("https://api.runpod.ai/v2"),
            "runpod.ai is the job queue and belongs into queue_url; the control plane is at "
            "https://api.runpod.io");
  EXPECT_EQ(check("https://rest.runpod.io/v1"),
            "rest.runpod.io is REST v1, which is provider \"runpod-v1\"; v2 is at "
            "https://api.runpod.io");
  EXPECT_EQ(check("https://api.runpod.io/v2"), "leave the /v2 at its end out");
}

TEST(RunPod, PollsTheListTheBillAndTwoViewsOfEachEndpoint) {
  const auto runpod = collector();
  EXPECT_TRUE(runpod->configured().empty());
  EXPECT_THAT(runpod->targets({}), ElementsAre(list_endpoints()));
  const std::vector<EndpointInfo> endpoints{{.id = "a"}, {.id = "b"}};
  EXPECT_THAT(runpod->targets(endpoints),
              ElementsAre(list_endpoints(), list_billing(), list_workers("a"), health("a"),
                          list_workers("b"), health("b")));
}

TEST(RunPod, DiscoversTheEndpointsOfTheAccount) {
  FakeHttp client;
  client.add(kListRoute, fixture("runpod/endpoints.json"));
  const auto poll = collector()->poll(list_endpoints(), client);

  const std::vector<http::Request> asked{{.api = "control",
                                          .operation = "list_endpoints",
                                          .url = "https://control.example/v2/serverless"}};
  EXPECT_EQ(client.diary(), asked);
  EXPECT_THAT(ids(poll), ElementsAre("q7k2m9x4ab", "lb3n8t5rqz", "cpu1aaaaaa"));
  ASSERT_TRUE(poll.answers[0].result);
  EXPECT_EQ(std::get<EndpointInfo>(*poll.answers[0].result), image_gen());
  EXPECT_EQ(poll.answers[0].source, Source::catalog);
  EXPECT_EQ(poll.listing, ids(poll));
}

TEST(RunPod, AListWithAMalformedRecordProvesNoAbsence) {
  FakeHttp client;
  client.add(kListRoute, R"({"endpoints":[{"id":"a"},{"name":"b"}]})");
  const auto poll = collector({"b"})->poll(list_endpoints(), client);
  ASSERT_THAT(ids(poll), ElementsAre(""));
  EXPECT_EQ(
      poll.answers[0].result.error(),
      (Error{.reason = Reason::schema, .detail = "a record of the list of endpoints has no id"}));
  EXPECT_EQ(poll.listing, std::nullopt);
}

TEST(RunPod, SpeaksOnlyOfTheEndpointsThatAreConfigured) {
  const auto runpod = collector({"cpu1aaaaaa", "missing"});
  const std::vector<EndpointInfo> configured{{.id = "cpu1aaaaaa", .api = "v2"},
                                             {.id = "missing", .api = "v2"}};
  EXPECT_EQ(runpod->configured(), configured);

  FakeHttp client;
  client.add(kListRoute, fixture("runpod/endpoints.json"));
  const auto poll = runpod->poll(list_endpoints(), client);
  ASSERT_THAT(ids(poll), ElementsAre("cpu1aaaaaa", "missing"));
  EXPECT_TRUE(poll.answers[0].result);
  EXPECT_EQ(poll.answers[1].result.error(),
            (Error{.reason = Reason::not_found, .detail = "not in the list of endpoints"}));
  EXPECT_EQ(poll.listing, (std::vector<std::string>{"q7k2m9x4ab", "lb3n8t5rqz", "cpu1aaaaaa"}));

  client.add(kBillingRoute, dated(fixture("runpod/billing.json")));
  EXPECT_THAT(ids(runpod->poll(list_billing(), client)), ElementsAre(""));
}

TEST(RunPod, AsksForTheWorkersOfOneEndpoint) {
  FakeHttp client;
  client.add(kWorkersRoute, dated(fixture("runpod/workers_none.json")));
  const auto poll = collector()->poll(list_workers("q7k2m9x4ab"), client);

  const std::vector<http::Request> asked{
      {.api = "control",
       .operation = "list_workers",
       .url = "https://control.example/v2/serverless/q7k2m9x4ab/workers"}};
  EXPECT_EQ(client.diary(), asked);
  ASSERT_EQ(poll.answers.size(), 1u);
  EXPECT_EQ(poll.answers[0].endpoint_id, "q7k2m9x4ab");
  EXPECT_EQ(poll.answers[0].source, Source::workers);
  EXPECT_EQ(std::get<WorkersReport>(poll.answers[0].result.value()),
            (WorkersReport{.summary = {0, 0, {}, 0, 0, 0, {}, {}},
                           .summary_total = 0,
                           .answered_at = at("2026-11-22T03:20:00Z")}));
  EXPECT_EQ(poll.listing, std::nullopt);
}

TEST(RunPod, EncodesTheIdInAUrl) {
  FakeHttp client;
  const auto poll = collector()->poll(list_workers("a/../b?c"), client);
  ASSERT_EQ(client.diary().size(), 1u);
  EXPECT_EQ(client.diary()[0].url, "https://control.example/v2/serverless/a%2F..%2Fb%3Fc/workers");
}

TEST(RunPod, AsksTheQueueAtItsOwnHost) {
  FakeHttp client;
  client.add("GET https://queue.example/v2/q7k2m9x4ab/health", fixture("runpod/health_full.json"));
  const auto poll = collector()->poll(health("q7k2m9x4ab"), client);
  ASSERT_EQ(poll.answers.size(), 1u);
  EXPECT_EQ(poll.answers[0].source, Source::queue);
  EXPECT_EQ(std::get<QueueReport>(poll.answers[0].result.value()).jobs_in_queue, 9);
}

TEST(RunPod, AsksForTheBillOfAllEndpoints) {
  FakeHttp client;
  client.add(kBillingRoute, dated(fixture("runpod/billing.json")));
  const auto poll = collector()->poll(list_billing(), client);

  const std::vector<http::Request> asked{
      {.api = "control",
       .operation = "list_billing",
       .url = "https://control.example/v2/billing/serverless?bucketSize=hour&lastN=2"}};
  EXPECT_EQ(client.diary(), asked);
  ASSERT_THAT(ids(poll), ElementsAre("lb3n8t5rqz", "q7k2m9x4ab", ""));
  EXPECT_EQ(poll.answers[1].source, Source::billing);
  EXPECT_EQ(std::get<BillingReport>(poll.answers[2].result.value()), BillingReport{});
  EXPECT_EQ(std::get<BillingReport>(poll.answers[1].result.value()),
            (BillingReport{.dollars = 1.5}));
}

TEST(RunPod, ABillWithoutADateCannotBeReadByTheHour) {
  FakeHttp client;
  client.add(kBillingRoute, fixture("runpod/billing.json"));
  const auto poll = collector()->poll(list_billing(), client);
  ASSERT_EQ(poll.answers.size(), 1u);
  EXPECT_EQ(poll.answers[0].endpoint_id, "");
  EXPECT_EQ(poll.answers[0].result.error(),
            (Error{.reason = Reason::schema, .detail = "no Date header to tell a whole hour by"}));
}

TEST(RunPod, PassesEveryFailureOn) {
  const auto problem = [](int status, std::string body) {
    return http::Response{.status = status,
                          .headers = {{"content-type", "application/problem+json"}},
                          .body = std::move(body)};
  };
  const std::vector<std::pair<Result<http::Response>, Reason>> cases{
      {fail(Reason::dns, "no such host"), Reason::dns},
      {fail(Reason::too_large, "more than 16 MiB"), Reason::too_large},
      {problem(401, R"({"title":"Unauthorized","status":401,"detail":"missing bearer token"})"),
       Reason::auth},
      {problem(403, R"({"title":"Forbidden","status":403,"detail":"access denied"})"),
       Reason::forbidden},
      {problem(404, R"({"title":"Not Found","status":404,"detail":"resource not found"})"),
       Reason::not_found},
      {problem(422, R"({"title":"Unprocessable Entity","status":422,"detail":"x","errors":[]})"),
       Reason::client_error},
      {problem(429, R"({"title":"Too Many Requests","status":429,"detail":"minute window"})"),
       Reason::rate_limited},
      {problem(500, R"({"detail":"beta failure"})"), Reason::server_error},
      {http::Response{.status = 524, .body = "<html></html>"}, Reason::server_error},
      {http::Response{.status = 200}, Reason::parse},
      {http::Response{.status = 204}, Reason::parse},
      {http::Response{.status = 200, .body = "<html></html>"}, Reason::parse},
      {http::Response{.status = 200, .body = R"({"workers":[)"}, Reason::parse},
      {http::Response{.status = 200, .body = R"({"error":"x"})"}, Reason::schema}};
  struct Route {
    const char* route;
    Target target;
  };
  for (const auto& [route, target] :
       {Route{kListRoute, list_endpoints()}, Route{kWorkersRoute, list_workers("q7k2m9x4ab")},
        Route{kBillingRoute, list_billing()}}) {
    for (const auto& [answer, reason] : cases) {
      FakeHttp client;
      auto with_date = answer;
      if (with_date) with_date->headers.emplace_back("date", kDate);
      client.add(route, with_date);
      const auto poll = collector()->poll(target, client);
      ASSERT_EQ(poll.answers.size(), 1u);
      EXPECT_EQ(poll.answers[0].endpoint_id, target.endpoint_id);
      EXPECT_EQ(poll.answers[0].source, target.supplies[0]);
      ASSERT_FALSE(poll.answers[0].result);
      EXPECT_EQ(poll.answers[0].result.error().reason, reason) << route;
      EXPECT_EQ(poll.listing, std::nullopt);
      EXPECT_EQ(client.diary().size(), 1u);
    }
  }
}

TEST(RunPod, TellsABlockAtTheEdgeFromAPermission) {
  FakeHttp client;
  client.add(kListRoute,
             http::Response{.status = 403,
                            .headers = {{"content-type", "text/html"}},
                            .body = "<!DOCTYPE html><html><body>error code: 1010</body></html>"});
  const auto poll = collector()->poll(list_endpoints(), client);
  ASSERT_EQ(poll.answers.size(), 1u);
  EXPECT_THAT(poll.answers[0].result.error().detail, testing::HasSubstr("edge"));
}

}  // namespace
}  // namespace serverless::runpod
