#include "collectors/runpod_v1.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_http.hpp"
#include "tests/fakes/fixture.hpp"

namespace serverless::runpod_v1 {
namespace {

using fakes::FakeHttp;
using fakes::fixture;
using testing::ElementsAre;

constexpr const char* kListUrl =
    "https://control.example/v1/endpoints?includeWorkers=true&includeTemplate=true";
constexpr const char* kGetUrl =
    "https://control.example/v1/endpoints/jpnw0v75y3qoql?includeWorkers=true&includeTemplate=true";

Time at(std::string_view text) { return parse_time(text).value(); }

std::unique_ptr<Collector> collector(std::vector<std::string> endpoints = {}) {
  config::Account account{
      .name = "old", .provider = "runpod-v1", .endpoints = std::move(endpoints)};
  account.settings["api_url"] = std::string{"https://control.example/v1"};
  account.settings["queue_url"] = std::string{"https://queue.example"};
  return provider().make(account);
}

Target list_endpoints() {
  return {.operation = "list_endpoints",
          .api = "control",
          .supplies = {Source::workers, Source::catalog}};
}

Target get_endpoint(std::string id) {
  return {.operation = "get_endpoint",
          .api = "control",
          .endpoint_id = std::move(id),
          .supplies = {Source::workers, Source::catalog}};
}

Target health(std::string id) {
  return {.operation = "health",
          .api = "queue",
          .endpoint_id = std::move(id),
          .supplies = {Source::queue}};
}

/// "id source ok" or "id source reason", for each answer.
std::vector<std::string> outline(const Poll& poll) {
  std::vector<std::string> lines;
  for (const auto& answer : poll.answers) {
    lines.push_back(answer.endpoint_id + " " + std::string{name(answer.source)} + " " +
                    (answer.result ? "ok" : std::string{name(answer.result.error().reason)}));
  }
  return lines;
}

void expect_workers(const std::vector<Worker>& got, const std::vector<Worker>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], expected[i]) << expected[i].id;
}

TEST(RunPodV1Endpoints, AListOfMoreEndpointsThanAnybodyHasIsRefused) {
  std::string rows = R"({"id":"0"})";
  for (std::size_t i = 1; i < kMostEndpoints; ++i)
    rows += R"(,{"id":")" + std::to_string(i) + "\"}";
  EXPECT_TRUE(parse_endpoints(R"([)" + rows + "]"));
  const auto over = parse_endpoints(R"([)" + rows + R"(,{"id":"more"}])");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, Reason::too_large);
}

TEST(RunPodV1Endpoints, ReadsTheListWithItsWorkers) {
  const auto list = parse_endpoints(fixture("runpod_v1/endpoints.json"));
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->complete);
  ASSERT_EQ(list->endpoints.size(), 2u);

  const auto& gpu = list->endpoints[0];
  EXPECT_EQ(gpu.info, (EndpointInfo{.id = "jp1aaaaaaaaaaa",
                                    .name = "my endpoint",
                                    .api = "v1",
                                    .scaler = "queue_delay",
                                    .workers_min = 0,
                                    .workers_max = 3,
                                    .idle_timeout_seconds = 5,
                                    .execution_timeout_seconds = 600,
                                    .scaler_value = 4,
                                    .created_at = at("2026-02-14T11:27:20Z")}));
  ASSERT_TRUE(gpu.workers);
  expect_workers(gpu.workers->workers, {{.id = "xe1",
                                         .native_status = "running",
                                         .status = Status::active,
                                         .staleness = Staleness::current,
                                         .gpu_type = "NVIDIA GeForce RTX 4090",
                                         .location = "EU-RO-1",
                                         .version = "12",
                                         .image = "acme/a:12",
                                         .up_since = at("2026-11-20T15:27:53.535Z"),
                                         .started_at = at("2026-11-20T15:27:53.535Z"),
                                         .gpus = 1,
                                         .vcpus = 24,
                                         .memory_bytes = 62e9,
                                         .cost_dollars_per_hour = 0.69},
                                        {.id = "xe2",
                                         .native_status = "running",
                                         .status = Status::active,
                                         .staleness = Staleness::version,
                                         .version = "11",
                                         .image = "acme/a:11",
                                         .up_since = at("2026-11-20T15:20:00.144Z"),
                                         .started_at = at("2026-11-20T15:20:00.144Z"),
                                         .cost_dollars_per_hour = 0.74},
                                        {.id = "xe3",
                                         .native_status = "exited",
                                         .status = Status::stopped,
                                         .staleness = Staleness::current,
                                         .version = "12",
                                         .cost_dollars_per_hour = 0}});
  EXPECT_EQ(gpu.workers->config_version, 12);
  EXPECT_TRUE(gpu.workers->lifecycle_only);
  EXPECT_EQ(gpu.workers->summary, StatusCounts{});
  EXPECT_EQ(gpu.workers->skipped, Skipped{});

  const Endpoint cpu{
      .info = {.id = "jp2bbbbbbbbbbb",
               .api = "v1",
               .scaler = "request_count",
               .workers_min = 0,
               .workers_max = 3,
               .scaler_value = 1},
      .workers = WorkersReport{.config_version = 0, .lifecycle_only = true, .priced = true}};
  EXPECT_EQ(list->endpoints[1], cpu);
}

