#include "daemon/status_page.hpp"

#include <fmt/format.h>

#include <vector>

#include "daemon/assets.hpp"
#include "daemon/cluster_section.hpp"
#include "daemon/endpoint_card.hpp"
#include "daemon/html.hpp"
#include "daemon/overview.hpp"
#include "daemon/troubles.hpp"
#include "daemon/wording.hpp"
#include "daemon/worker_table.hpp"

namespace serverless::daemon {
namespace {

// More are in the API: a page of tens of thousands helps nobody.
constexpr std::size_t kMostEndpoints = 300;

std::string account_section(const AccountView& account, Now now, std::size_t& room) {
  const auto& state = account.page->state;
  std::string out = fmt::format("<section class=\"account\">\n<h2>{} <small>{}, {}</small></h2>\n",
                                isolate(state.name), state.provider->name,
                                plural(account.endpoints.size(), "endpoint", "endpoints"));
  for (const auto& [api, known] : state.apis) {
    if (known.backoff_until && *known.backoff_until > now.wall) {
      out += fmt::format(
          "<p class=\"note\">No request to the {} API before {}: it asked for that, or its quota "
          "is used up.</p>\n",
          isolate(api), clock_text(*known.backoff_until));
    }
  }
  if (account.endpoints.empty()) {
    const bool elsewhere = state.divided && state.discovered;
    return out + fmt::format("<p>No endpoint is {}.</p>\n</section>\n",
                             elsewhere ? "this shard's" : "known");
  }
  out += "<ul class=\"endpoints\">\n";
  std::size_t left = 0;
  for (const auto& view : account.endpoints) {
    if (room == 0) {
      ++left;
      continue;
    }
    --room;
    out += endpoint_card(account, view, now);
  }
  out += "</ul>\n";
  if (left > 0) {
    out += fmt::format("<p class=\"note\">{} more are not shown here; they are in {}.</p>\n", left,
                       link(with_argument("/api/v1/endpoints", "account", state.name), "the API"));
  }
  return out + "</section>\n";
}

std::string head(const std::string& title) {
  return fmt::format(R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{} - serverless_exporter</title>
<link rel="icon" href="{}" type="image/svg+xml">
<link rel="stylesheet" href="{}">
<script src="{}" defer></script>
<noscript><meta http-equiv="refresh" content="30"></noscript>
</head>
<body>
)",
                     title, asset_path("icon.svg"), asset_path("status.css"),
                     asset_path("status.js"));
}

std::string totals_text(const Totals& totals, std::size_t accounts, Time now) {
  std::string counts;
  for (std::size_t i = 0; i < kStatusCount; ++i) {
    if (totals.workers[i] == 0) continue;
    counts += fmt::format("<span class=\"count\">{}{} {}</span> ", swatch(kStatusNames[i]),
                          totals.workers[i], kStatusNames[i]);
  }
  const auto stale = totals.stale == 0 ? "" : fmt::format(", {} stale", totals.stale);
  return fmt::format("<p>{}, {}, {}{}, at <time>{}</time></p>\n<p>{}</p>\n<p>{}</p>\n",
                     plural(accounts, "account", "accounts"),
                     plural(totals.endpoints, "endpoint", "endpoints"),
                     plural(static_cast<std::size_t>(totals.all), "worker", "workers"), stale,
                     clock_text(now), counts, link("#workers", "to the workers"));
}

constexpr std::string_view kFoot = R"(<nav class="links" aria-label="More">
<a href="/metrics">metrics</a>
<a href="/config">configuration</a>
<a href="/debug/polls">polls</a>
<a href="/api/v1/endpoints">API: endpoints</a>
<a href="/api/v1/workers">API: workers</a>
<a href="/-/healthy">healthy</a>
<a href="/-/ready">ready</a>
</nav>
)";

}  // namespace

std::string status_page(const Pages& pages, const std::string& version, Now now,
                        Arguments arguments, const ClusterStatus* cluster) {
  const auto accounts = views_of(pages, now.mono);
  const auto totals = totals_of(accounts);
  const auto asked = table_query(arguments);
  std::size_t unlisted = 0;
  for (const auto& account : accounts) {
    for (const auto& view : account.endpoints) unlisted += view.listed ? 0 : 1;
  }
  const auto news = cluster == nullptr ? "" : cluster_headline(*cluster, now.mono);
  const auto sentence = news.empty() ? headline(totals) : news;
  std::string out = head(sentence);
  out += fmt::format(
      "<p id=\"lost\" role=\"alert\" hidden></p>\n<header>\n<h1 id=\"verdict\" class=\"{}\" "
      "aria-live=\"polite\" data-live>{}</h1>\n<div id=\"totals\" data-live>\n{}</div>\n"
      "</header>\n<main>\n<section id=\"troubles\" data-live>\n{}</section>\n<section "
      "id=\"cluster\" data-live>\n{}</section>\n"
      "<div id=\"accounts\" data-live>\n",
      news.empty() ? class_of(totals) : "bad", sentence,
      totals_text(totals, accounts.size(), now.wall), troubles(accounts, now.mono),
      cluster == nullptr ? "" : cluster_section(*cluster, now.mono));
  std::size_t room = kMostEndpoints;
  for (const auto& account : accounts) out += account_section(account, now, room);
  out += fmt::format(
      "</div>\n<section id=\"workers\">\n<h2>Workers</h2>\n{}<div id=\"results\" data-live>\n{}"
      "</div>\n</section>\n</main>\n<footer>\n{}<p>serverless_exporter {}</p>\n</footer>\n"
      "</body>\n</html>\n",
      filter_form(asked.query), worker_table(pages, asked, unlisted, now), kFoot,
      escape_html(version));
  return out;
}

}  // namespace serverless::daemon
