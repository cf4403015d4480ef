// Holds docs/metrics.md to the table of metrics, and the table to the rules of Prometheus.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using daemon::MetricType;
using daemon::Row;
using Found = std::vector<std::string>;

constexpr std::string_view kHead =
    "| metric | type | more labels | source | what it tells |\n"
    "| --- | --- | --- | --- | --- |\n";

std::string source_of(const Row& row) {
  std::string sources;
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    if ((row.needs & daemon::bit(static_cast<Source>(i))) == 0) continue;
    sources += fmt::format("{}{}", sources.empty() ? "" : " + ", kSourceNames[i]);
  }
  if (sources.empty()) return "state";
  return sources + (row.by_status ? "*" : "");
}

/// "name, type, source": what the page has to say of a row.
std::string facts_of(const Row& row) {
  return fmt::format("{}, {}, {}", row.name, name(row.type), source_of(row));
}

/// What the tables of docs/metrics.md and the rows say without the other.
Found drift(std::string_view markdown, std::span<const Row> rows) {
  Found found;
  std::vector<std::string> documented;
  for (const auto& row : table_rows(markdown)) {
    if (row.cells.size() != 5 || in_backticks(row.cells[0]).size() != 1) {
      found.push_back("not a row of five cells with one metric: " + row.cells.at(0));
      continue;
    }
    if (row.cells[4].empty()) found.push_back(row.cells[0] + " tells nothing");
    documented.push_back(
        fmt::format("{}, {}, {}", in_backticks(row.cells[0])[0], row.cells[1], row.cells[3]));
  }
  std::vector<std::string> published;
  for (const auto& row : rows) published.push_back(facts_of(row));
  for (const auto& fact : published) {
    if (std::count(documented.begin(), documented.end(), fact) != 1) {
      found.push_back("not once in docs/metrics.md: " + fact);
    }
  }
  for (const auto& fact : documented) {
    if (std::find(published.begin(), published.end(), fact) == published.end()) {
      found.push_back("no row: " + fact);
    }
  }
  if (found.empty() && documented != published) found.emplace_back("not in the order of the page");
  return found;
}

/// Words of HELP that bind the name to an ending, with or without _total.
struct Unit {
  std::string_view word{};
  std::string_view part{};
};
constexpr std::array kUnits{
    Unit{"Unix time", "_seconds"},  Unit{"How long ", "_seconds"}, Unit{"CPU time", "_seconds"},
    Unit{"US dollars", "_dollars"}, Unit{"0 to 1", "_ratio"},      Unit{"Bytes ", "_bytes"},
    Unit{"emory", "_bytes"},        Unit{"Disk ", "_bytes"},       Unit{"Size ", "_bytes"},
};

/// Units that are no base units.
constexpr std::array<std::string_view, 14> kOtherUnits{
    "ms", "milliseconds", "microseconds", "minutes", "hours",   "days",  "kb",
    "mb", "gb",           "mib",          "gib",     "percent", "cents", "usd"};

bool has_word(std::string_view name, std::string_view word) {
  const auto marked = fmt::format("_{}_", name);
  return marked.find(fmt::format("_{}_", word)) != std::string::npos;
}

Found check_name(const Row& row) {
  Found found;
  const auto say = [&](std::string_view what) {
    found.push_back(fmt::format("{}: {}", row.name, what));
  };
  if (!row.name.starts_with("serverless_") && !row.name.starts_with("process_")) {
    say("without its prefix");
  }
  if (row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != row.name.npos) {
    say("not in lower case");
  }
  const bool total = row.name.ends_with("_total");
  if (row.type == MetricType::counter && !total) say("a counter that does not end in _total");
  if (row.type != MetricType::counter && total) say("_total on what is no counter");
  for (const std::string_view ending : {"_count", "_sum", "_bucket"}) {
    if (row.name.ends_with(ending)) say(fmt::format("{} is an ending of histograms", ending));
  }
  for (const std::string_view type : {"gauge", "counter", "histogram", "summary"}) {
    if (has_word(row.name, type)) say(fmt::format("{} is a type", type));
  }
  for (const auto unit : kOtherUnits) {
    if (has_word(row.name, unit)) say(fmt::format("{} is no base unit", unit));
  }
  if (has_word(row.name, "timestamp") && !row.name.ends_with("_timestamp_seconds")) {
    say("a time stamp that does not end in _timestamp_seconds");
  }
  return found;
}

Found check_help(const Row& row) {
  Found found;
  const auto say = [&](std::string_view what) {
    found.push_back(fmt::format("{}: {}", row.name, what));
  };
  if (row.help.empty()) {
    say("no HELP");
    return found;
  }
  if (row.help.find('\n') != row.help.npos) say("a line break in HELP");
  if (!row.help.ends_with('.')) say("HELP without a full stop");
  for (const auto& unit : kUnits) {
    if (row.help.find(unit.word) != row.help.npos && row.name.find(unit.part) == row.name.npos) {
      say(fmt::format("HELP says \"{}\", the name not {}", unit.word, unit.part));
    }
  }
  if (row.name.ends_with("_timestamp_seconds") && row.help.find("Unix time") == row.help.npos) {
    say("a time stamp whose HELP does not say Unix time");
  }
  return found;
}

