#include "daemon/cluster_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "daemon/html.hpp"
#include "daemon/wording.hpp"

namespace serverless::daemon {
namespace {

constexpr std::size_t kMostMembers = 100;

std::string span_between(Mono from, Mono to) {
  return span_text(std::chrono::duration<double>(to - from).count());
}

std::string without_lease(const ClusterStatus& cluster, Mono now) {
  const auto since =
      cluster.lease_end && *cluster.lease_end <= now
          ? fmt::format("Its lease ended {} ago.", span_between(*cluster.lease_end, now))
          : std::string("It has none yet.");
  return fmt::format(
      "<strong>No lease</strong>: this member polls and serves nothing; those that hold one have "
      "its "
      "endpoints. {}",
      since);
}

std::string silent_engine(const ClusterStatus& cluster, Mono now) {
  std::string out = "<strong>etcd does not answer</strong>";
  if (!cluster.trouble.empty()) out += ": " + isolate(cluster.trouble);
  out += ".";
  if (cluster.renewed) {
    out += fmt::format(" The lease was last renewed {} ago", span_between(*cluster.renewed, now));
    if (cluster.holds_lease(now) && cluster.lease_end) {
      out += fmt::format(" and ends in {}: then this member polls and serves nothing",
                         span_between(now, *cluster.lease_end));
    }
    out += ".";
  }
  return out + " <em>See whether etcd runs, and whether this machine reaches it.</em>";
}

std::string troubles_of(const ClusterStatus& cluster, Mono now) {
  std::vector<std::string> bad;
  if (!cluster.holds_lease(now)) bad.push_back(without_lease(cluster, now));
  if (!cluster.engine_up) {
    bad.push_back(silent_engine(cluster, now));
  } else if (!cluster.trouble.empty()) {
    bad.push_back(fmt::format("<strong>etcd</strong>: {}.", isolate(cluster.trouble)));
  }
  if (bad.empty()) return "";
  return fmt::format("<ul class=\"troubles\">\n<li>{}</li>\n</ul>\n",
                     fmt::join(bad, "</li>\n<li>"));
}

// Endpoints are given up at once and taken only when everybody has given up.
std::string unsettled(const ClusterStatus& cluster) {
  std::vector<std::string> late;
  for (const auto& member : cluster.members) {
    if (!member.in_step) late.push_back(isolate(member.name));
  }
  return fmt::format(
      "<p class=\"note\">Not settled{}: endpoints that move are polled by nobody until all members "
      "are in step.</p>\n",
      late.empty() ? "" : fmt::format(", waiting for {}", fmt::join(late, ", ")));
}

std::string cell(std::string_view label, std::string_view value) {
  return fmt::format("<td role=\"cell\" data-label=\"{}\">{}</td>", label, value);
}

// A member may tell anything as its URL.
std::string name_of(const ClusterStatus::Member& member) {
  const bool web = member.url.starts_with("http://") || member.url.starts_with("https://");
  const auto name = isolate(member.name);
  return web ? link(member.url, name) : name;
}

std::string row(const ClusterStatus::Member& member, bool self, std::uint64_t all) {
  const auto share = 100.0 * static_cast<double>(member.endpoints) / static_cast<double>(all);
  return fmt::format("<tr role=\"row\"{}>{}{}{}{}</tr>\n", self ? " aria-current=\"true\"" : "",
                     cell("Member", name_of(member) + (self ? " <small>this one</small>" : "")),
                     cell("Endpoints", std::to_string(member.endpoints)),
                     cell("Share", all == 0 ? "" : fmt::format("{:.1f} %", share)),
                     cell("In step", member.in_step ? "yes" : "<span class=\"warn\">no</span>"));
}

std::string table(const ClusterStatus& cluster, std::uint64_t all) {
  std::string out =
      "<table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">"
      "<th scope=\"col\" role=\"columnheader\">Member</th>"
      "<th scope=\"col\" role=\"columnheader\">Endpoints</th>"
      "<th scope=\"col\" role=\"columnheader\">Share</th>"
      "<th scope=\"col\" role=\"columnheader\">In step</th></tr></thead>\n"
      "<tbody role=\"rowgroup\">\n";
  const auto shown = std::min(cluster.members.size(), kMostMembers);
  for (std::size_t i = 0; i < shown; ++i) {
    out += row(cluster.members[i], cluster.members[i].name == cluster.self, all);
  }
  out += "</tbody></table>\n";
  if (shown < cluster.members.size()) {
    out += fmt::format("<p class=\"note\">{} more are not shown here.</p>\n",
                       cluster.members.size() - shown);
  }
  return out;
}

}  // namespace

std::string cluster_headline(const ClusterStatus& cluster, Mono now) {
  if (!cluster.holds_lease(now))
    return "This member of the cluster has no lease: it polls nothing.";
  if (!cluster.engine_up) return "etcd does not answer: polling ends with the lease.";
  return "";
}

std::string cluster_section(const ClusterStatus& cluster, Mono now) {
  std::uint64_t all = 0;
  for (const auto& member : cluster.members) all += member.endpoints;
  std::string out = fmt::format(
      "<h2>Cluster {} <small>{}, {}</small></h2>\n{}", isolate(cluster.cluster),
      plural(cluster.members.size(), "member", "members"),
      plural(static_cast<std::size_t>(all), "endpoint", "endpoints"), troubles_of(cluster, now));
  const bool heard = cluster.engine_up && cluster.holds_lease(now);
  if (heard && !cluster.settled) out += unsettled(cluster);
  if (!heard && !cluster.members.empty()) {
    out += "<p class=\"note\">The members, as last heard:</p>\n";
  }
  return cluster.members.empty() ? out : out + table(cluster, all);
}

}  // namespace serverless::daemon
