#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

using std::chrono::seconds;

std::string header_of(const Reply& reply, std::string_view name) {
  const auto found =
      std::ranges::find(reply.headers, name, &std::pair<std::string, std::string>::first);
  return found == reply.headers.end() ? "" : found->second;
}

Reply ask(World& world, const Request& request) { return world.answer(request).reply; }

std::string endpoint_id(World& world, std::size_t index) {
  return world.view().fleet->endpoint(Api::runpod, index).id;
}

TEST(RunpodV2, ListsItsEndpointsWithTheirOptionalFieldsMissingWhereTheApiLeavesThemOut) {
  World world(demo_at_noon());
  const Reply reply = ask(world, get("/runpod-api/v2/serverless?unknown=ignored"));
  EXPECT_EQ(reply.status, 200);
  const Json json(reply.body);
  EXPECT_EQ(json.keys(""), (std::vector<std::string>{"endpoints"}));
  ASSERT_EQ(json.array("/endpoints").size(), 4U);
  EXPECT_EQ(json.keys("/endpoints/0"),
            (std::vector<std::string>{"id", "name", "type", "requestUrls", "image", "args", "disk",
                                      "ports", "env", "registry", "gpu", "workers", "scaling",
                                      "dataCenterIds", "networkVolumes", "timeout", "flashboot",
                                      "createdAt"}));
  EXPECT_EQ(json.text("/endpoints/1/type"), "LOAD_BALANCER");
  EXPECT_EQ(json.text("/endpoints/1/name"), "llm \"prod\"\\eu\n");
  EXPECT_EQ(json.integer("/endpoints/1/timeout"), 0);
  EXPECT_EQ(
      json.keys("/endpoints/2"),
      (std::vector<std::string>{"id", "name", "image", "args", "disk", "ports", "env", "registry",
                                "gpu", "cpu", "workers", "scaling", "dataCenterIds",
                                "networkVolumes", "timeout", "flashboot", "createdAt"}));
  EXPECT_TRUE(json["/endpoints/2/gpu"].is_null());
  EXPECT_EQ(json.keys("/endpoints/2/workers"), (std::vector<std::string>{"min", "max"}));
  EXPECT_EQ(json.text("/endpoints/0/env/HF_TOKEN"), "planted-secret-must-not-leak");
}

TEST(RunpodV2, SummaryCountsTheWorkersThatTheListShows) {
  World world(demo_at_noon());
  for (int minute = 0; minute < 10; ++minute, world.advance(61)) {
    const Json json(
        ask(world, get("/runpod-api/v2/serverless/" + endpoint_id(world, 0) + "/workers")).body);
    std::map<std::string, std::int64_t> counted;
    for (const simdjson::dom::element worker : json.array("/workers")) {
      ++counted[std::string(worker["status"].get_string().value())];
    }
    EXPECT_EQ(json.integer("/summary/running"), counted["RUNNING"]);
    EXPECT_EQ(json.integer("/summary/idle"), counted["IDLE"]);
    EXPECT_EQ(json.integer("/summary/initializing"), counted["INITIALIZING"]);
    EXPECT_EQ(json.integer("/summary/throttled"), counted["THROTTLED"]);
    EXPECT_EQ(json.integer("/summary/unhealthy"), counted["UNHEALTHY"]);
    EXPECT_EQ(json.integer("/summary/total"),
              static_cast<std::int64_t>(json.array("/workers").size()));
  }
}

TEST(RunpodV2, ScaledToZeroHasNoWorkersAndNoVersion) {
  World world(demo_at_noon());
  EXPECT_EQ(ask(world, get("/runpod-api/v2/serverless/" + endpoint_id(world, 3) + "/workers")).body,
            R"({"endpointVersion":null,"summary":{"running":0,"idle":0,"initializing":0,)"
            R"("throttled":0,"unhealthy":0,"total":0},"workers":[]})");
}

TEST(RunpodV2, StaleWorkersRunAnOlderVersionExceptOnLegacyEndpoints) {
  World world(demo_at_noon());
  std::size_t by_version = 0;
  std::size_t by_image = 0;
  for (int step = 0; step < 120; ++step, world.advance(5)) {
    for (const std::size_t index : {0U, 2U}) {
      const Json json(
          ask(world, get("/runpod-api/v2/serverless/" + endpoint_id(world, index) + "/workers"))
              .body);
      const std::int64_t current = json.integer("/endpointVersion");
      for (const simdjson::dom::element worker : json.array("/workers")) {
        const std::int64_t version = worker["version"].get_int64().value();
        if (!worker["isStale"].get_bool().value()) {
          EXPECT_EQ(version, current);
        } else if (index == 0) {
          ++by_version;
          EXPECT_EQ(version, current - 1);
        } else {
          ++by_image;
          EXPECT_EQ(version, current);
          EXPECT_EQ(worker["image"].get_string().value(), "acme/app-2:v2");
        }
      }
    }
  }
  EXPECT_GT(by_version, 0U);
  EXPECT_GT(by_image, 0U);
}

