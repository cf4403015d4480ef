#include "daemon/assignment.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "collectors/registry.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::steady_clock;

config::Account account(const std::string& provider, std::vector<std::string> endpoints = {}) {
  config::Account account{.name = "prod", .provider = provider, .endpoints = std::move(endpoints)};
  for (const auto& key : find_provider(provider)->keys) {
    account.settings.emplace(key.name, key.fallback);
  }
  return account;
}

Share share(const config::Account& account, std::uint32_t ordinal, std::uint32_t count) {
  return share_of(account, *find_provider(account.provider), static_shards(ordinal, count));
}

std::vector<std::string> ids(int count) {
  std::vector<std::string> list;
  for (int i = 0; i < count; ++i) list.push_back("ep" + std::to_string(i));
  return list;
}

std::vector<EndpointInfo> infos(const std::vector<std::string>& list) {
  std::vector<EndpointInfo> infos;
  for (const auto& id : list) infos.push_back({.id = id});
  return infos;
}

// The targets that each of `count` shards polls, once the account's endpoints are known.
std::vector<std::vector<Target>> targets_of_all(const config::Account& account,
                                                const std::vector<std::string>& endpoints,
                                                std::uint32_t count) {
  const auto collector = find_provider(account.provider)->make(account);
  std::vector<std::vector<Target>> all;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto part = share(account, i, count);
    all.push_back(assign(collector->targets(assign(infos(endpoints), part)), part));
  }
  return all;
}

std::size_t askers_of(const std::vector<std::vector<Target>>& all, std::string_view operation) {
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& targets) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const Target& target) { return target.operation == operation; });
  }));
}

// ---- the hash

// Computed by another program. Shards of other builds and machines find the same owners only as
// long as these stay: another number moves every endpoint of a running fleet.
TEST(Assignment, TheHashIsTheSameForEver) {
  EXPECT_EQ(hash_of({"runpod", "prod", "ep1"}), 4559980673097726205U);
  EXPECT_EQ(hash_of({"vast", "prod", ""}), 12127772057926996801U);
  std::vector<std::size_t> owners;
  for (const auto& id : ids(8)) {
    owners.push_back(static_shards(0, 7).owner({"runpod", "prod", id}));
  }
  EXPECT_EQ(owners, (std::vector<std::size_t>{4, 0, 2, 3, 3, 6, 0, 5}));
}

TEST(Assignment, WhereATextEndsCounts) {
  EXPECT_NE(hash_of({"a", "bc", "d"}), hash_of({"ab", "c", "d"}));
  EXPECT_NE(hash_of({"a", "b", ""}), hash_of({"a", "", "b"}));
}

TEST(Assignment, OneMemberHasEverything) {
  EXPECT_EQ(Members{}, static_shards(0, 1));
  for (const auto& id : ids(100)) EXPECT_EQ(Members{}.owner({"runpod", "prod", id}), 0U);
}

TEST(Assignment, WhoHasAUnitDependsOnNamesAndNotOnTheirOrder) {
  const Members one({"a", "b", "c"}, 0);
  const Members other({"c", "a", "b"}, 0);
  for (const auto& id : ids(300)) {
    const Unit unit{"runpod", "prod", id};
    EXPECT_EQ((std::vector<std::string>{"a", "b", "c"})[one.owner(unit)],
              (std::vector<std::string>{"c", "a", "b"})[other.owner(unit)]);
  }
}

// ---- a large fleet

// In a hundred accounts.
constexpr std::size_t kFleet = 1'000'000;
constexpr std::uint32_t kShards = 100;

std::vector<std::uint16_t> owners_of(const Members& members) {
  std::vector<std::uint16_t> owners;
  owners.reserve(kFleet);
  std::string account;
  std::string endpoint;
  for (std::size_t i = 0; i < kFleet; ++i) {
    account = "account" + std::to_string(i % 100);
    endpoint = "endpoint" + std::to_string(i / 100);
    owners.push_back(static_cast<std::uint16_t>(members.owner({"runpod", account, endpoint})));
  }
  return owners;
}

// 1 to 40: most endpoints are small.
std::size_t workers_of(std::size_t endpoint) {
  const auto dice = hash_of({"workers", std::to_string(endpoint), ""});
  std::size_t workers = 1;
  while (workers < 40 && (dice >> (workers % 57) & 7U) != 0) ++workers;
  return workers;
}

