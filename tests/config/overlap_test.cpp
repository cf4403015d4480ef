#include "config/overlap.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace serverless::config {
namespace {

Account account(std::string key, std::vector<std::string> endpoints = {}) {
  return {.provider = "runpod",
          .key = {.kind = KeySource::Kind::env, .name = std::move(key)},
          .endpoints = std::move(endpoints)};
}

Account allowing(Account account) {
  account.allow_overlap = true;
  return account;
}

using Overlaps = std::vector<Overlap>;

TEST(Overlap, AccountsOfDifferentKeysAndEndpointsHaveNone) {
  const std::vector<Account> accounts{account("A", {"x"}), account("B", {"y"}), account("C")};
  EXPECT_EQ(overlaps(accounts), Overlaps{});
}

TEST(Overlap, TheSameKeyAtOneProviderIsOne) {
  const std::vector<Account> accounts{account("A", {"x"}), account("A", {"y"})};
  EXPECT_EQ(overlaps(accounts), (Overlaps{{0, 1, ""}}));
}

TEST(Overlap, TheSameKeyAtTwoProvidersIsNone) {
  std::vector<Account> accounts{account("A"), account("A")};
  accounts[1].provider = "vast";
  EXPECT_EQ(overlaps(accounts), Overlaps{});
}

TEST(Overlap, TheSameNameInAFileAndAVariableIsNone) {
  std::vector<Account> accounts{account("A"), account("A")};
  accounts[1].key.kind = KeySource::Kind::credential;
  EXPECT_EQ(overlaps(accounts), Overlaps{});
}

TEST(Overlap, AnEndpointThatTwoNameIsOne) {
  const std::vector<Account> accounts{account("A", {"x", "y"}), account("B", {"z", "y", "x"})};
  EXPECT_EQ(overlaps(accounts), (Overlaps{{0, 1, "y"}}));
}

TEST(Overlap, BothHaveToAllowIt) {
  const auto a = account("A", {"x"});
  EXPECT_EQ(overlaps(std::vector{allowing(a), a}), (Overlaps{{0, 1, ""}}));
  EXPECT_EQ(overlaps(std::vector{a, allowing(a)}), (Overlaps{{0, 1, ""}}));
  EXPECT_EQ(overlaps(std::vector{allowing(a), allowing(a)}), Overlaps{});
}

TEST(Overlap, OneOfThreeThatDoesNotAllowItIsFound) {
  const auto a = account("A");
  EXPECT_EQ(overlaps(std::vector{allowing(a), a, allowing(a)}), (Overlaps{{0, 1, ""}}));
}

TEST(Overlap, AccountsWithoutKeyOrProviderAreNotAlike) {
  EXPECT_EQ(overlaps(std::vector{account(""), account("")}), Overlaps{});
  EXPECT_EQ(overlaps(std::vector{Account{}, Account{}}), Overlaps{});
}

}  // namespace
}  // namespace serverless::config
