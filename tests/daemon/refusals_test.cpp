#include "daemon/refusals.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace serverless::daemon {
namespace {

std::string count_of(const SelfMetrics& self, Refusal why) {
  const auto text = self.text(Format::text).text;
  const auto series =
      fmt::format("\nserverless_exporter_web_refusals_total{{reason=\"{}\"}} ", name(why));
  const auto at = text.find(series);
  if (at == std::string::npos) return "absent";
  return text.substr(at + series.size(), text.find('\n', at + 1) - at - series.size());
}

TEST(Refusals, EveryReasonExistsAtZeroAndEveryRefusalCounts) {
  SelfMetrics self;
  Refusals refusals(self);
  for (std::size_t i = 0; i < kRefusalNames.size(); ++i) {
    EXPECT_EQ(count_of(self, static_cast<Refusal>(i)), "0");
  }
  for (int i = 0; i < 3; ++i) refusals.note(Refusal::too_slow, "127.0.0.2", Mono{});
  EXPECT_EQ(count_of(self, Refusal::too_slow), "3");
}

TEST(Refusals, TheLogHearsOfEachReasonAndAddressOnceAMinuteAndNeverTooMuch) {
  SelfMetrics self;
  Refusals refusals(self);
  Mono now{std::chrono::hours{1}};
  const auto attack = [&](int addresses) {
    std::size_t lines = 0;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < addresses; ++i) {
        lines += refusals.note(Refusal::too_slow, fmt::format("10.0.0.{}", i), now) ? 1U : 0U;
      }
    }
    return lines;
  };
  EXPECT_EQ(attack(2), 2U);
  EXPECT_EQ(attack(2), 0U);
  EXPECT_EQ(attack(200), Refusals::kMostLines - 2);
  now += Refusals::kQuiet;
  EXPECT_EQ(attack(2), 2U);
}

}  // namespace
}  // namespace serverless::daemon