double unevenness(const std::vector<std::size_t>& loads) {
  const auto sum = std::accumulate(loads.begin(), loads.end(), std::size_t{0});
  return static_cast<double>(*std::max_element(loads.begin(), loads.end())) *
         static_cast<double>(loads.size()) / static_cast<double>(sum);
}

double moved(const std::vector<std::uint16_t>& before, const std::vector<std::uint16_t>& after) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < before.size(); ++i) count += before[i] != after[i] ? 1 : 0;
  return static_cast<double>(count) / static_cast<double>(before.size());
}

TEST(AssignmentSimulation, AHundredShardsShareAMillionEndpointsEvenlyAndFewMove) {
  const auto begun = steady_clock::now();
  const auto before = owners_of(static_shards(0, kShards));
  const std::chrono::duration<double> taken = steady_clock::now() - begun;
  const auto joined = owners_of(static_shards(0, kShards + 1));
  std::vector<std::string> rest;
  for (std::uint32_t i = 0; i < kShards; ++i) {
    if (i != 41) rest.push_back(std::to_string(i));
  }
  const auto without = owners_of(Members(rest, 0));

  std::vector<std::size_t> endpoints(kShards);
  std::vector<std::size_t> workers(kShards);
  for (std::size_t i = 0; i < kFleet; ++i) {
    ++endpoints[before[i]];
    workers[before[i]] += workers_of(i);
  }
  std::size_t elsewhere = 0;  // Moved although its owner stays.
  std::size_t left = 0;
  for (std::size_t i = 0; i < kFleet; ++i) {
    const bool of_who_left = before[i] == 41;
    const std::size_t now = without[i] < 41 ? without[i] : without[i] + 1U;
    left += of_who_left ? 1 : 0;
    elsewhere += !of_who_left && now != before[i] ? 1 : 0;
    elsewhere += joined[i] != before[i] && joined[i] != kShards ? 1 : 0;
  }
  const double gone = static_cast<double>(left) / static_cast<double>(kFleet);
  const double come = moved(before, joined);
  fmt::print(
      "  {} endpoints, {} shards: {:.2f} s; max/mean {:.4f} of endpoints, {:.4f} of workers; moved "
      "{:.3f}% by a join, {:.3f}% by a leave\n",
      kFleet, kShards, taken.count(), unevenness(endpoints), unevenness(workers), come * 100,
      gone * 100);
  EXPECT_LE(unevenness(endpoints), 1.05);
  EXPECT_LE(unevenness(workers), 1.05);
  EXPECT_LE(come, 1.2 / (kShards + 1));
  EXPECT_LE(gone, 1.2 / kShards);
  EXPECT_GE(come, 0.8 / (kShards + 1));
  EXPECT_EQ(elsewhere, 0U);
}

// ---- what is divided

TEST(Assignment, EachEndpointOfRunpodIsPolledByOneShardWithAllThatIsAskedOfIt) {
  const auto all = targets_of_all(account("runpod"), ids(60), 3);
  std::map<std::string, std::set<std::size_t>> owners;
  std::map<std::string, std::size_t> polls;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& target : all[i]) {
      if (target.endpoint_id.empty()) continue;
      owners[target.endpoint_id].insert(i);
      ++polls[target.endpoint_id];
    }
  }
  ASSERT_EQ(owners.size(), 60U);
  for (const auto& [id, who] : owners) {
    EXPECT_EQ(who.size(), 1U) << id;
    EXPECT_EQ(polls[id], 2U) << id << ": workers and queue";
  }
  for (const auto& targets : all) EXPECT_GT(targets.size(), 2U * 10);
}

TEST(Assignment, EachShardAsksForTheListOfEndpointsAndForTheBillsOfItsOwn) {
  const auto all = targets_of_all(account("runpod"), ids(60), 3);
  EXPECT_EQ(askers_of(all, "list_endpoints"), 3U);
  EXPECT_EQ(askers_of(all, "list_billing"), 3U);
  EXPECT_EQ(share(account("runpod"), 0, 3).askers, 3U);
}

TEST(Assignment, NamedEndpointsAreAskedForByTheirOwnersOnly) {
  const auto named = account("runpod", {"ep1", "ep2"});
  const auto all = targets_of_all(named, {"ep1", "ep2"}, 50);
  const auto askers = askers_of(all, "list_workers");
  EXPECT_EQ(askers_of(all, "list_endpoints"), askers);
  EXPECT_EQ(share(named, 0, 50).askers, askers);
  EXPECT_EQ(askers, 2U);
}

