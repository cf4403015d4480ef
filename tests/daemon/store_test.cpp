#include "daemon/store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/clock.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr config::Limits kNoLimits{
    .workers_per_endpoint = 0, .workers_per_account = 0, .workers_total = 0};
// Long enough for the slowest machine; nobody waits for it where all is well.
constexpr auto kPatience = 60s;

SourceState tried(bool ok) { return {.last_attempt = kNoon.wall, .ok = ok}; }

EndpointPointer endpoint(const std::string& id, std::vector<SourceState> sources,
                         std::size_t workers = 0) {
  EndpointState state;
  state.info.id = id;
  state.workers.edit().resize(workers);
  for (std::size_t i = 0; i < sources.size(); ++i) state.sources[i] = sources[i];
  return std::make_shared<const EndpointState>(std::move(state));
}

std::shared_ptr<AccountPage> account(const std::string& name,
                                     std::vector<EndpointPointer> endpoints) {
  auto page = std::make_shared<AccountPage>();
  page->state.name = name;
  page->state.discovered = true;
  for (auto& each : endpoints) page->state.endpoints.emplace(each->info.id, std::move(each));
  return page;
}

// ---- all_tried(), all_good()

TEST(AllTried, WaitsForEveryAccount) {
  EXPECT_TRUE(all_tried({}, 0));
  EXPECT_FALSE(all_tried({}, 1));
  EXPECT_FALSE(all_tried({account("a", {})}, 2));
  EXPECT_TRUE(all_tried({account("a", {}), account("b", {})}, 2));
}

TEST(AllTried, WaitsForTheFirstDiscovery) {
  const auto page = account("a", {});
  page->state.discovered = false;
  EXPECT_FALSE(all_tried({page}, 1));
}

TEST(AllTried, WaitsForEverySourceOfEveryEndpoint) {
  EXPECT_TRUE(all_tried({account("a", {endpoint("e", {tried(true), tried(false)})})}, 1));
  EXPECT_FALSE(all_tried({account("a", {endpoint("e", {tried(true), {}})})}, 1));
  EXPECT_FALSE(
      all_tried({account("a", {endpoint("e", {tried(true)}), endpoint("f", {SourceState{}})})}, 1));
  EXPECT_TRUE(all_tried({account("a", {endpoint("e", {})})}, 1)) << "nothing is to be polled";
}

TEST(AllGood, IsMoreThanTried) {
  EXPECT_TRUE(all_good({account("a", {endpoint("e", {tried(true)})})}, 1));
  EXPECT_FALSE(all_good({}, 1));
  EXPECT_FALSE(all_good({account("a", {endpoint("e", {SourceState{}})})}, 1));
}

TEST(AllGood, NoFailureIsForgiven) {
  const auto page = account("a", {});
  page->state.failures[static_cast<std::size_t>(Reason::auth)] = 1;
  EXPECT_FALSE(all_good({page}, 1));
}

// ---- Store

TEST(Store, BeginsEmpty) {
  const Store store(kNoLimits);
  EXPECT_TRUE(store.current().pages.empty());
  EXPECT_TRUE(store.current().withheld.empty());
}

TEST(Store, KeepsTheLastPageOfEachAccountByName) {
  Store store(kNoLimits);
  const auto b = account("b", {});
  const auto a1 = account("a", {});
  const auto a2 = account("a", {});
  store.publish(b);
  store.publish(a1);
  const auto before = store.current();
  store.publish(a2);
  EXPECT_EQ(store.current().pages, (Pages{a2, b}));
  EXPECT_EQ(before.pages, (Pages{a1, b})) << "who reads keeps what he has";
}

TEST(Store, AnAccountThatIsTakenAwayIsGoneAndWeighsNothing) {
  auto limits = kNoLimits;
  limits.workers_total = 100;
  Store store(limits);
  store.publish(account("a", {endpoint("e", {}, 60)}));
  store.publish(account("b", {endpoint("f", {}, 50)}));
  store.remove("b");
  EXPECT_EQ(store.current().pages.size(), 1U);
  EXPECT_EQ(store.current().withheld, Withheld{});
  store.remove("never there");
  EXPECT_EQ(store.current().pages.size(), 1U);
}

TEST(Store, NewLimitsCountAtOnce) {
  Store store(kNoLimits);
  store.publish(account("a", {endpoint("e", {}, 60)}));
  auto limits = kNoLimits;
  limits.workers_per_endpoint = 50;
  store.set_limits(limits);
  EXPECT_EQ(store.current().withheld, (Withheld{{{"a", "e"}, Limit::endpoint}}));
}

TEST(Store, DecidesTheLimitsOverAllAccountsAndRemembers) {
  auto limits = kNoLimits;
  limits.workers_total = 100;
  Store store(limits);
  store.publish(account("a", {endpoint("e", {}, 60)}));
  EXPECT_EQ(store.current().withheld, Withheld{});
  store.publish(account("b", {endpoint("f", {}, 50)}));
  const Withheld withheld{{{"a", "e"}, Limit::total}};
  EXPECT_EQ(store.current().withheld, withheld);
  store.publish(account("b", {endpoint("f", {}, 35)}));
  EXPECT_EQ(store.current().withheld, withheld) << "95 of 100 are not 10 % to spare";
  store.publish(account("b", {endpoint("f", {}, 30)}));
  EXPECT_EQ(store.current().withheld, Withheld{});
}

TEST(Store, WaitReturnsWhatIsTrueAlready) {
  Store store(kNoLimits);
  EXPECT_TRUE(store.wait([](const Pages&) { return true; }, Mono{}, {}));
}

TEST(Store, WaitEndsAtItsDeadline) {
  Store store(kNoLimits);
  EXPECT_FALSE(store.wait([](const Pages&) { return false; }, Mono{}, {}));
}

TEST(Store, WaitReturnsOnPublish) {
  Store store(kNoLimits);
  std::atomic<bool> asked = false;
  std::jthread publisher([&] {
    asked.wait(false);
    store.publish(account("a", {}));
  });
  const bool done = store.wait(
      [&](const Pages& pages) {
        asked = true;
        asked.notify_all();
        return pages.size() == 1;
      },
      read_clock().mono + kPatience, {});
  EXPECT_TRUE(done);
}

TEST(Store, WaitReturnsOnStop) {
  Store store(kNoLimits);
  std::stop_source stop;
  std::atomic<bool> asked = false;
  std::jthread stopper([&] {
    asked.wait(false);
    stop.request_stop();
  });
  const auto before = read_clock().mono;
  EXPECT_FALSE(store.wait(
      [&](const Pages&) {
        asked = true;
        asked.notify_all();
        return false;
      },
      before + kPatience, stop.get_token()));
  EXPECT_LT(read_clock().mono, before + kPatience);
}

TEST(Store, ReadersAndWritersDoNotDisturbEachOther) {
  Store store(kNoLimits);
  {
    std::vector<std::jthread> threads;
    for (const std::string name : {"a", "b"}) {
      threads.emplace_back([&store, name] {
        for (int i = 0; i < 200; ++i) store.publish(account(name, {endpoint("e", {}, 3)}));
      });
    }
    threads.emplace_back([&store] {
      for (int i = 0; i < 200; ++i) {
        for (const auto& page : store.current().pages) EXPECT_EQ(page->state.endpoints.size(), 1U);
      }
    });
  }
  EXPECT_EQ(store.current().pages.size(), 2U);
}

}  // namespace
}  // namespace serverless::daemon
