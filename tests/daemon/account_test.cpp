#include "daemon/account.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/plan.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr Pace kPace{.interval = 30s, .max_age = 90s};

Now at(milliseconds after_noon) {
  return {.mono = kNoon.mono + after_noon, .wall = kNoon.wall + after_noon};
}

Pace pace(const Target&, Source) { return kPace; }

AccountState discovering() { return initial_account("prod", *find_provider("vast"), {}, true); }

AccountState naming(const std::vector<std::string>& ids) {
  std::vector<EndpointInfo> infos;
  for (const auto& id : ids) infos.push_back({.id = id});
  return initial_account("prod", *find_provider("vast"), std::move(infos), false);
}

Observation discovery(milliseconds when, std::vector<std::string> ids) {
  Observation observation{
      .target = {.operation = "list_endpoints", .api = "console", .supplies = {Source::catalog}},
      .sent = at(when),
      .landed = at(when)};
  for (const auto& id : ids) {
    observation.poll.answers.push_back(
        {.endpoint_id = id, .source = Source::catalog, .result = Report{EndpointInfo{.id = id}}});
  }
  observation.poll.listing = std::move(ids);
  return observation;
}

Observation answer(milliseconds when, Answer one, std::string api = "autoscaler") {
  Observation observation{.target = {.operation = "get_endpoint_workers",
                                     .api = std::move(api),
                                     .endpoint_id = one.endpoint_id,
                                     .supplies = {one.source}},
                          .sent = at(when),
                          .landed = at(when)};
  observation.poll.answers.push_back(std::move(one));
  return observation;
}

Answer failed(std::string id, Source source, Reason reason) {
  return {.endpoint_id = std::move(id), .source = source, .result = fail(reason, "told so")};
}

Answer listed(std::string id, const std::vector<std::string>& workers) {
  WorkersReport report;
  for (const auto& worker : workers) report.workers.push_back({.id = worker});
  return {
      .endpoint_id = std::move(id), .source = Source::workers, .result = Report{std::move(report)}};
}

Answer instances(InstancesReport report) {
  return {.source = Source::instances,
          .result = Report{std::make_shared<const InstancesReport>(std::move(report))}};
}

// What a schedule does once the endpoints are known.
std::set<std::string> adopt(AccountState& account) {
  std::vector<Target> targets{{.operation = "list_endpoints", .supplies = {Source::catalog}},
                              {.operation = "list_instances", .supplies = {Source::instances}}};
  for (const auto& [id, endpoint] : account.endpoints) {
    targets.push_back(
        {.operation = "get_endpoint_workers", .endpoint_id = id, .supplies = {Source::workers}});
  }
  return adopt_targets(account, targets, pace);
}

std::vector<std::string> ids(const AccountState& account) {
  std::vector<std::string> result;
  for (const auto& [id, endpoint] : account.endpoints) result.push_back(id);
  return result;
}

using Ids = std::vector<std::string>;
using Changed = std::set<std::string>;

std::array<std::uint64_t, kReasonCount> counted(
    std::initializer_list<std::pair<Reason, std::uint64_t>> counts) {
  std::array<std::uint64_t, kReasonCount> result{};
  for (const auto& [reason, count] : counts) result[static_cast<std::size_t>(reason)] = count;
  return result;
}

const SourceState& source(const AccountState& account, const std::string& id, Source which) {
  const auto* found = account.endpoints.at(id)->source(which);
  if (found == nullptr) throw std::logic_error(id + " has no such source");
  return *found;
}

// ---- discovery

TEST(Account, BeginsWithWhatTheConfigurationNames) {
  const auto account = naming({"b", "a"});
  EXPECT_EQ(ids(account), (Ids{"a", "b"}));
  EXPECT_TRUE(account.endpoints.at("a")->configured);
  EXPECT_EQ(account.name, "prod");
  EXPECT_EQ(account.provider, find_provider("vast"));
  EXPECT_FALSE(account.discovered);
  EXPECT_EQ(endpoint_infos(account), (std::vector<EndpointInfo>{{.id = "a"}, {.id = "b"}}));
}

TEST(Account, ADiscoveryAddsWhatItLists) {
  auto account = discovering();
  EXPECT_EQ(apply(account, discovery(0s, {"a", "b"}), pace), (Changed{"a", "b"}));
  EXPECT_EQ(ids(account), (Ids{"a", "b"}));
  EXPECT_FALSE(account.endpoints.at("a")->configured);
  EXPECT_TRUE(account.discovered);
  EXPECT_EQ(source(account, "a", Source::catalog).good, kNoon);
  EXPECT_EQ(source(account, "a", Source::catalog).interval, kPace.interval);
  EXPECT_EQ(source(account, "a", Source::catalog).max_age, kPace.max_age);
}

