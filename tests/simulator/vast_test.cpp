#include <gtest/gtest.h>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

Reply ask(World& world, const Request& request) { return world.answer(request).reply; }

TEST(VastConsole, ListsEndpointsWithTheMixOfTypesThatClientsHaveMet) {
  World world(demo_at_noon());
  const Json json(ask(world, get("/vast-console/api/v0/endptjobs/")).body);
  EXPECT_EQ(json.keys(""), (std::vector<std::string>{"success", "results"}));
  ASSERT_EQ(json.array("/results").size(), 3U);
  EXPECT_EQ(json.text("/results/0/endpoint_state"), "active");
  EXPECT_EQ(json.text("/results/2/endpoint_state"), "suspended");
  EXPECT_EQ(json.text("/results/1/target_util"), "0.9");
  EXPECT_TRUE(json["/results/1/min_load"].is_null());
  EXPECT_TRUE(json["/results/1"]["max_queue_time"].error() == simdjson::NO_SUCH_FIELD);
  EXPECT_TRUE(json["/results/0/created_at"].is_double());
  EXPECT_TRUE(json["/results/1/created_at"].is_string());
  EXPECT_EQ(json.text("/results/0/api_key"), "planted-secret-must-not-leak");
}

TEST(VastConsole, ListsTheWorkerGroupsOfEveryEndpoint) {
  World world(demo_at_noon());
  const Json json(ask(world, get("/vast-console/api/v0/workergroups/")).body);
  ASSERT_EQ(json.array("/results").size(), 5U);
  EXPECT_EQ(json.integer("/results/1/id"), 5000001);
  EXPECT_EQ(json.integer("/results/1/endpoint_id"), 1200);
  EXPECT_EQ(json.text("/results/0/api_key"), "planted-secret-must-not-leak");
}

