// Three exporters of one configuration divide its endpoints: each is polled by one, and on one
// page.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

constexpr std::size_t kShards = 3;
constexpr std::size_t kEndpoints = 60;  // Of each provider's API.

std::string unit_of(const Sample& sample) {
  return sample.label("account") + "/" + sample.label("endpoint_id");
}

std::set<std::string> endpoints_of(const Page& page) {
  std::set<std::string> found;
  for (const auto* sample : page.find("serverless_endpoint_info")) found.insert(unit_of(*sample));
  return found;
}

// Series that are about endpoints and workers.
std::multiset<std::string> series_of(const Page& page) {
  std::multiset<std::string> found;
  for (const auto& sample : page.samples()) {
    if (!sample.label("endpoint_id").empty()) found.insert(sample.series());
  }
  return found;
}

// The endpoints that single requests were about.
std::set<std::string> polled(const Simulator& simulator) {
  std::set<std::string> ids;
  for (const auto& request : simulator.requests()) {
    if (!request.endpoint.empty()) ids.insert(request.api + "/" + request.endpoint);
  }
  return ids;
}

bool asked(const Simulator& simulator, const std::string& path) {
  const auto requests = simulator.requests();
  return std::any_of(requests.begin(), requests.end(),
                     [&](const auto& request) { return request.path.starts_with(path); });
}

// Each exporter looks at a fleet of its own, and these are alike and stand still: whose log has a
// request tells who sent it.
class Shards : public E2e {
 protected:
  struct One {
    std::unique_ptr<Simulator> simulator{};
    std::unique_ptr<Exporter> exporter{};
  };

  /// @param accounts  their tables, for that simulator.
  /// @param shard     "" for an exporter that has all.
  template <class Accounts>
  One start(const std::string& name, const Accounts& accounts, const std::string& shard) {
    One one;
    one.simulator = std::make_unique<Simulator>(
        workspace_,
        simulated({"--endpoints", std::to_string(kEndpoints), "--workers", "2", "--start-time",
                   "2026-11-20T12:00:00Z", "--frozen", "--no-rate-limits"}),
        "simulator_" + name);
    auto options = exporter_options(
        "[poll]\ninterval = \"2s\"\nmax_age = \"10m\"\n" + accounts(*one.simulator), name);
    if (!shard.empty()) options.push_back("--shard=" + shard);
    one.exporter = std::make_unique<Exporter>(workspace_, options, name);
    return one;
  }

  template <class Accounts>
  std::vector<One> start_shards(const Accounts& accounts) {
    std::vector<One> shards;
    for (std::size_t i = 0; i < kShards; ++i) {
      shards.push_back(
          start(fmt::format("shard{}", i), accounts, fmt::format("pod-{}/{}", i, kShards)));
    }
    return shards;
  }
};

