#include "simulator/life.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace simulator {
namespace {

using std::chrono::milliseconds;

constexpr std::array kPhases{Phase{"", 2, 4}, Phase{"boot", 5, 9}, Phase{"work", 0, 0},
                             Phase{"end", 3, 6}};
constexpr Script kScript{kPhases, 60, 90, true};

TEST(Life, PassesThroughItsPhasesInOrderAndEachForItsTime) {
  for (std::uint64_t key = 1; key <= 50; ++key) {
    const Moment first = moment_at(key, kScript, milliseconds{0});
    // From the beginning of the next life to its end.
    const milliseconds begin = first.period - first.in_life;
    std::map<std::size_t, milliseconds> lasted;
    std::size_t phase = 0;
    for (milliseconds age = begin; age < begin + first.period; age += milliseconds{10}) {
      const Moment moment = moment_at(key, kScript, age);
      EXPECT_EQ(moment.cycle, first.cycle + 1);
      EXPECT_GE(moment.phase, phase);
      phase = moment.phase;
      lasted[phase] += milliseconds{10};
    }
    ASSERT_EQ(lasted.size(), kPhases.size());
    for (const std::size_t i : {0U, 1U, 3U}) {
      EXPECT_GE(lasted[i], std::chrono::seconds{kPhases[i].shortest_s} - milliseconds{10});
      EXPECT_LE(lasted[i], std::chrono::seconds{kPhases[i].longest_s} + milliseconds{10});
    }
  }
}

TEST(Life, GoesOnBeforeTheFleetWasBornToo) {
  const Moment moment = moment_at(3, kScript, std::chrono::hours{-5});
  EXPECT_LT(moment.cycle, 0);
  EXPECT_GE(moment.in_life, milliseconds{0});
  EXPECT_LT(moment.in_life, moment.period);
}

}  // namespace
}  // namespace simulator
