#include "tests/bench/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/bench/agree.hpp"
#include "tests/bench/meter.hpp"
#include "tests/bench/scrape.hpp"
#include "tests/bench/stage.hpp"

namespace bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Row {
  std::string name{};
  std::function<std::unique_ptr<Contender>(const Scene&)> start{};
};

std::vector<Row> contenders(bool go) {
  std::vector<Row> rows{
      {"serverless_exporter", start_exporter},
      {"prometheus-cpp registry",
       [](const Scene& scene) { return start_prometheus_cpp(scene, "registry"); }},
      {"prometheus-cpp collectable",
       [](const Scene& scene) { return start_prometheus_cpp(scene, "collectable"); }}};
  if (!go) return rows;
  rows.push_back(
      {"client_golang const", [](const Scene& scene) { return start_go(scene, "const"); }});
  rows.push_back(
      {"pre-rendered, Go", [](const Scene& scene) { return start_go(scene, "prerendered"); }});
  return rows;
}

/// One contender in one round. CPU and wall in ms.
struct Figures {
  double poll_cpu = 0;
  double gzip_cpu = 0;
  double gzip_wall = 0;
  double again_cpu = 0;  ///< Of a second gzip scrape, nothing having changed; the exporter only.
  double identity_cpu = 0;
  double identity_wall = 0;
  double gzip_mb = 0;
  double identity_mb = 0;
  double series = 0;
  double peak_mb = 0;
  double anonymous_mb = 0;

  [[nodiscard]] double total() const { return poll_cpu + gzip_cpu; }
};

double ms(duration<double> time) { return time.count() * 1000; }

struct Cost {
  double cpu = 0;
  Scrape scrape{};
};

Cost cost_of_scrape(const Contender& contender, bool gzip) {
  const auto begun = cpu_of(contender.id());
  const auto page = scrape(contender.url() + "/metrics", gzip);
  settle(contender.id());
  return {ms(cpu_of(contender.id()) - begun), page};
}

Figures measure(Contender& contender, bool is_ours) {
  contender.await_first_poll();
  contender.await_pace();
  // Nobody's first page: it makes what later ones have.
  (void)scrape(contender.url() + "/metrics", true);
  if (is_ours) (void)scrape(contender.url() + "/metrics", false);
  settle(contender.id());
  Figures figures;
  figures.poll_cpu = ms(contender.poll());
  // Before it is reloaded, which nobody else has to do.
  const auto at_work = memory_of(contender.id());
  contender.rest();
  const auto gzip = cost_of_scrape(contender, true);
  figures.gzip_cpu = gzip.cpu;
  figures.gzip_wall = ms(gzip.scrape.wall);
  figures.gzip_mb = static_cast<double>(gzip.scrape.bytes) / 1e6;
  const auto after_gzip = memory_of(contender.id());
  // The others do all of it again at every scrape.
  figures.again_cpu = is_ours ? cost_of_scrape(contender, true).cpu : gzip.cpu;
  const auto identity = cost_of_scrape(contender, false);
  figures.identity_cpu = identity.cpu;
  figures.identity_wall = ms(identity.scrape.wall);
  figures.identity_mb = static_cast<double>(identity.scrape.bytes) / 1e6;
  figures.series = static_cast<double>(identity.scrape.series);
  const auto after_all = is_ours ? at_work : memory_of(contender.id());
  figures.peak_mb = after_all.peak_mb;
  figures.anonymous_mb =
      is_ours ? at_work.anonymous_mb : std::max(after_gzip.anonymous_mb, after_all.anonymous_mb);
  return figures;
}

// By contender: one for each round.
using Rounds = std::map<std::string, std::vector<Figures>>;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string digits(double value) {
  if (value >= 100) return fmt::format("{:.0f}", value);
  return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string with_spread(std::vector<double> values) {
  const double middle = median(values);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{} ({}..{})", digits(middle), digits(*least), digits(*most));
}

template <typename Read>
std::vector<double> each(const std::vector<Figures>& rounds, Read read) {
  std::vector<double> values;
  for (const auto& figures : rounds) values.push_back(std::invoke(read, figures));
  return values;
}

// Ratios are made within a round: what slows the machine slows both.
template <typename Read>
std::string ratio(const std::vector<Figures>& theirs, const std::vector<Figures>& ours, Read read) {
  std::vector<double> values;
  for (std::size_t i = 0; i < std::min(theirs.size(), ours.size()); ++i) {
    values.push_back(std::invoke(read, theirs[i]) / std::invoke(read, ours[i]));
  }
  return with_spread(std::move(values));
}

void print_size(std::size_t workers, const std::vector<Row>& rows, const Rounds& rounds) {
  fmt::print("\n{} workers; median (least..most) of {} rounds\n\n", workers,
             rounds.begin()->second.size());
  fmt::print(
      "| contender | series | CPU ms: a poll | a gzip scrape | the next one | a plain scrape | "
      "wall ms: gzip | plain | MB: gzip | plain | peak RSS MB | anonymous MB |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const auto& row : rows) {
    const auto found = rounds.find(row.name);
    if (found == rounds.end()) continue;
    const auto& all = found->second;
    const auto of = [&](double Figures::*figure) { return with_spread(each(all, figure)); };
    const auto middle = [&](double Figures::*figure) { return digits(median(each(all, figure))); };
    fmt::print("| {} | {:.0f} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", row.name,
               median(each(all, &Figures::series)), of(&Figures::poll_cpu), of(&Figures::gzip_cpu),
               of(&Figures::again_cpu), of(&Figures::identity_cpu), middle(&Figures::gzip_wall),
               middle(&Figures::identity_wall), middle(&Figures::gzip_mb),
               middle(&Figures::identity_mb), of(&Figures::peak_mb), of(&Figures::anonymous_mb));
  }
  if (rows.size() < 2 || rounds.size() < 2) return;
  fmt::print(
      "\ntimes as much as serverless_exporter\n\n"
      "| contender | CPU: a poll and a gzip scrape | a poll | a gzip scrape | peak RSS |\n"
      "| --- | --- | --- | --- | --- |\n");
  const auto& ours = rounds.at(rows.front().name);
  for (const auto& row : rows) {
    const auto found = rounds.find(row.name);
    if (row.name == rows.front().name || found == rounds.end()) continue;
    const auto& theirs = found->second;
    fmt::print("| {} | {} | {} | {} | {} |\n", row.name, ratio(theirs, ours, &Figures::total),
               ratio(theirs, ours, &Figures::poll_cpu), ratio(theirs, ours, &Figures::gzip_cpu),
               ratio(theirs, ours, &Figures::peak_mb));
  }
}

Fleet fleet_of(std::size_t workers) {
  return {.endpoints = std::max<std::size_t>(workers / 100, 10), .workers_each = 100};
}

class Stage {
 public:
  explicit Stage(const fs::path& directory, const Fleet& fleet, milliseconds interval,
                 std::vector<std::string> more)
      : directory_(directory),
        simulator_(directory, fleet, vast_accounts(fleet, interval), more),
        scene_{.fleet = fleet, .simulator = &simulator_, .interval = interval} {}

  // Each run has a directory of its own.
  Scene scene(const std::string& name) {
    scene_.directory = directory_ / name;
    fs::create_directories(scene_.directory);
    return scene_;
  }
  [[nodiscard]] pid_t simulator() const { return simulator_.id(); }

 private:
  fs::path directory_;
  Simulator simulator_;
  Scene scene_;
};

fs::path fresh(const fs::path& directory, const std::string& name) {
  fs::create_directories(directory / name);
  return directory / name;
}

}  // namespace