TEST(RunPodV1Endpoint, AnAbsurdNumberIsAbsentAndNeverInfinite) {
  const auto endpoint = parse_endpoint(
      R"({"id":"a","workers":[{"id":"w","desiredStatus":"RUNNING","memoryInGb":1e308}]})");
  ASSERT_TRUE(endpoint && endpoint->workers);
  EXPECT_EQ(endpoint->workers->workers.at(0).memory_bytes, std::nullopt);
  Skipped expected;
  expected.add(Skip::bad_field, "/workers/0/memoryInGb: expected a number");
  EXPECT_EQ(endpoint->workers->skipped, expected);
}

TEST(RunPodV1Endpoint, ReadsEveryDocumentedFieldThatIsPublished) {
  const auto endpoint = parse_endpoint(fixture("runpod_v1/endpoint.json"));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->info, (EndpointInfo{.id = "jpnw0v75y3qoql",
                                          .name = "my endpoint",
                                          .api = "v1",
                                          .scaler = "queue_delay",
                                          .workers_min = 0,
                                          .workers_max = 3,
                                          .idle_timeout_seconds = 5,
                                          .execution_timeout_seconds = 600,
                                          .scaler_value = 4,
                                          .created_at = at("2026-07-12T19:14:40.144Z")}));
  const WorkersReport expected{.workers = {{.id = "xedezhzb9la3ye",
                                            .native_status = "running",
                                            .status = Status::active,
                                            .staleness = Staleness::current,
                                            .gpu_type = "NVIDIA RTX A5000",
                                            .location = "EU-RO-1",
                                            .version = "0",
                                            .image = "runpod/pytorch:2.1.0",
                                            .interruptible = false,
                                            .up_since = at("2026-07-12T19:14:40.144Z"),
                                            .started_at = at("2026-07-12T19:14:40.144Z"),
                                            .maintenance_start = at("2026-11-23T00:00:00Z"),
                                            .maintenance_end = at("2026-11-23T04:00:00Z"),
                                            .gpus = 2,
                                            .vcpus = 24,
                                            .memory_bytes = 62e9,
                                            .cost_dollars_per_hour = 0.69}},
                               .config_version = 0,
                               .lifecycle_only = true,
                               .priced = true};
  EXPECT_EQ(endpoint->workers, expected);
}

TEST(RunPodV1Endpoint, EveryTrap) {
  const auto endpoint = parse_endpoint(fixture("runpod_v1/endpoint_traps.json"));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->info, (EndpointInfo{.id = "trap",
                                          .name = "spaced",
                                          .api = "v1",
                                          .scaler = "request_count",
                                          .workers_min = 0,
                                          .workers_max = 3,
                                          .idle_timeout_seconds = 60,
                                          .execution_timeout_seconds = 0,
                                          .scaler_value = 1,
                                          .created_at = at("2026-02-14T11:27:20Z")}));
  ASSERT_TRUE(endpoint->workers);
  const auto& report = *endpoint->workers;
  expect_workers(report.workers, {{.id = "w0",
                                   .native_status = "running",
                                   .status = Status::active,
                                   .staleness = Staleness::image,
                                   .location = "RO",
                                   .version = "12",
                                   .image = "acme/a:11",
                                   .interruptible = true,
                                   .up_since = at("2025-10-06T15:27:53.5Z"),
                                   .started_at = at("2025-10-06T15:27:53.5Z"),
                                   .vcpus = 0.5,
                                   .memory_bytes = 1.5e9},
                                  {.id = "w2",
                                   .native_status = "exited",
                                   .status = Status::stopped,
                                   .staleness = Staleness::version,
                                   .version = "11"},
                                  {.id = "w3", .status = Status::unknown}});
  EXPECT_EQ(report.config_version, 12);
  EXPECT_EQ(report.skipped.counts, (std::array<std::uint64_t, kSkipCount>{1, 1, 1, 6}));
  EXPECT_THAT(report.skipped.first,
              ElementsAre("/workers/5: expected an object", "/workers/4/id: expected an id",
                          "/workers/6/id: expected an id of its own",
                          "/workers/0/adjustedCostPerHr: expected a number"));
}

