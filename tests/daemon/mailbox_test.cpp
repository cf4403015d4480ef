#include "daemon/mailbox.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <thread>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

using Items = std::deque<int>;

Mono in(std::chrono::milliseconds wait) { return read_clock().mono + wait; }

TEST(Mailbox, WhatIsThereIsTakenInItsOrder) {
  Mailbox<int> mailbox;
  for (const int item : {1, 2, 3}) mailbox.put(item);
  EXPECT_EQ(mailbox.take({}), 1);
  EXPECT_EQ(mailbox.take_all({}, Mono{}, in(1h)), (Items{2, 3}));
}

TEST(Mailbox, AnItemWaitsForNoLaterOne) {
  Mailbox<int> one;
  Mailbox<int> other;
  const std::jthread echo([&] {
    while (const auto item = one.take({})) {
      other.put(*item);
      if (*item == 0) return;
    }
  });
  // Each is put only after the one before has come.
  for (int item = 1000; item >= 0; --item) {
    one.put(item);
    ASSERT_EQ(other.take_all({}, Mono{}, in(1min)), Items{item});
  }
}

TEST(Mailbox, EachItemHasATakerWhileThereIsOne) {
  Mailbox<int> orders;
  Mailbox<int> done;
  std::vector<std::jthread> takers;
  for (int i = 0; i < 4; ++i) {
    takers.emplace_back([&](const std::stop_token& stop) {
      while (const auto item = orders.take(stop)) done.put(*item);
    });
  }
  int sum = 0;
  for (int item = 1; item <= 1000; ++item) orders.put(item);
  for (int taken = 0; taken < 1000; ++taken) {
    const auto item = done.take({});
    ASSERT_TRUE(item);
    sum += *item;
  }
  EXPECT_EQ(sum, 500'500);
}

TEST(Mailbox, WhatComesTooEarlyIsTakenTogether) {
  Mailbox<int> mailbox;
  const Mono from = in(200ms);
  mailbox.put(1);
  const std::jthread late([&] { mailbox.put(2); });
  EXPECT_EQ(mailbox.take_all({}, from, in(1h)), (Items{1, 2}));
  EXPECT_GE(read_clock().mono, from);
}

TEST(Mailbox, NobodySleepsBeyondTheMomentToWakeAt) {
  Mailbox<int> mailbox;
  const Mono wake = in(20ms);
  EXPECT_EQ(mailbox.take_all({}, in(1h), wake), Items{});
  EXPECT_GE(read_clock().mono, wake);
  mailbox.put(1);
  EXPECT_EQ(mailbox.take_all({}, in(1h), in(20ms)), Items{1});
}

TEST(Mailbox, AStopEndsEachWait) {
  Mailbox<int> mailbox;
  std::stop_source stop;
  auto one = std::async(std::launch::async, [&] { return mailbox.take(stop.get_token()); });
  auto all = std::async(std::launch::async,
                        [&] { return mailbox.take_all(stop.get_token(), Mono{}, in(1h)); });
  auto early = std::async(std::launch::async,
                          [&] { return mailbox.take_all(stop.get_token(), in(1h), in(1h)); });
  stop.request_stop();
  EXPECT_EQ(one.get(), std::nullopt);
  EXPECT_EQ(all.get(), Items{});
  EXPECT_EQ(early.get(), Items{});
}

}  // namespace
}  // namespace serverless::daemon
