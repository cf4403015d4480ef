// One member, whose host is this test, and others that are keys written by hand into a real etcd.

#include "daemon/cluster.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/handover.hpp"
#include "tests/e2e/etcd_fixture.hpp"
#include "tests/e2e/workspace_fixture.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using e2e::EtcdServers;
using e2e::eventually;
using testing::Contains;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::UnorderedElementsAre;

const std::string kPrefix = "/serverless_exporter/default/";

class ClusterTest : public testing::Test {
 protected:
  void start(const EtcdServers::Form& form = EtcdServers::Form()) {
    servers_ = std::make_unique<EtcdServers>(workspace_.path(), form);
    config_.etcd = servers_->urls();
    config_.member = "a";
    config_.lease_ttl = 5s;
    etcd_ = std::make_unique<Etcd>(config_, http_);
    member_ = std::make_unique<Cluster>(config_, http_, lease_, pulses_, host());
    ASSERT_TRUE(eventually([&] { return settled_among("a"); }));
  }

  Host host() {
    return {.divide = [this](const Division& division, const Handed& handed,
                             const std::stop_token&) -> std::optional<Host::Outcome> {
              const std::lock_guard lock(mutex_);
              taken_over_ = handed;
              Host::Outcome outcome;
              if (division.members().size() > 1) {
                outcome.given_up["prod"] = {fmt::format("given up {}", ++given_up_)};
              }
              return outcome;
            },
            .tell =
                [this](const std::vector<Passed>& news, const std::stop_token&) {
                  const std::lock_guard lock(mutex_);
                  for (const auto& passed : news) ++told_[passed.target];
                },
            .endpoints = [] { return std::uint64_t{1}; },
            .show =
                [this](const ClusterStatus& status) {
                  const std::lock_guard lock(mutex_);
                  shown_.push_back(status);
                }};
  }

  // Another member, which says so of itself.
  void write(const MemberRecord& record) {
    ASSERT_TRUE(etcd_->put(kPrefix + "members/" + record.name, encode(record), 0, {}));
  }
  void write_passed(const std::string& target, std::size_t size = 0) {
    Passed passed{.account = "prod", .target = target, .sent = Time{1s}, .interval = 5min};
    passed.exchanges.push_back({.response = {.body = std::string(size, 'a')}});
    ASSERT_TRUE(etcd_->put(kPrefix + "passed/prod/" + target, *encode(passed), 0, {}));
  }

  [[nodiscard]] MemberRecord own_record() {
    const auto found = etcd_->get(kPrefix + "members/a", {});
    if (!found || !*found) return {};
    return decode_member((*found)->value).value_or(MemberRecord{});
  }
  [[nodiscard]] std::string view() {
    const auto found = etcd_->range(kPrefix + "members/", {});
    Roll roll;
    for (const auto& each : *found) {
      roll.push_back(*decode_member(each.value));
      roll.back().since = each.create_revision;
    }
    return view_of(roll);
  }
  [[nodiscard]] std::vector<std::string> handed() {
    std::vector<std::string> values;
    const auto found = etcd_->range(kPrefix + "handover/", {});
    for (const auto& each : *found) values.push_back(each.value);
    return values;
  }

  [[nodiscard]] ClusterStatus status() {
    const std::lock_guard lock(mutex_);
    return shown_.back();
  }
  [[nodiscard]] bool settled_among(const std::string& names) {
    const auto now = status();
    std::string all;
    for (const auto& member : now.members) all += member.name;
    return now.settled && all == names;
  }
  [[nodiscard]] std::map<std::string, int> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  // Nothing is this member's for as long as another's lease may last.
  void expect_to_wait() {
    ASSERT_TRUE(eventually([&] { return !status().joined; }));
    const auto dropped = std::chrono::steady_clock::now();
    ASSERT_TRUE(eventually([&] { return status().joined; }));
    EXPECT_GE(std::chrono::steady_clock::now() - dropped, config_.lease_ttl - 500ms);
  }