TEST(RunPodV1Endpoint, ReadsWhatTheLastOfADuplicateHid) {
  const auto endpoint =
      parse_endpoint(R"({"id":"e","workers":[{"id":"w","desiredStatus":"STOPPED","costPerHr":"2",)"
                     R"("gpu":{"id":"NVIDIA L4","count":"1"},"machine":{"gpuTypeId":""}}]})");
  ASSERT_TRUE(endpoint);
  ASSERT_TRUE(endpoint->workers);
  expect_workers(endpoint->workers->workers, {{.id = "w",
                                               .native_status = "stopped",
                                               .status = Status::unknown,
                                               .gpu_type = "NVIDIA L4",
                                               .gpus = 1,
                                               .cost_dollars_per_hour = 2}});
}

TEST(RunPodV1Endpoint, IsStaleByVersionThenByImage) {
  const auto staleness = [](const std::string& endpoint, const std::string& worker) {
    const auto read =
        parse_endpoint(R"({"id":"e",)" + endpoint +
                       R"("workers":[{"id":"w","desiredStatus":"RUNNING")" + worker + "}]}");
    return read.value().workers.value().workers.at(0).staleness;
  };
  const std::string version = R"("version":2,)";
  const std::string image = R"("template":{"imageName":"a:2"},)";
  EXPECT_EQ(staleness("", ""), Staleness::unknown);
  EXPECT_EQ(staleness(version, ""), Staleness::unknown);
  EXPECT_EQ(staleness("", R"(,"slsVersion":2,"image":"a:2")"), Staleness::unknown);
  EXPECT_EQ(staleness(version, R"(,"slsVersion":2)"), Staleness::current);
  EXPECT_EQ(staleness(version, R"(,"slsVersion":"2")"), Staleness::current);
  EXPECT_EQ(staleness(version, R"(,"slsVersion":0)"), Staleness::version);
  EXPECT_EQ(staleness(image, R"(,"image":"a:2")"), Staleness::current);
  EXPECT_EQ(staleness(image, R"(,"image":"a:1")"), Staleness::image);
  EXPECT_EQ(staleness(version + image, R"(,"slsVersion":2,"image":"a:1")"), Staleness::image);
  EXPECT_EQ(staleness(version + image, R"(,"slsVersion":1,"image":"a:2")"), Staleness::version);
}

TEST(RunPodV1Endpoint, WorkersThatAreNoListAreAnErrorAndNeverNone) {
  const auto list = parse_endpoints(R"([{"id":"a","workers":{}},{"id":"b","workers":null}])");
  ASSERT_TRUE(list);
  const Endpoints expected{
      .endpoints = {{.info = {.id = "a", .api = "v1"},
                     .workers = fail(Reason::schema, "/0/workers: expected an array")},
                    {.info = {.id = "b", .api = "v1"},
                     .workers = WorkersReport{.lifecycle_only = true, .priced = true}}}};
  EXPECT_EQ(*list, expected);
}

TEST(RunPodV1Endpoints, ARecordWithoutAnIdIsLeftOutAndTheListIsNotComplete) {
  const auto list = parse_endpoints(R"([{"name":"x"},7,{"id":"a"}])");
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->complete);
  ASSERT_EQ(list->endpoints.size(), 1u);
  EXPECT_EQ(list->endpoints[0].info.id, "a");
}

TEST(RunPodV1Endpoints, TheLastOfADuplicateWins) {
  const auto list = parse_endpoints(R"([{"id":"a","name":"old"},{"id":"a","name":"new"}])");
  ASSERT_TRUE(list);
  EndpointInfo expected{.id = "a", .name = "new", .api = "v1"};
  expected.skipped.add(Skip::duplicate_id, "/1/id: expected an id of its own");
  ASSERT_EQ(list->endpoints.size(), 1u);
  EXPECT_EQ(list->endpoints[0].info, expected);
}

