#include "daemon/samples.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

TEST(EscapeLabel, EscapesWhatTheTextFormatAsksFor) {
  EXPECT_EQ(escape_label("a\\b\"c\nd"), R"(a\\b\"c\nd)");
  EXPECT_EQ(escape_label("\\n"), R"(\\n)");
  EXPECT_EQ(escape_label(""), "");
}

TEST(EscapeLabel, LeavesEverythingElseAlone) {
  EXPECT_EQ(escape_label("a{b}=c, d\t#\r\x01"), "a{b}=c, d\t#\r\x01");
  EXPECT_EQ(escape_label("Zürich € 🚀"), "Zürich € 🚀");
}

TEST(EscapeLabel, ReplacesWhatIsNoUtf8) {
  const std::string r(kReplacement);
  EXPECT_EQ(escape_label("a\xFFz"), "a" + r + "z");
  EXPECT_EQ(escape_label("\x80"), r) << "a continuation byte alone";
  EXPECT_EQ(escape_label("\xC3"), r) << "ends in the middle";
  EXPECT_EQ(escape_label("\xC3("), r + "(");
  EXPECT_EQ(escape_label("\xC0\xAF"), r + r) << "longer than it needs to be";
  EXPECT_EQ(escape_label("\xE0\x80\xAF"), r + r + r);
  EXPECT_EQ(escape_label("\xF0\x80\x80\xAF"), r + r + r + r);
  EXPECT_EQ(escape_label("\xED\xA0\x80"), r + r + r) << "a surrogate";
  EXPECT_EQ(escape_label("\xF4\x90\x80\x80"), r + r + r + r) << "beyond U+10FFFF";
  EXPECT_EQ(escape_label("\xF5\x80\x80\x80"), r + r + r + r);
}