  e2e::Workspace workspace_{};
  std::unique_ptr<EtcdServers> servers_{};
  Pulses pulses_{};
  CurlHttp http_{"test", pulses_};
  config::Cluster config_{};
  Lease lease_{};
  std::mutex mutex_{};  // Of the next five.
  Handed taken_over_{};
  int given_up_ = 0;
  std::map<std::string, int> told_{};
  std::vector<ClusterStatus> shown_{};
  std::unique_ptr<Etcd> etcd_{};
  std::unique_ptr<Cluster> member_{};
};

TEST_F(ClusterTest, WhatIsGivenUpBeforeAnybodyTookWhatWasGivenUpBeforeIsHandedOverBesideIt) {
  start();
  write({.name = "b"});
  ASSERT_TRUE(eventually([&] { return !handed().empty() && own_record().acked == view(); }));
  write({.name = "c"});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  EXPECT_THAT(handed(), UnorderedElementsAre("given up 1", "given up 2"));
}

TEST_F(ClusterTest, WhatIsPassedOnWhileMembersDoNotAgreeIsAnnouncedWhenTheyDo) {
  start();
  write({.name = "b"});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  member_->pass_on({.account = "prod", .target = "list/", .sent = Time{7s}, .interval = 5min});
  ASSERT_TRUE(eventually([&] { return own_record().passed.contains("prod/list/"); }));
  write({.name = "b", .acked = view()});
  ASSERT_TRUE(eventually([&] { return settled_among("ab"); }));
  e2e::throughout(1500ms, [&] { EXPECT_THAT(own_record().passed, Contains(Key("prod/list/"))); });
}

TEST_F(ClusterTest, WhatTwoMembersSayThatTheyPassedOnIsReadOnceOfEach) {
  start();
  write_passed("list/");
  write({.name = "b", .passed = {{"prod/list/", 1}}});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  const auto before = told()["list/"];
  write({.name = "c", .passed = {{"prod/list/", 2}}});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  const auto after = told()["list/"];
  EXPECT_GT(after, before);
  e2e::throughout(1500ms, [&] { EXPECT_EQ(told()["list/"], after); });
}

TEST_F(ClusterTest, AHostThatHasOtherAccountsIsToldAgainOfAllThatWasPassedOn) {
  start();
  write_passed("list/");
  write({.name = "b", .passed = {{"prod/list/", 1}}});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  ASSERT_THAT(told(), Contains(Key("list/")));
  const auto before = told()["list/"];
  member_->tell_again();
  EXPECT_TRUE(eventually([&] { return told()["list/"] == before + 1; }));
}

TEST_F(ClusterTest, WhatIsPassedOnIsKeptUpToItsBound) {
  start();
  std::map<std::string, std::int64_t> passed;
  for (const std::string target : {"a", "b", "c", "d"}) {
    write_passed(target, kMostPassedText - 1000);
    passed["prod/" + target] = 1;
  }
  write({.name = "b", .passed = passed});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  EXPECT_THAT(told(), testing::AllOf(Contains(Key("a")), Contains(Key("b")),
                                     Not(Contains(Key("c"))), Not(Contains(Key("d")))));
}

// By etcd's order, and of no member more than it may leave.
TEST_F(ClusterTest, OfWhatIsHandedOverTheLastIsTakenLast) {
  start();
  std::vector<std::string> last;
  for (std::size_t i = 0; i < kMostHandoverTexts + 2; ++i) {
    const auto text = fmt::format("{:03}", i);
    // Their keys are in another order.
    const auto key = fmt::format("{}handover/prod/b/1.{:03}", kPrefix, 900 - i);
    ASSERT_TRUE(etcd_->put(key, text, 0, {}));
    if (i >= 2) last.push_back(text);
  }
  ASSERT_TRUE(etcd_->put(kPrefix + "handover/prod/a/2.0", "of another", 0, {}));
  last.emplace_back("of another");
  last.emplace_back("given up 1");  // By itself, when the other comes.
  write({.name = "b"});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  write({.name = "b", .acked = view()});
  ASSERT_TRUE(eventually([&] { return settled_among("ab"); }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(taken_over_, (Handed{{"prod", last}}));
}

TEST_F(ClusterTest, WhereTooMuchIsHandedOverItGoesOnWithoutIt) {
  start();
  const std::string large(1'400'000, 'x');
  for (std::size_t size = 0; size <= Etcd::kMostOfARange; size += large.size()) {
    ASSERT_TRUE(etcd_->put(fmt::format("{}handover/prod/b/1.{}", kPrefix, size), large, 0, {}));
  }
  write({.name = "b"});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view(); }));
  write({.name = "b", .acked = view()});
  EXPECT_TRUE(eventually([&] { return settled_among("ab"); }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(taken_over_, Handed{});
}

TEST_F(ClusterTest, WhoHasMuchToHandOverEndsItsLeaseInTimeAllTheSame) {
  start();
  member_->stop();
  const Handed much{{"prod", std::vector<std::string>(20'000, std::string(10'000, 'x'))}};
  member_->leave(much, 600ms);
  const auto left = etcd_->get(kPrefix + "members/a", {});
  ASSERT_TRUE(left);
  EXPECT_FALSE(*left) << "its lease is not over";
}