TEST(Account, AnEndpointThatIsListedWithoutAFactIsThereAllTheSame) {
  auto account = discovering();
  auto observation = discovery(0s, {"a"});
  observation.poll.answers.clear();
  EXPECT_EQ(apply(account, observation, pace), Changed{"a"});
  EXPECT_EQ(account.endpoints.at("a")->info, EndpointInfo{.id = "a"});
}

TEST(Account, AListThatWasNotWholeAddsWhatItHasAndRemovesNothing) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  for (int i = 1; i < 4; ++i) {
    auto observation = discovery(i * 300s, {"b", "c"});
    observation.poll.listing.reset();
    apply(account, observation, pace);
  }
  EXPECT_EQ(ids(account), (Ids{"a", "b", "c"}));
}

TEST(Account, OneGoodListingWithoutItRemovesNothing) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  apply(account, discovery(300s, {"a"}), pace);
  EXPECT_EQ(ids(account), (Ids{"a", "b"}));
  EXPECT_EQ(account.endpoints_removed, 0U);
}

TEST(Account, TwoGoodListingsWithoutItRemoveIt) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  apply(account, discovery(300s, {"a"}), pace);
  const auto changed = apply(account, discovery(600s, {"a"}), pace);
  EXPECT_EQ(ids(account), Ids{"a"});
  EXPECT_TRUE(changed.contains("b"));
  EXPECT_EQ(account.endpoints_removed, 1U);
}

TEST(Account, AFailedListingIsNoEvidence) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  apply(account, discovery(300s, {"a"}), pace);
  auto failure = discovery(600s, {});
  failure.poll.listing.reset();
  failure.poll.answers.push_back(failed("", Source::catalog, Reason::timeout));
  apply(account, failure, pace);
  EXPECT_EQ(ids(account), (Ids{"a", "b"}));
  apply(account, discovery(900s, {"a"}), pace);
  EXPECT_EQ(ids(account), Ids{"a"});
}

TEST(Account, AListingWithItStartsTheCountAnew) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  apply(account, discovery(300s, {"a"}), pace);
  apply(account, discovery(600s, {"a", "b"}), pace);
  apply(account, discovery(900s, {"a"}), pace);
  EXPECT_EQ(ids(account), (Ids{"a", "b"}));
}

TEST(Account, WhatIsTakenInAgainTellsOfNewEndpointsAndIsNoFurtherPoll) {
  auto account = discovering();
  auto told = discovery(0s, {"a"});
  told.heard = 300s;
  told.poll.answers.push_back(failed("b", Source::catalog, Reason::schema));
  adopt_targets(account, {told.target}, pace);
  apply(account, told, pace);
  auto before = account;
  told.again = true;
  told.poll.answers.push_back(
      {.endpoint_id = "c", .source = Source::catalog, .result = Report{EndpointInfo{.id = "c"}}});
  apply(account, told, pace);
  EXPECT_EQ(ids(account), (Ids{"a", "c"}));
  EXPECT_EQ(account.endpoints.find("a")->second, before.endpoints.find("a")->second);
  EXPECT_EQ(account.failures, before.failures);
  EXPECT_EQ(account.failures[static_cast<std::size_t>(Reason::schema)], 1U);
  const auto key = key_of(told.target);
  EXPECT_EQ(account.polls.find(key)->second->polls.size(), 1U);
}

TEST(Account, AnEndpointThatComesBackStartsAfresh) {
  auto account = discovering();
  apply(account, discovery(0s, {"a"}), pace);
  apply(account, answer(1s, listed("a", {"w"})), pace);
  apply(account, discovery(300s, {}), pace);
  apply(account, discovery(600s, {}), pace);
  apply(account, discovery(900s, {"a"}), pace);
  EXPECT_TRUE(account.endpoints.at("a")->workers.empty());
}

