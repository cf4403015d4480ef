#include "daemon/web.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>serverless_exporter</title>
<style>
:root { color-scheme: light dark; --line: #8886; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; }
.scroll { overflow-x: auto; }
.bar { display: flex; height: .8rem; width: 12rem; border-radius: 3px; overflow: hidden; background: #8883; }
.running { background: #37872d; } .idle { background: #5794f2; } .active { background: #56a64b; }
.initializing { background: #f2cc0c; } .throttled { background: #ff9830; }
.unhealthy { background: #e02f44; } .stopped { background: #8e8e8e; } .unknown { background: #8f3bb8; }
.bad { font-weight: 600; }
small { opacity: .8; }
</style>
</head>
<body>
)";

struct Totals {
  std::size_t endpoints = 0;
  std::size_t expired = 0;
  std::size_t unhealthy = 0;
  std::size_t refused = 0;  ///< APIs that refused us, or did not answer.
  std::size_t empty = 0;    ///< Accounts of which no endpoint is known.
};

std::string age_text(const SourceState& source, Mono now) {
  if (!source.good) return "no answer yet";
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - source.good->mono);
  return fmt::format("{} s ago", std::max<std::int64_t>(age.count(), 0));
}

std::string bar(const EndpointState& endpoint, const Provider& provider) {
  std::int64_t total = 0;
  for (const auto& count : endpoint.counts) total += count.value_or(0);
  if (total == 0) return "no workers";
  std::string segments;
  std::string words;
  for (const Status status : provider.statuses) {
    const auto count = endpoint.counts[static_cast<std::size_t>(status)].value_or(0);
    if (count == 0) continue;
    segments += fmt::format(R"(<span class="{}" style="flex:{}"></span>)", name(status), count);
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count, name(status));
  }
  return fmt::format(R"(<div class="bar" aria-hidden="true">{}</div>{})", segments, words);
}

// What is too old is not shown: the page must not say more than the metrics do.
bool workers_are_known(const EndpointState& endpoint, Mono now) {
  const auto* workers = endpoint.source(Source::workers);
  if (workers == nullptr || !is_fresh(*workers, now)) return false;
  const auto* queue = endpoint.source(Source::queue);
  return !endpoint.queue_used || (queue != nullptr && is_fresh(*queue, now));
}

std::string workers_text(const EndpointState& endpoint, const Provider& provider, Mono now) {
  return workers_are_known(endpoint, now) ? bar(endpoint, provider) : "not known";
}

std::string stale_text(const EndpointState& endpoint, Mono now) {
  if (!workers_are_known(endpoint, now)) return "";
  return std::to_string(
      std::count_if(endpoint.workers.begin(), endpoint.workers.end(),
                    [](const WorkerState& worker) { return is_stale(worker.staleness); }));
}

std::string sources_text(const EndpointState& endpoint, Mono now) {
  std::string text;
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    const auto& source = endpoint.sources[i];
    if (!source) continue;
    const bool fresh = is_fresh(*source, now);
    text += fmt::format(R"(<div{}>{}: {}{}</div>)", fresh ? "" : R"( class="bad")", kSourceNames[i],
                        age_text(*source, now), fresh ? "" : " (expired)");
    if (source->error) {
      text += fmt::format("<small>{}: {}</small>", name(source->error->reason),
                          escape_html(source->error->detail));
    }
  }
  return text;
}

std::string next_text(const AccountPage& account, const std::string& id, Mono now) {
  const auto found = account.next_poll.find(id);
  if (found == account.next_poll.end()) return "";
  const auto wait = std::chrono::duration_cast<std::chrono::seconds>(found->second - now);
  return wait.count() > 0 ? fmt::format("in {} s", wait.count()) : "now";
}

bool has_expired(const EndpointState& endpoint, Mono now) {
  return std::any_of(endpoint.sources.begin(), endpoint.sources.end(),
                     [now](const auto& source) { return source && !is_fresh(*source, now); });
}

Totals totals_of(const Pages& pages, Mono now) {
  Totals totals;
  for (const auto& account : pages) {
    for (const auto& [api, state] : account->state.apis) {
      if (state.up == false) ++totals.refused;
    }
    if (account->state.endpoints.empty()) ++totals.empty;
    for (const auto& [id, endpoint] : account->state.endpoints) {
      ++totals.endpoints;
      if (has_expired(*endpoint, now)) ++totals.expired;
      const auto& counts = endpoint->counts;
      const bool unhealthy = counts[static_cast<std::size_t>(Status::unhealthy)].value_or(0) > 0;
      if (unhealthy && workers_are_known(*endpoint, now)) ++totals.unhealthy;
    }
  }
  return totals;
}

std::string plural(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string headline(const Totals& totals) {
  std::vector<std::string> news;
  if (totals.refused > 0) {
    news.push_back(plural(totals.refused, "API refuses us or does not answer",
                          "APIs refuse us or do not answer"));
  }
  if (totals.expired > 0) {
    news.push_back(plural(totals.expired, "endpoint with data that are missing or expired",
                          "endpoints with data that are missing or expired"));
  }
  if (totals.unhealthy > 0) {
    news.push_back(plural(totals.unhealthy, "endpoint with unhealthy workers",
                          "endpoints with unhealthy workers"));
  }
  if (totals.empty > 0 && totals.endpoints > 0) {
    news.push_back(
        plural(totals.empty, "account without any endpoint", "accounts without any endpoint"));
  }
  if (!news.empty()) return fmt::format("{}.", fmt::join(news, "; "));
  if (totals.endpoints == 0) return "No endpoint is known yet.";
  return fmt::format("All is well: {}, all data fresh, no unhealthy worker.",
                     plural(totals.endpoints, "endpoint", "endpoints"));
}

std::string account_section(const AccountPage& account, Mono now) {
  std::string out = fmt::format("<h2>{} <small>{}</small></h2>\n", escape_html(account.state.name),
                                account.state.provider->name);
  for (const auto& [api, state] : account.state.apis) {
    if (state.up == false) {
      out += fmt::format(
          "<p class=\"bad\">The {} API refused the last request or did not answer.</p>\n",
          escape_html(api));
    }
  }
  if (account.state.endpoints.empty()) return out + "<p>No endpoint is known.</p>\n";
  out +=
      "<div class=\"scroll\"><table><tr><th>Endpoint</th><th>Workers</th><th>Stale</th>"
      "<th>Data</th><th>Next poll</th></tr>\n";
  for (const auto& [id, known] : account.state.endpoints) {
    const auto& endpoint = *known;
    out += fmt::format(
        "<tr><td>{}<br><small>{}</small></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escape_html(endpoint.info.id), escape_html(endpoint.info.name),
        workers_text(endpoint, *account.state.provider, now), stale_text(endpoint, now),
        sources_text(endpoint, now), next_text(account, endpoint.info.id, now));
  }
  return out + "</table></div>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string status_page(const Pages& pages, const std::string& version, Now now) {
  std::string out(kHead);
  out += fmt::format("<h1>{}</h1>\n", headline(totals_of(pages, now.mono)));
  out += fmt::format(
      "<p>serverless_exporter {} &middot; <a href=\"/metrics\">metrics</a> &middot; "
      "<a href=\"/-/healthy\">healthy</a> &middot; <a href=\"/-/ready\">ready</a></p>\n",
      escape_html(version));
  for (const auto& account : pages) out += account_section(*account, now.mono);
  return out + "</body>\n</html>\n";
}

}  // namespace serverless::daemon
