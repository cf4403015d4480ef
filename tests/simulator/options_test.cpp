#include "simulator/options.hpp"

#include <gtest/gtest.h>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

std::variant<Options, std::string> parse(std::vector<std::string_view> arguments) {
  return parse_options(arguments, kNoon);
}

Options good(std::vector<std::string_view> arguments) {
  return std::get<Options>(parse(std::move(arguments)));
}

TEST(Options, DefaultsAreTheDemoFleetFromNowOn) {
  const Options options = good({});
  EXPECT_EQ(options.world.start, kNoon);
  EXPECT_EQ(options.world.shape.born, kNoon - std::chrono::hours{1});
  EXPECT_EQ(options.world.shape.endpoints, 0U);
  EXPECT_EQ(options.world.keys, (std::vector<std::string>{"demo-key"}));
  EXPECT_EQ(options.listen, "127.0.0.1:0");
  EXPECT_TRUE(options.world.limits.enforced);
}

TEST(Options, AreReadInBothForms) {
  const Options options = good({"--seed",
                                "7",
                                "--endpoints=3",
                                "--workers=50",
                                "--speed",
                                "2.5",
                                "--key",
                                "a",
                                "--key=b",
                                "--frozen",
                                "--den-cursor",
                                "--vast-group-route=workergroup",
                                "--no-rate-limits",
                                "--planted-secret",
                                "x",
                                "--start-time",
                                "2026-11-20T12:00:01Z",
                                "--born=2026-11-20T11:30:00Z",
                                "--runpod-policy",
                                "minute:60:60",
                                "--den-limit=5",
                                "--exit-with-parent"});
  EXPECT_EQ(options.world.shape.seed, 7U);
  EXPECT_EQ(options.world.shape.endpoints, 3U);
  EXPECT_EQ(options.world.shape.workers, 50U);
  EXPECT_EQ(options.world.speed, 2.5);
  EXPECT_EQ(options.world.keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(options.world.frozen);
  EXPECT_TRUE(options.world.provider.den_cursor);
  EXPECT_EQ(options.world.provider.vast_group_route, "workergroup");
  EXPECT_FALSE(options.world.limits.enforced);
  EXPECT_EQ(options.world.provider.planted_secret, "x");
  EXPECT_EQ(options.world.start, kNoon + std::chrono::seconds{1});
  EXPECT_EQ(options.world.shape.born, kNoon - std::chrono::minutes{30});
  EXPECT_EQ(options.world.limits.runpod.size(), 1U);
  EXPECT_EQ(options.world.limits.den, 5);
  EXPECT_TRUE(options.exit_with_parent);
}

TEST(Options, MistakesAreNamed) {
  EXPECT_EQ(std::get<std::string>(parse({"--nonsense"})), "unknown option --nonsense");
  EXPECT_EQ(std::get<std::string>(parse({"--seed"})), "--seed needs a value");
  EXPECT_EQ(std::get<std::string>(parse({"--frozen=yes"})), "--frozen takes no value");
  EXPECT_EQ(std::get<std::string>(parse({"--speed=0"})), "--speed: bad value \"0\"");
  EXPECT_EQ(std::get<std::string>(parse({"--start-time=noon"})),
            "--start-time: bad value \"noon\"");
  EXPECT_EQ(std::get<std::string>(parse({"--vast-group-route=x"})),
            "--vast-group-route: bad value \"x\"");
}

TEST(Options, HelpNamesWhatAHostStandsFor) {
  const auto help = help_text();
  EXPECT_NE(help.find("\n  /den           https://api.openworklabs.com\n"), std::string::npos)
      << help;
  EXPECT_NE(help.find("\n  /runpod-queue  https://api.runpod.ai\n"), std::string::npos) << help;
}

}  // namespace
}  // namespace simulator
