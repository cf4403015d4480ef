#include "daemon/status_page.hpp"

#include <fmt/format.h>

#include <algorithm>
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
constexpr std::size_t kMostTroubles = 30;

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
    return out + fmt::format("<p>No endpoint is {}.</p>\n</section>\n",
                             account.elsewhere() ? "this shard's" : "known");
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

// Where nothing is wrong.
std::string calm_text(const Totals& totals, const std::vector<AccountView>& accounts) {
  if (accounts.empty()) return "No endpoint is known yet.";
  if (totals.endpoints == 0) return "No endpoint is this shard's.";
  if (totals.waiting > 0) {
    return fmt::format("Starting: {} of {} answered so far.", totals.endpoints - totals.waiting,
                       plural(totals.endpoints, "endpoint", "endpoints"));
  }
  return fmt::format("All is well: {} at {}, all data fresh, none unhealthy.",
                     plural(static_cast<std::size_t>(totals.all), "worker", "workers"),
                     plural(totals.endpoints, "endpoint", "endpoints"));
}

struct Verdict {
  std::string title{};  // Of the window: short, and nothing from outside.
  std::string_view look{};
  std::string text{};
};

Verdict verdict_of(const std::vector<Trouble>& troubles, const std::vector<AccountView>& accounts) {
  if (!troubles.empty()) {
    const auto& worst = troubles.front();
    return {.title = plural(troubles.size(), "trouble", "troubles"),
            .look = class_of(worst.gravity),
            .text = worst.text};
  }
  const auto totals = totals_of(accounts);
  const bool well = totals.endpoints > 0 && totals.waiting == 0;
  auto text = calm_text(totals, accounts);
  return {.title = text, .look = well ? "well" : "warn", .text = text};
}

// The worst is the verdict.
std::string other_troubles(const std::vector<Trouble>& troubles) {
  if (troubles.size() < 2) return "";
  const auto others = troubles.size() - 1;
  auto out = fmt::format("<h2>{} more to look at</h2>\n<ul class=\"troubles\">\n", others);
  const auto shown = std::min(others, kMostTroubles);
  for (std::size_t i = 1; i <= shown; ++i) {
    out +=
        fmt::format("<li class=\"{}\">{}</li>\n", class_of(troubles[i].gravity), troubles[i].text);
  }
  if (shown < others) out += fmt::format("<li>And {} more, below.</li>\n", others - shown);
  return out + "</ul>\n";
}

// Nothing for one that is alone.
std::string members_text(const Members& members) {
  if (members.size() == 1) return "";
  return fmt::format(
      "<p>Shard {} of {}: other endpoints are on the pages of the other shards.</p>\n",
      members.self(), members.size());
}

std::string totals_text(const std::vector<AccountView>& accounts, Time now) {
  const auto totals = totals_of(accounts);
  std::string counts;
  for (std::size_t i = 0; i < kStatusCount; ++i) {
    if (totals.workers[i] == 0) continue;
    counts += fmt::format("<span class=\"count\">{}{} {}</span> ", swatch(kStatusNames[i]),
                          totals.workers[i], kStatusNames[i]);
  }
  const auto stale = totals.stale == 0 ? "" : fmt::format(", {} stale", totals.stale);
  return fmt::format("<p>{}, {}, {}{}, at <time>{}</time></p>\n<p>{}</p>\n<p>{}</p>\n",
                     plural(accounts.size(), "account", "accounts"),
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

std::string status_page(const Pages& pages, const Exporter& exporter, Now now,
                        Arguments arguments) {
  const auto accounts = views_of(pages, now.mono);
  const auto asked = table_query(arguments);
  std::size_t unlisted = 0;
  for (const auto& account : accounts) {
    for (const auto& view : account.endpoints) unlisted += view.listed ? 0 : 1;
  }
  auto troubles = troubles_of(accounts);
  const auto& cluster = exporter.cluster;
  if (auto news = cluster ? cluster_headline(*cluster, now.mono) : ""; !news.empty()) {
    troubles.insert(troubles.begin(), Trouble{.gravity = Gravity::blind, .text = std::move(news)});
  }
  const auto verdict = verdict_of(troubles, accounts);
  std::string out = head(verdict.title);
  out += fmt::format(
      "<p id=\"lost\" role=\"alert\" hidden></p>\n<header>\n<h1 id=\"verdict\" class=\"{}\" "
      "aria-live=\"polite\" data-live>{}</h1>\n<div id=\"troubles\" data-live>\n{}</div>\n"
      "</header>\n<main>\n<section id=\"cluster\" data-live>\n{}</section>\n<section id=\"totals\" "
      "data-live>\n{}{}</section>\n<div id=\"accounts\" data-live>\n",
      verdict.look, verdict.text, other_troubles(troubles),
      cluster ? cluster_section(*cluster, now.mono) : "", totals_text(accounts, now.wall),
      members_text(exporter.members));
  std::size_t room = kMostEndpoints;
  for (const auto& account : accounts) out += account_section(account, now, room);
  out += fmt::format(
      "</div>\n<section id=\"workers\">\n<h2>Workers</h2>\n{}<div id=\"results\" data-live>\n{}"
      "</div>\n</section>\n</main>\n<footer>\n{}<p>serverless_exporter {}</p>\n</footer>\n"
      "</body>\n</html>\n",
      filter_form(asked.query), worker_table(pages, asked, unlisted, now), kFoot,
      escape_html(exporter.version));
  return out;
}

}  // namespace serverless::daemon
