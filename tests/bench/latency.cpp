#include "tests/bench/latency.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/meter.hpp"
#include "tests/bench/scrape.hpp"
#include "tests/bench/stage.hpp"

namespace bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kScrapes = 300;
// Else these were scrapes of an exporter at rest.
constexpr double kLeastPolled = 0.8;

double percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values[std::min(at, values.size() - 1)];
}

std::vector<double> walls_of_scrapes(const Contender& exporter) {
  std::vector<double> walls;
  for (int i = 0; i < kScrapes; ++i) {
    walls.push_back(scrape(exporter.url() + "/metrics", true).wall.count() * 1000);
  }
  return walls;
}

}  // namespace

bool latency(const std::filesystem::path& directory, std::size_t workers, int rounds) {
  const Fleet fleet{.endpoints = std::max<std::size_t>(workers / 100, 10)};
  const milliseconds interval = interval_for(fleet);
  Simulator simulator(directory, fleet, vast_accounts(fleet, interval),
                      {"--speed", speed_for(interval)});
  const Scene scene{
      .directory = directory, .fleet = fleet, .simulator = &simulator, .interval = interval};
  const auto exporter = start_exporter(scene);
  exporter->await_first_poll();
  exporter->await_pace();

  fmt::print(
      "{} workers, {} gzip scrapes without a pause each; wall in ms\n\n"
      "| round | quiet: p50 | p99 | everything polled every {} s: p50 | p99 | p99 to p99 | "
      "polls of what was due |\n| --- | --- | --- | --- | --- | --- | --- |\n",
      workers, kScrapes, static_cast<double>(interval.count()) / 1000);
  Watch watch;
  std::vector<std::string> doubts;
  for (int round = 1; round <= rounds; ++round) {
    watch.begin({exporter->id(), simulator.id()});
    exporter->rest();
    auto quiet = walls_of_scrapes(*exporter);
    set_interval(*exporter, scene, interval);
    // What rested is due within an interval, and has its slots after that.
    exporter->await_pace();
    exporter->await_pace();
    const auto requests = simulator.requests();
    const auto begun = steady_clock::now();
    auto busy = walls_of_scrapes(*exporter);
    const std::chrono::duration<double> took = steady_clock::now() - begun;
    const double due = static_cast<double>(fleet.requests()) * (took / interval);
    const double polled = static_cast<double>(simulator.requests() - requests);
    fmt::print("| {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.2f} | {:.2f} |\n", round,
               percentile(quiet, 0.5), percentile(quiet, 0.99), percentile(busy, 0.5),
               percentile(busy, 0.99), percentile(busy, 0.99) / percentile(quiet, 0.99),
               polled / due);
    std::fflush(stdout);
    if (const auto why = why_not(watch.end()); !why.empty()) {
      doubts.push_back(fmt::format("round {}: {}", round, why));
    }
    if (polled < kLeastPolled * due) {
      doubts.push_back(
          fmt::format("round {}: only {:.2f} of what was due was polled", round, polled / due));
    }
  }
  fmt::print("\n{}\n", verdict(doubts));
  return doubts.empty();
}

}  // namespace bench
