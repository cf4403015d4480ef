// What the providers see of us: distances, waits that they ask for, and who we say we are.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Spacing = E2e;

TEST_F(Spacing, TheDocumentedDistancesAreKeptAndNobodyIsRefused) {
  // Two pages of instances, four groups.
  const Simulator simulator(workspace_, simulated({"--endpoints", "2", "--workers", "20"}));
  std::string config = "[poll]\ninterval = \"2s\"\ndiscovery_interval = \"4s\"\n";
  for (const std::string provider : {"runpod-v1", "vast", "den"}) {
    config += simulator.account("a-" + provider, provider, key_file_);
  }
  config += simulator.account("a-runpod", "runpod", key_file_, "interval = \"5s\"\n");
  Exporter exporter(workspace_, exporter_options(config));
  throughout(
      seconds{20}, [&] { EXPECT_EQ(get(exporter.url() + "/").status, 200); }, seconds{1});

  const std::map<std::string, double> least{{"/vast-console/api/v0/endptjobs/", 3},
                                            {"/vast-console/api/v0/workergroups/", 2},
                                            {"/vast-console/api/v1/instances/", 1},
                                            {"/vast-run/get_endpoint_workers/", 1},
                                            {"/vast-run/get_autogroup_workers/", 1}};
  std::map<std::string, double> last;
  std::map<std::string, int> counts;
  std::size_t den = 0;
  for (const auto& request : simulator.requests()) {
    EXPECT_EQ(request.code, 200) << request.path;
    EXPECT_TRUE(request.authorized) << request.path;
    EXPECT_TRUE(request.user_agent.starts_with("serverless_exporter/")) << request.user_agent;
    if (request.api == "den") ++den;
    const std::string route = request.path.substr(0, request.path.find('?'));
    const auto spacing = least.find(route);
    if (spacing == least.end()) continue;
    ++counts[route];
    const auto before = last.find(route);
    if (before != last.end()) {
      EXPECT_GE(request.time - before->second, spacing->second) << route;
    }
    last[route] = request.time;
  }
  for (const auto& [route, spacing] : least) EXPECT_GE(counts[route], 3) << route;
  EXPECT_EQ(den, 1U);
  exporter.stop();
}

TEST_F(Spacing, AccountsOfOneQuotaGroupKeepTheDistancesTogether) {
  const Simulator simulator(workspace_, simulated({"--endpoints", "2", "--workers", "5"}));
  std::string config = "[poll]\ninterval = \"2s\"\n";
  const auto ids = simulator.endpoints("vast");
  for (std::size_t i = 0; i < 2; ++i) {
    config += simulator.account(fmt::format("a{}", i), "vast", key_file_,
                                fmt::format("quota_group = \"q\"\nendpoints = [{}]\n", ids.at(i)));
  }
  Exporter exporter(workspace_, exporter_options(config));
  EXPECT_TRUE(exporter.shows([](const Page& page) {
    const auto polls = page.find("serverless_polls_total", {{"source", "workers"}});
    return polls.size() == 2 && std::all_of(polls.begin(), polls.end(),
                                            [](const auto* poll) { return poll->value >= 3; });
  }));
  std::map<std::string, double> last;
  for (const auto& request : simulator.requests()) {
    EXPECT_EQ(request.code, 200) << request.path;
    const std::string route = request.path.substr(0, request.path.find('?'));
    const auto before = last.find(route);
    EXPECT_TRUE(before == last.end() || request.time - before->second >= 1) << route;
    last[route] = request.time;
  }
  exporter.stop();
}

// Nothing is sent to where the path begins so between the refusal and the end of the wait, and
// something is afterwards; all else goes on.
void expect_silence(const Simulator& simulator, const Exporter& exporter, const std::string& start,
                    double wait, double in_flight) {
  const auto concerns = [&](const Simulator::Request& request) {
    return request.path.starts_with(start);
  };
  double refused = 0;
  ASSERT_TRUE(eventually([&] {
    for (const auto& request : simulator.requests()) {
      if (concerns(request) && request.code == 429) refused = request.time;
    }
    return refused > 0;
  }));
  EXPECT_TRUE(exporter.shows([](const Page& page) {
    return page.sum("serverless_account_poll_failures_total", {{"reason", "rate_limited"}})
                   .value_or(0) >= 1 &&
           page.has("serverless_api_backoff_until_timestamp_seconds");
  }));
  EXPECT_TRUE(eventually([&] {
    const auto requests = simulator.requests();
    return std::any_of(requests.begin(), requests.end(), [&](const auto& request) {
      return concerns(request) && request.time > refused + in_flight;
    });
  }));
  std::size_t others = 0;
  for (const auto& request : simulator.requests()) {
    const bool within = request.time > refused && request.time < refused + wait;
    if (within && !concerns(request)) ++others;
    if (!concerns(request) || request.time <= refused + in_flight) continue;
    EXPECT_GE(request.time - refused, wait - 0.01) << request.path;
  }
  EXPECT_GE(others, 1U) << "the others are not silenced";
  const Page page = exporter.page();
  for (const auto* sample : page.find("serverless_api_backoff_until_timestamp_seconds")) {
    EXPECT_NEAR(sample->value, refused + wait, 1.0 * kSlowness);
  }
}

