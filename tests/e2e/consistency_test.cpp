// What one page says of an endpoint is of one moment, whatever is refreshed meanwhile.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Consistency = E2e;

constexpr std::size_t kEndpoints = 12;
constexpr std::size_t kWorkers = 40;

/// What a page says of one endpoint, in families that are compressed one by one.
struct Told {
  std::map<std::string, double> counts{};   ///< serverless_endpoint_workers by status.
  std::map<std::string, double> counted{};  ///< The workers' own statuses, counted.
  std::set<std::string> with_status{};      ///< Ids.
  std::set<std::string> with_info{};
  std::set<std::string> with_staleness{};
  double stale_workers = 0;  ///< serverless_endpoint_stale_workers.
  double stale = 0;          ///< Those that say so.
};

std::map<std::string, Told> told_of(const Page& page) {
  std::map<std::string, Told> all;
  for (const auto& sample : page.samples()) {
    auto& told = all[sample.label("account") + "/" + sample.label("endpoint_id")];
    if (sample.name == "serverless_endpoint_workers") {
      if (sample.value > 0) told.counts[sample.label("status")] = sample.value;
    } else if (sample.name == "serverless_worker_status" && sample.value == 1) {
      ++told.counted[sample.label("status")];
      told.with_status.insert(sample.label("worker_id"));
    } else if (sample.name == "serverless_worker_info") {
      told.with_info.insert(sample.label("worker_id"));
    } else if (sample.name == "serverless_worker_stale") {
      told.with_staleness.insert(sample.label("worker_id"));
      told.stale += sample.value;
    } else if (sample.name == "serverless_endpoint_stale_workers") {
      told.stale_workers += sample.value;
    }
  }
  return all;
}

// Empty: all of one moment.
std::string contradiction(const Page& page) {
  for (const auto& [endpoint, told] : told_of(page)) {
    if (told.counts != told.counted) return endpoint + " counts other statuses than it lists";
    if (told.with_status != told.with_info || told.with_status != told.with_staleness) {
      return endpoint + " has one list of workers here and another there";
    }
    if (told.stale != told.stale_workers) return endpoint + " counts other stale workers";
  }
  return {};
}

// A fleet that lives a hundred times as fast, polled as often as can be: between two pages most
// workers have changed.
TEST_F(Consistency, APageSaysOneThingOfAnEndpointThoughEverythingIsRefreshedMeanwhile) {
  const Simulator simulator(
      workspace_, simulated({"--endpoints", std::to_string(kEndpoints), "--workers",
                             std::to_string(kWorkers), "--speed", "100", "--no-rate-limits"}));
  Exporter exporter(
      workspace_,
      exporter_options("[poll]\ninterval = \"1s\"\n[series]\nworker_status = \"active\"\n" +
                       simulator.account("a", "runpod", key_file_)));
  const auto has_all = [](const Page& page) {
    return page.find("serverless_endpoint_stale_workers", {{"reason", "version"}}).size() ==
           kEndpoints;
  };
  ASSERT_TRUE(exporter.shows(has_all));
  std::map<std::string, std::set<double>> seen;
  std::size_t pages = 0;
  throughout(
      seconds{6},
      [&] {
        const Page page = exporter.page();
        EXPECT_EQ(contradiction(page), "");
        for (const auto* sample :
             page.find("serverless_poll_last_attempt_timestamp_seconds", {{"source", "workers"}})) {
          seen[sample->label("endpoint_id")].insert(sample->value);
        }
        ++pages;
      },
      milliseconds{10});
  EXPECT_GE(pages, 5U);
  ASSERT_EQ(seen.size(), kEndpoints);
  for (const auto& [endpoint, polls] : seen) {
    EXPECT_GE(polls.size(), 2U) << "nothing was refreshed meanwhile";
  }
  exporter.stop();
}

}  // namespace
}  // namespace e2e
