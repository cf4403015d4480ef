// Holds docs/providers.md, docs/configuration.md and config/example.toml to the table of providers.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/registry.hpp"
#include "config/load.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using Found = std::vector<std::string>;
using Words = std::set<std::string>;

constexpr std::string_view kTop = "Providers";

/// What the code says of a provider, in the order of the columns.
std::vector<Words> facts_of(const Provider& provider) {
  Words statuses;
  Words reasons;
  Words keys;
  for (const auto status : provider.statuses) statuses.emplace(name(status));
  for (const auto reason : provider.stale_reasons) reasons.emplace(name(reason));
  for (const auto& key : provider.keys) keys.emplace(key.name);
  return {{std::string{provider.label}}, statuses, reasons, keys};
}

/// The page's own table against the table in the code.
Found drift(std::string_view markdown, std::span<const Provider> providers) {
  constexpr std::array<std::string_view, 4> kFacts{"label", "statuses", "stale reasons", "keys"};
  constexpr std::array<std::size_t, 4> kColumns{1, 3, 4, 5};
  Found found;
  std::vector<std::string> documented;
  for (const auto& row : table_rows(markdown)) {
    if (row.heading != kTop) continue;
    const auto names = in_backticks(row.cells.at(0));
    documented.push_back(names.empty() ? row.cells.at(0) : names[0]);
    const auto provider =
        std::find_if(providers.begin(), providers.end(),
                     [&](const Provider& one) { return one.name == documented.back(); });
    if (provider == providers.end()) {
      found.push_back("no provider: " + documented.back());
      continue;
    }
    const auto facts = facts_of(*provider);
    for (std::size_t i = 0; i < facts.size(); ++i) {
      const auto words = in_backticks(row.cells.at(kColumns[i]));
      if (Words(words.begin(), words.end()) != facts[i] || words.size() != facts[i].size()) {
        found.push_back(fmt::format("{}: other {}", provider->name, kFacts[i]));
      }
    }
  }
  for (const auto& provider : providers) {
    const auto rows = std::count(documented.begin(), documented.end(), provider.name);
    if (rows != 1) found.push_back(fmt::format("not once: {}", provider.name));
  }
  return found;
}

/// The section of each provider: that it is there, and what its tables say of statuses and
/// operations.
Found section_drift(std::string_view markdown, std::span<const Provider> providers) {
  std::map<std::string, Words> statuses;
  std::map<std::string, Words> operations;
  for (const auto& row : table_rows(markdown)) {
    if (row.cells.size() == 2)
      statuses[row.heading].merge([&] {
        const auto words = in_backticks(row.cells[1]);
        return Words(words.begin(), words.end());
      }());
    if (row.cells.size() == 4) operations[row.heading].insert(in_backticks(row.cells[0]).at(0));
  }
  Found found;
  for (const auto& provider : providers) {
    const auto heading = fmt::format("Provider `{}`", provider.name);
    if (!operations.contains(heading)) {
      found.push_back("no section: " + heading);
      continue;
    }
    // A word that is not known has no row of its own.
    auto shown = facts_of(provider)[1];
    shown.erase("unknown");
    Words named;
    for (const auto& word : statuses[heading]) {
      if (std::find(kStatusNames.begin(), kStatusNames.end(), word) != kStatusNames.end()) {
        named.insert(word);
      }
    }
    if (named != shown) found.push_back(heading + ": other statuses");
    for (const auto& spacing : provider.policy.spacings) {
      if (!operations[heading].contains(std::string{spacing.operation})) {
        found.push_back(fmt::format("{}: no operation {}", heading, spacing.operation));
      }
    }
  }
  return found;
}

/// A collector's targets name their operations; each has to be in the section.
Found operation_drift(std::string_view markdown, const Provider& provider,
                      const std::vector<Target>& targets) {
  const auto heading = fmt::format("Provider `{}`", provider.name);
  const auto rows = table_rows(markdown);
  Found found;
  for (const auto& target : targets) {
    const bool there = std::any_of(rows.begin(), rows.end(), [&](const TableRow& row) {
      return row.heading == heading && row.cells.size() == 4 &&
             row.cells[0] == "`" + target.operation + "`" && row.cells[1] == "`" + target.api + "`";
    });
    if (!there)
      found.push_back(fmt::format("{}: no {} of {}", heading, target.operation, target.api));
  }
  return found;
}

