#include "collectors/by_id.hpp"

#include <gtest/gtest.h>

namespace serverless {
namespace {

TEST(ById, OfOneIdTheLastCountsInThePlaceOfTheFirst) {
  ById<int> list;
  EXPECT_TRUE(list.put("a", 1).second);
  EXPECT_TRUE(list.put("b", 2).second);
  const auto [kept, is_new] = list.put("a", 3);
  EXPECT_FALSE(is_new);
  kept += 10;
  EXPECT_EQ(list.take(), (std::vector{13, 2}));
}

}  // namespace
}  // namespace serverless