TEST(Account, ANamedEndpointIsNeverRemovedAndIsNotFound) {
  auto account = naming({"a", "b"});
  for (int i = 0; i < 3; ++i) {
    auto observation = discovery(i * 300s, {"a", "other"});
    observation.poll.answers.push_back(failed("b", Source::catalog, Reason::not_found));
    apply(account, observation, pace);
  }
  EXPECT_EQ(ids(account), (Ids{"a", "b"})) << "what is not named is not watched";
  EXPECT_EQ(account.endpoints_removed, 0U);
  const auto& catalog = source(account, "b", Source::catalog);
  EXPECT_EQ(catalog.error, (Error{.reason = Reason::not_found, .detail = "told so"}));
  EXPECT_EQ(catalog.failures, counted({{Reason::not_found, 3}}));
  EXPECT_FALSE(catalog.ok);
  EXPECT_TRUE(source(account, "a", Source::catalog).ok);
}

TEST(Account, TheFirstDiscoveryEndsAlsoWhenItFails) {
  auto account = discovering();
  auto failure = discovery(0s, {});
  failure.poll.listing.reset();
  failure.poll.answers.push_back(failed("", Source::catalog, Reason::auth));
  apply(account, failure, pace);
  EXPECT_TRUE(account.discovered);
}

TEST(Account, WorkersAreNoDiscovery) {
  auto account = discovering();
  apply(account, answer(0s, listed("a", {})), pace);
  EXPECT_FALSE(account.discovered);
}

// Two of five are ours.
Observation listing(milliseconds when) {
  auto observation = discovery(when, {"a", "b"});
  observation.poll.listed = 5;
  return observation;
}

TEST(Account, HowManyAListNamedIsKnownForAsLongAsWhatElseItTold) {
  auto account = discovering();
  EXPECT_EQ(account.endpoints_listed, std::nullopt);
  auto first = listing(0s);
  first.landed = at(2s);
  first.cached = 10s;
  apply(account, first, pace);
  EXPECT_EQ(account.endpoints_listed, (Expiring{.value = 5, .expires = at(80s).mono}));

  auto failure = discovery(300s, {});
  failure.poll.listing.reset();
  failure.poll.answers.push_back(failed("", Source::catalog, Reason::timeout));
  apply(account, failure, pace);
  EXPECT_EQ(account.endpoints_listed, (Expiring{.value = 5, .expires = at(80s).mono}));

  apply(account, listing(600s), pace);
  EXPECT_EQ(account.endpoints_listed, (Expiring{.value = 5, .expires = at(690s).mono}));
}

TEST(Account, HowManyAListNamedSaysNothingWhereOnlyNamedOnesAreWatched) {
  auto account = naming({"a"});
  apply(account, listing(0s), pace);
  EXPECT_EQ(account.endpoints_listed, std::nullopt);
}

// ---- answers

TEST(Account, AnAnswerOfTheWholeAccountReachesEveryEndpoint) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  adopt(account);
  const auto observation =
      answer(1s, instances({.by_id = {{"w", {.cost_dollars_per_hour = 0.25}}}}), "console");
  EXPECT_EQ(apply(account, observation, pace), (Changed{"a", "b"}));
  EXPECT_EQ(account.endpoints.at("a")->instances, account.endpoints.at("b")->instances);
  EXPECT_EQ(source(account, "b", Source::instances).good, at(1s));
}

TEST(Account, AnEndpointsOwnAnswerWinsOverThatOfTheWholeAccount) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  adopt(account);
  auto observation = answer(1s, listed("a", {"w"}));
  observation.poll.answers.push_back(failed("", Source::workers, Reason::provider));
  apply(account, observation, pace);
  EXPECT_TRUE(source(account, "a", Source::workers).ok);
  EXPECT_EQ(source(account, "a", Source::workers).polls, 1U);
  EXPECT_FALSE(source(account, "b", Source::workers).ok);
}

TEST(Account, ASourceThatNobodySuppliesToAnEndpointHearsNothing) {
  auto account = discovering();
  apply(account, discovery(0s, {"a"}), pace);
  apply(account, answer(1s, failed("", Source::billing, Reason::timeout)), pace);
  EXPECT_EQ(account.endpoints.at("a")->source(Source::billing), nullptr);
}

TEST(Account, BadNewsFromTheDiscoveryKeepTheSourcesOwnPace) {
  auto account = naming({"a"});
  apply(account, answer(0s, listed("a", {"w"})), pace);
  auto observation = discovery(1s, {});
  observation.poll.answers.push_back(failed("a", Source::workers, Reason::not_found));
  apply(account, observation, [](const Target& target, Source) {
    return target.operation == "list_endpoints" ? Pace{.interval = 300s, .max_age = 900s} : kPace;
  });
  EXPECT_EQ(source(account, "a", Source::workers).interval, kPace.interval);
  EXPECT_EQ(source(account, "a", Source::workers).max_age, kPace.max_age);
  EXPECT_EQ(source(account, "a", Source::workers).error->reason, Reason::not_found);
}

