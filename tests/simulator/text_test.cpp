#include "simulator/text.hpp"

#include <gtest/gtest.h>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

TEST(Text, QuotesWhatJsonWantsQuotedAndLeavesUtf8) {
  EXPECT_EQ(quoted("a\"b\\c\n\x01 \xc3\xa9"), "\"a\\\"b\\\\c\\n\\u0001 \xc3\xa9\"");
}

TEST(Text, WritesTimesInEveryForm) {
  const Time time = kNoon + std::chrono::milliseconds{7};
  EXPECT_EQ(iso_milliseconds(time), "2026-11-20T12:00:00.007Z");
  EXPECT_EQ(iso_seconds(time), "2026-11-20T12:00:00Z");
  EXPECT_EQ(go_time(time), "2026-11-20 12:00:00.007 +0000 UTC");
  EXPECT_EQ(http_date(time), "Fri, 20 Nov 2026 12:00:00 GMT");
  EXPECT_EQ(epoch_seconds(time), 1795176000.007);
}

TEST(Text, ReadsItsOwnTimesAndNothingElse) {
  EXPECT_EQ(parse_iso("2026-11-20T12:00:00Z"), kNoon);
  EXPECT_EQ(parse_iso("2026-11-20T12:00:00.250Z"), kNoon + std::chrono::milliseconds{250});
  for (const char* bad : {"", "noon", "2026-13-20T12:00:00Z", "2026-11-20T25:00:00Z",
                          "2026-11-20T12:00:00", "2026-11-20T12:00:00Zx"}) {
    EXPECT_EQ(parse_iso(bad), std::nullopt) << bad;
  }
}

TEST(Text, Base64ComesBack) {
  for (const std::string text : {"", "a", "ab", "abc", R"({"values": {"id": 35508401}})"}) {
    EXPECT_EQ(from_base64(base64(text)), text);
  }
  EXPECT_EQ(base64("ab"), "YWI=");
  EXPECT_EQ(from_base64("!"), std::nullopt);
}

TEST(Text, QueriesAreDecoded) {
  EXPECT_EQ(parse_query("a=1&b=x%20y+z&c&=d&a=2&e=%zz"),
            (Query{{"a", "2"}, {"b", "x y z"}, {"c", ""}, {"", "d"}, {"e", "%zz"}}));
}

TEST(Text, NumbersMustBeWholeAndFinite) {
  const Query query = parse_query("a=1.5&b=2x&c=inf&d=");
  EXPECT_EQ(number_in(query, "a"), 1.5);
  for (const char* name : {"b", "c", "d", "e"}) EXPECT_EQ(number_in(query, name), std::nullopt);
}

}  // namespace
}  // namespace simulator
