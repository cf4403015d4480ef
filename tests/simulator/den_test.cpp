#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

Reply ask(World& world, const Request& request) { return world.answer(request).reply; }

TEST(Den, WritesWorkersWithEveryDocumentedField) {
  World world(demo_at_noon());
  const Json json(ask(world, get("/den/v1/workers?limit=50")).body);
  EXPECT_EQ(json.keys(""), (std::vector<std::string>{"workers"}));
  ASSERT_EQ(json.array("/workers").size(), 10U);
  EXPECT_EQ(json.keys("/workers/0"),
            (std::vector<std::string>{"id", "orgId", "createdByUserId", "isMine", "name",
                                      "description", "destination", "status", "imageVersion",
                                      "workspacePath", "sandboxBackend", "lastHeartbeatAt",
                                      "lastActiveAt", "createdAt", "updatedAt", "instance"}));
  EXPECT_EQ(json.text("/workers/0/name"), "Cloud \xe2\x80\x94 Anna");
  EXPECT_EQ(json.text("/workers/1/name"), "Anna \"Ops\" \xc3\x85\nx");
  EXPECT_EQ(json.text("/workers/0/id").size(), 30U);
  EXPECT_EQ(json.text("/workers/3/status"), "failed");
  EXPECT_EQ(json.text("/workers/3/instance/status"), "healthy");
  EXPECT_EQ(json.text("/workers/6/destination"), "local");
  EXPECT_TRUE(json["/workers/6/lastHeartbeatAt"].is_null());
  EXPECT_TRUE(json["/workers/6/instance"].is_null());
}

TEST(Den, ListsTheNewestFirstAndOnlyFiftyWithoutACursor) {
  World world(grid_at_noon(1, 70));
  const Json json(ask(world, get("/den/v1/workers?limit=50")).body);
  ASSERT_EQ(json.array("/workers").size(), 50U);
  EXPECT_GT(json.text("/workers/0/createdAt"), json.text("/workers/49/createdAt"));
  EXPECT_EQ(Json(ask(world, get("/den/v1/workers")).body).array("/workers").size(), 20U);
}

TEST(Den, PagesWithACursorInTheNewerVariant) {
  WorldSettings settings = grid_at_noon(1, 70);
  settings.provider.den_cursor = true;
  World world(settings);
  const Json first(ask(world, get("/den/v1/workers?limit=50")).body);
  const Json second(
      ask(world, get("/den/v1/workers?limit=50&cursor=" + first.text("/nextCursor"))).body);
  EXPECT_EQ(first.array("/workers").size(), 50U);
  EXPECT_EQ(second.array("/workers").size(), 20U);
  EXPECT_TRUE(second["/nextCursor"].is_null());
  EXPECT_NE(first.text("/workers/0/id"), second.text("/workers/0/id"));
}

TEST(Den, RefusesLimitsOutsideOneToFifty) {
  World world(demo_at_noon());
  for (const std::string limit : {"0", "51", "abc"}) {
    EXPECT_EQ(ask(world, get("/den/v1/workers?limit=" + limit)).status, 400) << limit;
  }
  EXPECT_EQ(ask(world, get("/den/v1/workers?limit=51")).body,
            R"({"error":"invalid_request","details":[{"code":"too_big",)"
            R"("message":"Too big: expected number to be <=50","path":["limit"]}]})");
}

TEST(Den, TakesItsKeyFromEitherHeaderAndHealthNeedsNone) {
  World world(demo_at_noon());
  Request request = get("/den/v1/workers");
  request.authorization.clear();
  EXPECT_EQ(ask(world, request).status, 401);
  EXPECT_EQ(ask(world, request).body, R"({"error":"unauthorized"})");
  request.api_key_header = "demo-key";
  EXPECT_EQ(ask(world, request).status, 200);
  Request health = get("/den/health");
  health.authorization.clear();
  EXPECT_EQ(ask(world, health).body, R"({"ok":true,"service":"den-api","version":"dev"})");
}

TEST(Den, SendsARequestIdWithEveryReply) {
  World world(demo_at_noon());
  const Reply reply = ask(world, get("/den/v1/workers?limit=0"));
  const auto id =
      std::ranges::find(reply.headers, "X-Request-Id", &std::pair<std::string, std::string>::first);
  ASSERT_NE(id, reply.headers.end());
  EXPECT_TRUE(id->second.starts_with("req_"));
}

TEST(Den, ALostOrganisationIsAnEmptyList) {
  World world(demo_at_noon());
  const std::string id = world.view().fleet->endpoint(Api::den, 0).id;
  world.answer(post("/admin/remove_endpoint?id=" + id));
  const Reply reply = ask(world, get("/den/v1/workers"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"workers":[]})");
}

}  // namespace
}  // namespace simulator