TEST(RunPodV1Endpoints, AnythingElseIsAnError) {
  for (const auto* body : {"{}", R"({"endpoints":[]})", R"({"message":"Pod not found"})", "null"}) {
    EXPECT_EQ(parse_endpoints(body).error(),
              (Error{.reason = Reason::schema, .detail = "expected an array"}))
        << body;
  }
  for (const auto* body : {"{}", R"({"error":"something went wrong","status":500})"}) {
    EXPECT_EQ(parse_endpoint(body).error(),
              (Error{.reason = Reason::schema, .detail = "/id: expected an id"}))
        << body;
  }
  EXPECT_EQ(parse_endpoint("[]").error(),
            (Error{.reason = Reason::schema, .detail = "expected an object"}));
  EXPECT_EQ(parse_endpoints("<html>").error().reason, Reason::parse);
  EXPECT_EQ(parse_endpoint("").error().reason, Reason::parse);
}

TEST(RunPodV1, IsARowOfTheTable) {
  const auto row = provider();
  EXPECT_EQ(row.name, "runpod-v1");
  EXPECT_EQ(row.label, "runpod");
  EXPECT_TRUE(row.discovers);
  EXPECT_EQ(row.statuses.size(), kStatusCount);
  EXPECT_THAT(row.stale_reasons, ElementsAre(Staleness::version, Staleness::image));
  ASSERT_EQ(row.keys.size(), 2u);
  EXPECT_EQ(row.keys[0].name, "api_url");
  EXPECT_EQ(std::get<std::string>(row.keys[0].fallback), "https://rest.runpod.io/v1");
  EXPECT_EQ(row.keys[1].name, "queue_url");
}

TEST(RunPodV1, RefusesAnApiUrlOfAnotherApi) {
  const auto check = provider().keys[0].check;
  EXPECT_EQ(check("https://rest.runpod.io/v1"), std::nullopt);
  EXPECT_EQ(check("http://[::1]:8080/v1"), std::nullopt);
  EXPECT_EQ(check("https://api.runpod.ai/v2"),
            "runpod.ai is the job queue and belongs into queue_url; REST v1 is at "
            "https://rest.runpod.io/v1");
  EXPECT_EQ(check("https://api.runpod.io/v2"),
            "api.runpod.io is REST v2, which is provider \"runpod\"; v1 is at "
            "https://rest.runpod.io/v1");
}

TEST(RunPodV1, OneListIsThePollOfAll) {
  const auto runpod = collector();
  EXPECT_TRUE(runpod->configured().empty());
  EXPECT_THAT(runpod->targets({}), ElementsAre(list_endpoints()));
  const std::vector<EndpointInfo> endpoints{{.id = "a"}, {.id = "b"}};
  EXPECT_THAT(runpod->targets(endpoints), ElementsAre(list_endpoints(), health("a"), health("b")));
}

TEST(RunPodV1, ConfiguredEndpointsAreAskedForOneByOne) {
  const auto runpod = collector({"a", "b"});
  const std::vector<EndpointInfo> configured{{.id = "a", .api = "v1"}, {.id = "b", .api = "v1"}};
  EXPECT_EQ(runpod->configured(), configured);
  EXPECT_THAT(runpod->targets(configured),
              ElementsAre(get_endpoint("a"), health("a"), get_endpoint("b"), health("b")));
  EXPECT_THAT(runpod->targets({}), ElementsAre());
}

TEST(RunPodV1, TheListSuppliesWorkersAndCatalogOfEachEndpoint) {
  FakeHttp client;
  client.add(std::string{"GET "} + kListUrl,
             http::Response{.status = 200,
                            .headers = {{"date", "Sun, 22 Nov 2026 03:20:00 GMT"}},
                            .body = R"([{"id":"a","workers":[]},{"id":"b","workers":3}])"});
  const auto poll = collector()->poll(list_endpoints(), client);

  const std::vector<http::Request> asked{
      {.api = "control", .operation = "list_endpoints", .url = kListUrl}};
  EXPECT_EQ(client.diary(), asked);
  EXPECT_THAT(outline(poll),
              ElementsAre("a workers ok", "a catalog ok", "b workers schema", "b catalog ok"));
  EXPECT_EQ(
      std::get<WorkersReport>(poll.answers[0].result.value()),
      (WorkersReport{
          .lifecycle_only = true, .priced = true, .answered_at = at("2026-11-22T03:20:00Z")}));
  EXPECT_EQ(std::get<EndpointInfo>(poll.answers[1].result.value()),
            (EndpointInfo{.id = "a", .api = "v1"}));
  EXPECT_EQ(poll.listing, (std::vector<std::string>{"a", "b"}));
}

