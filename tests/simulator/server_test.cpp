#include "simulator/server.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

TEST(Server, KeepsTheConnectionBetweenRequests) {
  Wire wire;
  EXPECT_EQ(wire.get("/den/health").connections, 1);
  EXPECT_EQ(wire.get("/den/health").connections, 0);
  EXPECT_EQ(wire.post("/vast-run/get_endpoint_workers/", R"({"id":1200})").connections, 0);
}

TEST(Server, SendsOneDateThatIsTheWorlds) {
  Wire wire;
  EXPECT_EQ(wire.get("/den/health").headers.at("date"), "Fri, 20 Nov 2026 12:00:00 GMT");
}

TEST(Server, HandsOverMethodQueryHeadersAndBody) {
  Wire wire;
  wire.post("/vast-run/get_endpoint_workers/?x=a%20b", R"({"id":1201})");
  const Json log(wire.get("/admin/requests").body);
  EXPECT_EQ(log.text("/requests/0/method"), "POST");
  EXPECT_EQ(log.text("/requests/0/path"), "/vast-run/get_endpoint_workers/?x=a%20b");
  EXPECT_EQ(log.text("/requests/0/endpoint"), "1201");
  EXPECT_EQ(log.text("/requests/0/user_agent"), "test/1");
  EXPECT_TRUE(log["/requests/0/authorized"].get_bool().value());
}

TEST(Server, ListensOnIpv6Too) {
  World world(demo_at_noon());
  const Server server(world, "[::1]:0");
  EXPECT_TRUE(server.url().starts_with("http://[::1]:"));
}

TEST(Server, RefusesAnAddressThatIsNone) {
  World world(demo_at_noon());
  for (const char* bad : {"", "localhost", "127.0.0.1", "127.0.0.1:x", "1.2.3:80", "[::1:80"}) {
    EXPECT_THROW(Server(world, bad), std::runtime_error) << bad;
  }
}

TEST(Server, ABodyOverAMebibyteEndsTheConnection) {
  Wire wire;
  EXPECT_NE(wire.post("/vast-run/get_endpoint_workers/", std::string(2 << 20, 'x')).curl, CURLE_OK);
  EXPECT_EQ(wire.get("/den/health").status, 200);
}

}  // namespace
}  // namespace simulator
