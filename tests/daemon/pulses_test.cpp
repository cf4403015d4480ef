#include "daemon/pulses.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Mono kNoon{12h};
using Names = std::vector<std::string>;

TEST(Pulses, WhoWasSeenWithinThePatienceIsNotSilent) {
  Pulses pulses;
  static_cast<void>(pulses.enter("poll prod", kNoon));
  EXPECT_EQ(pulses.silent(kNoon + 30s, 30s), Names{});
  EXPECT_EQ(pulses.silent(kNoon + 30s + 1ns, 30s), Names{"poll prod"});
}

TEST(Pulses, EachIsHeldToItsOwnLastBeat) {
  Pulses pulses;
  const auto one = pulses.enter("poll prod", kNoon);
  static_cast<void>(pulses.enter("curl", kNoon));
  pulses.beat(one, kNoon + 20s);
  EXPECT_EQ(pulses.silent(kNoon + 40s, 30s), Names{"curl"});
  EXPECT_EQ(pulses.silent(kNoon + 60s, 30s), (Names{"poll prod", "curl"}));
}

TEST(Pulses, WhoHasEndedIsMissedByNobody) {
  Pulses pulses;
  const auto one = pulses.enter("poll prod", kNoon);
  pulses.leave(one);
  EXPECT_EQ(pulses.silent(kNoon + 1h, 30s), Names{});
}

TEST(Pulse, CountsWhileItLives) {
  Pulses pulses;
  {
    const Pulse pulse(pulses, "serve 127.0.0.1:10042", kNoon);
    EXPECT_EQ(pulses.silent(kNoon + 2s, 1s), Names{"serve 127.0.0.1:10042"});
    pulse.beat(kNoon + 2s);
    EXPECT_EQ(pulses.silent(kNoon + 2s, 1s), Names{});
  }
  EXPECT_EQ(pulses.silent(kNoon + 1h, 1s), Names{});
}

}  // namespace
}  // namespace serverless::daemon
