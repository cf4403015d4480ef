#include "daemon/base64.hpp"

#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace serverless::daemon {
namespace {

// RFC 4648 section 10.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kKnown{
    {{"", ""},
     {"f", "Zg=="},
     {"fo", "Zm8="},
     {"foo", "Zm9v"},
     {"foob", "Zm9vYg=="},
     {"fooba", "Zm9vYmE="},
     {"foobar", "Zm9vYmFy"}}};

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TEST(Base64, IsThatOfTheStandard) {
  for (const auto& [bytes, text] : kKnown) {
    EXPECT_EQ(base64::encode(bytes), text);
    EXPECT_EQ(base64::decode(text), bytes);
  }
  EXPECT_EQ(base64::encode("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64, EveryByteComesBackWhereverItStands) {
  for (const std::string before : {"", "x", "xy"}) {
    const auto bytes = before + every_byte();
    EXPECT_EQ(base64::decode(base64::encode(bytes)), bytes);
  }
}

TEST(Base64, WhatIsNeverWrittenIsNotRead) {
  for (const std::string_view wrong :
       {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm9v\n", "Zm9vYg==Zm9v",
        "Z=g=", "Zm-_", "Zm 9", "\xc3\xa9==", "Zm8=Zm8="}) {
    EXPECT_EQ(base64::decode(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace serverless::daemon