/// What is wrong with a table of metrics.
Found check_rows(std::span<const Row> rows) {
  Found found;
  std::map<std::string_view, const Row*> families;
  const Row* before = nullptr;
  for (const auto& row : rows) {
    for (const auto& problem : check_name(row)) found.push_back(problem);
    for (const auto& problem : check_help(row)) found.push_back(problem);
    const auto [family, is_new] = families.emplace(row.name, &row);
    if (!is_new) {
      const auto& first = *family->second;
      const auto say = [&](std::string_view what) {
        found.push_back(fmt::format("{}: {}", row.name, what));
      };
      if (before->name != row.name) say("its rows do not stand together");
      if (first.type != row.type) say("its rows differ in type");
      if (first.help != row.help) say("its rows differ in HELP");
    }
    before = &row;
  }
  return found;
}

/// The labels of the page, and of the heading, that the column "more labels" leaves out.
std::set<std::string> common_labels(const std::string& heading) {
  if (heading == "Endpoint") return {"provider", "account", "endpoint_id"};
  if (heading == "Worker") return {"provider", "account", "endpoint_id", "worker_id"};
  return {"provider", "account"};
}

/// Where the column "more labels" differs from the labels that a metric has on these pages.
Found label_drift(std::string_view markdown, const std::vector<Sample>& samples) {
  std::map<std::string, std::set<std::string>> published;
  for (const auto& sample : samples) {
    auto family = sample.name;
    for (const std::string_view part : {"_bucket", "_sum", "_count"}) {
      if (!family.ends_with(part)) continue;
      const auto stem = family.substr(0, family.size() - part.size());
      const auto* row = daemon::find_row(stem);
      if (row != nullptr && row->type == MetricType::histogram) family = stem;
    }
    for (const auto& [label, value] : sample.labels) {
      if (label != "le") published[family].insert(label);
    }
  }
  Found found;
  for (const auto& row : table_rows(markdown)) {
    const auto name = in_backticks(row.cells.at(0)).at(0);
    if (!published.contains(name)) continue;
    auto documented = common_labels(row.heading);
    for (auto& label : in_backticks(row.cells.at(2))) documented.insert(label);
    if (documented != published[name]) found.push_back("other labels: " + name);
  }
  return found;
}

// ---- planted violations

Row a_row(std::string_view name, MetricType type, std::string_view help) {
  return {.name = name, .type = type, .help = help};
}

std::string line(std::string_view cells) { return fmt::format("{}| {} |\n", kHead, cells); }

TEST(MetricsDoc, ARowAndItsLineAgree) {
  const Row row{.name = "serverless_x",
                .needs = daemon::bit(Source::workers) | daemon::bit(Source::queue),
                .by_status = true};
  EXPECT_EQ(drift(line("`serverless_x` | gauge | `a` | workers + queue* | words"), {&row, 1}),
            Found{});
}

TEST(MetricsDoc, WhatDiffersIsReported) {
  const std::array rows{a_row("serverless_x", MetricType::gauge, "X.")};
  EXPECT_EQ(drift(kHead, rows), Found{"not once in docs/metrics.md: serverless_x, gauge, state"});
  EXPECT_EQ(drift(line("`serverless_x` | gauge | | state | words"), {}),
            Found{"no row: serverless_x, gauge, state"});
  for (const std::string wrong : {"counter | | state", "gauge | | workers", "gauge | | state*"}) {
    const auto facts = wrong.substr(0, wrong.find(' ')) + ", " + wrong.substr(wrong.rfind(' ') + 1);
    EXPECT_EQ(drift(line("`serverless_x` | " + wrong + " | words"), rows),
              (Found{"not once in docs/metrics.md: serverless_x, gauge, state",
                     "no row: serverless_x, " + facts}));
  }
  const std::string good = "| `serverless_x` | gauge | | state | words |\n";
  EXPECT_EQ(drift(std::string{kHead} + good + good, rows),
            Found{"not once in docs/metrics.md: serverless_x, gauge, state"});
  EXPECT_EQ(drift(line("`serverless_x` | gauge | | state |  "), rows),
            Found{"`serverless_x` tells nothing"});
  EXPECT_EQ(drift(line("`serverless_x` | gauge"), {}),
            Found{"not a row of five cells with one metric: `serverless_x`"});
  const std::array two{rows[0], a_row("serverless_y", MetricType::gauge, "Y.")};
  EXPECT_EQ(drift(line("`serverless_y` | gauge | | state | words") + good, two),
            Found{"not in the order of the page"});
}

