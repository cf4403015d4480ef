// Dashboards, rules and documents may name only metrics that exist.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using Found = std::vector<std::string>;

constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:";

/// Names that begin as a metric does and are none: programs, and what is named after them.
const std::set<std::string, std::less<>> kNoMetrics{"serverless_exporter", "serverless_simulator"};

bool is_metric(std::string_view name) {
  if (daemon::find_row(name) != nullptr) return true;
  for (const std::string_view part : {"_bucket", "_sum", "_count"}) {
    if (!name.ends_with(part)) continue;
    const auto* row = daemon::find_row(name.substr(0, name.size() - part.size()));
    if (row != nullptr && row->type == daemon::MetricType::histogram) return true;
  }
  return false;
}

/// "serverless_exporter_*" stands for all that begin so.
bool is_prefix(std::string_view name) {
  const auto rows = daemon::rows();
  return std::any_of(rows.begin(), rows.end(),
                     [name](const daemon::Row& row) { return row.name.starts_with(name); });
}

/// The names that rules record.
std::set<std::string, std::less<>> recorded_in(const Tree& tree) {
  std::set<std::string, std::less<>> names;
  for (const auto& [path, text] : tree) {
    for (const auto& line : lines_of(text)) {
      const auto at = line.find("record: ");
      if (at != std::string::npos) names.insert(trim(line.substr(at + 8)));
    }
  }
  return names;
}

/// What looks like a metric's name and is none, "path:line: name".
Found check_names(const Tree& tree) {
  const auto recorded = recorded_in(tree);
  Found found;
  for (const auto& [path, text] : tree) {
    std::size_t number = 0;
    for (const auto& line : lines_of(text)) {
      ++number;
      for (std::size_t from = 0; from < line.size();) {
        const auto start = line.find_first_of(kNameLetters, from);
        if (start == std::string::npos) break;
        const auto end = std::min(line.find_first_not_of(kNameLetters, start), line.size());
        from = end;
        auto name = std::string_view{line}.substr(start, end - start);
        if (start > 0 && line[start - 1] == '\\') name.remove_prefix(1);  // JSON's \n, \t.
        while (name.ends_with(':')) name.remove_suffix(1);
        if (!name.starts_with("serverless_") && name.find(":serverless_") == name.npos) continue;
        const bool all = end < line.size() && line[end] == '*';
        const bool known = is_metric(name) || kNoMetrics.contains(name) ||
                           recorded.contains(name) || (all && is_prefix(name));
        if (!known) found.push_back(fmt::format("{}:{}: {}", path, number, name));
      }
    }
  }
  return found;
}

TEST(Names, WhatExistsIsNotReported) {
  EXPECT_EQ(check_names({{"prometheus/a.yml",
                          "  - record: account:serverless_load:sum\n"
                          "    expr: sum(serverless_endpoint_load)\n"},
                         {"grafana/a.json", R"("expr": "account:serverless_load:sum")"},
                         {"README.md",
                          "serverless_exporter: see `serverless_poll_*`, "
                          "serverless_api_request_duration_seconds_bucket{le}"}}),
            Found{});
}

TEST(Names, WhatDoesNotExistIsReported) {
  EXPECT_EQ(check_names({{"grafana/a.json", "\n\"expr\": \"max(serverless_endpoint_wokers)\""}}),
            Found{"grafana/a.json:2: serverless_endpoint_wokers"});
  EXPECT_EQ(check_names({{"grafana/a.json", R"-("expr": "sum(\nserverless_wokers)")-"}}),
            Found{"grafana/a.json:1: serverless_wokers"});
  EXPECT_EQ(check_names({{"README.md", "serverless_endpoint_load_count"}}),
            Found{"README.md:1: serverless_endpoint_load_count"});
  EXPECT_EQ(check_names({{"docs/a.md", "`serverless_pole_*`"}}),
            Found{"docs/a.md:1: serverless_pole_"});
  EXPECT_EQ(check_names({{"prometheus/a.yml", "expr: account:serverless_load:sum > 1"}}),
            Found{"prometheus/a.yml:1: account:serverless_load:sum"});
}

TEST(Names, OfDashboardsRulesAndDocumentsExist) {
  const auto tree =
      read_tree({"grafana", "prometheus", "docs", "README.md"}, {".json", ".yml", ".yaml", ".md"});
  EXPECT_TRUE(tree.contains("prometheus/serverless_exporter.rules.yml"));
  EXPECT_TRUE(tree.contains("grafana/dashboards/fleet.json"));
  EXPECT_EQ(check_names(tree), Found{});
}

}  // namespace
}  // namespace serverless::repo
