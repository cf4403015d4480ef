#include "daemon/gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Mono kNoon{100h};

Result<Mono> book(Gate& gate, Mono now, milliseconds gap = 1100ms,
                  const std::string& operation = "list") {
  return gate.book("account a", "api", operation, gap, now);
}

TEST(Gate, TheFirstRequestGoesAtOnce) {
  Gate gate;
  EXPECT_EQ(book(gate, kNoon), kNoon);
}

TEST(Gate, TheNextOnesKeepTheGapFromEachOther) {
  Gate gate;
  book(gate, kNoon);
  EXPECT_EQ(book(gate, kNoon), kNoon + 1100ms);
  EXPECT_EQ(book(gate, kNoon + 1s), kNoon + 2200ms);
}

TEST(Gate, WhoComesLateEnoughDoesNotWait) {
  Gate gate;
  book(gate, kNoon);
  EXPECT_EQ(book(gate, kNoon + 1100ms), kNoon + 1100ms);
  EXPECT_EQ(book(gate, kNoon + 1h), kNoon + 1h);
  EXPECT_EQ(book(gate, kNoon + 1h), kNoon + 1h + 1100ms) << "the gap counts from the last one";
}

TEST(Gate, WithoutAGapNobodyWaits) {
  Gate gate;
  EXPECT_EQ(book(gate, kNoon, 0ms), kNoon);
  EXPECT_EQ(book(gate, kNoon, 0ms), kNoon);
}

TEST(Gate, OperationsAndGroupsDoNotWaitForEachOther) {
  Gate gate;
  book(gate, kNoon);
  EXPECT_EQ(book(gate, kNoon, 1100ms, "other"), kNoon);
  EXPECT_EQ(gate.book("account b", "api", "list", 1100ms, kNoon), kNoon);
}

TEST(Gate, AccountsOfOneGroupShareTheirTurns) {
  Gate gate;
  EXPECT_EQ(gate.book("group g", "api", "list", 1s, kNoon), kNoon);
  EXPECT_EQ(gate.book("group g", "api", "list", 1s, kNoon), kNoon + 1s);
}

TEST(Gate, WhileItIsClosedNothingIsSent) {
  Gate gate;
  gate.close("account a", "api", kNoon + 10s);
  const auto refused = book(gate, kNoon + 500us);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            (Error{.reason = Reason::rate_limited,
                   .detail = "nothing was sent: this API is left alone until its quota allows more",
                   .retry_after = 10000ms}))
      << "rounded up, so that who waits as long is not too early";
}

TEST(Gate, AClosureMeetsThoseWhoWaitForTheirTurn) {
  Gate gate;
  EXPECT_TRUE(gate.depart("account a", "api", "list", 0ms, kNoon, kNoon));
  gate.close("account a", "api", kNoon + 10s);
  const auto late = gate.depart("account a", "api", "list", 0ms, kNoon, kNoon + 1s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().retry_after, 9s);
  EXPECT_TRUE(gate.depart("account a", "other", "list", 0ms, kNoon, kNoon + 1s));
  EXPECT_TRUE(gate.depart("account a", "api", "list", 0ms, kNoon, kNoon + 10s));
}

// The provider counts from what it saw.
TEST(Gate, AfterARequestThatWentOutLateTheNextKeepsItsDistance) {
  Gate gate;
  const auto depart = [&gate](Mono now) {
    return gate.depart("account a", "api", "list", 1100ms, now, now);
  };
  EXPECT_EQ(depart(kNoon + 200ms), kNoon + 200ms);
  EXPECT_EQ(depart(kNoon + 1100ms), kNoon + 1245ms);
  EXPECT_EQ(depart(kNoon + 1245ms), kNoon + 1245ms);
  EXPECT_EQ(depart(kNoon + 1245ms), kNoon + 2290ms) << "another one";
  EXPECT_EQ(gate.depart("account b", "api", "list", 1100ms, kNoon, kNoon + 1100ms), kNoon + 1100ms);
  EXPECT_EQ(gate.depart("account a", "api", "other", 1100ms, kNoon, kNoon + 1100ms),
            kNoon + 1100ms);
}

TEST(Gate, WhoIsHeldUpSendsNothingIfAllIsClosedMeanwhile) {
  Gate gate;
  const auto depart = [&gate](Mono now) {
    return gate.depart("account a", "api", "list", 1100ms, now, now);
  };
  EXPECT_EQ(depart(kNoon), kNoon);
  EXPECT_EQ(depart(kNoon + 200ms), kNoon + 1045ms);
  gate.close("account a", "api", kNoon + 10s);
  EXPECT_FALSE(depart(kNoon + 1045ms));
}

