#include "daemon/flat_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

using Entries = std::vector<std::pair<std::string, int>>;

Entries entries(const auto& map) { return {map.begin(), map.end()}; }

TEST(FlatMap, IsInTheOrderOfItsKeysHoweverTheyCame) {
  EXPECT_EQ(entries(FlatMap<int>{{"b", 1}, {"d", 2}, {"a", 3}, {"c", 4}}),
            (Entries{{"a", 3}, {"b", 1}, {"c", 4}, {"d", 2}}));
}

TEST(FlatMap, KeepsTheValueThatIsThere) {
  FlatMap<int> map{{"a", 1}, {"b", 2}};
  const auto [at, added] = map.emplace("a", 9);
  EXPECT_FALSE(added);
  EXPECT_EQ(at->second, 1);
  EXPECT_EQ(entries(map), (Entries{{"a", 1}, {"b", 2}}));
}

TEST(FlatMap, AKeyMayBeAPartOfTheValueThatIsMovedIn) {
  FlatMap<std::unique_ptr<std::string>> map;
  auto value = std::make_unique<std::string>("a name too long to be kept in place");
  map.emplace(*value, std::move(value));
  ASSERT_EQ(map.size(), 1U);
  EXPECT_EQ(map.begin()->first, *map.begin()->second);
}

TEST(FlatMap, FindsWhatIsThereAndNothingElse) {
  const FlatMap<int> map{{"b", 1}, {"d", 2}};
  for (const std::string key : {"", "a", "c", "e", "bb"}) {
    EXPECT_EQ(map.find(key), map.end()) << key;
    EXPECT_FALSE(map.contains(key)) << key;
    EXPECT_THROW((void)map.at(key), std::out_of_range) << key;
  }
  EXPECT_EQ(map.at("b"), 1);
  EXPECT_EQ(map.find("d")->second, 2);
  EXPECT_FALSE(FlatMap<int>{}.contains("a"));
}

TEST(FlatMap, ErasesAndMakesAsAMapDoes) {
  FlatMap<int> map{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}};
  EXPECT_EQ(map.erase("d"), 1U);
  EXPECT_EQ(map.erase("d"), 0U);
  EXPECT_EQ(map.erase(map.find("b"))->first, "c");
  map["z"] = 7;
  ++map["a"];
  EXPECT_EQ(entries(map), (Entries{{"a", 2}, {"c", 3}, {"z", 7}}));
}

TEST(FlatMap, ErasesWhatIsToGo) {
  FlatMap<int> map{{"a", 1}, {"b", 2}, {"c", 3}};
  erase_if(map, [](const auto& entry) { return entry.second != 2; });
  EXPECT_EQ(entries(map), (Entries{{"b", 2}}));
}

TEST(FlatMap, TakesManyInOneGoAndKeepsTheValueThatIsThere) {
  FlatMap<int> map{{"b", 2}, {"d", 4}};
  map.merge({{"e", 50}, {"b", 20}, {"a", 10}, {"e", 51}, {"c", 30}});
  EXPECT_EQ(entries(map), (Entries{{"a", 10}, {"b", 2}, {"c", 30}, {"d", 4}, {"e", 50}}));
  map.merge({});
  EXPECT_EQ(map.size(), 5U);
  FlatMap<int> empty;
  empty.merge({{"b", 1}, {"a", 2}});
  EXPECT_EQ(entries(empty), (Entries{{"a", 2}, {"b", 1}}));
}

// Against the standard's, with keys that come and go.
TEST(FlatMap, HoldsTheSameAsAMapAfterAThousandSteps) {
  FlatMap<int> map;
  std::map<std::string, int> model;
  unsigned random = 1;
  for (int i = 0; i < 1000; ++i) {
    random = random * 1664525 + 1013904223;
    const std::string key = std::to_string((random >> 8) % 50);
    const auto known = map.find(key);
    if ((random >> 20) % 3 == 0 && known != map.end()) {
      map.erase(known);
      model.erase(key);
    } else {
      map.emplace(key, i);
      model.emplace(key, i);
    }
    ASSERT_EQ(entries(map), entries(model));
  }
}

}  // namespace
}  // namespace serverless::daemon