TEST(Account, AnAnswerOfOneEndpointReachesNoOther) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  const auto before = account.endpoints.at("b");
  EXPECT_EQ(apply(account, answer(1s, listed("a", {"w"})), pace), Changed{"a"});
  EXPECT_EQ(account.endpoints.at("a")->workers.size(), 1U);
  EXPECT_EQ(account.endpoints.at("b"), before) << "what did not change is shared";
}

TEST(Account, AnAnswerOfAnEndpointThatIsGoneIsLetGo) {
  auto account = discovering();
  EXPECT_EQ(apply(account, answer(0s, listed("a", {"w"})), pace), Changed{});
  EXPECT_EQ(ids(account), Ids{});
}

TEST(Account, AFailureIsCountedOnceHoweverManyEndpointsItConcerns) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b", "c"}), pace);
  adopt(account);
  apply(account, answer(1s, failed("", Source::instances, Reason::rate_limited)), pace);
  EXPECT_EQ(account.failures, counted({{Reason::rate_limited, 1}}));
  for (const auto& id : {"a", "b", "c"}) {
    EXPECT_EQ(source(account, id, Source::instances).failures,
              counted({{Reason::rate_limited, 1}}));
  }
}

TEST(Account, ItCountsTheReasonThatTheEndpointWasGiven) {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  adopt(account);
  const auto den_401 = [](milliseconds when) {
    auto one = failed("", Source::workers, Reason::rate_limited);
    one.result.error().escalation = Escalation{.reason = Reason::auth, .after = 120s};
    return answer(when, std::move(one));
  };
  apply(account, den_401(0s), pace);
  apply(account, den_401(120s), pace);
  apply(account, answer(130s, listed("a", {})), pace);
  apply(account, answer(140s, failed("a", Source::workers, Reason::not_ready)), pace);
  EXPECT_EQ(account.failures,
            counted({{Reason::rate_limited, 1}, {Reason::auth, 1}, {Reason::provider, 1}}));
}

TEST(Account, AFailureWithoutAnyEndpointIsCountedToo) {
  auto account = discovering();
  auto failure = discovery(0s, {});
  failure.poll.listing.reset();
  failure.poll.answers.push_back(failed("", Source::catalog, Reason::dns));
  apply(account, failure, pace);
  EXPECT_EQ(account.failures, counted({{Reason::dns, 1}}));
}

TEST(Account, AnApiIsUpWhenItAcceptsUsWhateverItAnswers) {
  for (const Reason reason : {Reason::not_found, Reason::client_error, Reason::too_large,
                              Reason::parse, Reason::schema, Reason::provider, Reason::not_ready}) {
    auto account = naming({"a"});
    apply(account, answer(0s, failed("a", Source::workers, reason)), pace);
    EXPECT_EQ(account.apis.at("autoscaler").up, true) << name(reason);
  }
}

TEST(Account, AnApiIsDownWhenItDoesNotAcceptUs) {
  for (const Reason reason :
       {Reason::timeout, Reason::dns, Reason::connect, Reason::tls, Reason::auth, Reason::forbidden,
        Reason::gone, Reason::rate_limited, Reason::server_error, Reason::internal}) {
    auto account = naming({"a"});
    apply(account, answer(0s, failed("a", Source::workers, reason)), pace);
    EXPECT_EQ(account.apis.at("autoscaler").up, false) << name(reason);
  }
}

TEST(Account, EachApiIsUpOrDownByItselfAndByItsLastAnswer) {
  auto account = naming({"a"});
  EXPECT_TRUE(account.apis.empty()) << "not asked yet";
  apply(account, answer(0s, failed("a", Source::workers, Reason::timeout)), pace);
  apply(account, answer(0s, instances({}), "console"), pace);
  EXPECT_EQ(account.apis.at("autoscaler").up, false);
  EXPECT_EQ(account.apis.at("console").up, true);
  apply(account, answer(30s, listed("a", {})), pace);
  EXPECT_EQ(account.apis.at("autoscaler").up, true);
}

