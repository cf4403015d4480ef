#include "daemon/membership.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

constexpr std::size_t kEndpoints = 60;

std::set<std::string> held(const Standing& standing) {
  const Division division{standing.views, true};
  std::set<std::string> mine;
  for (std::size_t i = 0; i < kEndpoints; ++i) {
    const auto id = "ep" + std::to_string(i);
    if (division.has({"runpod", "prod", id})) mine.insert(id);
  }
  return mine;
}

MemberRecord member(const std::string& name, std::int64_t since, const std::string& acked = "") {
  return {.name = name, .since = since, .acked = acked};
}

TEST(MemberName, IsMadeOfWhatTheConfigurationTakes) {
  EXPECT_EQ(as_name("az.AZ_09-"), "az.AZ_09-");
  EXPECT_EQ(as_name("a/b c\x80"), "a-b-c-");
}

TEST(Membership, AViewIsNamedByWhoIsInItAndSinceWhen) {
  const Roll both{member("a", 1), member("b", 2)};
  EXPECT_EQ(view_of(both), view_of({member("a", 1, "x"), member("b", 2, "y")}));
  EXPECT_NE(view_of(both), view_of({member("a", 1)}));
  EXPECT_NE(view_of(both), view_of({member("a", 1), member("b", 3)}));
}

TEST(Membership, TheFirstMemberHasEverythingOnceItHasSaidSo) {
  Roll roll{member("a", 1)};
  auto standing = follow({}, roll, "a");
  EXPECT_FALSE(standing.settled);
  EXPECT_TRUE(held(standing).empty());
  roll[0].acked = standing.view;
  standing = follow(standing, roll, "a");
  EXPECT_TRUE(standing.settled);
  EXPECT_EQ(held(standing).size(), kEndpoints);
}

TEST(Membership, WhoeverLosesGivesUpAtOnceAndWhoeverGainsWaitsForAll) {
  Roll roll{member("a", 1)};
  auto a = follow({}, roll, "a");
  roll[0].acked = a.view;
  a = follow(a, roll, "a");
  roll.push_back(member("b", 2));
  a = follow(a, roll, "a");
  auto b = follow({}, roll, "b");
  EXPECT_FALSE(a.settled);
  const auto kept = held(a);
  EXPECT_LT(kept.size(), kEndpoints);
  EXPECT_TRUE(held(b).empty());
  // Not before the other has said that it gave them up.
  roll[1].acked = b.view;
  EXPECT_TRUE(held(follow(b, roll, "b")).empty());
  roll[0].acked = a.view;
  b = follow(b, roll, "b");
  EXPECT_TRUE(b.settled);
  EXPECT_EQ(held(b).size() + kept.size(), kEndpoints);
  EXPECT_EQ(held(follow(a, roll, "a")), kept);
}

TEST(Membership, WhoIsNotInTheRollHasNothing) {
  Roll roll{member("a", 1)};
  auto standing = follow({}, roll, "a");
  roll[0].acked = standing.view;
  standing = follow(standing, roll, "a");
  EXPECT_TRUE(held(follow(standing, {}, "a")).empty());
  // Nor has whoever came back under the same name, before all know it.
  EXPECT_TRUE(held(follow({}, {member("a", 5, standing.view)}, "a")).empty());
}

// ---- members that come, go, die and look at different moments

// What etcd keeps: a key a member, which it alone writes, and which goes with its lease.
struct Engine {
  std::map<std::string, MemberRecord> keys{};
  std::int64_t revision = 0;

  [[nodiscard]] Roll roll() const {
    Roll roll;
    for (const auto& [name, record] : keys) roll.push_back(record);
    return roll;
  }
};

struct Process {
  std::optional<Standing> standing{};  // Empty: it is not there.
  Roll read{};                         // What it read, and has not acted on yet.
  bool has_read = false;
  std::string to_ack{};  // What it gave up for, and has not said yet.
  std::set<std::string> has{};
};

class Processes {
 public:
  explicit Processes(unsigned seed) : random_(seed) {}

  void step() {
    const auto name = std::string(1, static_cast<char>('a' + below(kNames)));
    auto& process = all_[name];
    if (!process.standing) {
      // It may come back before anybody has seen that it was gone.
      if (below(20) != 0) return;
      process = {.standing = Standing{}};
      engine_.keys[name] = {.name = name, .since = ++engine_.revision};
      return;
    }
    switch (below(200)) {
      case 0:  // It goes, or its lease ends: by its own clock it has stopped before.
        process = {};
        engine_.keys.erase(name);
        return;
      default:
        advance(name, process);
    }
  }