TEST(VastConsole, PagesThroughAllInstancesOnceAndEndsWithANullToken) {
  World world(grid_at_noon(3, 50));
  std::set<std::int64_t> ids;
  std::size_t rows = 0;
  std::size_t pages = 0;
  std::string token;
  do {
    const Json json(ask(world, get("/vast-console/api/v1/instances/?limit=25" +
                                   (token.empty() ? "" : "&after_token=" + token)))
                        .body);
    EXPECT_LE(json.array("/instances").size(), 25U);
    for (const simdjson::dom::element row : json.array("/instances")) {
      ids.insert(row["id"].get_int64().value());
      ++rows;
    }
    token = json["/next_token"].is_null() ? "" : json.text("/next_token");
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(ids.size(), rows);
  EXPECT_GT(pages, 5U);
  EXPECT_TRUE(ids.contains(34999999)) << "the orphan";
}

TEST(VastConsole, InstancesJoinTheWorkersById) {
  World world(demo_at_noon());
  const Json workers(ask(world, post("/vast-run/get_endpoint_workers/", R"({"id":1200})")).body);
  const Json instances(ask(world, get("/vast-console/api/v1/instances/?limit=25")).body);
  std::set<std::int64_t> with_price;
  for (const simdjson::dom::element row : instances.array("/instances")) {
    EXPECT_GT(row["dph_total"].get_double().value(), 0);
    with_price.insert(row["id"].get_int64().value());
  }
  std::size_t joined = 0;
  std::size_t alone = 0;
  for (const simdjson::dom::element worker : workers.array("")) {
    ++(with_price.contains(worker["id"].get_int64().value()) ? joined : alone);
  }
  EXPECT_GE(joined, 8U);
  EXPECT_EQ(alone, 1U);
}

TEST(VastConsole, RefusesABadLimitAndTheOldList) {
  World world(demo_at_noon());
  EXPECT_EQ(ask(world, get("/vast-console/api/v1/instances/?limit=26")).status, 400);
  const Reply old = ask(world, get("/vast-console/api/v0/instances/"));
  EXPECT_EQ(old.status, 410);
  EXPECT_EQ(old.body, R"({"success":false,"error":"deprecated_endpoint",)"
                      R"("msg":"Use /api/v1/instances/ instead"})");
}

TEST(VastConsole, CallsABadKeyNotFound) {
  World world(demo_at_noon());
  Request request = get("/vast-console/api/v0/endptjobs/");
  request.authorization = "Bearer wrong";
  EXPECT_EQ(ask(world, request).status, 404);
  EXPECT_EQ(ask(world, request).body,
            R"({"success":false,"error":"auth_error","msg":"Invalid user key"})");
}

TEST(VastConsole, CallsAnAccountWithoutEndpointsABadRequest) {
  World world(demo_at_noon());
  for (const char* id : {"1200", "1201", "1202"}) {
    world.answer(post(std::string("/admin/remove_endpoint?id=") + id));
  }
  const Reply reply = ask(world, get("/vast-console/api/v0/endptjobs/"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body,
            R"({"success":false,"error":"invalid_args","msg":"No endpoints for user found"})");
}

TEST(VastConsole, RefusesTooFrequentRequestsInPlainText) {
  WorldSettings settings = demo_at_noon();
  settings.limits.enforced = true;
  World world(settings);
  EXPECT_EQ(ask(world, get("/vast-console/api/v0/endptjobs/")).status, 200);
  const Reply reply = ask(world, get("/vast-console/api/v0/endptjobs/"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(reply.body, "API requests too frequent: endpoint threshold=3.0");
  EXPECT_EQ(ask(world, get("/vast-console/api/v0/workergroups/")).status, 200);
}

TEST(VastRun, ListsAnEndpointsWorkersAsABareArray) {
  World world(demo_at_noon());
  const Json json(ask(world, post("/vast-run/get_endpoint_workers/", R"({"id":1200})")).body);
  EXPECT_EQ(json.keys("/0"),
            (std::vector<std::string>{"id", "status", "cur_load", "new_load",
                                      "cur_load_rolling_avg", "cur_perf", "perf", "measured_perf",
                                      "dlperf", "reliability", "disk_usage", "reqs_working",
                                      "loaded_at", "gpu_name", "started_at", "ready_ever"}));
}

TEST(VastRun, ItsGroupsShareOutTheEndpointsWorkers) {
  World world(demo_at_noon());
  const auto ids = [&](const std::string& route, int id) {
    std::set<std::int64_t> found;
    const Json json(
        ask(world, post("/vast-run/" + route + "/", R"({"id":)" + std::to_string(id) + "}")).body);
    for (const simdjson::dom::element worker : json.array("")) {
      found.insert(worker["id"].get_int64().value());
    }
    return found;
  };
  std::set<std::int64_t> both = ids("get_autogroup_workers", 5000000);
  both.merge(ids("get_autogroup_workers", 5000001));
  EXPECT_EQ(both, ids("get_endpoint_workers", 1200));
}

TEST(VastRun, HasOnlyOneOfTheTwoGroupRoutes) {
  for (const std::string name : {"autogroup", "workergroup"}) {
    WorldSettings settings = demo_at_noon();
    settings.provider.vast_group_route = name;
    World world(settings);
    const std::string other = name == "autogroup" ? "workergroup" : "autogroup";
    const std::string body = R"({"id":5000000})";
    EXPECT_EQ(ask(world, post("/vast-run/get_" + name + "_workers/", body)).status, 200);
    EXPECT_EQ(ask(world, post("/vast-run/get_" + other + "_workers/", body)).status, 404);
  }
}

TEST(VastRun, TakesTheKeyFromTheBodyToo) {
  World world(demo_at_noon());
  Request request = post("/vast-run/get_endpoint_workers/", R"({"id":1200,"api_key":"demo-key"})");
  request.authorization.clear();
  EXPECT_TRUE(ask(world, request).body.starts_with("[{"));
}

TEST(VastRun, WrapsAWrongKeyAndAWrongEndpointInto200) {
  World world(demo_at_noon());
  const Reply reply = ask(world, post("/vast-run/get_endpoint_workers/", R"({"id":77})"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body,
            R"({"error_msg":"authenticate_endpoint_apikey_by_id: invalid api_key or endpoint 77 )"
            R"(not found"})");
  Request bad_key = post("/vast-run/get_endpoint_workers/", R"({"id":1200})");
  bad_key.authorization = "Bearer wrong";
  EXPECT_TRUE(ask(world, bad_key).body.starts_with(R"({"error_msg":)"));
}

TEST(VastRun, RefusesMoreThanOneCallASecondInJson) {
  WorldSettings settings = demo_at_noon();
  settings.limits.enforced = true;
  World world(settings);
  ask(world, post("/vast-run/get_endpoint_workers/", R"({"id":1200})"));
  const Reply reply = ask(world, post("/vast-run/get_endpoint_workers/", R"({"id":1201})"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.body, R"({"retry_after":1,"message":"API requests too frequent"})");
}

}  // namespace
}  // namespace simulator