bool compare(const fs::path& directory, const CompareOptions& options) {
  const auto rows = contenders(options.go);
  {
    const Fleet fleet = fleet_of(1000);
    // So long that nobody polls twice.
    Stage stage(fresh(directory, "agree"), fleet, seconds{30}, {"--frozen"});
    std::vector<std::pair<std::string, std::string>> pages;
    for (const auto& row : rows) {
      const auto contender = row.start(stage.scene(row.name));
      contender->await_first_poll();
      pages.emplace_back(row.name, e2e::get(contender->url() + "/metrics").body);
    }
    fmt::print("all say the same of {} series of workers\n", agreed_series(pages));
    std::fflush(stdout);
  }

  Watch watch;
  std::vector<std::string> doubts;
  std::map<std::size_t, Rounds> sizes;
  const auto run = [&](std::size_t workers, const std::vector<Row>& who) {
    const Fleet fleet = fleet_of(workers);
    const auto interval = interval_for(fleet);
    std::map<std::string, std::string> gave_up;
    for (int round = 0; round < options.rounds; ++round) {
      Stage stage(fresh(directory, fmt::format("{}.{}", workers, round)), fleet, interval,
                  {"--speed", speed_for(interval)});
      for (const auto& row : who) {
        if (gave_up.contains(row.name)) continue;
        const bool is_ours = row.name == rows.front().name;
        const auto contender = row.start(stage.scene(row.name));
        watch.begin({contender->id(), stage.simulator()});
        try {
          sizes[workers][row.name].push_back(measure(*contender, is_ours));
        } catch (const std::runtime_error& error) {
          // Some of the others cannot carry some sizes, which is a result, too.
          if (is_ours) throw;
          gave_up[row.name] = error.what();
          sizes[workers].erase(row.name);
          fmt::print(stderr, "{} workers: {} gave up: {}\n", workers, row.name, error.what());
          continue;
        }
        const auto why = why_not(watch.end());
        if (!why.empty()) {
          doubts.push_back(
              fmt::format("{} workers, round {}, {}: {}", workers, round + 1, row.name, why));
        }
        fmt::print(stderr, "{} workers, round {} of {}: {}{}{}\n", workers, round + 1,
                   options.rounds, row.name, why.empty() ? "" : ": ", why);
      }
      fs::remove_all(directory / fmt::format("{}.{}", workers, round));
    }
    print_size(workers, who, sizes[workers]);
    for (const auto& [name, why] : gave_up) fmt::print("\n{} gave up: {}\n", name, why);
    std::fflush(stdout);
  };
  for (const auto workers : options.workers) run(workers, rows);
  for (const auto workers : options.workers_alone) run(workers, {rows.front()});

  if (sizes.size() > 1) {
    fmt::print(
        "\nserverless_exporter from size to size: CPU of a poll and a gzip scrape grows "
        "with workers to the power of\n\n| from | to | exponent |\n| --- | --- | --- |\n");
    for (auto at = sizes.begin(), next = std::next(at); next != sizes.end(); ++at, ++next) {
      const auto cost = [&](const auto& size) {
        return median(each(size.second.at(rows.front().name), &Figures::total));
      };
      fmt::print("| {} | {} | {:.2f} |\n", at->first, next->first,
                 std::log(cost(*next) / cost(*at)) /
                     std::log(static_cast<double>(next->first) / static_cast<double>(at->first)));
    }
  }
  if (!options.judged) {
    fmt::print("\nThe machine was not judged: these figures say nothing.\n");
    return true;
  }
  fmt::print("\n{}\n", verdict(doubts));
  return doubts.empty();
}

}  // namespace bench