std::string_view type_name(config::KeySpec::Type type) {
  switch (type) {
    case config::KeySpec::Type::url:
      return "URL";
    case config::KeySpec::Type::text:
      return "text";
    case config::KeySpec::Type::boolean:
      return "boolean";
    case config::KeySpec::Type::list:
      return "list of ids";
  }
  return "";
}

struct Written {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& value) const { return fmt::format("\"{}\"", value); }
  std::string operator()(const std::vector<std::string>& value) const {
    return value.empty() ? "[]" : "?";
  }
};

/// docs/configuration.md's tables of providers' keys against what the configuration is told.
Found key_drift(std::string_view markdown, std::span<const config::ProviderSpec> specs) {
  std::vector<std::string> documented;
  for (const auto& row : table_rows(markdown)) {
    if (!row.heading.starts_with("Provider `")) continue;
    documented.push_back(fmt::format("{}: {}, {}, {}", in_backticks(row.heading).at(0),
                                     in_backticks(row.cells.at(0)).at(0), row.cells.at(1),
                                     in_backticks(row.cells.at(2)).at(0)));
  }
  std::vector<std::string> known;
  for (const auto& spec : specs) {
    for (const auto& key : spec.keys) {
      known.push_back(fmt::format("{}: {}, {}, {}", spec.name, key.name, type_name(key.type),
                                  std::visit(Written{}, key.fallback)));
    }
  }
  std::sort(documented.begin(), documented.end());
  std::sort(known.begin(), known.end());
  Found found;
  std::set_difference(known.begin(), known.end(), documented.begin(), documented.end(),
                      std::back_inserter(found));
  for (auto& key : found) key.insert(0, "not documented: ");
  Found unknown;
  std::set_difference(documented.begin(), documented.end(), known.begin(), known.end(),
                      std::back_inserter(unknown));
  for (const auto& key : unknown) found.push_back("no key: " + key);
  return found;
}

/// Providers that no account of a configuration has, and what is wrong with it.
Found example_drift(std::string_view text, std::span<const config::ProviderSpec> specs) {
  const auto config = config::load(text, "example.toml", specs);
  Found found;
  if (!config) {
    for (const auto& problem : config.error()) found.push_back(to_string(problem));
    return found;
  }
  for (const auto& spec : specs) {
    const bool there =
        std::any_of(config->accounts.begin(), config->accounts.end(),
                    [&](const config::Account& account) { return account.provider == spec.name; });
    if (!there) found.push_back(fmt::format("no account of {}", spec.name));
  }
  return found;
}

// ---- planted violations

constexpr std::array kPlantedStatuses{Status::running, Status::idle};
constexpr std::array kPlantedReasons{Staleness::version};
constexpr std::array kPlantedSpacings{Spacing{"list", std::chrono::seconds{1}}};

const std::array<config::KeySpec, 2>& planted_keys() {
  static const std::array kKeys{
      config::KeySpec{.name = "api_url",
                      .type = config::KeySpec::Type::url,
                      .fallback = std::string{"https://api.example"}},
      config::KeySpec{.name = "deep", .type = config::KeySpec::Type::boolean, .fallback = false}};
  return kKeys;
}

Provider planted() {
  return {.name = "acme",
          .label = "acme",
          .keys = planted_keys(),
          .statuses = kPlantedStatuses,
          .stale_reasons = kPlantedReasons,
          .policy = {.spacings = kPlantedSpacings}};
}

std::string page_with(std::string_view row) {
  return fmt::format(
      "# Providers\n\n| provider | label | api | statuses | stale reasons | keys |\n"
      "| --- | --- | --- | --- | --- | --- |\n{}\n",
      row);
}

constexpr std::string_view kGoodRow =
    "| `acme` | `acme` | REST | `running`, `idle` | `version` | `api_url`, `deep` |";

TEST(ProvidersDoc, WhatDiffersIsReported) {
  const std::array providers{planted()};
  EXPECT_EQ(drift(page_with(kGoodRow), providers), Found{});
  EXPECT_EQ(drift(page_with(""), providers), Found{"not once: acme"});
  EXPECT_EQ(drift(page_with(kGoodRow), {}), Found{"no provider: acme"});
  const auto twice = fmt::format("{}\n{}", kGoodRow, kGoodRow);
  EXPECT_EQ(drift(page_with(twice), providers), Found{"not once: acme"});
  EXPECT_EQ(drift(page_with("| `acme` | `x` | REST | `running` | | `api_url`, `deep`, `more` |"),
                  providers),
            (Found{"acme: other label", "acme: other statuses", "acme: other stale reasons",
                   "acme: other keys"}));
}

