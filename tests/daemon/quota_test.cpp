#include "daemon/quota.hpp"

#include <gtest/gtest.h>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using http::RateWindow;
using Told = std::vector<RateWindow>;

constexpr Mono kNoon{12h};

RateWindow minute(std::int64_t remaining, std::chrono::seconds reset) {
  return {.name = "minute", .quota = 60, .length = 60s, .remaining = remaining, .reset_in = reset};
}

RateWindow hour(std::int64_t remaining, std::chrono::seconds reset) {
  return {.name = "hour", .quota = 3000, .length = 1h, .remaining = remaining, .reset_in = reset};
}

Quota learned(const Told& told) { return learn({}, told, kNoon); }

TEST(Quota, LearnsWhatAnAnswerTells) {
  const Quota expected{
      .windows = {
          {.name = "minute", .quota = 60, .length = 60s, .remaining = 59, .reset = kNoon + 12s}}};
  EXPECT_EQ(learned({minute(59, 12s)}), expected);
}

TEST(Quota, AnAnswerThatOvertookAnotherDoesNotGiveRequestsBack) {
  const auto quota = learn(learned({minute(40, 30s)}), Told{minute(42, 29s)}, kNoon + 1s);
  EXPECT_EQ(quota.windows.at(0).remaining, 40);
}

TEST(Quota, AWindowThatBeginsAnewSaysNothingOfOthers) {
  Quota quota;
  for (int i = 0; i < 100; ++i) {
    quota = learn(std::move(quota), Told{minute(i % 2 == 0 ? 59 : 10, 60s)}, kNoon + i * 61s);
  }
  EXPECT_EQ(quota.drawn, 0);
}

TEST(Quota, ANewWindowHasItsOwnCount) {
  const auto quota = learn(learned({minute(0, 2s)}), Told{minute(59, 58s)}, kNoon + 3s);
  EXPECT_EQ(quota.windows.at(0).remaining, 59);
  const auto early = learn(learned({minute(0, 2s)}), Told{minute(59, 60s)}, kNoon + 1s);
  EXPECT_EQ(early.windows.at(0).remaining, 59);
}

// A bucket that fills all the time tells no end of a window, but how long it takes to be full.
TEST(Quota, ALimiterThatTellsTheSameWaitEachTimeGivesRequestsBack) {
  auto quota = learned({minute(30, 60s)});
  quota = learn(std::move(quota), Told{minute(29, 60s)}, kNoon + 2s);
  quota = learn(std::move(quota), Told{minute(50, 60s)}, kNoon + 4s);
  EXPECT_EQ(quota.windows.at(0).remaining, 50);
}

TEST(Quota, AnAnswerWithoutHeadersChangesNothing) {
  EXPECT_EQ(learn(learned({minute(5, 9s)}), Told{}, kNoon), learned({minute(5, 9s)}));
}

TEST(Quota, WithoutAWindowThereIsNoRate) {
  EXPECT_EQ(lasting_rate({}, 0, 0.2, kNoon), std::nullopt);
  EXPECT_EQ(lasting_rate(learned({{.name = "x"}}), 0, 0.2, kNoon), std::nullopt);
  EXPECT_EQ(lasting_rate(learned({{.name = "x", .quota = 5}}), 0, 0.2, kNoon), std::nullopt);
}

TEST(Quota, ARateLeavesTheReserve) {
  EXPECT_EQ(lasting_rate(learned({{.name = "x", .quota = 60, .length = 60s}}), 0, 0.2, kNoon), 0.8);
  EXPECT_EQ(lasting_rate(learned({hour(3000, 1h)}), 0, 0.0, kNoon), 3000.0 / 3600);
  // 600 of the 1,000 that are left belong to others.
  EXPECT_EQ(lasting_rate(learned({hour(1000, 1000s)}), 0, 0.2, kNoon), 0.4);
}

// What is learned from so many answers, each of which finds that so many were counted.
Quota drawn(Quota quota, int answers, std::int64_t fall) {
  auto remaining = quota.windows.empty() ? 2'000'000 : *quota.windows[0].remaining;
  for (int i = 0; i < answers; ++i) {
    remaining -= fall;
    quota = learn(
        std::move(quota),
        Told{{.name = "day", .quota = 2'000'000, .remaining = remaining, .reset_in = 24h}}, kNoon);
  }
  return quota;
}

double share_of(const Quota& quota) {
  const auto left = static_cast<double>(*quota.windows.at(0).remaining) - 0.2 * 2'000'000;
  return lasting_rate(quota, 0, 0.2, kNoon).value_or(0) * 86400 / left;
}

TEST(Quota, WhoSharesAQuotaIsLeftHisShareOfIt) {
  EXPECT_DOUBLE_EQ(share_of(drawn({}, 300, 1)), 1);
  EXPECT_NEAR(share_of(drawn({}, 300, 2)), 0.5, 0.05);
  EXPECT_NEAR(share_of(drawn({}, 300, 4)), 0.25, 0.1);
}

