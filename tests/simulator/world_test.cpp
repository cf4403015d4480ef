#include "simulator/world.hpp"

#include <gtest/gtest.h>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

std::string body_of(World& world, const std::string& target) {
  return world.answer(get(target)).reply.body;
}

std::string header_of(const Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return {};
}

TEST(World, EqualSeedsAndTimesGiveEqualBytes) {
  World one(demo_at_noon());
  World other(demo_at_noon());
  for (int step = 0; step < 20; ++step, one.advance(13), other.advance(13)) {
    const std::string id = one.view().fleet->endpoint(Api::runpod, 0).id;
    for (const std::string& target :
         {std::string("/runpod-api/v2/serverless/") + id + "/workers",
          std::string("/runpod-rest/v1/endpoints?includeWorkers=true"),
          std::string("/vast-console/api/v1/instances/"), std::string("/den/v1/workers"),
          std::string("/admin/truth")}) {
      EXPECT_EQ(body_of(one, target), body_of(other, target));
    }
  }
}

TEST(World, FrozenTimeStandsAndAdvancesByHand) {
  World world(demo_at_noon());
  EXPECT_EQ(world.view().now, kNoon);
  EXPECT_EQ(world.answer(post("/admin/advance?seconds=90.5")).reply.status, 200);
  EXPECT_EQ(world.view().now, kNoon + std::chrono::milliseconds{90'500});
}

TEST(World, ThawedTimeRunsAtItsSpeedAndFreezesAgain) {
  WorldSettings settings = demo_at_noon();
  settings.speed = 1e6;
  World world(settings);
  world.answer(post("/admin/thaw"));
  while (world.view().now < kNoon + std::chrono::hours{1}) {
  }
  world.answer(post("/admin/freeze"));
  const Time frozen = world.view().now;
  EXPECT_EQ(world.view().now, frozen);
}

TEST(World, EveryReplyHasTheDateOfSimulatedTimeWithItsSkew) {
  World world(demo_at_noon());
  EXPECT_EQ(header_of(world.answer(get("/den/health")).reply, "Date"),
            "Fri, 20 Nov 2026 12:00:00 GMT");
  world.answer(post("/admin/skew?seconds=-3600"));
  EXPECT_EQ(header_of(world.answer(get("/den/health")).reply, "Date"),
            "Fri, 20 Nov 2026 11:00:00 GMT");
}

TEST(World, KeysComeAndGo) {
  World world(demo_at_noon());
  world.answer(post("/admin/key?add=fresh&remove=demo-key"));
  EXPECT_EQ(world.answer(get("/den/v1/workers")).reply.status, 401);
  Request request = get("/den/v1/workers");
  request.authorization = "Bearer fresh";
  EXPECT_EQ(world.answer(request).reply.status, 200);
}

TEST(World, AWorkersWordIsOverriddenUntilCleared) {
  World world(demo_at_noon());
  const Endpoint endpoint = world.view().fleet->endpoint(Api::runpod, 0);
  const std::string id = world.view().runpod(endpoint, 0)->id;
  const std::string before = world.view().runpod(endpoint, 0)->word;
  const Buckets counted = world.view().buckets(endpoint);
  world.answer(post("/admin/set_worker?status=THROTTLED&id=" + id));
  EXPECT_EQ(world.view().runpod(endpoint, 0)->word, "THROTTLED");
  EXPECT_EQ(world.view().health(endpoint).throttled, counted.throttled + 1);
  world.answer(post("/admin/set_worker?id=" + id));
  EXPECT_EQ(world.view().runpod(endpoint, 0)->word, before);
}

TEST(World, ARemovedWorkerIsInNoListUntilRestored) {
  World world(demo_at_noon());
  const std::string list = R"({"id":1200})";
  const auto workers = [&] {
    return Json(world.answer(post("/vast-run/get_endpoint_workers/", list)).reply.body);
  };
  const std::size_t before = workers().array("").size();
  const std::string id = std::to_string(workers().integer("/0/id"));
  world.answer(post("/admin/remove_worker?id=" + id));
  EXPECT_EQ(workers().array("").size(), before - 1);
  EXPECT_EQ(body_of(world, "/admin/truth").find("\"id\":" + id), std::string::npos);
  world.answer(post("/admin/restore_worker?id=" + id));
  EXPECT_EQ(workers().array("").size(), before);
}

TEST(World, TruthSaysWhatTheProviderRoutesSayAtTheSameInstant) {
  World world(demo_at_noon());
  for (int step = 0; step < 30; ++step, world.advance(11)) {
    const Json truth(body_of(world, "/admin/truth"));
    const std::string id = truth.text("/apis/runpod/endpoints/0/id");
    const Json list(body_of(world, "/runpod-api/v2/serverless/" + id + "/workers"));
    const auto expected = truth.array("/apis/runpod/endpoints/0/workers");
    ASSERT_EQ(list.array("/workers").size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(list.array("/workers").at(i)["id"].get_string().value(),
                expected.at(i)["id"].get_string().value());
      EXPECT_EQ(list.array("/workers").at(i)["status"].get_string().value(),
                expected.at(i)["status"].get_string().value());
    }
    const Json vast(
        world.answer(post("/vast-run/get_endpoint_workers/", R"({"id":1200})")).reply.body);
    const auto vast_truth = truth.array("/apis/vast/endpoints/0/workers");
    ASSERT_EQ(vast.array("").size(), vast_truth.size());
    for (std::size_t i = 0; i < vast_truth.size(); ++i) {
      EXPECT_EQ(vast.array("").at(i)["status"].get_string().value(),
                vast_truth.at(i)["status"].get_string().value());
      EXPECT_EQ(vast.array("").at(i)["cur_load"].get_double().value(),
                vast_truth.at(i)["cur_load"].get_double().value());
    }
  }
}

TEST(World, RemembersRequestsInOrderAndCountsThem) {
  World world(demo_at_noon());
  world.answer(get("/den/v1/workers?limit=5"));
  Request stranger = post("/vast-run/get_endpoint_workers/", R"({"id":1200})");
  stranger.authorization = "Bearer wrong";
  world.answer(stranger);
  const Json all(body_of(world, "/admin/requests"));
  EXPECT_EQ(all.integer("/last"), 2);
  EXPECT_EQ(
      all.keys("/requests/0"),
      (std::vector<std::string>{"sequence", "time", "api", "method", "path", "endpoint", "code",
                                "user_agent", "authorized", "key", "retry_after", "fault"}));
  EXPECT_EQ(all.text("/requests/0/path"), "/den/v1/workers?limit=5");
  EXPECT_EQ(all.text("/requests/0/user_agent"), "test/1");
  const Json later(body_of(world, "/admin/requests?since=1"));
  ASSERT_EQ(later.array("/requests").size(), 1U);
  EXPECT_EQ(later.text("/requests/0/endpoint"), "1200");
  EXPECT_FALSE(later["/requests/0/authorized"].get_bool().value());
  EXPECT_TRUE(later["/requests/0/key"].is_null());
  EXPECT_EQ(body_of(world, "/admin/stats"),
            R"({"stats":[{"api":"den","route":"/v1/workers","code":200,"count":1},)"
            R"({"api":"vast-run","route":"/get_endpoint_workers/","code":200,"count":1}]})");
}

TEST(World, UnknownHostsAndAdminRoutesAreNotFound) {
  World world(demo_at_noon());
  EXPECT_EQ(world.answer(get("/elsewhere/v1")).reply.status, 404);
  EXPECT_EQ(world.answer(get("/admin/nonsense")).reply.status, 404);
  EXPECT_EQ(world.answer(get("/admin/freeze")).reply.status, 405);
}

TEST(World, PlantsTheSecretThatItIsTold) {
  WorldSettings settings = demo_at_noon();
  settings.provider.planted_secret = "a \"special\" one";
  World world(settings);
  const Json json(body_of(world, "/vast-console/api/v0/endptjobs/"));
  EXPECT_EQ(json.text("/results/0/api_key"), "a \"special\" one");
}

TEST(World, AMillionWorkersAreServedInOneList) {
  World world(grid_at_noon(1, 1'000'000));
  const std::string id = world.view().fleet->endpoint(Api::runpod, 0).id;
  const std::string body = body_of(world, "/runpod-api/v2/serverless/" + id + "/workers");
  const Json head(body.substr(0, body.find(R"(,"workers")")) + "}");
  EXPECT_GT(head.integer("/summary/total"), 900'000);
  EXPECT_GT(body.size(), 150'000'000U);
  EXPECT_TRUE(body.ends_with("]}"));
}

TEST(World, OnePageOfAMillionInstancesCostsOnlyThatPage) {
  World world(grid_at_noon(1000, 1000));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) body_of(world, "/vast-console/api/v1/instances/");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{10});
}

}  // namespace
}  // namespace simulator