TEST_F(Shards, EachEndpointIsPolledByOneAndItsSeriesAreOnItsPage) {
  // At Vast.ai an account's endpoints are a second apart.
  const auto accounts = [&](const Simulator& simulator) {
    auto text = simulator.account("v2", "runpod", key_file_);
    const auto v1 = simulator.endpoints("runpod-v1");
    text += simulator.account(
        "v1", "runpod-v1", key_file_,
        fmt::format("endpoints = [\"{}\"]", fmt::join(v1.begin(), v1.begin() + 12, "\", \"")));
    const auto vast = simulator.endpoints("vast");
    for (std::size_t i = 0; i < 12; i += 2) {
      text += simulator.account(fmt::format("vast{}", i), "vast", key_file_,
                                fmt::format("endpoints = [{}, {}]", vast[i], vast[i + 1]));
    }
    return text + simulator.account("den", "den", key_file_);
  };
  constexpr std::size_t kAll = kEndpoints + 12 + 12 + 1;
  const One single = start("single", accounts, "");
  const auto shards = start_shards(accounts);
  // The one has everything, each source polled, and the others together have the same.
  const auto complete = [&] {
    const Page page = single.exporter->page();
    const auto polls = page.find("serverless_polls_total");
    const bool tried = std::all_of(polls.begin(), polls.end(),
                                   [](const auto* source) { return source->value >= 1; });
    if (endpoints_of(page).size() != kAll || !tried) return false;
    std::multiset<std::string> together;
    for (const auto& one : shards) together.merge(series_of(one.exporter->page()));
    return together == series_of(page);
  };
  EXPECT_TRUE(eventually(complete, kPatience * 2));

  std::map<std::string, std::size_t> pages;
  std::map<std::string, std::size_t> pollers;
  for (std::size_t i = 0; i < kShards; ++i) {
    const Page page = shards[i].exporter->page();
    for (const auto& unit : endpoints_of(page)) ++pages[unit];
    for (const auto& id : polled(*shards[i].simulator)) ++pollers[id];
    EXPECT_GE(endpoints_of(page).size(), kAll / 6);
    EXPECT_EQ(page.value("serverless_exporter_shard_ordinal"), i);
    EXPECT_EQ(page.value("serverless_exporter_shards"), kShards);
    EXPECT_EQ(page.value("serverless_account_endpoints_listed", {{"account", "v2"}}), kEndpoints)
        << "whoever has them";
    EXPECT_FALSE(page.has("serverless_account_endpoints_listed", {{"account", "v1"}}))
        << "named ones are not listed";
  }
  EXPECT_EQ(pages.size(), kAll);
  for (const auto& [unit, count] : pages) EXPECT_EQ(count, 1U) << unit;
  EXPECT_EQ(pollers.size(), polled(*single.simulator).size());
  EXPECT_GE(pollers.size(), 2 * kEndpoints) << "workers and queues";
  for (const auto& [id, count] : pollers) EXPECT_EQ(count, 1U) << id;
}

TEST_F(Shards, AListOfAllWorkersIsFetchedByOne) {
  const auto accounts = [&](const Simulator& simulator) {
    return simulator.account("list", "runpod-v1", key_file_) +
           simulator.account("den", "den", key_file_);
  };
  const auto shards = start_shards(accounts);
  const auto total = [&] {
    std::size_t endpoints = 0;
    for (const auto& one : shards) endpoints += endpoints_of(one.exporter->page()).size();
    return endpoints;
  };
  EXPECT_TRUE(eventually([&] { return total() == kEndpoints + 1; }));
  for (const auto* path : {"/runpod-rest/v1/endpoints", "/den/v1/workers"}) {
    EXPECT_TRUE(eventually([&] {
      return std::any_of(shards.begin(), shards.end(),
                         [&](const One& one) { return asked(*one.simulator, path); });
    }));
    EXPECT_EQ(std::count_if(shards.begin(), shards.end(),
                            [&](const One& one) { return asked(*one.simulator, path); }),
              1)
        << path;
  }
  // Who has nothing of an account says nothing of it, and is ready.
  for (const auto& one : shards) {
    EXPECT_TRUE(eventually([&] { return get(one.exporter->url() + "/-/ready").status == 200; }));
    EXPECT_EQ(one.exporter->page().has("serverless_account_endpoints", {{"account", "den"}}),
              asked(*one.simulator, "/den/"));
  }
}

// Two accounts that three shards each ask, with one quota: six that keep five minutes apart.
TEST_F(Shards, CheckConfigTellsWhatAShardWillAsk) {
  const Simulator simulator(workspace_, simulated());
  const auto group = "quota_group = \"mine\"";
  auto options = exporter_options(simulator.account("a", "runpod", key_file_, group) +
                                  simulator.account("b", "runpod", key_file_, group) +
                                  simulator.account("den", "den", key_file_));
  options.insert(options.begin(), exporter_path());
  options.emplace_back("--check-config");
  std::size_t dens = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    auto command = options;
    command.push_back(fmt::format("--shard={}/{}", i, kShards));
    Process process(workspace_.outputs(), fmt::format("check{}", i), command);
    ASSERT_EQ(process.wait(), 0) << process.err();
    const auto text = process.out();
    EXPECT_NE(text.find("account a (runpod): discovers its endpoints, and polls about one in 3\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("list_billing           every   30m"), std::string::npos) << text;
    if (text.find("account den (den): 1 endpoint\n") != std::string::npos) ++dens;
  }
  EXPECT_EQ(dens, 1U);
}

}  // namespace
}  // namespace e2e
