#include "daemon/self.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Mono kNow{100h};

ClusterStatus well() {
  return {.cluster = "gpu \"1\"",
          .self = "b",
          .engine_up = true,
          .joined = true,
          .settled = true,
          .renewed = kNow - 4500ms,
          .lease_end = kNow + 10500ms,
          .members = {{.name = "a", .in_step = true, .endpoints = 99},
                      {.name = "b", .in_step = true, .endpoints = 102},
                      {.name = "c", .in_step = true, .endpoints = 98}},
          .given_up = 3};
}

// The samples of families that begin so, in the order of the page.
std::string samples_of(const std::string& page, std::string_view prefix) {
  std::string found;
  for (std::size_t at = 0; at < page.size();) {
    const auto end = page.find('\n', at);
    const auto line = page.substr(at, end + 1 - at);
    if (line.starts_with(prefix)) found += line;
    at = end + 1;
  }
  return found;
}

std::string cluster_samples(const ClusterStatus& cluster, Mono now = kNow,
                            Format format = Format::text) {
  return samples_of(SelfMetrics{}.text(format, {}, &cluster, now).text,
                    "serverless_exporter_cluster_");
}

TEST(SelfMetrics, AMemberOfAClusterTellsHowItStands) {
  EXPECT_EQ(cluster_samples(well()),
            "serverless_exporter_cluster_info{cluster_name=\"gpu \\\"1\\\"\",member=\"b\"} 1\n"
            "serverless_exporter_cluster_engine_up 1\n"
            "serverless_exporter_cluster_joined 1\n"
            "serverless_exporter_cluster_settled 1\n"
            "serverless_exporter_cluster_lease_age_seconds 4.5\n"
            "serverless_exporter_cluster_members 3\n"
            "serverless_exporter_cluster_endpoints 102\n"
            "serverless_exporter_cluster_endpoints_given_up_total 3\n");
  EXPECT_EQ(cluster_samples(well(), kNow, Format::openmetrics), cluster_samples(well()));
}

TEST(SelfMetrics, ALeaseThatEndsUnnoticedIsOverAllTheSame) {
  auto silent = well();
  silent.engine_up = false;
  silent.settled = false;
  EXPECT_EQ(cluster_samples(silent, kNow + 10500ms),
            "serverless_exporter_cluster_info{cluster_name=\"gpu \\\"1\\\"\",member=\"b\"} 1\n"
            "serverless_exporter_cluster_engine_up 0\n"
            "serverless_exporter_cluster_joined 0\n"
            "serverless_exporter_cluster_settled 0\n"
            "serverless_exporter_cluster_lease_age_seconds 15\n"
            "serverless_exporter_cluster_members 3\n"
            "serverless_exporter_cluster_endpoints 0\n"
            "serverless_exporter_cluster_endpoints_given_up_total 3\n");
  const auto before = cluster_samples(silent, kNow + 10499ms);
  EXPECT_EQ(samples_of(before, "serverless_exporter_cluster_joined"),
            "serverless_exporter_cluster_joined 1\n");
  EXPECT_EQ(samples_of(before, "serverless_exporter_cluster_endpoints "),
            "serverless_exporter_cluster_endpoints 102\n");
}

TEST(SelfMetrics, BeforeTheFirstLeaseThereIsNoAgeOfIt) {
  EXPECT_EQ(cluster_samples({.cluster = "gpu", .self = "b"}),
            "serverless_exporter_cluster_info{cluster_name=\"gpu\",member=\"b\"} 1\n"
            "serverless_exporter_cluster_engine_up 0\n"
            "serverless_exporter_cluster_joined 0\n"
            "serverless_exporter_cluster_settled 0\n"
            "serverless_exporter_cluster_members 0\n"
            "serverless_exporter_cluster_endpoints 0\n"
            "serverless_exporter_cluster_endpoints_given_up_total 0\n");
}

TEST(SelfMetrics, AnExporterIsAStaticShardOrAMemberAndTellsOfOneOnly) {
  SelfMetrics self;
  self.note_members(static_shards(1, 3));
  const auto alone = self.text(Format::text).text;
  EXPECT_EQ(samples_of(alone, "serverless_exporter_shard"),
            "serverless_exporter_shard_ordinal 1\nserverless_exporter_shards 3\n");
  EXPECT_EQ(samples_of(alone, "serverless_exporter_cluster_"), "");
  const auto cluster = well();
  const auto member = self.text(Format::text, {}, &cluster, kNow);
  EXPECT_EQ(samples_of(member.text, "serverless_exporter_shard"), "");
  EXPECT_EQ(member.series, self.text(Format::text).series - 2 + 8);
}

TEST(SelfMetrics, OfAClusterOnlyWhatWasAskedForIsTold) {
  const auto cluster = well();
  const Selection selection{.families = {{"serverless_exporter_cluster_members"}}};
  const auto own = SelfMetrics{}.text(Format::text, selection, &cluster, kNow);
  EXPECT_EQ(own.text.substr(own.text.rfind('\n', own.text.size() - 2) + 1),
            "serverless_exporter_cluster_members 3\n");
  EXPECT_EQ(own.series, 1U);
}

}  // namespace
}  // namespace serverless::daemon
