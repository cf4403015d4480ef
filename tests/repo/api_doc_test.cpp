// Holds docs/api.md to what is served.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "daemon/clock.hpp"
#include "daemon/metrics.hpp"
#include "daemon/routes.hpp"
#include "daemon/workers.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using Names = std::set<std::string>;

std::string document() { return read_file("docs/api.md"); }

/// What stands in backticks in the first cells of the tables below that heading.
std::vector<std::string> documented(const std::string& heading) {
  std::vector<std::string> names;
  for (const auto& row : table_rows(document())) {
    if (row.heading != heading) continue;
    for (auto& name : in_backticks(row.cells.at(0))) names.push_back(std::move(name));
  }
  return names;
}

/// The keys of the first object in the document's example that begins with this.
Names keys_of_example(std::string_view begin) {
  Names keys;
  for (const auto& line : lines_of(document())) {
    if (!line.starts_with(begin)) continue;
    int depth = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (line[at] == '{') ++depth;
      if (line[at] == '}') --depth;
      if (line[at] != '"') continue;
      const auto end = line.find('"', at + 1);
      if (depth == 1 && line[end + 1] == ':') keys.insert(line.substr(at + 1, end - at - 1));
      at = end;
    }
  }
  return keys;
}

class Api : public testing::Test {
 protected:
  int status(const std::string& method, const std::string& path, const std::string& name = "",
             const std::string& value = "") {
    daemon::HttpRequest request{.method = method, .path = path};
    if (!name.empty()) request.arguments.emplace_back(name, value);
    return routes_.handle(request).status;
  }

  daemon::Store store_{config::Limits{}};
  daemon::SelfMetrics self_{};
  daemon::Routes routes_{store_, self_, daemon::read_clock().mono,
                         [] { return daemon::HttpReply{}; }};
};

TEST_F(Api, EveryPathOfTheDocumentIsServed) {
  const auto paths = documented("What is served");
  EXPECT_GE(paths.size(), 9U);
  for (const auto& path : paths) {
    EXPECT_NE(status("GET", path), 404) << path;
    EXPECT_NE(status("POST", path), 404) << path;
  }
}

TEST_F(Api, EveryArgumentOfTheDocumentIsTaken) {
  const auto value_of = [](const std::string& name) -> std::string {
    if (name == "status") return "idle";
    if (name == "stale") return "true";
    if (name == "sort") return "worst";
    if (name == "order") return "asc";
    return "1";
  };
  const auto arguments = documented("/api/v1/workers");
  std::size_t taken = 0;
  for (const auto& name : arguments) {
    daemon::WorkerQuery query;
    const bool own = name == "offset" || name == "limit";
    if (!own && !daemon::take_argument(query, name, value_of(name)).value_or(false)) continue;
    EXPECT_EQ(status("GET", "/api/v1/workers", name, value_of(name)), 200) << name;
    ++taken;
  }
  EXPECT_EQ(taken, 13U) << "provider, account and status are fields, too";
  for (const std::string name : {"provider", "account", "endpoint"}) {
    EXPECT_EQ(status("GET", "/api/v1/endpoints", name, "1"), 200) << name;
    EXPECT_EQ(status("GET", "/debug/polls", name, "1"), 200) << name;
  }
  for (const auto& name : documented("/metrics")) {
    EXPECT_EQ(status("GET", "/metrics", name, "no such thing"), 400) << name;
  }
}

TEST_F(Api, TheExamplesHaveDocumentedFieldsOnly) {
  const auto check = [](const std::string& heading, std::string_view begin,
                        const std::string& prefix) {
    const auto fields = documented(heading);
    const auto keys = keys_of_example(begin);
    EXPECT_GE(keys.size(), 6U) << heading;
    for (const auto& key : keys) {
      const bool listed = std::find(fields.begin(), fields.end(), key) != fields.end();
      EXPECT_TRUE(listed || daemon::find_row(prefix + key) != nullptr) << key;
    }
  };
  check("/api/v1/workers",
        "{\"provider\":\"runpod\",\"account\":\"prod\",\"endpoint_id\":\"e1\",\"worker",
        "serverless_worker_");
  check("/api/v1/endpoints",
        "{\"provider\":\"runpod\",\"account\":\"prod\",\"endpoint_id\":\"e1\",\"name",
        "serverless_endpoint_");
}

}  // namespace
}  // namespace serverless::repo