TEST(RunpodV2, TurnsAwayWhoeverDoesNotNameHimselfWithTheEdgesPage) {
  World world(demo_at_noon());
  Request request = get("/runpod-api/v2/serverless");
  request.user_agent.clear();
  const Reply reply = ask(world, request);
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.content_type, "text/html; charset=UTF-8");
  EXPECT_NE(reply.body.find("error code: 1010"), std::string::npos);
}

TEST(RunpodV2, AnswersErrorsAsProblemJson) {
  World world(demo_at_noon());
  Request no_key = get("/runpod-api/v2/serverless");
  no_key.authorization.clear();
  EXPECT_EQ(ask(world, no_key).body,
            R"({"title":"Unauthorized","status":401,"detail":"missing bearer token"})");
  Request bad_key = get("/runpod-api/v2/serverless");
  bad_key.authorization = "Bearer wrong";
  EXPECT_EQ(ask(world, bad_key).status, 401);
  const Reply not_found = ask(world, get("/runpod-api/v2/serverless/nosuch0000/workers"));
  EXPECT_EQ(not_found.status, 404);
  EXPECT_EQ(not_found.content_type, "application/problem+json");
  EXPECT_FALSE(header_of(not_found, "x-request-id").empty());
}

TEST(RunpodV2, CountsDownItsWindowsAndThenSays429) {
  WorldSettings settings = demo_at_noon();
  settings.limits = {.runpod = {{"minute", 2, seconds{60}}, {"hour", 100, seconds{3600}}}};
  World world(settings);
  Reply reply = ask(world, get("/runpod-api/v2/serverless"));
  EXPECT_EQ(header_of(reply, "RateLimit-Policy"), R"("minute";q=2;w=60, "hour";q=100;w=3600)");
  EXPECT_EQ(header_of(reply, "RateLimit"), R"("minute";r=1;t=60, "hour";r=99;t=3600)");
  ask(world, get("/runpod-api/v2/serverless"));
  reply = ask(world, get("/runpod-api/v2/serverless"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(header_of(reply, "Retry-After"), "60");
  EXPECT_EQ(reply.body, R"({"title":"Too Many Requests","status":429,)"
                        R"("detail":"rate limit exceeded for the minute window"})");
}

TEST(RunpodV2, BillsEachEndpointForTheHourInProgress) {
  World world(demo_at_noon());
  world.advance(1800);
  const Json half(
      ask(world, get("/runpod-api/v2/billing/serverless?bucketSize=hour&lastN=1")).body);
  EXPECT_EQ(half.array("/records").size(), 4U);
  EXPECT_EQ(half.keys("/records/0"),
            (std::vector<std::string>{"startTime", "endTime", "serverlessId", "totalAmount",
                                      "gpuAmount", "cpuAmount", "diskAmount", "feeAmount"}));
  EXPECT_EQ(half.text("/records/0/startTime"), "2026-11-20T12:00:00Z");
  world.advance(60);
  const Json later(ask(world, get("/runpod-api/v2/billing/serverless?lastN=1")).body);
  EXPECT_GT(later["/records/0/totalAmount"].get_double().value(),
            half["/records/0/totalAmount"].get_double().value());
}

TEST(RunpodQueue, HealthHasTheJobsAndSixBucketsOfWhichReadyRepeatsIdle) {
  World world(demo_at_noon());
  const std::string id = endpoint_id(world, 0);
  const Json health(ask(world, get("/runpod-queue/v2/" + id + "/health")).body);
  EXPECT_EQ(health.keys("/jobs"),
            (std::vector<std::string>{"completed", "failed", "inProgress", "inQueue", "retried"}));
  EXPECT_EQ(health.keys("/workers"),
            (std::vector<std::string>{"idle", "initializing", "ready", "running", "throttled",
                                      "unhealthy"}));
  EXPECT_EQ(health.integer("/workers/ready"), health.integer("/workers/idle"));
  const Json list(ask(world, get("/runpod-api/v2/serverless/" + id + "/workers")).body);
  for (const std::string bucket : {"running", "idle", "initializing", "throttled", "unhealthy"}) {
    EXPECT_EQ(health.integer("/workers/" + bucket), list.integer("/summary/" + bucket));
  }
}

TEST(RunpodQueue, TakesTheKeyWithAndWithoutAScheme) {
  World world(demo_at_noon());
  Request request = get("/runpod-queue/v2/" + endpoint_id(world, 0) + "/health");
  EXPECT_EQ(ask(world, request).status, 200);
  request.authorization = "demo-key";
  EXPECT_EQ(ask(world, request).status, 200);
  request.authorization = "wrong";
  EXPECT_EQ(ask(world, request).status, 401);
}

TEST(RunpodQueue, RemembersARemovedEndpointForAMinute) {
  World world(demo_at_noon());
  const std::string id = endpoint_id(world, 0);
  world.answer(post("/admin/remove_endpoint?id=" + id));
  EXPECT_EQ(ask(world, get("/runpod-api/v2/serverless/" + id + "/workers")).status, 404);
  EXPECT_EQ(Json(ask(world, get("/runpod-api/v2/serverless")).body).array("/endpoints").size(), 3U);
  EXPECT_EQ(ask(world, get("/runpod-queue/v2/" + id + "/health")).status, 200);
  world.advance(60);
  EXPECT_EQ(ask(world, get("/runpod-queue/v2/" + id + "/health")).status, 404);
  world.answer(post("/admin/restore_endpoint?id=" + id));
  EXPECT_EQ(ask(world, get("/runpod-queue/v2/" + id + "/health")).status, 200);
}

TEST(RunpodV1, IsABareArrayWithWorkersOnlyWhenAsked) {
  World world(demo_at_noon());
  const Json without(ask(world, get("/runpod-rest/v1/endpoints")).body);
  ASSERT_EQ(without[""].get_array().value().size(), 3U);
  EXPECT_TRUE(without["/1"]["workers"].error() == simdjson::NO_SUCH_FIELD);
  const Json with(
      ask(world, get("/runpod-rest/v1/endpoints?includeWorkers=true&includeTemplate=true")).body);
  EXPECT_EQ(with.array("/0/workers").size(), 1U);
  EXPECT_GT(with.array("/1/workers").size(), 1U);
  EXPECT_TRUE(with["/2"]["workers"].error() == simdjson::NO_SUCH_FIELD);
  EXPECT_TRUE(with["/2/name"].is_null());
  EXPECT_EQ(with.text("/0/template/imageName"), "acme/legacy-0:v3");
}

TEST(RunpodV1, MixesTheTypesThatClientsHaveMet) {
  World world(demo_at_noon());
  const Json json(ask(world, get("/runpod-rest/v1/endpoints?includeWorkers=true")).body);
  EXPECT_EQ(json.text("/0/dataCenterIds"), "EU-NL-1,EU-RO-1");
  EXPECT_TRUE(json["/1/dataCenterIds"].is_array());
  EXPECT_EQ(json.text("/0/createdAt"), "2026-05-04 11:00:00.000 +0000 UTC");
  EXPECT_EQ(json.text("/1/createdAt"), "2026-05-04T11:00:00.000Z");
  EXPECT_EQ(json.text("/2/workersMin"), "0");
  EXPECT_TRUE(json["/0/workers/0/costPerHr"].is_string());
  EXPECT_EQ(json.text("/0/workers/0/env/RUNPOD_ENDPOINT_SECRET"), "planted-secret-must-not-leak");
  bool number = false;
  for (const simdjson::dom::element worker : json.array("/1/workers")) {
    number = number || worker["costPerHr"].is_number();
  }
  EXPECT_TRUE(number);
}

TEST(RunpodV1, ItsHealthCountsTheWorkersThatAreMeantToRun) {
  World world(demo_at_noon());
  for (int step = 0; step < 40; ++step, world.advance(7)) {
    const std::string id = world.view().fleet->endpoint(Api::runpod_v1, 1).id;
    const Json endpoint(
        ask(world, get("/runpod-rest/v1/endpoints/" + id + "?includeWorkers=true")).body);
    const Json health(ask(world, get("/runpod-queue/v2/" + id + "/health")).body);
    std::int64_t active = 0;
    for (const simdjson::dom::element worker : endpoint.array("/workers")) {
      active += worker["desiredStatus"].get_string().value() == "RUNNING" ? 1 : 0;
    }
    EXPECT_EQ(active, health.integer("/workers/idle") + health.integer("/workers/initializing") +
                          health.integer("/workers/running") +
                          health.integer("/workers/throttled") +
                          health.integer("/workers/unhealthy"));
  }
}

TEST(RunpodV1, AnswersErrorsInItsTwoShapes) {
  World world(demo_at_noon());
  Request request = get("/runpod-rest/v1/endpoints");
  request.authorization = "Bearer wrong";
  EXPECT_EQ(ask(world, request).status, 401);
  EXPECT_EQ(ask(world, request).body, R"({"message":"Unauthorized"})");
  EXPECT_EQ(ask(world, get("/runpod-rest/v1/endpoints/nosuch0000")).body,
            R"({"error":"endpoint not found","status":404})");
}

}  // namespace
}  // namespace simulator
