#include "config/units.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace serverless::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, ADurationIsTheSumOfItsParts) {
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), 24h + 2h + 3min + 4s + 5ms);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Units, ATextThatIsNoDurationIsNone) {
  for (const auto* text : {"", "s", "30", "30 s", "-30s", "+30s", "1.5s", "30S", "30sec", "1m1h",
                           "1s1s", "1h 30m", "auto", "30s ", " 30s", "1e3s", "3\xc2\xb5s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Units, ADurationBeyondWhatMillisecondsCountIsNone) {
  EXPECT_EQ(parse_duration("9223372036854775807ms"), std::chrono::milliseconds::max());
  EXPECT_EQ(parse_duration("9223372036854775808ms"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036854775807s"), std::nullopt);
  EXPECT_EQ(parse_duration("106751991167d8h"), std::nullopt);
}

TEST(Units, ADurationIsWrittenAsItIsRead) {
  EXPECT_EQ(duration_text(0ms), "0s");
  for (const auto* text : {"30s", "5m", "1h30m", "500ms", "1d", "7d", "1m1ms"}) {
    EXPECT_EQ(duration_text(parse_duration(text).value()), text);
  }
}

TEST(Units, ASizeIsBytesOrHasAUnit) {
  EXPECT_EQ(parse_size("65536"), 65536u);
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("64KB"), 64'000u);
  EXPECT_EQ(parse_size("64KiB"), 65536u);
  EXPECT_EQ(parse_size("16MiB"), 16u * 1024 * 1024);
  EXPECT_EQ(parse_size("2MB"), 2'000'000u);
  EXPECT_EQ(parse_size("1GiB"), 1024u * 1024 * 1024);
  EXPECT_EQ(parse_size("1GB"), 1'000'000'000u);
}

TEST(Units, ATextThatIsNoSizeIsNone) {
  for (const auto* text : {"", "MiB", "-1", "1.5MiB", "16 MiB", "16mib", "16M", "16MiBs",
                           "18446744073709551616", "18446744073709551615KiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Units, ASizeIsWrittenAsItIsRead) {
  for (const auto* text : {"0", "1023", "1KiB", "16MiB", "1GiB", "64KB", "3MB"}) {
    EXPECT_EQ(size_text(parse_size(text).value()), text);
  }
}

}  // namespace
}  // namespace serverless::config