TEST(Account, RequestsAreCountedByApiOperationAndCode) {
  auto account = naming({"a"});
  auto observation = answer(0s, listed("a", {}));
  const Exchange good{.api = "autoscaler",
                      .operation = "get_endpoint_workers",
                      .code = "200",
                      .duration = 300ms,
                      .skew = -1500ms};
  auto bad = good;
  bad.code = "timeout";
  bad.duration = 31s;
  bad.skew.reset();
  observation.exchanges = {good, good, bad};
  apply(account, observation, pace);
  EXPECT_EQ(account.requests, (std::map<RequestKey, std::uint64_t>{
                                  {{"autoscaler", "get_endpoint_workers", "200"}, 2},
                                  {{"autoscaler", "get_endpoint_workers", "timeout"}, 1}}));
  Histogram expected{.count = 3, .sum = 31.6};
  expected.buckets[3] = 2;  // Up to 0.5 s.
  const auto& durations = account.durations.at({"autoscaler", "get_endpoint_workers"});
  EXPECT_EQ(durations.buckets, expected.buckets) << "31 s are in +Inf only";
  EXPECT_EQ(durations.count, expected.count);
  EXPECT_DOUBLE_EQ(durations.sum, expected.sum);
  EXPECT_EQ(account.apis.at("autoscaler").skew, -1500ms) << "no Date header says nothing of it";
}

TEST(Histogram, ABoundaryBelongsToTheBucketThatItNames) {
  Histogram histogram;
  for (const double bound : kDurationBuckets) histogram.observe(bound);
  Histogram expected{.count = kDurationBuckets.size(), .sum = histogram.sum};
  expected.buckets.fill(1);
  EXPECT_EQ(histogram, expected);
  histogram.observe(0);
  ++expected.buckets[0];
  ++expected.count;
  EXPECT_EQ(histogram, expected);
}

// ---- targets

TEST(AdoptTargets, GivesEachEndpointTheSourcesThatItsTargetsSupply) {
  auto account = naming({"a", "b"});
  const std::vector<Target> targets{
      {.operation = "workers", .endpoint_id = "a", .supplies = {Source::workers, Source::queue}},
      {.operation = "instances", .supplies = {Source::instances}},
      {.operation = "workers", .endpoint_id = "gone", .supplies = {Source::workers}}};
  EXPECT_EQ(adopt_targets(account, targets, pace), (Changed{"a", "b"}));
  const SourceState fresh{.interval = kPace.interval, .max_age = kPace.max_age};
  EXPECT_EQ(source(account, "a", Source::workers), fresh);
  EXPECT_EQ(source(account, "a", Source::queue), fresh);
  EXPECT_EQ(source(account, "a", Source::instances), fresh);
  EXPECT_EQ(source(account, "b", Source::instances), fresh);
  EXPECT_EQ(account.endpoints.at("b")->source(Source::workers), nullptr);
  EXPECT_EQ(account.endpoints.at("a")->source(Source::catalog), nullptr);
}

TEST(AdoptTargets, TheSamePaceChangesNothing) {
  auto account = naming({"a"});
  const std::vector<Target> targets{
      {.operation = "workers", .endpoint_id = "a", .supplies = {Source::workers}}};
  adopt_targets(account, targets, pace);
  const auto before = account.endpoints.at("a");
  EXPECT_EQ(adopt_targets(account, targets, pace), Changed{});
  EXPECT_EQ(account.endpoints.at("a"), before);
}

TEST(AdoptTargets, ANewPaceKeepsWhatIsKnown) {
  auto account = naming({"a"});
  apply(account, answer(0s, listed("a", {"w"})), pace);
  const std::vector<Target> targets{
      {.operation = "workers", .endpoint_id = "a", .supplies = {Source::workers}}};
  auto expected = source(account, "a", Source::workers);
  const auto slower = [](const Target&, Source) { return Pace{.interval = 60s, .max_age = 180s}; };
  EXPECT_EQ(adopt_targets(account, targets, slower), Changed{"a"});
  expected.interval = 60s;
  expected.max_age = 180s;
  EXPECT_EQ(source(account, "a", Source::workers), expected);
}

TEST(AdoptTargets, TakesAwayASourceThatNobodySuppliesAnyMore) {
  auto account = naming({"a"});
  apply(account, answer(0s, listed("a", {"w"})), pace);
  EXPECT_EQ(adopt_targets(account, {}, pace), Changed{"a"});
  EXPECT_EQ(account.endpoints.at("a")->source(Source::workers), nullptr);
}

