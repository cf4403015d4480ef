#include "daemon/log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace serverless::daemon::log {
namespace {

using config::LogFormat;

TEST(LogLine, LogfmtIsEventAndFields) {
  EXPECT_EQ(format(LogFormat::logfmt, "stopping", {}), "event=stopping");
  EXPECT_EQ(format(LogFormat::logfmt, "poll_failed", {{"account", "prod"}, {"code", "401"}}),
            "event=poll_failed account=prod code=401");
}

TEST(LogLine, LogfmtQuotesWhatWouldNotReadBack) {
  EXPECT_EQ(format(LogFormat::logfmt, "e", {{"a", "two words"}}), R"(event=e a="two words")");
  EXPECT_EQ(format(LogFormat::logfmt, "e", {{"a", ""}}), R"(event=e a="")");
  EXPECT_EQ(format(LogFormat::logfmt, "e", {{"a", "x=y"}}), R"(event=e a="x=y")");
  EXPECT_EQ(format(LogFormat::logfmt, "e", {{"a", "say \"hi\""}}), R"(event=e a="say \"hi\"")");
  EXPECT_EQ(format(LogFormat::logfmt, "e", {{"a", "C:\\x"}}), R"(event=e a="C:\\x")");
  EXPECT_EQ(format(LogFormat::logfmt, "e", {{"a", "Zürich"}}), "event=e a=Zürich");
}

TEST(LogLine, NothingThatWasToldCanBeginALineOfItsOwn) {
  const Fields nasty{{"a", std::string("x\nlevel=error\r\t\x1b[31m\x7f\0z", 23)}};
  EXPECT_EQ(format(LogFormat::logfmt, "e", nasty),
            R"(event=e a="x\nlevel=error\u000d\u0009\u001b[31m\u007f\u0000z")");
  EXPECT_EQ(format(LogFormat::json, "e", nasty),
            R"("event":"e","a":"x\nlevel=error\u000d\u0009\u001b[31m\u007f\u0000z")");
}

TEST(LogLine, JsonIsTheInsideOfAnObjectOfTexts) {
  EXPECT_EQ(format(LogFormat::json, "stopping", {}), R"("event":"stopping")");
  EXPECT_EQ(format(LogFormat::json, "e", {{"a", "1"}, {"b", "say \"hi\" \\"}}),
            R"("event":"e","a":"1","b":"say \"hi\" \\")");
  EXPECT_EQ(format(LogFormat::json, "e", {{"a", ""}}), R"("event":"e","a":"")");
}

}  // namespace
}  // namespace serverless::daemon::log