TEST(MetricsDoc, OtherLabelsAreReported) {
  const auto page = samples_of("serverless_x{provider=\"p\",account=\"a\",b=\"\\\"}\",c=\"\"} 1\n");
  EXPECT_EQ(label_drift(line("`serverless_x` | gauge | `b`, `c` | state | words"), page), Found{});
  EXPECT_EQ(label_drift(line("`serverless_x` | gauge | `b` | state | words"), page),
            Found{"other labels: serverless_x"});
  EXPECT_EQ(label_drift("## Endpoint\n" + line("`serverless_x` | gauge | `b`, `c` | state | words"),
                        page),
            Found{"other labels: serverless_x"});
}

TEST(MetricsTable, EveryRuleIsReported) {
  struct Case {
    std::string_view name{};
    MetricType type = MetricType::gauge;
    std::string_view help{};
    std::string_view what{};
  };
  constexpr auto kGauge = MetricType::gauge;
  constexpr auto kCounter = MetricType::counter;
  for (const auto& [name, type, help, what] : {
           Case{"workers", kGauge, "X.", "without its prefix"},
           Case{"serverless_Workers", kGauge, "X.", "not in lower case"},
           Case{"serverless_jobs", kCounter, "X.", "a counter that does not end in _total"},
           Case{"serverless_jobs_total", kGauge, "X.", "_total on what is no counter"},
           Case{"serverless_job_count", kGauge, "X.", "_count is an ending of histograms"},
           Case{"serverless_job_sum", kGauge, "X.", "_sum is an ending of histograms"},
           Case{"serverless_job_bucket", kGauge, "X.", "_bucket is an ending of histograms"},
           Case{"serverless_summary_workers", kGauge, "X.", "summary is a type"},
           Case{"serverless_delay_ms", kGauge, "X.", "ms is no base unit"},
           Case{"serverless_gpu_percent", kGauge, "X.", "percent is no base unit"},
           Case{"serverless_disk_gb", kGauge, "X.", "gb is no base unit"},
           Case{"serverless_start_timestamp", kGauge, "Unix time of it.",
                "HELP says \"Unix time\", the name not _seconds"},
           Case{"serverless_start_timestamp_seconds", kGauge, "X.",
                "a time stamp whose HELP does not say Unix time"},
           Case{"serverless_took", kGauge, "How long it took.",
                "HELP says \"How long \", the name not _seconds"},
           Case{"serverless_cost", kGauge, "US dollars.",
                "HELP says \"US dollars\", the name not _dollars"},
           Case{"serverless_use", kGauge, "0 to 1.", "HELP says \"0 to 1\", the name not _ratio"},
           Case{"serverless_disk", kGauge, "Disk used.",
                "HELP says \"Disk \", the name not _bytes"},
           Case{"serverless_x", kGauge, "", "no HELP"},
           Case{"serverless_x", kGauge, "Two\nlines.", "a line break in HELP"},
           Case{"serverless_x", kGauge, "No stop", "HELP without a full stop"},
       }) {
    const std::array rows{a_row(name, type, help)};
    const auto found = check_rows(rows);
    const auto message = fmt::format("{}: {}", name, what);
    EXPECT_NE(std::find(found.begin(), found.end(), message), found.end()) << message;
  }
}

TEST(MetricsTable, RowsOfAFamilyAreHeldTogether) {
  const auto x = a_row("serverless_x", MetricType::gauge, "X.");
  const auto y = a_row("serverless_y", MetricType::gauge, "Y.");
  EXPECT_EQ(check_rows(std::array{x, x, y}), Found{});
  EXPECT_EQ(check_rows(std::array{x, y, x}), Found{"serverless_x: its rows do not stand together"});
  EXPECT_EQ(check_rows(std::array{x, a_row(x.name, MetricType::histogram, x.help)}),
            Found{"serverless_x: its rows differ in type"});
  EXPECT_EQ(check_rows(std::array{x, a_row(x.name, x.type, "Z.")}),
            Found{"serverless_x: its rows differ in HELP"});
}

// ---- the project

TEST(MetricsDoc, ListsExactlyTheRows) {
  EXPECT_EQ(drift(read_file("docs/metrics.md"), daemon::rows()), Found{});
}

TEST(MetricsDoc, HasTheLabelsOfTheGoldenPages) {
  std::vector<Sample> samples;
  for (const auto& [path, page] : read_tree({"tests/golden"}, {".txt"})) {
    const auto found = samples_of(page);
    samples.insert(samples.end(), found.begin(), found.end());
  }
  EXPECT_GT(samples.size(), 1000U);
  EXPECT_EQ(label_drift(read_file("docs/metrics.md"), samples), Found{});
}

TEST(MetricsTable, FollowsTheRules) { EXPECT_EQ(check_rows(daemon::rows()), Found{}); }

}  // namespace
}  // namespace serverless::repo