TEST(AdoptTargets, AnEndpointsOwnTargetSetsThePaceWhereBothSupplyASource) {
  auto account = naming({"a", "b"});
  const std::vector<Target> targets{
      {.operation = "own", .endpoint_id = "a", .supplies = {Source::workers}},
      {.operation = "list", .supplies = {Source::workers}}};
  adopt_targets(account, targets, [](const Target& target, Source) {
    return target.operation == "own" ? Pace{.interval = 1s, .max_age = 2s}
                                     : Pace{.interval = 3s, .max_age = 4s};
  });
  EXPECT_EQ(source(account, "a", Source::workers).interval, 1s);
  EXPECT_EQ(source(account, "b", Source::workers).interval, 3s);
}

// ---- orphans

InstancesReport three_instances() {
  return {.by_id = {{"w1", {.bills = true}}, {"w2", {.bills = true}}, {"w3", {.bills = false}}}};
}

AccountState with_instances() {
  auto account = discovering();
  apply(account, discovery(0s, {"a", "b"}), pace);
  adopt(account);
  apply(account, answer(1s, listed("a", {"w1"})), pace);
  apply(account, answer(2s, listed("b", {})), pace);
  apply(account, answer(3s, instances(three_instances()), "console"), pace);
  return account;
}

TEST(Orphans, AreInstancesThatBillAndAreInNoList) {
  const auto orphans = orphan_instances(with_instances());
  ASSERT_TRUE(orphans);
  EXPECT_EQ(orphans->value, 1U);
  EXPECT_EQ(orphans->expires, at(1s + kPace.max_age).mono) << "the oldest of the lists";
}

TEST(Orphans, NeedEveryList) {
  auto account = with_instances();
  apply(account, discovery(4s, {"a", "b", "c"}), pace);
  EXPECT_FALSE(orphan_instances(account)) << "c was not read yet";
}

TEST(Orphans, NeedTheInstances) {
  auto account = discovering();
  apply(account, discovery(0s, {"a"}), pace);
  adopt(account);
  apply(account, answer(1s, listed("a", {})), pace);
  EXPECT_FALSE(orphan_instances(account));
  apply(account, answer(2s, failed("", Source::instances, Reason::timeout)), pace);
  EXPECT_FALSE(orphan_instances(account));
}

TEST(Orphans, AreNotKnownWhereOnlyNamedEndpointsAreWatched) {
  auto account = with_instances();
  account.exhaustive = false;
  EXPECT_FALSE(orphan_instances(account));
}

TEST(Orphans, AreNotKnownWithoutAnEndpoint) { EXPECT_FALSE(orphan_instances(discovering())); }

// ---- a reload

TEST(Inherit, KeepsTheCountersAndTheEndpointsThatAreStillWanted) {
  auto before = naming({"a", "b"});
  adopt(before);
  apply(before, answer(0s, listed("a", {"w1"})), pace);
  apply(before, answer(1s, failed("b", Source::workers, Reason::timeout)), pace);
  const auto after = inherit(naming({"b", "c"}), before);
  EXPECT_EQ(ids(after), (Ids{"b", "c"}));
  EXPECT_FALSE(source(after, "b", Source::workers).ok);
  EXPECT_TRUE(after.endpoints.at("b")->configured);
  EXPECT_EQ(after.requests, before.requests);
  EXPECT_EQ(after.failures, before.failures);
  EXPECT_EQ(after.polls, before.polls);
  EXPECT_EQ(after.discovered, before.discovered);
}

TEST(Inherit, WhereEveryEndpointIsWatchedThoseThatWereNamedStay) {
  auto before = naming({"a"});
  adopt(before);
  apply(before, answer(0s, listed("a", {"w1"})), pace);
  const auto after = inherit(discovering(), before);
  EXPECT_EQ(ids(after), Ids{"a"});
  EXPECT_FALSE(after.endpoints.at("a")->configured);
  EXPECT_EQ(after.endpoints.at("a")->workers.size(), 1U);
}

TEST(Inherit, HowManyWereListedIsStillToldWhereEveryEndpointIsWatched) {
  auto before = discovering();
  apply(before, listing(0s), pace);
  EXPECT_EQ(inherit(discovering(), before).endpoints_listed, before.endpoints_listed);
  EXPECT_EQ(inherit(naming({"a"}), before).endpoints_listed, std::nullopt);
}

