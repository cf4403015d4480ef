// Three exporters that divide one account through a real etcd: each endpoint is polled by one and
// on one page, whoever comes, goes, dies, sleeps or cannot reach etcd.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"
#include "tests/e2e/etcd_fixture.hpp"

namespace e2e {
namespace {

constexpr std::size_t kMembers = 3;
constexpr std::size_t kEndpoints = 300;
constexpr seconds kInterval{10};
constexpr seconds kTimeout{3};
constexpr seconds kLease{5};
constexpr std::size_t kMostInFlight = 8;

std::set<std::string> endpoints_of(const Page& page) {
  std::set<std::string> found;
  for (const auto* sample : page.find("serverless_endpoint_fresh", {{"source", "workers"}})) {
    found.insert(sample->label("endpoint_id"));
  }
  return found;
}

// A poll of one endpoint: the workers' list or the queue's view.
struct PolledAt {
  double time = 0;
  std::int64_t member = 0;
};
using Polls = std::map<std::string, std::vector<PolledAt>>;

Polls polls_of(const Simulator& simulator, double from = 0) {
  Polls polls;
  for (const auto& request : simulator.requests()) {
    if (request.endpoint.empty() || request.time < from) continue;
    polls[request.api + " " + request.endpoint].push_back(
        {.time = request.time, .member = request.key.value_or(-1)});
  }
  return polls;
}

// The longest time that a target had no poll, from `from` until `until`.
double longest_gap(const Polls& polls, double from, double until) {
  double longest = 0;
  for (const auto& [target, times] : polls) {
    double last = 0;
    for (const auto& poll : times) {
      if (last > 0 && poll.time >= from && last <= until) {
        longest = std::max(longest, poll.time - last);
      }
      last = poll.time;
    }
    if (last < until) longest = std::max(longest, until - last);
  }
  return longest;
}

class Cluster : public E2e {
 protected:
  Cluster() {
    std::vector<std::string> options{"--endpoints", std::to_string(kEndpoints), "--workers", "2",
                                     "--no-rate-limits"};
    for (std::size_t i = 0; i < kMembers; ++i) {
      options.insert(options.end(), {"--key", key(i)});
    }
    simulator_ = std::make_unique<Simulator>(workspace_, options);
    etcd_ = std::make_unique<Etcd>(workspace_);
    members_.resize(kMembers);
  }

  static std::string key(std::size_t member) { return fmt::format("member+{}/key", member); }

  [[nodiscard]] std::string config_of(std::size_t member, std::string_view more) const {
    const auto file = workspace_.file(fmt::format("key{}", member), key(member));
    return fmt::format(
               "[poll]\ninterval = \"{}s\"\ntimeout = \"{}s\"\nmax_in_flight = {}\n"
               "discovery_interval = \"20s\"\n",
               kInterval.count(), kTimeout.count(), kMostInFlight) +
           std::string(more) + simulator_->account("prod", "runpod", file.string());
  }

  void start(std::size_t member) {
    const auto cluster =
        fmt::format("[cluster]\netcd = [\"{}\"]\nmember = \"member{}\"\nlease_ttl = \"{}s\"\n",
                    etcd_->url(), member, kLease.count());
    members_[member] = std::make_unique<Exporter>(
        workspace_,
        exporter_options(config_of(member, cluster), fmt::format("member{}_{}", member, starts_)),
        fmt::format("member{}_{}", member, starts_));
    ++starts_;
  }

  void start_all() {
    for (std::size_t i = 0; i < kMembers; ++i) start(i);
    ASSERT_TRUE(eventually([&] { return is_shared(kMembers); }, kPatience * 2)) << shares();
  }

  // All endpoints are on pages, each once, and so many members have some.
  [[nodiscard]] bool is_shared(std::size_t among) const {
    std::size_t total = 0;
    std::size_t having = 0;
    std::set<std::string> all;
    for (const auto& member : members_) {
      if (!member) continue;
      const auto own = endpoints_of(member->page());
      total += own.size();
      having += own.empty() ? 0 : 1;
      all.insert(own.begin(), own.end());
    }
    return total == kEndpoints && all.size() == kEndpoints && having == among;
  }