TEST(RunPodV1, AListWithAMalformedRecordProvesNoAbsence) {
  FakeHttp client;
  client.add(std::string{"GET "} + kListUrl, R"([{"id":"a"},{"name":"b"}])");
  const auto poll = collector()->poll(list_endpoints(), client);
  EXPECT_THAT(outline(poll),
              ElementsAre("a workers ok", "a catalog ok", " workers schema", " catalog schema"));
  EXPECT_EQ(poll.listing, std::nullopt);
}

TEST(RunPodV1, AsksForOneEndpoint) {
  FakeHttp client;
  client.add(std::string{"GET "} + kGetUrl, fixture("runpod_v1/endpoint.json"));
  const auto poll = collector({"jpnw0v75y3qoql"})->poll(get_endpoint("jpnw0v75y3qoql"), client);

  const std::vector<http::Request> asked{
      {.api = "control", .operation = "get_endpoint", .url = kGetUrl}};
  EXPECT_EQ(client.diary(), asked);
  EXPECT_THAT(outline(poll), ElementsAre("jpnw0v75y3qoql workers ok", "jpnw0v75y3qoql catalog ok"));
  EXPECT_EQ(poll.listing, std::nullopt);
}

TEST(RunPodV1, TheAnswerOfAnotherEndpointIsRefused) {
  FakeHttp client;
  client.add(std::string{"GET "} + kGetUrl, R"({"id":"other","workers":[]})");
  const auto poll = collector({"jpnw0v75y3qoql"})->poll(get_endpoint("jpnw0v75y3qoql"), client);
  EXPECT_THAT(outline(poll),
              ElementsAre("jpnw0v75y3qoql workers schema", "jpnw0v75y3qoql catalog schema"));
}

TEST(RunPodV1, AsksTheQueueAtItsOwnHost) {
  FakeHttp client;
  client.add("GET https://queue.example/v2/a/health", fixture("runpod/health_full.json"));
  EXPECT_THAT(outline(collector()->poll(health("a"), client)), ElementsAre("a queue ok"));
}

TEST(RunPodV1, PassesAFailureOnToEverySourceOfTheTarget) {
  const std::vector<std::pair<Result<http::Response>, std::string>> cases{
      {fail(Reason::connect, "refused"), "connect"},
      {http::Response{.status = 401, .body = R"({"message":"no"})"}, "auth"},
      {http::Response{.status = 403}, "forbidden"},
      {http::Response{.status = 429, .body = "<html></html>"}, "rate_limited"},
      {http::Response{.status = 500, .body = R"({"error":"something went wrong","status":500})"},
       "server_error"},
      {http::Response{.status = 302}, "client_error"},
      {http::Response{.status = 200}, "parse"},
      {http::Response{.status = 200, .body = R"({"message":"Pod not found"})"}, "schema"}};
  for (const auto& [answer, reason] : cases) {
    FakeHttp client;
    client.add(std::string{"GET "} + kListUrl, answer);
    client.add(std::string{"GET "} + kGetUrl, answer);
    const auto list = collector()->poll(list_endpoints(), client);
    EXPECT_THAT(outline(list), ElementsAre(" workers " + reason, " catalog " + reason));
    EXPECT_EQ(list.listing, std::nullopt);
    EXPECT_THAT(
        outline(collector({"jpnw0v75y3qoql"})->poll(get_endpoint("jpnw0v75y3qoql"), client)),
        ElementsAre("jpnw0v75y3qoql workers " + reason, "jpnw0v75y3qoql catalog " + reason));
  }
}

TEST(RunPodV1, SaysThatTheApiIsRetired) {
  for (const int status : {301, 308, 404, 410}) {
    FakeHttp client;
    client.add(std::string{"GET "} + kListUrl, http::Response{.status = status});
    client.add(std::string{"GET "} + kGetUrl, http::Response{.status = status});
    const auto list = collector()->poll(list_endpoints(), client);
    ASSERT_THAT(outline(list), ElementsAre(" workers gone", " catalog gone"));
    EXPECT_EQ(list.answers[0].result.error().detail,
              "HTTP " + std::to_string(status) +
                  ": RunPod announced that REST v1 retires on 2026-11-15; use provider = "
                  "\"runpod\"");

    const std::string reason = status == 404 ? "not_found" : "gone";
    EXPECT_THAT(
        outline(collector({"jpnw0v75y3qoql"})->poll(get_endpoint("jpnw0v75y3qoql"), client)),
        ElementsAre("jpnw0v75y3qoql workers " + reason, "jpnw0v75y3qoql catalog " + reason));
  }
}

}  // namespace
}  // namespace serverless::runpod_v1