TEST(ExpectBaseline, TheNextListOfEachEndpointCountsNoChanges) {
  auto account = naming({"a", "b"});
  adopt(account);
  for (const auto* id : {"a", "b"}) apply(account, answer(0s, listed(id, {"w1"})), pace);
  EXPECT_EQ(expect_baseline(account), (Changed{"a", "b"}));
  apply(account, answer(30s, listed("a", {"w2"})), pace);
  EXPECT_EQ(account.endpoints.at("a")->appeared, 0U);
  EXPECT_EQ(account.endpoints.at("a")->disappeared, 0U);
  apply(account, answer(60s, listed("a", {"w3"})), pace);
  EXPECT_EQ(account.endpoints.at("a")->appeared, 1U);
  EXPECT_EQ(account.endpoints.at("a")->disappeared, 1U);
}

// ---- what another member of a cluster knew

// Of an endpoint that has polled its workers a hundred times, and listed "w1" at noon.
Heirlooms heirloom_of(const std::string& id, Mono until = at(300s).mono) {
  EndpointState state;
  state.info.id = id;
  state.missing_listings = 1;
  state.sources[static_cast<std::size_t>(Source::workers)] = {
      .handed = kNoon.mono, .max_age = kPace.max_age, .polls = 100};
  state.workers.edit().resize(1);
  state.workers.edit()[0].reported.id = "w1";
  state.appeared = 7;
  return {{id, {.state = std::make_shared<const EndpointState>(std::move(state)), .until = until}}};
}

using Counted = std::map<std::string, std::uint64_t>;
Counted appeared(const AccountState& account) {
  Counted counted;
  for (const auto& [id, endpoint] : account.endpoints) counted[id] = endpoint->appeared;
  return counted;
}

TEST(TakeOver, ANamedEndpointGoesOnFromTheStart) {
  const auto fresh = naming({"a", "b"});
  auto account = inherit(fresh, take_over({}, heirloom_of("a")));
  EXPECT_EQ(appeared(account), (Counted{{"a", 7}, {"b", 0}}));
  EXPECT_TRUE(account.heirlooms.empty());
  EXPECT_TRUE(account.endpoints.at("a")->configured);
  EXPECT_EQ(account.endpoints.at("a")->info, fresh.endpoints.at("a")->info);
  adopt(account);
  EXPECT_EQ(source(account, "a", Source::workers), (SourceState{.handed = kNoon.mono,
                                                                .interval = kPace.interval,
                                                                .max_age = kPace.max_age,
                                                                .polls = 100}));
  apply(account, answer(30s, listed("a", {"w1", "w2", "w3"})), pace);
  EXPECT_EQ(appeared(account), (Counted{{"a", 9}, {"b", 0}}));
}

TEST(TakeOver, AnEndpointThatIsDiscoveredLaterGoesOnFromThere) {
  auto account = inherit(discovering(), take_over({}, heirloom_of("a")));
  EXPECT_EQ(ids(account), Ids{}) << "to be told of it is not to have discovered it";
  apply(account, discovery(20s, {"b"}), pace);
  EXPECT_EQ(appeared(account), (Counted{{"b", 0}}));
  apply(account, discovery(40s, {"a", "b"}), pace);
  EXPECT_EQ(appeared(account), (Counted{{"a", 7}, {"b", 0}}));
  EXPECT_FALSE(account.endpoints.at("a")->configured);
  EXPECT_EQ(account.endpoints.at("a")->missing_listings, 0) << "it is listed now";
  EXPECT_TRUE(account.heirlooms.empty());
  adopt(account);
  apply(account, answer(60s, listed("a", {"w1", "w2"})), pace);
  EXPECT_EQ(appeared(account), (Counted{{"a", 8}, {"b", 0}}));
}

TEST(TakeOver, AListOfAllWasPolledWhenAnyEndpointWasToldOfIt) {
  const Target one{.operation = "one", .endpoint_id = "a", .supplies = {Source::workers}};
  const Target list{.operation = "list", .supplies = {Source::workers}};
  const Target bills{.operation = "bills", .supplies = {Source::billing}};
  const std::vector targets{one, list, bills};
  using Polled = std::map<std::string, Mono>;
  const Polled none;
  EXPECT_EQ(polled_elsewhere(naming({"a", "b"}), targets), none);
  auto account = inherit(discovering(), take_over({}, heirloom_of("a")));
  EXPECT_EQ(polled_elsewhere(account, targets), (Polled{{key_of(list), kNoon.mono}}))
      << "of an endpoint that is not met yet";
  apply(account, discovery(20s, {"a"}), pace);
  EXPECT_EQ(polled_elsewhere(account, targets),
            (Polled{{key_of(one), kNoon.mono}, {key_of(list), kNoon.mono}}));
  adopt(account);
  apply(account, answer(40s, listed("a", {"w1"})), pace);
  EXPECT_EQ(polled_elsewhere(account, targets), (Polled{{key_of(list), at(40s).mono}}));
}