  [[nodiscard]] std::string shares() const {
    std::string text;
    for (const auto& member : members_) {
      text += member ? fmt::format("{} ", endpoints_of(member->page()).size()) : "- ";
    }
    return text;
  }

  // Scrapes all pages in turn. An endpoint that is on one page, then on another, then on the first
  // again was on both in between.
  class Watcher {
   public:
    explicit Watcher(const Cluster& test) : test_(test) {}
    void look() {
      for (std::size_t i = 0; i < kMembers; ++i) {
        const auto& member = test_.members_[i];
        if (!member || paused.contains(i)) continue;
        const auto reply = get(member->url() + "/metrics");
        if (reply.status != 200) continue;
        for (const auto& id : endpoints_of(Page::parse(reply.body))) {
          auto& seen = last_[id];
          if (seen.size() >= 2 && seen.back() != i && seen[seen.size() - 2] == i) twins.insert(id);
          if (seen.empty() || seen.back() != i) seen.push_back(i);
        }
      }
    }
    std::set<std::size_t> paused{};
    std::set<std::string> twins{};

   private:
    const Cluster& test_;
    std::map<std::string, std::vector<std::size_t>> last_{};
  };

  std::unique_ptr<Simulator> simulator_{};
  std::unique_ptr<Etcd> etcd_{};
  std::vector<std::unique_ptr<Exporter>> members_{};
  int starts_ = 0;
};

TEST_F(Cluster, ThreePollEachEndpointOnceAndTogetherAsOftenAsOneAlone) {
  start_all();
  Simulator apart(
      workspace_,
      simulated({"--endpoints", std::to_string(kEndpoints), "--workers", "2", "--no-rate-limits"}),
      "simulator_apart");
  const Exporter alone(
      workspace_,
      exporter_options(fmt::format("[poll]\ninterval = \"{}s\"\ndiscovery_interval = \"20s\"\n",
                                   kInterval.count()) +
                           apart.account("prod", "runpod", key_file_),
                       "alone"),
      "alone");
  ASSERT_TRUE(
      alone.shows([](const Page& page) { return endpoints_of(page).size() == kEndpoints; }));
  // The first round is over, the slots are kept.
  throughout(
      kInterval * 2, [] {}, seconds{1});
  const double from = unix_now();
  Watcher watcher(*this);
  throughout(
      kInterval * 3, [&] { watcher.look(); }, milliseconds{500});
  const double until = unix_now();

  const auto count = [&](const Simulator& simulator) {
    const auto requests = simulator.requests();
    return std::count_if(requests.begin(), requests.end(), [&](const auto& request) {
      return request.time >= from && request.time < until;
    });
  };
  const auto polls = polls_of(*simulator_, from);
  EXPECT_EQ(polls.size(), 2 * kEndpoints) << "workers and queues";
  std::size_t shared = 0;
  for (const auto& [target, times] : polls) {
    shared += std::any_of(times.begin(), times.end(),
                          [&](const PolledAt& poll) { return poll.member != times.front().member; })
                  ? 1
                  : 0;
  }
  EXPECT_EQ(shared, 0U);
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
  const auto together = static_cast<double>(count(*simulator_));
  const auto single = static_cast<double>(count(apart));
  std::printf("requests in %.1f s: three members %.0f, one alone %.0f; shares %s\n", until - from,
              together, single, shares().c_str());
  EXPECT_NEAR(together / single, 1.0, 0.02);
}

TEST_F(Cluster, WhatADeadMemberPolledIsPolledAgainWithinItsLeaseAndAnInterval) {
  start_all();
  throughout(
      kInterval, [] {}, seconds{1});
  Watcher watcher(*this);
  const double killed = unix_now();
  members_[1]->process().signal(SIGKILL);
  ASSERT_EQ(members_[1]->process().wait(), 128 + SIGKILL);
  members_[1].reset();
  EXPECT_TRUE(eventually(
      [&] {
        watcher.look();
        return is_shared(2);
      },
      kPatience * 2))
      << shares();
  throughout(
      kInterval, [&] { watcher.look(); }, milliseconds{500});
  const double gap = longest_gap(polls_of(*simulator_), killed, unix_now());
  std::printf(
      "longest time without a poll around a kill -9: %.1f s (lease %ld s, interval %ld s)\n", gap,
      static_cast<long>(kLease.count()), static_cast<long>(kInterval.count()));
  EXPECT_LE(gap, static_cast<double>((kLease + kInterval + kTimeout).count()));
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
}

TEST_F(Cluster, WhoLeavesHandsOverWithoutAGapOrATwin) {
  start_all();
  throughout(
      kInterval, [] {}, seconds{1});
  Watcher watcher(*this);
  const double left = unix_now();
  members_[2]->process().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] {
    watcher.look();
    return members_[2]->process().exit_code() == 0;
  }));
  EXPECT_NE(members_[2]->process().err().find("cluster_left "), std::string::npos);
  members_[2].reset();
  throughout(
      kInterval * 2, [&] { watcher.look(); }, milliseconds{500});
  EXPECT_TRUE(is_shared(2)) << shares();
  const double gap = longest_gap(polls_of(*simulator_), left, unix_now());
  std::printf("longest time without a poll around a SIGTERM: %.1f s (interval %ld s)\n", gap,
              static_cast<long>(kInterval.count()));
  EXPECT_LE(gap, static_cast<double>((kInterval + kTimeout).count()));
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
}