TEST(EscapeLabel, KeepsTheBordersOfEachLength) {
  for (const std::string_view whole :
       {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(escape_label(whole), whole);
  }
}

TEST(EscapeLabel, CutsAtACharactersBorder) {
  const std::string full(kMaxLabelBytes, 'a');
  EXPECT_EQ(escape_label(full), full);
  EXPECT_EQ(escape_label(full + "b"), full);
  const std::string almost(kMaxLabelBytes - 1, 'a');
  EXPECT_EQ(escape_label(almost + "ü"), almost) << "half a character is none";
  EXPECT_EQ(escape_label(almost + "\xFF"), almost) << "its replacement takes three bytes";
  const std::string three(kMaxLabelBytes - 3, 'a');
  EXPECT_EQ(escape_label(three + "€z"), three + "€");
}

TEST(EscapeLabel, CutsBeforeItEscapes) {
  const std::string quotes(kMaxLabelBytes + 7, '"');
  std::string expected;
  for (std::size_t i = 0; i < kMaxLabelBytes; ++i) expected += "\\\"";
  EXPECT_EQ(escape_label(quotes), expected);
}

TEST(FormatValue, WholeNumbersHaveNoPointAndNoExponent) {
  EXPECT_EQ(format_value(0), "0");
  EXPECT_EQ(format_value(1), "1");
  EXPECT_EQ(format_value(-17), "-17");
  EXPECT_EQ(format_value(1785931200), "1785931200");
  EXPECT_EQ(format_value(100000), "100000");
  EXPECT_EQ(format_value(999999999999999), "999999999999999");
}

TEST(FormatValue, NegativeZeroIsZero) { EXPECT_EQ(format_value(-0.0), "0"); }

TEST(FormatValue, OthersAreTheShortestThatReadBack) {
  EXPECT_EQ(format_value(0.1), "0.1");
  EXPECT_EQ(format_value(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(format_value(1785931200.705), "1785931200.705");
  EXPECT_EQ(format_value(-2.5), "-2.5");
  EXPECT_EQ(format_value(1e15), "1e+15");
  EXPECT_EQ(format_value(1e300), "1e+300");
  EXPECT_EQ(format_value(5e-324), "5e-324");
}

TEST(FormatValue, WhatIsNoNumberIsWrittenAsPrometheusReadsIt) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(format_value(kInfinity), "+Inf");
  EXPECT_EQ(format_value(-kInfinity), "-Inf");
  EXPECT_EQ(format_value(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

TEST(FormatValue, EveryValueReadsBack) {
  for (const double value : {std::numeric_limits<double>::max(), std::numeric_limits<double>::min(),
                             std::numeric_limits<double>::denorm_min(), -9007199254740993.0,
                             1e15 - 1, 1e15 + 1, 0.1 + 0.7, 1.0 / 3, 123456789012345678.0}) {
    const std::string text = format_value(value);
    double back = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), back);
    EXPECT_EQ(error, std::errc{});
    EXPECT_EQ(end, text.data() + text.size()) << text;
    EXPECT_EQ(back, value) << text;
  }
}

TEST(LabelText, JoinsAndEscapes) {
  EXPECT_EQ(label_text({}), "");
  EXPECT_EQ(label_text({{"a", "b"}}), R"(a="b")");
  EXPECT_EQ(label_text({{"a", "x\"y"}, {"c", ""}}), R"(a="x\"y",c="")");
}

TEST(Samples, WritesALineASample) {
  std::string text;
  Samples samples("m", text);
  samples.add(1.5);
  samples.add({{"a", "b\n"}, {"c", "d"}}, 2);
  samples.set_base(R"(x="y")");
  samples.add(3.0);
  samples.add({{"a", "b"}}, 4);
  EXPECT_EQ(text,
            "m 1.5\n"
            "m{a=\"b\\n\",c=\"d\"} 2\n"
            "m{x=\"y\"} 3\n"
            "m{x=\"y\",a=\"b\"} 4\n");
  EXPECT_EQ(samples.count(), 4U);
}

TEST(Samples, AnEndingBelongsToTheName) {
  std::string text;
  Samples samples("m", text);
  samples.add_part("_bucket", {{"le", "+Inf"}}, 3);
  samples.add_part("_sum", {}, 0.5);
  EXPECT_EQ(text, "m_bucket{le=\"+Inf\"} 3\nm_sum 0.5\n");
}

TEST(Samples, WhatIsAbsentHasNoLine) {
  std::string text;
  Samples samples("m", text);
  samples.add(std::optional<double>{});
  samples.add(std::optional<std::int64_t>{});
  samples.add(std::optional<bool>{});
  samples.add(std::optional<Time>{});
  samples.add(std::optional<double>{}, {{"a", "b"}});
  EXPECT_EQ(text, "");
  EXPECT_EQ(samples.count(), 0U);
}

TEST(Samples, WhatIsThereIsWrittenByItsType) {
  std::string text;
  Samples samples("m", text);
  samples.add(std::optional<double>{0});
  samples.add(std::optional<std::int64_t>{-3});
  samples.add(std::optional<bool>{true});
  samples.add(std::optional<bool>{false});
  samples.add(std::optional<Time>{Time{1785931200705ms}});
  samples.add(std::optional<double>{2.5}, {{"a", "b"}});
  EXPECT_EQ(text, "m 0\nm -3\nm 1\nm 0\nm 1785931200.705\nm{a=\"b\"} 2.5\n");
}

TEST(Samples, AreServedUntilTheEarliestOfTheirMoments) {
  std::string text;
  Samples samples("m", text);
  EXPECT_EQ(samples.expires(), Mono::max());
  samples.expire_at(Mono{10s});
  samples.expire_at(Mono{5s});
  samples.expire_at(Mono{7s});
  EXPECT_EQ(samples.expires(), Mono{5s});
}

TEST(FormatBound, IsNeverABareInteger) {
  EXPECT_EQ(format_bound(1), "1.0");
  EXPECT_EQ(format_bound(30), "30.0");
  EXPECT_EQ(format_bound(-2), "-2.0");
  EXPECT_EQ(format_bound(0.25), "0.25");
  EXPECT_EQ(format_bound(1e300), "1e+300");
}

}  // namespace
}  // namespace serverless::daemon
