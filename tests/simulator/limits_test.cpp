#include "simulator/limits.hpp"

#include <gtest/gtest.h>

namespace simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr RealTime kBegin{std::chrono::hours{1}};

TEST(Limits, ReadsAPolicyAndRefusesABrokenOne) {
  EXPECT_EQ(parse_policy("minute:60:60,hour:3000:3600"),
            (std::vector<Window>{{"minute", 60, seconds{60}}, {"hour", 3000, seconds{3600}}}));
  for (const char* broken : {"", "minute", "minute:60", "minute:x:60", "minute:60:0", ":1:1"}) {
    EXPECT_EQ(parse_policy(broken), std::nullopt) << broken;
  }
}

TEST(Limits, ARunpodWindowOpensAgainWhenItsTimeIsOver) {
  Limits limits({.runpod = {{"minute", 1, seconds{60}}}});
  EXPECT_TRUE(limits.runpod("key", kBegin).allowed);
  const RunpodQuota refused = limits.runpod("key", kBegin + seconds{20});
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after_s, 40);
  EXPECT_EQ(refused.exceeded, "minute");
  EXPECT_EQ(refused.rate_limit, R"("minute";r=0;t=40)");
  EXPECT_TRUE(limits.runpod("other", kBegin + seconds{20}).allowed);
  EXPECT_TRUE(limits.runpod("key", kBegin + seconds{60}).allowed);
}

TEST(Limits, VastCountsFromTheLastAcceptedCallOfTheRoute) {
  Limits limits({});
  const milliseconds spacing{1000};
  EXPECT_EQ(limits.vast("key", "a", spacing, kBegin), milliseconds{0});
  EXPECT_EQ(limits.vast("key", "a", spacing, kBegin + milliseconds{400}), milliseconds{600});
  EXPECT_EQ(limits.vast("key", "b", spacing, kBegin + milliseconds{400}), milliseconds{0});
  EXPECT_EQ(limits.vast("key", "a", spacing, kBegin + milliseconds{1000}), milliseconds{0});
}

TEST(Limits, DenResetsOnlyAfterAGapAndRefusedCallsDoNotMoveIt) {
  Limits limits({.den = 3});
  RealTime now = kBegin;
  for (int i = 0; i < 3; ++i, now += seconds{30}) EXPECT_TRUE(limits.den("key", now));
  const RealTime last_accepted = now - seconds{30};
  EXPECT_FALSE(limits.den("key", last_accepted + seconds{30}));
  EXPECT_FALSE(limits.den("key", last_accepted + seconds{60}));
  EXPECT_TRUE(limits.den("key", last_accepted + seconds{61}));
}

TEST(Limits, NothingIsRefusedOrAnnouncedWhenTheyAreOff) {
  Limits limits({.runpod = {{"minute", 1, seconds{60}}}, .den = 1});
  limits.enforce(false);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(limits.runpod("key", kBegin).allowed);
    EXPECT_TRUE(limits.den("key", kBegin));
    EXPECT_EQ(limits.vast("key", "a", seconds{3}, kBegin), milliseconds{0});
  }
  EXPECT_EQ(limits.runpod("key", kBegin).policy, "");
}

}  // namespace
}  // namespace simulator