TEST_F(Cluster, WhoSleptLongerThanItsLeaseStartsNothingBeforeItIsAMemberAgain) {
  start_all();
  Watcher watcher(*this);
  watcher.paused.insert(0);
  members_[0]->process().signal(SIGSTOP);
  EXPECT_TRUE(eventually(
      [&] {
        watcher.look();
        return endpoints_of(members_[1]->page()).size() +
                   endpoints_of(members_[2]->page()).size() ==
               kEndpoints;
      },
      kPatience * 2));
  // It cannot become a member again meanwhile.
  etcd_->process().signal(SIGSTOP);
  const double woken = unix_now();
  members_[0]->process().signal(SIGCONT);
  watcher.paused.clear();
  throughout(milliseconds{1200}, [&] { watcher.look(); });
  const double until = unix_now();
  EXPECT_EQ(endpoints_of(members_[0]->page()).size(), 0U);
  etcd_->process().signal(SIGCONT);
  std::size_t started = 0;
  for (const auto& request : simulator_->requests()) {
    if (request.key == 0 && request.time >= woken && request.time <= until) ++started;
  }
  std::printf("requests of a member that slept %ld s over its lease: %zu\n",
              static_cast<long>(kLease.count()), started);
  EXPECT_LE(started, kMostInFlight);
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
  EXPECT_TRUE(eventually([&] { return is_shared(kMembers); }, kPatience * 2)) << shares();
}

TEST_F(Cluster, WithoutEtcdMembersGoOnUntilTheirLeasesEndAndComeBackWithIt) {
  start_all();
  etcd_->kill();
  // Shorter than what is left of any lease at least.
  const auto sum = [&] {
    std::size_t total = 0;
    for (const auto& member : members_) total += endpoints_of(member->page()).size();
    return total;
  };
  throughout(
      seconds{2}, [&] { EXPECT_EQ(sum(), kEndpoints); }, milliseconds{500});
  etcd_->start();
  throughout(
      kLease * 2, [&] { EXPECT_EQ(sum(), kEndpoints); }, milliseconds{500});
  etcd_->kill();
  EXPECT_TRUE(eventually([&] { return sum() == 0; }, kLease + seconds{5})) << shares();
  for (const auto& member : members_) {
    EXPECT_EQ(get(member->url() + "/-/healthy").status, 200);
    EXPECT_NE(member->process().err().find("cluster_lease_over"), std::string::npos);
  }
  const double over = unix_now();
  throughout(
      seconds{3}, [] {}, seconds{1});
  EXPECT_EQ(polls_of(*simulator_, over + 0.5).size(), 0U);
  etcd_->start();
  EXPECT_TRUE(eventually([&] { return is_shared(kMembers); }, kPatience * 2)) << shares();
}

}  // namespace
}  // namespace e2e