TEST(Assignment, OneListOfAllWorkersIsAskedForOnce) {
  const auto all = targets_of_all(account("runpod-v1"), ids(20), 3);
  EXPECT_EQ(askers_of(all, "list_endpoints"), 1U);
  EXPECT_EQ(askers_of(all, "health"), 1U);
  EXPECT_EQ(share(account("runpod-v1"), 0, 3).askers, 1U);
}

TEST(Assignment, RunpodV1IsDividedWhereItsEndpointsAreNamed) {
  const auto named = account("runpod-v1", ids(60));
  EXPECT_EQ(askers_of(targets_of_all(named, ids(60), 3), "get_endpoint"), 3U);
}

TEST(Assignment, WhatMustKeepADistanceIsAskedByOneShard) {
  const auto vast = targets_of_all(account("vast"), {"1", "2", "3", "4", "5", "6"}, 3);
  for (const auto* operation : {"list_endpoints", "list_instances", "get_endpoint_workers"}) {
    EXPECT_EQ(askers_of(vast, operation), 1U) << operation;
  }
  EXPECT_EQ(share(account("vast"), 0, 3).askers, 1U);
  EXPECT_EQ(askers_of(targets_of_all(account("den"), {"prod"}, 3), "list_workers"), 1U);
}

TEST(Assignment, AccountsThatKeepADistanceTogetherStayTogether) {
  std::set<std::size_t> apart;
  for (const auto* name : {"a", "b", "c", "d", "e", "f"}) {
    auto one = account("vast");
    one.name = name;
    const auto owner = [&] {
      for (std::uint32_t i = 0; i < 3; ++i) {
        if (share(one, i, 3).any) return i;
      }
      return 3U;
    };
    apart.insert(owner());
    one.quota_group = "mine";
    EXPECT_EQ(owner(), [&] {
      auto other = account("vast");
      other.quota_group = "mine";
      for (std::uint32_t i = 0; i < 3; ++i) {
        if (share(other, i, 3).any) return i;
      }
      return 3U;
    }());
  }
  EXPECT_GT(apart.size(), 1U) << "accounts without a group are spread";
}

TEST(Assignment, AloneEverythingIsOurs) {
  for (const auto* provider : {"runpod", "runpod-v1", "vast", "den"}) {
    const auto one = account(provider);
    const auto collector = find_provider(provider)->make(one);
    const auto targets = collector->targets(infos({"1", "2"}));
    EXPECT_EQ(assign(targets, share(one, 0, 1)), targets) << provider;
    EXPECT_EQ(share(one, 0, 1).askers, 1U);
  }
}

// ---- what an answer says

TEST(Assignment, OfAnAnswerWhatIsSaidOfOursAndOfAllStands) {
  const auto part = share(account("runpod"), 0, 3);
  const auto all = ids(60);
  Poll poll{.listing = all};
  for (const auto& id : all) {
    poll.answers.push_back({id, Source::catalog, EndpointInfo{.id = id}});
  }
  poll.answers.push_back({"", Source::billing, BillingReport{}});
  const auto ours = assign(poll, part);
  ASSERT_TRUE(ours.listing);
  EXPECT_EQ(ours.listed, 60U) << "whoever has them";
  ASSERT_EQ(ours.answers.size(), ours.listing->size() + 1);
  EXPECT_GT(ours.listing->size(), 10U);
  EXPECT_LT(ours.listing->size(), 30U);
  for (const auto& id : *ours.listing) EXPECT_TRUE(part.has(id));
  EXPECT_EQ(ours.answers.back().endpoint_id, "");
}

TEST(Assignment, AListOfOthersOnlyIsAnEmptyListAndNotNone) {
  const auto part = share(account("runpod"), 0, 3);
  const auto all = ids(60);
  const auto other = *std::find_if_not(all.begin(), all.end() - 1,
                                       [&](const std::string& id) { return part.has(id); });
  const auto none = assign(Poll{.listing = {{other}}}, part);
  EXPECT_EQ(none.listing, std::vector<std::string>{});
  EXPECT_EQ(none.listed, 1U);
  const auto untold = assign(Poll{}, part);
  EXPECT_EQ(untold.listing, std::nullopt);
  EXPECT_EQ(untold.listed, std::nullopt);
}

}  // namespace
}  // namespace serverless::daemon
