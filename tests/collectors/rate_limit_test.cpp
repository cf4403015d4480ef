#include "collectors/rate_limit.hpp"

#include <gtest/gtest.h>

namespace serverless::http {
namespace {

using std::chrono::seconds;
using Windows = std::vector<RateWindow>;

TEST(RateLimit, ReadsTheWindowsOfBothHeaders) {
  EXPECT_EQ(parse_rate_limit(R"("minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400)",
                             R"("minute";r=0;t=12, "hour";r=2800;t=1812, "day";r=49500;t=45012)"),
            (Windows{{.name = "minute",
                      .quota = 60,
                      .length = seconds{60},
                      .remaining = 0,
                      .reset_in = seconds{12}},
                     {.name = "hour",
                      .quota = 3000,
                      .length = seconds{3600},
                      .remaining = 2800,
                      .reset_in = seconds{1812}},
                     {.name = "day",
                      .quota = 50000,
                      .length = seconds{86400},
                      .remaining = 49500,
                      .reset_in = seconds{45012}}}));
}

TEST(RateLimit, TakesParametersInAnyOrderAndIgnoresUnknownOnes) {
  EXPECT_EQ(
      parse_rate_limit("", R"(burst;pk=:Zm9v:;t=5;note="a;b,c";on;flag=?1;x=1.5;r=7;word=sf/tok)"),
      (Windows{{.name = "burst", .remaining = 7, .reset_in = seconds{5}}}));
}

TEST(RateLimit, NamesMayHoldCommasQuotesAndSemicolons) {
  EXPECT_EQ(parse_rate_limit("", R"("a, b; \"c\" \\";r=1,"d";r=2)"),
            (Windows{{.name = R"(a, b; "c" \)", .remaining = 1}, {.name = "d", .remaining = 2}}));
}

TEST(RateLimit, AHeaderThatIsNoListSaysNothing) {
  for (const char* text :
       {R"("minute;r=1)", R"("a";r=1,)", R"("a";r=1 "b")", R"("a";r=)", R"("a";=1)", R"(12;r=1)",
        R"("a";r=1234567890123456)", R"("a";r=--1)", R"("a";R=1)", R"("a";b=:x)", R"("a";b=?2)",
        "limit=100, remaining=50, reset=5", R"("a\n";r=1)", R"("a";r=1.2345)", ",", "\"a\\"}) {
    EXPECT_EQ(parse_rate_limit(text, text), Windows{}) << text;
  }
}

TEST(RateLimit, AListThatNobodyCanKeepToSaysNothing) {
  std::string list = "w0;r=1";
  for (int i = 1; i < 32; ++i) list += ", w" + std::to_string(i) + ";r=1";
  EXPECT_EQ(parse_rate_limit("", list).size(), 32U);
  EXPECT_EQ(parse_rate_limit("", list + ", w32;r=1"), Windows{});
  const std::string longest(256, 'w');
  EXPECT_EQ(parse_rate_limit("", longest + ";r=1"), (Windows{{.name = longest, .remaining = 1}}));
  EXPECT_EQ(parse_rate_limit("", longest + "x;r=1"), Windows{});
}

TEST(RateLimit, OneBadHeaderDoesNotSpoilTheOther) {
  EXPECT_EQ(parse_rate_limit(R"("minute";q=60;w=60)", "oops;"),
            (Windows{{.name = "minute", .quota = 60, .length = seconds{60}}}));
}

TEST(RateLimit, ImpossibleValuesAreAbsent) {
  EXPECT_EQ(parse_rate_limit(R"("a";q=-1;w=999999999)", R"("a";r=-5;t=604801)"),
            (Windows{{.name = "a"}}));
  EXPECT_EQ(parse_rate_limit(R"("a";q=1.0;w="60")", R"("a";r;t=token)"), (Windows{{.name = "a"}}));
}

TEST(RateLimit, OfAParameterThatComesTwiceTheLastCounts) {
  EXPECT_EQ(parse_rate_limit("", R"("a";r=1;r=2)"), (Windows{{.name = "a", .remaining = 2}}));
}

TEST(RateLimit, AbsentHeadersSayNothing) {
  EXPECT_EQ(parse_rate_limit("", ""), Windows{});
  EXPECT_EQ(parse_rate_limit("  ", " "), Windows{});
}

}  // namespace
}  // namespace serverless::http
