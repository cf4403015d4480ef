#include "daemon/cluster_section.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Mono kNow{100h};

// Three members that share 300 endpoints; this one is b.
ClusterStatus well() {
  return {.cluster = "gpu",
          .self = "b",
          .engine_up = true,
          .joined = true,
          .settled = true,
          .renewed = kNow - 4s,
          .lease_end = kNow + 11s,
          .members = {{.name = "a", .url = "https://a:10042/", .in_step = true, .endpoints = 99},
                      {.name = "b", .url = "http://b:10042/", .in_step = true, .endpoints = 102},
                      {.name = "c", .in_step = true, .endpoints = 99}}};
}

const std::string kHead =
    "<table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">"
    "<th scope=\"col\" role=\"columnheader\">Member</th>"
    "<th scope=\"col\" role=\"columnheader\">Endpoints</th>"
    "<th scope=\"col\" role=\"columnheader\">Share</th>"
    "<th scope=\"col\" role=\"columnheader\">In step</th></tr></thead>\n"
    "<tbody role=\"rowgroup\">\n";
const std::string kTable =
    kHead +
    "<tr role=\"row\"><td role=\"cell\" data-label=\"Member\"><a href=\"https://a:10042/\">"
    "<bdi>a</bdi></a></td><td role=\"cell\" data-label=\"Endpoints\">99</td>"
    "<td role=\"cell\" data-label=\"Share\">33.0 %</td>"
    "<td role=\"cell\" data-label=\"In step\">yes</td></tr>\n"
    "<tr role=\"row\" aria-current=\"true\"><td role=\"cell\" data-label=\"Member\">"
    "<a href=\"http://b:10042/\"><bdi>b</bdi></a> <small>this one</small></td>"
    "<td role=\"cell\" data-label=\"Endpoints\">102</td>"
    "<td role=\"cell\" data-label=\"Share\">34.0 %</td>"
    "<td role=\"cell\" data-label=\"In step\">yes</td></tr>\n"
    "<tr role=\"row\"><td role=\"cell\" data-label=\"Member\"><bdi>c</bdi></td>"
    "<td role=\"cell\" data-label=\"Endpoints\">99</td>"
    "<td role=\"cell\" data-label=\"Share\">33.0 %</td>"
    "<td role=\"cell\" data-label=\"In step\">yes</td></tr>\n"
    "</tbody></table>\n";
const std::string kTitle =
    "<h2>Cluster <bdi>gpu</bdi> <small>3 members, 300 endpoints</small></h2>\n";
const std::string kLastHeard = "<p class=\"note\">The members, as last heard:</p>\n";
const std::string kLook = " <em>See whether etcd runs, and whether this machine reaches it.</em>";

std::string troubles(const std::vector<std::string>& items) {
  std::string out = "<ul class=\"troubles\">\n";
  for (const auto& item : items) out += "<li>" + item + "</li>\n";
  return out + "</ul>\n";
}

TEST(ClusterSection, OneThatIsWellIsItsMembers) {
  EXPECT_EQ(cluster_section(well(), kNow), kTitle + kTable);
}

TEST(ClusterSection, AnEngineThatDoesNotAnswerIsToldWithHowLongTheLeaseLasts) {
  auto cluster = well();
  cluster.engine_up = false;
  cluster.trouble = "connect to <etcd>: refused";
  cluster.settled = false;
  EXPECT_EQ(
      cluster_section(cluster, kNow),
      kTitle +
          troubles({"<strong>etcd does not answer</strong>: <bdi>connect to &lt;etcd&gt;: "
                    "refused</bdi>. The lease was last renewed 4 s ago and ends in 11 s: then "
                    "this member polls and serves nothing." +
                    kLook}) +
          kLastHeard + kTable);
}

TEST(ClusterSection, ALeaseThatIsOverIsTheFirstTroubleEvenWhereNobodyNoticed) {
  auto cluster = well();
  cluster.engine_up = false;
  EXPECT_EQ(cluster_section(cluster, kNow + 31s),
            kTitle +
                troubles({"<strong>No lease</strong>: this member polls and serves nothing; those "
                          "that hold one have its endpoints. Its lease ended 20 s ago.",
                          "<strong>etcd does not answer</strong>. The lease was last renewed 35 s "
                          "ago." +
                              kLook}) +
                kLastHeard + kTable);
}

