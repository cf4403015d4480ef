#include "daemon/selection.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace serverless::daemon {
namespace {

using Arguments = std::vector<std::pair<std::string, std::string>>;
using Names = std::set<std::string_view>;

std::string refusal(const Arguments& arguments) {
  const auto selection = select(arguments);
  return selection ? "" : selection.error();
}

TEST(Select, WithoutArgumentsIsTheWholePage) {
  const auto all = select(Arguments{});
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, Selection{});
  EXPECT_TRUE(all->is_whole());
  EXPECT_TRUE(all->has_family("serverless_endpoint_info"));
  EXPECT_TRUE(all->has_provider("den"));
}

TEST(Select, WhatIsNotOursAsksForNothing) {
  EXPECT_EQ(select(Arguments{{"format", "prometheus"}, {"name", "x"}, {"collect", "y"}}),
            Selection{});
}

TEST(Select, NamesAreFamilies) {
  EXPECT_EQ(
      select(Arguments{{"name[]", "serverless_endpoint_workers"},
                       {"name[]", "serverless_endpoint_fresh"},
                       {"name[]", "serverless_endpoint_workers"}}),
      (Selection{.families = Names{"serverless_endpoint_workers", "serverless_endpoint_fresh"}}));
}

TEST(Select, CollectIsTheseProvidersAndExcludeIsAllOthers) {
  EXPECT_EQ(select(Arguments{{"collect[]", "vast"}, {"collect[]", "den"}}),
            (Selection{.providers = Names{"den", "vast"}}));
  EXPECT_EQ(select(Arguments{{"exclude[]", "vast"}}),
            (Selection{.providers = Names{"den", "runpod"}}));
  EXPECT_EQ(select(Arguments{{"exclude[]", "vast"}, {"exclude[]", "den"}, {"exclude[]", "runpod"}}),
            (Selection{.providers = Names{}}));
}

TEST(Select, ANameThatIsNoneIsRefused) {
  EXPECT_EQ(refusal({{"name[]", "serverless_endpoint_worker"}}),
            "name[]: 'serverless_endpoint_worker' is no metric of ours\n");
  EXPECT_EQ(refusal({{"name[]", ""}}), "name[]: '' is no metric of ours\n");
  EXPECT_EQ(refusal({{"collect[]", "runpod-v1"}}),
            "collect[]: 'runpod-v1' is no provider; there are den, runpod, vast\n");
  EXPECT_EQ(refusal({{"exclude[]", "aws"}}),
            "exclude[]: 'aws' is no provider; there are den, runpod, vast\n");
  EXPECT_EQ(refusal({{"collect[]", "den"}, {"exclude[]", "vast"}}),
            "collect[] and exclude[] do not go together\n");
}

}  // namespace
}  // namespace serverless::daemon