TEST_F(ClusterTest, WhatEtcdRefusesForItsSizeHoldsNothingElseUp) {
  start({.request_bytes = 300'000});
  std::string noise;
  std::mt19937 random(1);
  while (noise.size() < 400'000) noise += static_cast<char>(random());
  member_->pass_on({.account = "prod",
                    .target = "large/",
                    .sent = Time{7s},
                    .exchanges = {{.response = {.body = noise}}}});
  member_->pass_on({.account = "prod", .target = "list/", .sent = Time{7s}});
  EXPECT_TRUE(eventually([&] { return own_record().passed.contains("prod/list/"); }));
  EXPECT_FALSE(own_record().passed.contains("prod/large/"));
}

TEST_F(ClusterTest, ATroubleThatLastsIsToldOnce) {
  start({.quota_bytes = 1'000'000});
  const std::string filler(200'000, 'x');
  int filled = 0;
  while (etcd_->put(fmt::format("filler{}", filled), filler, 0, {}) && filled < 50) ++filled;
  ASSERT_LT(filled, 50);
  member_->pass_on({.account = "prod", .target = "list/", .sent = Time{7s}, .interval = 5min});
  ASSERT_TRUE(eventually([&] { return !status().trouble.empty(); })) << status().trouble;
  const auto trouble = status().trouble;
  EXPECT_EQ(trouble, "etcdserver: mvcc: database space exceeded");
  std::size_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    seen = shown_.size();
  }
  e2e::throughout(3500ms, [] {});
  std::set<std::string> since;
  const std::lock_guard lock(mutex_);
  for (auto i = seen; i < shown_.size(); ++i) since.insert(shown_[i].trouble);
  EXPECT_THAT(since, UnorderedElementsAre(trouble));
}

TEST_F(ClusterTest, WhoseLeaseEtcdForgotWaitsUntilThatOfAnybodyIsOver) {
  start();
  const auto found = etcd_->get(kPrefix + "members/a", {});
  ASSERT_TRUE(found && *found);
  ASSERT_TRUE(etcd_->revoke((*found)->lease, {}));
  expect_to_wait();
}

TEST_F(ClusterTest, WhoReadsAnEarlierAcknowledgementOfItsOwnWaitsUntilTheLeaseOfAnybodyIsOver) {
  start();
  const auto found = etcd_->get(kPrefix + "members/a", {});
  ASSERT_TRUE(found && *found);
  auto record = own_record();
  const auto alone = record.acked;
  write({.name = "b"});
  ASSERT_TRUE(eventually([&] { return own_record().acked == view() && view() != alone; }));
  write({.name = "b", .acked = view()});
  ASSERT_TRUE(eventually([&] { return settled_among("ab"); }));
  // As a backup has it that was made before b came.
  ASSERT_TRUE(etcd_->put(kPrefix + "members/a", encode(record), (*found)->lease, {}));
  ASSERT_TRUE(etcd_->remove(kPrefix + "members/b", {}));
  expect_to_wait();
}

}  // namespace
}  // namespace serverless::daemon
