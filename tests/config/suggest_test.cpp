#include "config/suggest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace serverless::config {
namespace {

constexpr std::array<std::string_view, 5> kKeys{"interval", "max_age", "timeout", "max_in_flight",
                                                "max_body"};

TEST(Suggest, AMisspelledKeyIsRecognised) {
  EXPECT_EQ(nearest("intervall", kKeys), "interval");
  EXPECT_EQ(nearest("intreval", kKeys), "interval");
  EXPECT_EQ(nearest("tiemout", kKeys), "timeout");
  EXPECT_EQ(nearest("maxage", kKeys), "max_age");
}

TEST(Suggest, CaseAndHyphensDoNotMatter) {
  EXPECT_EQ(nearest("Max-In-Flight", kKeys), "max_in_flight");
}

TEST(Suggest, TheNearestOfSeveralIsChosen) { EXPECT_EQ(nearest("max_bogy", kKeys), "max_body"); }

TEST(Suggest, AnotherWordIsNoMisspelling) {
  EXPECT_EQ(nearest("colour", kKeys), std::nullopt);
  EXPECT_EQ(nearest("", kKeys), std::nullopt);
  EXPECT_EQ(nearest("interval", {}), std::nullopt);
}

TEST(Suggest, AnEndlessWordIsNotCompared) {
  EXPECT_EQ(nearest(std::string(100'000, 'i'), kKeys), std::nullopt);
}

}  // namespace
}  // namespace serverless::config
