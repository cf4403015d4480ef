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

// ---- the project

TEST(ProviderFiles, EveryProviderHasThem) {
  EXPECT_EQ(missing(read_tree({"collectors", "tests"}, {""}), names()), Found{})
      << "docs/adding-a-provider.md tells what they are";
}

}  // namespace
}  // namespace serverless::repo
