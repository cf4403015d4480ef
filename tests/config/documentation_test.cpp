// Holds config/example.toml and docs/configuration.md to what load() accepts.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "config/load.hpp"
#include "tests/config/specs.hpp"

namespace serverless::config {
namespace {

using Keys = std::set<std::string>;

struct Row {
  std::vector<std::string> cells{};
};

constexpr std::string_view kSections[] = {"[web]", "[poll]", "[limits]", "[series]", "[log]"};

/// Sections with what stands in them at least.
constexpr std::pair<std::string_view, std::string_view> kNeedySections[] = {
    {"[web.tls_server_config]", "cert_file = \"/c\"\nkey_file = \"/k\""},
    {"[cluster]", "etcd = [\"https://a\"]"}};

std::string read_file(const std::string& path) {
  std::ifstream file(std::string(SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string account_of(std::string_view provider, std::string_view more = "") {
  return fmt::format(
      "[[accounts]]\nname = \"a\"\nprovider = \"{}\"\napi_key_file = \"/etc/key\"\n{}", provider,
      more);
}

/// The texts that stand between a pair of marks.
std::vector<std::string> between(std::string_view text, char mark) {
  std::vector<std::string> all;
  for (auto open = text.find(mark); open != std::string_view::npos; open = text.find(mark, open)) {
    const auto close = text.find(mark, open + 1);
    if (close == std::string_view::npos) break;
    all.emplace_back(text.substr(open + 1, close - open - 1));
    open = close + 1;
  }
  return all;
}

/// The keys that load() names when it is given one that is like none of them.
Keys accepted(std::string_view text_before, std::string_view text_after = "") {
  const auto text = fmt::format("{}\nzzzzzzzzzzzz = 1\n{}", text_before, text_after);
  const auto config = load(text, "f", specs());
  EXPECT_FALSE(config);
  EXPECT_EQ(config.error().size(), 1u);
  const auto& what = config.error().at(0).what;
  const auto known = between(what.substr(what.find("; known are ")), '\'');
  return {known.begin(), known.end()};
}

/// The tables of docs/configuration.md by the heading above them, without their first two lines.
std::map<std::string, std::vector<Row>> tables() {
  std::map<std::string, std::vector<Row>> all;
  std::istringstream lines(read_file("docs/configuration.md"));
  std::string heading;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) heading = line.substr(line.find(' ') + 1);
    if (!line.starts_with("| `")) continue;
    Row row;
    std::istringstream cells(line.substr(1));
    for (std::string cell; std::getline(cells, cell, '|');) row.cells.push_back(cell);
    all[heading].push_back(row);
  }
  return all;
}

std::vector<Row> rows_of(const std::string& heading) {
  const auto rows = tables()[heading];
  EXPECT_FALSE(rows.empty()) << heading;
  return rows;
}

Keys documented(const std::string& heading) {
  Keys keys;
  for (const auto& row : rows_of(heading)) {
    for (auto& key : between(row.cells.at(0), '`')) {
      EXPECT_TRUE(keys.insert(key).second) << key;
    }
  }
  return keys;
}

TEST(Documentation, EverySectionListsTheKeysThatLoadAccepts) {
  for (const auto section : kSections) {
    EXPECT_EQ(documented(fmt::format("`{}`", section)), accepted(section, account_of("runpod")))
        << section;
  }
}

TEST(Documentation, EveryProviderListsTheKeysThatLoadAcceptsInItsAccounts) {
  for (const auto& provider : specs()) {
    auto keys = documented("`[[accounts]]`");
    keys.merge(documented(fmt::format("Provider `{}`", provider.name)));
    EXPECT_EQ(keys, accepted(account_of(provider.name))) << provider.name;
  }
}

TEST(Documentation, EveryDefaultOfASectionIsTheDefaultInTheCode) {
  std::string text;
  for (const auto section : kSections) {
    text += fmt::format("{}\n", section);
    for (const auto& row : rows_of(fmt::format("`{}`", section))) {
      text += fmt::format("{} = {}\n", between(row.cells.at(0), '`').at(0),
                          between(row.cells.at(2), '`').at(0));
    }
  }
  const auto config = load(text + account_of("runpod"), "docs/configuration.md", specs());
  ASSERT_TRUE(config) << to_string(config.error().at(0));
  EXPECT_EQ(*config, load(account_of("runpod"), "f", specs()).value());
}

TEST(Documentation, EveryDefaultOfAProvidersKeyIsTheDefaultInItsRow) {
  for (const auto& provider : specs()) {
    std::string text;
    for (const auto& row : rows_of(fmt::format("Provider `{}`", provider.name))) {
      text += fmt::format("{} = {}\n", between(row.cells.at(0), '`').at(0),
                          between(row.cells.at(2), '`').at(0));
    }
    const auto config = load(account_of(provider.name, text), "docs/configuration.md", specs());
    ASSERT_TRUE(config) << to_string(config.error().at(0));
    EXPECT_EQ(*config, load(account_of(provider.name), "f", specs()).value());
  }
}

TEST(Documentation, ASectionThatNeedsSomethingListsTheKeysThatLoadAcceptsWithTheirDefaults) {
  for (const auto& [section, needs] : kNeedySections) {
    const auto least = fmt::format("{}\n{}\n", section, needs);
    const auto heading = fmt::format("`{}`", section);
    EXPECT_EQ(documented(heading), accepted(least, account_of("runpod")));
    auto text = least;
    for (const auto& row : rows_of(heading)) {
      const auto defaults = between(row.cells.at(2), '`');
      if (!defaults.empty()) {
        text += fmt::format("{} = {}\n", between(row.cells.at(0), '`').at(0), defaults.at(0));
      }
    }
    const auto config = load(text + account_of("runpod"), "docs/configuration.md", specs());
    ASSERT_TRUE(config) << to_string(config.error().at(0));
    EXPECT_EQ(*config, load(least + account_of("runpod"), "f", specs()).value());
  }
}

TEST(Example, SaysWhatTheDefaultsAre) {
  const auto config = load(read_file("config/example.toml"), "config/example.toml", specs());
  ASSERT_TRUE(config) << to_string(config.error().at(0));
  ASSERT_EQ(config->accounts.size(), 4u);
  auto defaults = Config{.accounts = config->accounts};
  EXPECT_EQ(*config, defaults);
  for (const auto& account : config->accounts) {
    auto plain = load(account_of(account.provider), "f", specs()).value().accounts.at(0);
    plain.name = account.name;
    plain.key = account.key;
    plain.poll.interval = account.poll.interval;
    EXPECT_EQ(account, plain) << account.name;
  }
}

TEST(Example, HasEveryKey) {
  const auto example = read_file("config/example.toml");
  Keys keys;
  for (const auto section : kSections) keys.merge(accepted(section, account_of("runpod")));
  keys.merge(accepted("[cluster]\netcd = [\"https://a\"]", account_of("runpod")));
  for (const auto& provider : specs()) keys.merge(accepted(account_of(provider.name)));
  for (const auto& key : keys) {
    const bool there = example.find("\n" + key + " = ") != std::string::npos ||
                       example.find("\n# " + key + " = ") != std::string::npos;
    EXPECT_TRUE(there) << key;
  }
}

// The overrides stand in comments, so that the example says what [poll] says. They must load too.
TEST(Example, LoadsWithItsCommentedOverrides) {
  auto text = read_file("config/example.toml");
  for (const auto& key : documented("`[poll]`")) {
    const auto at = text.find("\n# " + key + " = ");
    ASSERT_NE(at, std::string::npos) << key;
    text.erase(at + 1, 2);
  }
  EXPECT_EQ(load(text, "f", specs()), load(read_file("config/example.toml"), "f", specs()));
}

// The cluster stands in comments, since without one is the default.
TEST(Example, LoadsWithItsCommentedCluster) {
  auto text = read_file("config/example.toml");
  auto line = text.find("\n# [cluster]");
  ASSERT_NE(line, std::string::npos);
  for (; text.compare(line, 3, "\n# ") == 0; line = text.find('\n', line + 1)) {
    text.erase(line + 1, 2);
  }
  auto expected = load(read_file("config/example.toml"), "f", specs());
  expected->cluster = Cluster{.etcd = {"https://127.0.0.1:2379"}};
  EXPECT_EQ(load(text, "f", specs()), expected);
}

}  // namespace
}  // namespace serverless::config