// A reload ends all that wait, and what takes their place is not to stand behind them.
TEST(Gate, ATurnThatIsGivenBackIsTheNextOnes) {
  Gate gate;
  const auto book = [&gate] { return *gate.book("account a", "api", "list", 1100ms, kNoon); };
  EXPECT_EQ(book(), kNoon);
  EXPECT_EQ(gate.depart("account a", "api", "list", 1100ms, kNoon, kNoon), kNoon);
  EXPECT_EQ(book(), kNoon + 1100ms);
  EXPECT_EQ(book(), kNoon + 2200ms);
  EXPECT_EQ(book(), kNoon + 3300ms);
  gate.give_back("account a", "list", kNoon + 3300ms);
  EXPECT_EQ(book(), kNoon + 3300ms);
  gate.give_back("account a", "list", kNoon + 1100ms);
  gate.give_back("account a", "list", kNoon + 3300ms);
  EXPECT_EQ(book(), kNoon + 3300ms) << "one still waits before it";
  gate.give_back("account a", "list", kNoon + 2200ms);
  gate.give_back("account a", "list", kNoon + 3300ms);
  EXPECT_EQ(book(), kNoon + 1100ms) << "not sooner than the distance to what went out";
}

TEST(Gate, WhoIsTurnedAwayInItsTurnLeavesIt) {
  Gate gate;
  EXPECT_EQ(gate.book("account a", "api", "list", 1100ms, kNoon), kNoon);
  gate.close("account a", "api", kNoon + 200ms);
  EXPECT_FALSE(gate.depart("account a", "api", "list", 1100ms, kNoon, kNoon));
  EXPECT_EQ(gate.book("account a", "api", "list", 1100ms, kNoon + 200ms), kNoon + 200ms);
}

TEST(Gate, UsualDelaysDoNotAddUp) {
  Gate gate;
  for (int i = 0; i < 100; ++i) {
    const Mono late = kNoon + i * 1100ms + (i % 2 == 0 ? 50ms : 0ms);
    EXPECT_EQ(gate.depart("account a", "api", "list", 1100ms, kNoon, late), late);
  }
}

TEST(Gate, ARefusedRequestTakesNoTurn) {
  Gate gate;
  gate.close("account a", "api", kNoon + 10s);
  static_cast<void>(book(gate, kNoon));
  EXPECT_EQ(book(gate, kNoon + 10s), kNoon + 10s) << "open again at the very moment";
}

TEST(Gate, ClosesOneApiOfOneGroup) {
  Gate gate;
  gate.close("account a", "api", kNoon + 10s);
  EXPECT_TRUE(gate.book("account a", "queue", "list", 0ms, kNoon));
  EXPECT_TRUE(gate.book("account b", "api", "list", 0ms, kNoon));
}

TEST(Gate, ClosesOneOperationOfAnApi) {
  Gate gate;
  gate.close("account a", "list", kNoon + 10s);
  EXPECT_FALSE(gate.book("account a", "api", "list", 0ms, kNoon));
  EXPECT_FALSE(gate.depart("account a", "api", "list", 0ms, kNoon, kNoon));
  EXPECT_TRUE(gate.book("account a", "api", "get", 0ms, kNoon));
  EXPECT_TRUE(gate.depart("account a", "api", "get", 0ms, kNoon, kNoon));
}

TEST(Gate, AShorterWishDoesNotOpenItEarlier) {
  Gate gate;
  gate.close("account a", "api", kNoon + 10s);
  gate.close("account a", "api", kNoon + 1s);
  EXPECT_FALSE(book(gate, kNoon + 9s));
}

TEST(Gate, ManyThreadsGetOneTurnEach) {
  Gate gate;
  std::mutex mutex;
  std::vector<Mono> turns;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 50; ++j) {
          const auto turn = book(gate, kNoon, 1s);
          const std::lock_guard lock(mutex);
          turns.push_back(turn.value());
        }
      });
    }
  }
  std::sort(turns.begin(), turns.end());
  ASSERT_EQ(turns.size(), 400U);
  for (std::size_t i = 0; i < turns.size(); ++i) EXPECT_EQ(turns[i], kNoon + 1s * i);
}

}  // namespace
}  // namespace serverless::daemon