TEST(ClusterSection, OneThatNeverJoinedHasNoTable) {
  const ClusterStatus cluster{.cluster = "gpu", .self = "b", .trouble = "timeout"};
  EXPECT_EQ(cluster_section(cluster, kNow),
            "<h2>Cluster <bdi>gpu</bdi> <small>0 members, 0 endpoints</small></h2>\n" +
                troubles({"<strong>No lease</strong>: this member polls and serves nothing; those "
                          "that hold one have its endpoints. It has none yet.",
                          "<strong>etcd does not answer</strong>: <bdi>timeout</bdi>." + kLook}));
}

TEST(ClusterSection, AnEngineThatAnswersAndRefusesIsQuoted) {
  auto cluster = well();
  cluster.trouble = "etcdserver: mvcc: database space exceeded";
  EXPECT_EQ(cluster_section(cluster, kNow),
            kTitle +
                troubles({"<strong>etcd</strong>: <bdi>etcdserver: mvcc: database space "
                          "exceeded</bdi>."}) +
                kTable);
}

TEST(ClusterSection, WhileItIsNotSettledItSaysWhoIsWaitedFor) {
  auto cluster = well();
  cluster.settled = false;
  cluster.members[0].in_step = false;
  cluster.members[2].in_step = false;
  const auto text = cluster_section(cluster, kNow);
  EXPECT_TRUE(text.starts_with(
      kTitle +
      "<p class=\"note\">Not settled, waiting for <bdi>a</bdi>, <bdi>c</bdi>: endpoints that move "
      "are polled by nobody until all members are in step.</p>\n" +
      kHead))
      << text;
  const std::string late = "data-label=\"In step\"><span class=\"warn\">no</span></td></tr>\n";
  EXPECT_NE(text.find("33.0 %</td><td role=\"cell\" " + late), std::string::npos) << text;
}

TEST(ClusterHeadline, IsThatNothingIsPolledOrSoonWillNotBe) {
  auto cluster = well();
  EXPECT_EQ(cluster_headline(cluster, kNow), "");
  cluster.engine_up = false;
  EXPECT_EQ(cluster_headline(cluster, kNow), "etcd does not answer: polling ends with the lease.");
  EXPECT_EQ(cluster_headline(cluster, kNow + 11s),
            "This member of the cluster has no lease: it polls nothing.");
  cluster.engine_up = true;
  cluster.joined = false;
  EXPECT_EQ(cluster_headline(cluster, kNow),
            "This member of the cluster has no lease: it polls nothing.");
}

TEST(ClusterSection, WithoutAnyEndpointNobodyHasAShare) {
  auto cluster = well();
  for (auto& member : cluster.members) member.endpoints = 0;
  const auto text = cluster_section(cluster, kNow);
  EXPECT_NE(
      text.find("data-label=\"Endpoints\">0</td><td role=\"cell\" data-label=\"Share\"></td>"),
      std::string::npos)
      << text;
}

TEST(ClusterSection, WhatOthersTellIsEscapedAndOnlyTheWebIsLinkedTo) {
  auto cluster = well();
  const std::string script = "<script>alert('1')</script>\"";
  cluster.cluster = script;
  cluster.trouble = script;
  cluster.engine_up = false;
  cluster.self = script;
  cluster.members = {{.name = script, .url = "https://x/\"><script>"},
                     {.name = "d", .url = "javascript:alert(1)"},
                     {.name = "e", .url = "HTTPS://x/"},
                     {.name = "f", .url = " https://x/"}};
  const auto text = cluster_section(cluster, kNow);
  EXPECT_EQ(text.find("<script"), std::string::npos) << text;
  EXPECT_NE(text.find("<a href=\"https://x/&quot;&gt;&lt;script&gt;\"><bdi>&lt;script&gt;"),
            std::string::npos)
      << text;
  std::size_t links = 0;
  for (auto at = text.find("<a "); at != std::string::npos; at = text.find("<a ", at + 1)) ++links;
  EXPECT_EQ(links, 1U) << text;
}

TEST(ClusterSection, IsBounded) {
  ClusterStatus cluster = well();
  cluster.members.assign(101, {.name = "m", .in_step = true, .endpoints = 1});
  const auto text = cluster_section(cluster, kNow);
  EXPECT_TRUE(text.ends_with("</table>\n<p class=\"note\">1 more are not shown here.</p>\n"));
  std::size_t rows = 0;
  for (auto at = text.find("<bdi>m<"); at != text.npos; at = text.find("<bdi>m<", at + 1)) ++rows;
  EXPECT_EQ(rows, 100U);
}

}  // namespace
}  // namespace serverless::daemon
