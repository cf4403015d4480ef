#include "daemon/process.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace serverless::daemon {
namespace {

// Captured from Linux 6.1, /proc/self/stat of a process that was given this name.
std::string stat_of(std::string_view name) {
  return "4242 (" + std::string(name) +
         ") S 1 4242 4242 0 -1 4194560 1187 0 3 0 250 75 11 12 20 0 9 0 123456 "
         "215146496 4096 18446744073709551615 94117 94118 140726 0 0 0 0 4096 17410 0 0 0 17 1 0 0 "
         "0 0 0 94119 94120 94121 140727 140728 140729 140730 0\n";
}

constexpr ProcStat kStat{
    .cpu_ticks = 325, .start_ticks = 123456, .virtual_bytes = 215146496, .resident_pages = 4096};

// Captured from Linux 6.1, shortened.
constexpr std::string_view kNetstat =
    "TcpExt: SyncookiesSent SyncookiesRecv InOctets\n"
    "TcpExt: 1 2 3\n"
    "IpExt: InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets "
    "OutOctets\n"
    "IpExt: 0 0 12 8 0 0 998877665544 1234\n"
    "MPTcpExt: MPCapableSYNRX\n"
    "MPTcpExt: 0\n";

TEST(SteadyBootTime, ASecondThatEndsBetweenTwoClocksIsNoOtherBoot) {
  EXPECT_EQ(steady_boot_time(1000, 1001), 1000);
  EXPECT_EQ(steady_boot_time(1000, 999), 1000);
}

TEST(SteadyBootTime, AClockThatIsSetMovesIt) {
  EXPECT_EQ(steady_boot_time(1000, 1002), 1002);
  EXPECT_EQ(steady_boot_time(1000, 10), 10);
}

TEST(ParseStat, ReadsWhatIsPublished) { EXPECT_EQ(parse_stat(stat_of("serverless_expo")), kStat); }

TEST(ParseStat, TheNameMayHoldSpacesParenthesesAndNumbers) {
  for (const std::string_view name : {"a b", "a) R 1 2 3", "(((", ")))", ") S 9 9 9 9", ""}) {
    EXPECT_EQ(parse_stat(stat_of(name)), kStat) << name;
  }
}

TEST(ParseStat, TheTwoHalvesOfTheTimeAreAddedAndThoseOfChildrenNot) {
  auto text = stat_of("x");
  text.replace(text.find(" 250 75 "), 8, " 1000 1 ");
  EXPECT_EQ(parse_stat(text)->cpu_ticks, 1001U);
}

TEST(ParseStat, WhatIsCutOffOrNoNumberIsNothing) {
  EXPECT_EQ(parse_stat(""), std::nullopt);
  EXPECT_EQ(parse_stat("4242 (x"), std::nullopt);
  EXPECT_EQ(parse_stat("4242 (x) S 1 2 3"), std::nullopt);
  EXPECT_EQ(parse_stat("4242 (x)"), std::nullopt);
  auto text = stat_of("x");
  text.replace(text.find("215146496"), 9, "-1");
  EXPECT_EQ(parse_stat(text), std::nullopt);
}

TEST(ParseNetstat, FindsAFieldByTheNameInItsOwnHeading) {
  EXPECT_EQ(parse_netstat(kNetstat, "IpExt:", "InOctets"), 998877665544.0);
  EXPECT_EQ(parse_netstat(kNetstat, "IpExt:", "OutOctets"), 1234.0);
  EXPECT_EQ(parse_netstat(kNetstat, "TcpExt:", "InOctets"), 3.0);
}

TEST(ParseNetstat, WhatIsNotThereIsNothing) {
  EXPECT_EQ(parse_netstat(kNetstat, "IpExt:", "Octets"), std::nullopt);
  EXPECT_EQ(parse_netstat(kNetstat, "UdpExt:", "InOctets"), std::nullopt);
  EXPECT_EQ(parse_netstat("", "IpExt:", "InOctets"), std::nullopt);
  EXPECT_EQ(parse_netstat("IpExt: InOctets", "IpExt:", "InOctets"), std::nullopt);
  EXPECT_EQ(parse_netstat("IpExt: A InOctets\nIpExt: 1\n", "IpExt:", "InOctets"), std::nullopt);
  EXPECT_EQ(parse_netstat("IpExt: InOctets\nIpExt: many\n", "IpExt:", "InOctets"), std::nullopt);
}

TEST(ReadProcess, ThisProcessHasMemoryAndDescriptors) {
  const auto facts = read_process();
  EXPECT_GT(facts.resident_bytes.value_or(0), 1e6);
  EXPECT_GT(facts.virtual_bytes.value_or(0), facts.resident_bytes.value_or(0));
  EXPECT_GE(facts.open_fds.value_or(0), 3);
  EXPECT_GT(facts.max_fds.value_or(0), facts.open_fds.value_or(0));
  EXPECT_TRUE(facts.cpu_seconds.has_value());
  EXPECT_GT(facts.start_time_seconds.value_or(0), 1.6e9);
}

}  // namespace
}  // namespace serverless::daemon