  // Nobody comes or goes any more.
  void settle() {
    for (int round = 0; round < 10; ++round) {
      for (auto& [name, process] : all_) {
        for (int i = 0; i < 3 && process.standing; ++i) advance(name, process);
      }
    }
  }

  // Of each endpoint how many have it.
  [[nodiscard]] std::map<std::string, int> holders() const {
    std::map<std::string, int> count;
    for (const auto& [name, process] : all_) {
      for (const auto& id : process.has) ++count[id];
    }
    return count;
  }

  [[nodiscard]] bool empty() const { return engine_.keys.empty(); }

 private:
  static constexpr unsigned kNames = 5;

  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }

  // Reads, acts on it, says so: others do something between each.
  void advance(const std::string& name, Process& process) {
    if (!process.to_ack.empty()) {
      engine_.keys.at(name).acked = std::exchange(process.to_ack, "");
    } else if (!process.has_read) {
      process.read = engine_.roll();
      process.has_read = true;
    } else {
      process.standing = follow(*process.standing, process.read, name);
      process.has = held(*process.standing);
      process.has_read = false;
      process.to_ack = process.standing->view;
    }
  }

  std::mt19937 random_;
  Engine engine_{};
  std::map<std::string, Process> all_{};
};

TEST(MembershipSimulation, NothingIsEverHeldByTwoAndEverythingByOneInTheEnd) {
  std::size_t most = 0;
  std::size_t unheld = 0;
  std::size_t looks = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    Processes processes(seed);
    for (int i = 0; i < 1500; ++i) {
      processes.step();
      const auto holders = processes.holders();
      for (const auto& [id, count] : holders) ASSERT_EQ(count, 1) << id << ", seed " << seed;
      most = std::max(most, holders.size());
      unheld += kEndpoints - holders.size();
      looks += kEndpoints;
    }
    processes.settle();
    if (processes.empty()) continue;
    const auto holders = processes.holders();
    ASSERT_EQ(holders.size(), kEndpoints) << "seed " << seed;
    for (const auto& [id, count] : holders) ASSERT_EQ(count, 1) << id << ", seed " << seed;
  }
  // It was tried, then.
  EXPECT_EQ(most, kEndpoints);
  std::printf("held by nobody while members came and went all the time: %.0f %%\n",
              100.0 * static_cast<double>(unheld) / static_cast<double>(looks));
}

// ---- what stands in etcd

TEST(Membership, ARecordIsReadAsItWasWritten) {
  const MemberRecord record{.name = "pod-1",
                            .url = "http://pod-1:10042/",
                            .acked = "00ff",
                            .endpoints = 12,
                            .passed = {{"prod/list_endpoints", 1'700'000'000'000}}};
  EXPECT_EQ(decode_member(encode(record)), record);
}

TEST(Membership, WhatIsNoRecordIsSaidInWords) {
  for (const auto* text :
       {"", "{}", "[]", R"({"name":1,"url":"","acked":"","endpoints":1,"passed":{}})"}) {
    EXPECT_EQ(decode_member(text).error(), "it is no record of a member") << text;
  }
}

// ---- what a member wrote of itself

TEST(OwnAcknowledgement, IsWhatWasWrittenLastOrWhatWasTriedSince) {
  const Standing standing{.view = "2"};
  EXPECT_EQ(own_acknowledgement({{.name = "a", .acked = "1"}}, "a", "1", standing), "1");
  EXPECT_EQ(own_acknowledgement({{.name = "a", .acked = "2"}}, "a", "1", standing), "2");
  EXPECT_EQ(own_acknowledgement({{.name = "b", .acked = "9"}}, "a", "1", standing), "1")
      << "of another nothing is said";
}

TEST(OwnAcknowledgement, OfAnEtcdThatWasRestoredIsNone) {
  EXPECT_EQ(own_acknowledgement({{.name = "a", .acked = "1"}}, "a", "2", {.view = "3"}),
            std::nullopt);
  EXPECT_EQ(own_acknowledgement({{.name = "a"}}, "a", "2", {.view = "3"}), std::nullopt);
}

// etcd took the second of three writes and its answer was lost; the third never arrived.
TEST(OwnAcknowledgement, AnAnswerThatWasLostIsMadeUpForByTheRoll) {
  const Roll roll{{.name = "a", .acked = "2"}};
  const auto known = own_acknowledgement(roll, "a", "1", {.view = "2"});
  ASSERT_TRUE(known);
  EXPECT_EQ(own_acknowledgement(roll, "a", *known, {.view = "3"}), "2");
}

}  // namespace
}  // namespace serverless::daemon
