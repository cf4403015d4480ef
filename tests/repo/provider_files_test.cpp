// What belongs to a provider, beside what the tests of documents ask for.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/registry.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using Found = std::vector<std::string>;

/// The names that the files of a provider have: NAME is its own, STEM the same as a C++ name.
constexpr std::array<std::string_view, 7> kFiles{
    "collectors/STEM.hpp",   "collectors/STEM.cpp",      "tests/collectors/STEM_test.cpp",
    "tests/fixtures/STEM/",  "tests/fuzz/STEM_fuzz.cpp", "tests/fuzz/STEM.dict",
    "tests/golden/NAME.txt",
};

std::string with_names(std::string_view pattern, std::string_view name) {
  std::string stem{name};
  std::replace(stem.begin(), stem.end(), '-', '_');
  std::string path{pattern};
  if (const auto at = path.find("STEM"); at != std::string::npos) path.replace(at, 4, stem);
  if (const auto at = path.find("NAME"); at != std::string::npos) path.replace(at, 4, name);
  return path;
}

/// The files that are not there. One that ends in a slash is a folder with at least one file.
Found missing(const Tree& tree, std::span<const std::string_view> providers) {
  Found found;
  for (const auto provider : providers) {
    for (const auto pattern : kFiles) {
      const auto path = with_names(pattern, provider);
      const auto at = tree.lower_bound(path);
      const bool there = at != tree.end() &&
                         (path.ends_with('/') ? at->first.starts_with(path) : at->first == path);
      if (!there) found.push_back("no " + path);
    }
  }
  return found;
}

/// The names of providers that a document lists for the key `provider`, and does not have.
Found missing_in_list(std::string_view text, std::span<const std::string_view> providers) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  Found found{"no line that lists the values of `provider`"};
  for (const auto& line : lines_of(text)) {
    if (line.find("provider") == std::string::npos) continue;
    std::vector<std::string_view> words;
    for (std::size_t end = 0;;) {
      const auto start = line.find_first_of(kLetters, end);
      if (start == std::string::npos) break;
      end = std::min(line.find_first_not_of(kLetters, start), line.size());
      words.push_back(std::string_view{line}.substr(start, end - start));
    }
    Found left_out;
    for (const auto provider : providers) {
      if (std::find(words.begin(), words.end(), provider) == words.end()) {
        left_out.push_back(fmt::format("no {} in: {}", provider, trim(line)));
      }
    }
    // A line that names one or two of several is about those.
    if (providers.size() - left_out.size() > 2 || left_out.empty()) return left_out;
  }
  return found;
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> names;
  for (const auto& provider : providers()) names.push_back(provider.name);
  return names;
}

// ---- planted

constexpr std::array<std::string_view, 1> kAcme{"acme-v2"};

TEST(ProviderFiles, WhatIsMissingIsReported) {
  Tree tree;
  for (const auto pattern : kFiles) tree[with_names(pattern, kAcme[0])] = "";
  tree.erase("tests/fixtures/acme_v2/");
  tree["tests/fixtures/acme_v2/list.json"] = "";
  EXPECT_EQ(missing(tree, kAcme), Found{});
  tree.erase("tests/fixtures/acme_v2/list.json");
  tree.erase("tests/golden/acme-v2.txt");
  EXPECT_EQ(missing(tree, kAcme),
            (Found{"no tests/fixtures/acme_v2/", "no tests/golden/acme-v2.txt"}));
}

TEST(ProviderFiles, AListThatLeavesOneOutIsReported) {
  constexpr std::array<std::string_view, 4> kFour{"a", "b", "b-v1", "c"};
  EXPECT_EQ(missing_in_list("x\nprovider = \"a\"  # a, b, b-v1 or c\n", kFour), Found{});
  EXPECT_EQ(missing_in_list("provider = \"a\"\n # provider: a, b-v1, c\n", kFour),
            Found{"no b in: # provider: a, b-v1, c"});
  EXPECT_EQ(missing_in_list("provider = \"a\"\n", kFour),
            Found{"no line that lists the values of `provider`"});
}

// ---- the project

TEST(ProviderFiles, EveryProviderHasThem) {
  EXPECT_EQ(missing(read_tree({"collectors", "tests"}, {""}), names()), Found{})
      << "docs/adding-a-provider.md tells what they are";
}

TEST(ProviderFiles, EveryListOfProvidersHasThemAll) {
  for (const std::string path :
       {"README.md", "docs/configuration.md", "config/example.toml", "debian/config.toml"}) {
    EXPECT_EQ(missing_in_list(read_file(path), names()), Found{}) << path;
  }
}

}  // namespace
}  // namespace serverless::repo