TEST(ProvidersDoc, ASectionThatDiffersIsReported) {
  const std::array providers{planted()};
  const std::string operations =
      "## Provider `acme`\n| operation | api | request | polled |\n| --- | --- | --- | --- |\n"
      "| `list` | `control` | `GET` | often |\n";
  const std::string words = "| word | status |\n| --- | --- |\n";
  EXPECT_EQ(section_drift("", providers), Found{"no section: Provider `acme`"});
  EXPECT_EQ(section_drift(operations + words + "| `UP` | `running` or `idle` |\n", providers),
            Found{});
  EXPECT_EQ(section_drift(operations + words + "| `UP` | `running` |\n", providers),
            Found{"Provider `acme`: other statuses"});
  auto other = operations;
  other.replace(other.find("list"), 4, "show");
  EXPECT_EQ(section_drift(other + words + "| `UP` | `running`, `idle` |\n", providers),
            Found{"Provider `acme`: no operation list"});
  EXPECT_EQ(operation_drift(operations, providers[0], {{.operation = "list", .api = "control"}}),
            Found{});
  EXPECT_EQ(operation_drift(operations, providers[0], {{.operation = "list", .api = "queue"}}),
            Found{"Provider `acme`: no list of queue"});
}

TEST(ConfigurationDoc, KeysThatDifferAreReported) {
  const std::array specs{config::ProviderSpec{.name = "acme", .keys = planted_keys()}};
  const std::string head =
      "### Provider `acme`\n| key | type | default | meaning |\n"
      "| --- | --- | --- | --- |\n";
  const std::string url = "| `api_url` | URL | `\"https://api.example\"` | words |\n";
  EXPECT_EQ(key_drift(head + url + "| `deep` | boolean | `false` | words |\n", specs), Found{});
  EXPECT_EQ(key_drift(head + url, specs), Found{"not documented: acme: deep, boolean, false"});
  EXPECT_EQ(
      key_drift(head + url + "| `deep` | text | `true` | words |\n", specs),
      (Found{"not documented: acme: deep, boolean, false", "no key: acme: deep, text, true"}));
}

TEST(Example, AProviderThatIsNotThereIsReported) {
  const std::array specs{config::ProviderSpec{.name = "acme"}, config::ProviderSpec{.name = "x"}};
  const std::string text =
      "[[accounts]]\nname = \"a\"\nprovider = \"acme\"\napi_key_env = \"KEY\"\n";
  EXPECT_EQ(example_drift(text, specs), Found{"no account of x"});
  EXPECT_EQ(example_drift(text + "depth = 1\n", specs).size(), 1U);
}

// ---- the project

TEST(ProvidersDoc, ItsTableIsTheTableOfProviders) {
  EXPECT_EQ(drift(read_file("docs/providers.md"), providers()), Found{});
}

TEST(ProvidersDoc, EveryProviderHasItsSection) {
  EXPECT_EQ(section_drift(read_file("docs/providers.md"), providers()), Found{});
}

TEST(ProvidersDoc, EveryOperationIsThere) {
  const auto page = read_file("docs/providers.md");
  for (const auto& provider : providers()) {
    config::Account account{.name = "a", .provider = std::string{provider.name}};
    for (const auto& key : provider.keys) account.settings.emplace(key.name, key.fallback);
    std::vector<Target> targets;
    for (const bool named : {false, true}) {
      if (named) account.endpoints = {"1"};
      const std::vector<EndpointInfo> endpoints{
          {.id = "1", .groups = std::vector<std::string>{"2"}}};
      for (auto& target : provider.make(account)->targets(endpoints)) targets.push_back(target);
    }
    EXPECT_GE(targets.size(), 2U);
    EXPECT_EQ(operation_drift(page, provider, targets), Found{});
  }
}

TEST(ConfigurationDoc, HasTheKeysOfTheRealProviders) {
  EXPECT_EQ(key_drift(read_file("docs/configuration.md"), provider_specs()), Found{});
}

TEST(Example, LoadsAndNamesEveryProvider) {
  EXPECT_EQ(example_drift(read_file("config/example.toml"), provider_specs()), Found{});
}

}  // namespace
}  // namespace serverless::repo
