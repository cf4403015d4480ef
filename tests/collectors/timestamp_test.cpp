#include "collectors/timestamp.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string_view>

namespace serverless {
namespace {

using namespace std::chrono_literals;

Time at(std::int64_t milliseconds) { return Time{std::chrono::milliseconds{milliseconds}}; }

constexpr std::int64_t kAugust = 1785967351000;  // 2026-08-05T22:02:31Z

TEST(ParseTime, ReadsRfc3339) {
  EXPECT_EQ(parse_time("2026-08-05T22:02:31Z"), at(kAugust));
  EXPECT_EQ(parse_time("2026-08-05t22:02:31z"), at(kAugust));
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), at(0));
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), at(1709164800000));
}

TEST(ParseTime, ReadsAnyFractionAndCutsWhatIsFinerThanAMillisecond) {
  EXPECT_EQ(parse_time("2026-08-05T22:02:31.7Z"), at(kAugust + 700));
  EXPECT_EQ(parse_time("2026-08-05T22:02:31.70Z"), at(kAugust + 700));
  EXPECT_EQ(parse_time("2026-08-05T22:02:31.705Z"), at(kAugust + 705));
  EXPECT_EQ(parse_time("2026-08-05T22:02:31.705999999999Z"), at(kAugust + 705));
}

TEST(ParseTime, SecondsMayBeMissing) {
  EXPECT_EQ(parse_time("2026-08-05T22:02Z"), at(kAugust - 31000));
  EXPECT_EQ(parse_time("2026-08-05T22:02.5Z"), std::nullopt);
}

TEST(ParseTime, TakesAnOffsetOff) {
  EXPECT_EQ(parse_time("2026-08-06T00:02:31+02:00"), at(kAugust));
  EXPECT_EQ(parse_time("2026-08-05T16:32:31.5-05:30"), at(kAugust + 500));
  EXPECT_EQ(parse_time("2026-01-01T00:30:00+01:00"), at(1767223800000));
}

TEST(ParseTime, ReadsGosOwnForm) {
  EXPECT_EQ(parse_time("2026-08-05 22:02:31 +0000 UTC"), at(kAugust));
  EXPECT_EQ(parse_time("2026-08-05 22:02:31.535678 +0000 UTC"), at(kAugust + 535));
  EXPECT_EQ(parse_time("2026-08-06 00:02:31 +0200 CEST"), at(kAugust));
  EXPECT_EQ(parse_time("2026-08-06 01:02:31 +0300 +03"), at(kAugust));
}

TEST(ParseTime, ADateAndTimeWithoutAZoneIsUtc) {
  EXPECT_EQ(parse_time("2026-08-05 22:02:31"), at(kAugust));
  EXPECT_EQ(parse_time("2026-08-05 22:02:31.25"), at(kAugust + 250));
}

TEST(ParseTime, ALeapSecondIsTheNextMinutesFirst) {
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z"), at(1483228800000));
}

TEST(ParseTime, RefusesEverythingElse) {
  for (const std::string_view text : {
           "",
           "now",
           "2026",
           "2026-08-05",
           "1785967351",
           "2026-08-05T22:02:31",
           "2026-08-05T22:02:31ZZ",
           " 2026-08-05T22:02:31Z",
           "2026-08-05T22:02:31Z ",
           "2026-13-05T22:02:31Z",
           "2026-00-05T22:02:31Z",
           "2026-02-29T22:02:31Z",
           "2026-08-32T22:02:31Z",
           "2026-08-00T22:02:31Z",
           "2026-08-05T24:02:31Z",
           "2026-08-05T22:60:31Z",
           "2026-08-05T22:02:61Z",
           "2026-08-05T22:02:31.Z",
           "2026-08-05T22:02:31+2:00",
           "2026-08-05T22:02:31+24:00",
           "2026-08-05T22:02:31+00:60",
           "2026-08-05T22:02:31+0000",
           "+026-08-05T22:02:31Z",
           "12026-08-05T22:02:31Z",
           "2026-8-5T22:02:31Z",
           "2026-08-05 22:02",
           "2026-08-05 22:02:31 ",
           "2026-08-05 22:02:31 UTC",
           "2026-08-05 22:02:31 +0000",
           "2026-08-05 22:02:31 +0000 ",
           "2026-08-05 22:02:31 +0000 UTC m=+0.1",
           "Fri Nov 20 2026 15:14:40 GMT+0000",
       }) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(TimeOfUnix, RoundsToTheMillisecond) {
  EXPECT_EQ(time_of_unix(1724275993.997), at(1724275993997));
  EXPECT_EQ(time_of_unix(0.0005), at(1));
  EXPECT_EQ(time_of_unix(253402300799.0), at(253402300799000));
}

TEST(TimeOfUnix, RefusesWhatIsNoMoment) {
  for (const double seconds :
       {0.0, -0.0, -1.0, 253402300800.0, 1e300, std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(time_of_unix(seconds), std::nullopt) << seconds;
  }
}

TEST(ParseHttpDate, ReadsTheFixedForm) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), at(784111777000));
  EXPECT_EQ(parse_http_date("Wed, 05 Aug 2026 22:02:31 GMT"), at(kAugust));
}

TEST(ParseHttpDate, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "86400"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(UnixSeconds, KeepsTheMilliseconds) {
  EXPECT_DOUBLE_EQ(unix_seconds(Time{1724275993997ms}), 1724275993.997);
}

}  // namespace
}  // namespace serverless