TEST(TakeOver, WhatIsTooOldIsLetGo) {
  auto account = inherit(discovering(), take_over({}, heirloom_of("a", at(300s).mono)));
  auto later = account;
  apply(account, discovery(300s, {"a"}), pace);
  EXPECT_EQ(appeared(account), (Counted{{"a", 7}}));
  apply(later, discovery(300s + 1ms, {"a"}), pace);
  EXPECT_EQ(appeared(later), (Counted{{"a", 0}}));
  EXPECT_TRUE(later.heirlooms.empty());
}

TEST(TakeOver, WhereWeHaveBegunOurselvesItIsTooLate) {
  auto account = naming({"a"});
  adopt(account);
  apply(account, answer(0s, listed("a", {"w1"})), pace);
  account = inherit(naming({"a"}), take_over(std::move(account), heirloom_of("a")));
  EXPECT_EQ(appeared(account), (Counted{{"a", 0}}));
  EXPECT_EQ(source(account, "a", Source::workers).polls, 1U);
  EXPECT_TRUE(account.heirlooms.empty());
}

TEST(TakeOver, WhoNamesItsEndpointsWaitsForNoOther) {
  const auto account = inherit(naming({"a"}), take_over({}, heirloom_of("b")));
  EXPECT_EQ(ids(account), Ids{"a"});
  EXPECT_TRUE(account.heirlooms.empty());
}

TEST(TakeOver, TheLastIsBelievedWhateverItsClockSaid) {
  auto older = heirloom_of("a", at(299s).mono);
  EndpointState other = *older.at("a").state;
  other.appeared = 6;
  older.at("a").state = std::make_shared<const EndpointState>(other);
  const auto newer = heirloom_of("a", at(300s).mono);
  for (const auto& [first, second] : {std::pair{older, newer}, std::pair{newer, older}}) {
    const auto account = inherit(naming({"a"}), take_over(take_over({}, first), second));
    EXPECT_EQ(appeared(account), (Counted{{"a", second.at("a").state->appeared}}));
  }
}

TEST(TakeOver, AnEndpointThatComesBackStartsAfreshAllTheSame) {
  auto account = inherit(discovering(), take_over({}, heirloom_of("a")));
  for (const auto& [when, list] : {std::pair{10s, Ids{"a"}}, std::pair{20s, Ids{}},
                                   std::pair{30s, Ids{}}, std::pair{40s, Ids{"a"}}}) {
    apply(account, discovery(when, list), pace);
  }
  EXPECT_EQ(appeared(account), (Counted{{"a", 0}}));
}

TEST(TakeOver, AReloadKeepsWhatWaits) {
  auto account = inherit(discovering(), take_over({}, heirloom_of("a")));
  account = inherit(discovering(), account);
  apply(account, discovery(20s, {"a"}), pace);
  EXPECT_EQ(appeared(account), (Counted{{"a", 7}}));
}

TEST(TakeOver, ANewKeyMakesABaselineOfWhatWaitsToo) {
  auto account = inherit(discovering(), take_over({}, heirloom_of("a")));
  expect_baseline(account);
  apply(account, discovery(20s, {"a"}), pace);
  adopt(account);
  apply(account, answer(30s, listed("a", {"w1", "w2"})), pace);
  EXPECT_EQ(appeared(account), (Counted{{"a", 7}}));
}

// ---- polls that were cut short

TEST(Apply, APollThatWasCutShortCountsItsRequestsAndNothingElse) {
  auto account = naming({"1"});
  auto cut = answer(0s, failed("1", Source::workers, Reason::rate_limited));
  cut.withheld = 3s;
  cut.exchanges = {{.api = "autoscaler", .operation = "get_endpoint_workers", .code = "200"}};
  auto expected = account;
  EXPECT_EQ(apply(account, cut, pace), (std::set<std::string>{}));
  expected.requests = {{{"autoscaler", "get_endpoint_workers", "200"}, 1}};
  EXPECT_EQ(account.requests, expected.requests);
  EXPECT_EQ(account.failures, expected.failures);
  EXPECT_EQ(account.endpoints, expected.endpoints);
  EXPECT_EQ(account.apis.at("autoscaler").up, std::nullopt);
}

}  // namespace
}  // namespace serverless::daemon