TEST(Quota, OthersWhoKeepToTheReserveCostUsNothing) {
  Quota quota;
  for (int i = 0; i < 50; ++i) quota = drawn(drawn(std::move(quota), 5, 1), 1, 2);
  EXPECT_DOUBLE_EQ(share_of(quota), 1);
}

TEST(Quota, WhoHasStoppedSharingIsForgotten) {
  const auto shared = drawn({}, 300, 3);
  EXPECT_LT(share_of(shared), 0.4);
  EXPECT_DOUBLE_EQ(share_of(drawn(shared, 300, 1)), 1);
}

TEST(Quota, WhoTakesThousandsAtOnceCostsUsNoMoreThanHalfForAWhile) {
  const auto before = drawn({}, 300, 1);
  const auto after = drawn(before, 1, 5000);
  EXPECT_GT(share_of(after), 0.5);
  EXPECT_DOUBLE_EQ(share_of(drawn(after, 60, 1)), 1);
}

// A refusal by another limiter: the same name, another size, and nothing of it left.
TEST(Quota, AWindowOfAnotherSizeSaysNothingOfTheOneBefore) {
  const RateWindow large{
      .name = "minute", .quota = 30000, .length = 60s, .remaining = 29000, .reset_in = 3s};
  const auto quota = learn(learned({large}), Told{minute(0, 2s)}, kNoon + 1s);
  EXPECT_EQ(quota.drawn, 0);
  EXPECT_EQ(lasting_rate(quota, 0, 0.2, kNoon + 1s), 0.8);
  EXPECT_EQ(learn(quota, Told{large}, kNoon + 2s).windows.at(0).remaining, 29000);
}

TEST(Quota, TheTightestWindowSetsTheRate) {
  EXPECT_EQ(lasting_rate(learned({minute(60, 60s), hour(800, 1000s)}), 0, 0.2, kNoon), 0.2);
  EXPECT_EQ(lasting_rate(learned({hour(800, 1000s), minute(60, 60s)}), 0, 0.2, kNoon), 0.2);
}

TEST(Quota, AWindowThatEndsSoonDoesNotSetTheRate) {
  EXPECT_EQ(lasting_rate(learned({minute(13, 30s)}), 0, 0.2, kNoon), 0.8);
}

// 1 request left for 50 minutes, and 25 to ask: not each once in 21 hours.
TEST(Quota, WhereLessThanARoundIsLeftTheRateIsThatOfOneRoundUntilTheReset) {
  const auto nearly_spent = learned({hour(601, 3000s)});
  EXPECT_DOUBLE_EQ(lasting_rate(nearly_spent, 25, 0.2, kNoon).value(), 25.0 / 3000);
  EXPECT_DOUBLE_EQ(lasting_rate(nearly_spent, 0.5, 0.2, kNoon).value(), 1.0 / 3000);
  EXPECT_DOUBLE_EQ(lasting_rate(nearly_spent, 1e6, 0.2, kNoon).value(), 0.8 * 3000 / 3600)
      << "no more than a whole window carries";
  EXPECT_EQ(lasting_rate(learned({hour(600, 3000s)}), 25, 0.2, kNoon), 0) << "nothing is left";
}

TEST(Quota, ARoundOfOneWindowIsNoMoreThanAnotherCarries) {
  EXPECT_DOUBLE_EQ(
      lasting_rate(learned({hour(601, 3000s), {.name = "day", .quota = 864, .length = 24h}}), 100,
                   0.2, kNoon)
          .value(),
      0.008);
}

TEST(Quota, AWindowWithoutMoreThanTheReserveIsClosedUntilItsReset) {
  EXPECT_EQ(closed_until(learned({minute(13, 30s)}), 0.2, kNoon), std::nullopt);
  EXPECT_EQ(closed_until(learned({minute(12, 30s)}), 0.2, kNoon), kNoon + 30s);
  EXPECT_EQ(closed_until(learned({minute(12, 30s), hour(5, 700s)}), 0.2, kNoon), kNoon + 700s);
  EXPECT_EQ(closed_until(learned({minute(0, 30s)}), 0.2, kNoon + 30s), std::nullopt);
}

TEST(Quota, AfterA429TheLongestExhaustedWindowCounts) {
  EXPECT_EQ(
      exhausted_wait(Told{
          minute(0, 12s), hour(0, 1724s), {.name = "day", .remaining = 31839, .reset_in = 23324s}}),
      1724s);
  EXPECT_EQ(exhausted_wait(Told{minute(1, 12s)}), std::nullopt);
  EXPECT_EQ(exhausted_wait(Told{minute(0, 0s)}), std::nullopt);
  EXPECT_EQ(exhausted_wait(Told{}), std::nullopt);
}

}  // namespace
}  // namespace serverless::daemon