TEST_F(Spacing, AWaitThatRunpodAsksForIsKept) {
  const Simulator simulator(workspace_, simulated());
  const auto id = simulator.endpoints("runpod").at(0);
  Exporter exporter(workspace_,
                    exporter_options("[poll]\ninterval = \"1s\"\n" +
                                     simulator.account("a", "runpod", key_file_,
                                                       fmt::format("endpoints = [\"{}\"]\n", id))));
  ASSERT_TRUE(exporter.shows([](const Page& page) {
    return page.has("serverless_endpoint_workers") &&
           page.has("serverless_endpoint_billed_dollars");
  }));
  // The header alone: RunPod's own refusal says it in RateLimit, too.
  simulator.fault("kind=status&code=429&retry_after=8&count=1&api=runpod-api");
  expect_silence(simulator, exporter, "/runpod-api/", 8, 0);
  exporter.stop();
}

TEST_F(Spacing, AWaitThatOneOfTenEndpointsIsToldHoldsForTheWholeApi) {
  const Simulator simulator(workspace_,
                            simulated({"--endpoints", "10", "--workers", "2", "--no-rate-limits"}));
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"1s\"\n" +
                                                 simulator.account("a", "runpod", key_file_)));
  ASSERT_TRUE(exporter.shows([](const Page& page) {
    return page.find("serverless_endpoint_ready_workers").size() == 10;
  }));
  simulator.fault("kind=rate_limited&retry_after=6&count=1&api=runpod-api");
  // Others were on their way when the refusal came.
  expect_silence(simulator, exporter, "/runpod-api/", 6, 0.3 * kSlowness);
  exporter.stop();
}

TEST_F(Spacing, AWaitInABodyOfVastIsKeptForItsRouteAlone) {
  const Simulator simulator(workspace_, simulated({"--endpoints", "3", "--workers", "3"}));
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"1s\"\n" +
                                                 simulator.account("a", "vast", key_file_)));
  ASSERT_TRUE(exporter.shows([](const Page& page) {
    return page.has("serverless_endpoint_workers") && page.has("serverless_group_workers");
  }));
  simulator.fault("kind=rate_limited&retry_after=8&count=1&api=vast-run&path=get_endpoint_workers");
  expect_silence(simulator, exporter, "/vast-run/get_endpoint_workers/", 8, 0);
  const auto requests = simulator.requests();
  const auto refused =
      std::find_if(requests.begin(), requests.end(), [](const auto& r) { return r.code == 429; });
  EXPECT_TRUE(std::any_of(refused, requests.end(), [&](const auto& request) {
    return request.path.starts_with("/vast-run/get_autogroup_workers/") &&
           request.time < refused->time + 8;
  })) << "another route has a limit of its own";
  exporter.stop();
}

TEST_F(Spacing, AnAbsurdWaitIsNotBelieved) {
  const Simulator simulator(workspace_, simulated());
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"1s\"\n" +
                                                 simulator.account("a", "runpod", key_file_)));
  ASSERT_TRUE(
      exporter.shows([](const Page& page) { return page.has("serverless_endpoint_workers"); }));
  simulator.fault("kind=status&code=429&retry_after=99999999&count=1&api=runpod-api");
  EXPECT_TRUE(exporter.shows([](const Page& page) {
    return page.sum("serverless_account_poll_failures_total", {{"reason", "rate_limited"}}) >= 1;
  }));
  const auto polls = [&] {
    return exporter.page().sum("serverless_polls_total", {{"source", "workers"}}).value_or(0);
  };
  const double before = polls();
  EXPECT_TRUE(eventually([&] { return polls() >= before + 8; }));
  exporter.stop();
}

}  // namespace
}  // namespace e2e
