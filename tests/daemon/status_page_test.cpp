#include "daemon/status_page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/advice.hpp"
#include "daemon/assets.hpp"
#include "daemon/cluster_section.hpp"
#include "daemon/html.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr std::array kStatuses{Status::running, Status::idle, Status::unhealthy};
constexpr Provider kProvider{.name = "acme", .label = "acme", .statuses = kStatuses};
constexpr std::string_view kScript = "<script>alert('1')</script>&\"";
constexpr std::string_view kEscaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;";

using Given = std::vector<std::pair<std::string, std::string>>;

EndpointState endpoint(std::string id, std::chrono::milliseconds age = 5s) {
  EndpointState state;
  state.info.id = std::move(id);
  state.sources[static_cast<std::size_t>(Source::workers)] =
      SourceState{.good = Now{.mono = kNoon.mono - age},
                  .last_attempt = kNoon.wall - age,
                  .ok = true,
                  .max_age = 90s};
  return state;
}

EndpointState failing(EndpointState state, Reason reason, std::string detail = "",
                      Source which = Source::workers) {
  auto& source = *state.sources[static_cast<std::size_t>(which)];
  source.ok = false;
  source.error = Error{.reason = reason, .detail = std::move(detail)};
  return state;
}

// Its workers are fresh; another source was refused from the start.
EndpointState refused(std::string id, Source which, Reason reason) {
  auto state = endpoint(std::move(id));
  state.sources[static_cast<std::size_t>(which)] =
      SourceState{.last_attempt = kNoon.wall, .failing_since = kNoon.mono - 5min, .max_age = 90s};
  return failing(std::move(state), reason, "HTTP 4xx", which);
}

EndpointState counting(EndpointState state, Status status, std::int64_t count) {
  state.counts[static_cast<std::size_t>(status)] = count;
  return state;
}

WorkerState worker(std::string id, Status status) {
  WorkerState state;
  state.reported.id = std::move(id);
  state.reported.native_status = name(status);
  state.status = status;
  return state;
}

std::shared_ptr<AccountPage> account(std::vector<EndpointState> endpoints) {
  auto page = std::make_shared<AccountPage>();
  page->state.name = "prod";
  page->state.provider = &kProvider;
  for (auto& state : endpoints) {
    const auto id = state.info.id;
    page->state.endpoints.emplace(id, std::make_shared<const EndpointState>(std::move(state)));
  }
  return page;
}

std::string page_of(std::vector<EndpointState> endpoints, const Given& arguments = {}) {
  return status_page({account(std::move(endpoints))}, {.version = "1.2.3"}, kNoon, arguments);
}

std::string between(const std::string& page, std::string_view begin, std::string_view end) {
  const auto at = page.find(begin);
  if (at == std::string::npos) return "(not there)";
  const auto from = at + begin.size();
  return page.substr(from, page.find(end, from) - from);
}

std::string headline(const std::string& page) {
  return between(page, "aria-live=\"polite\" data-live>", "</h1>");
}

// The others than the headline.
std::string troubles(const std::string& page) {
  return between(page, "<div id=\"troubles\" data-live>\n", "</div>");
}

std::vector<std::string> marks(const std::string& page) {
  constexpr std::string_view kMark = "<p class=\"mark\">";
  std::vector<std::string> texts;
  for (auto at = page.find(kMark); at != std::string::npos; at = page.find(kMark, at + 1)) {
    const auto from = at + kMark.size();
    texts.push_back(page.substr(from, page.find("</p>", from) - from));
  }
  return texts;
}

// "bad", "warn" or "well".
std::string look(const std::string& page) { return between(page, "id=\"verdict\" class=\"", "\""); }

std::string title(const std::string& page) {
  return between(page, "<title>", " - serverless_exporter");
}

// The workers that are shown, in their order.
std::vector<std::string> shown(const std::string& page) {
  constexpr std::string_view kCell = "data-label=\"Worker\"><bdi>";
  std::vector<std::string> ids;
  for (auto at = page.find(kCell); at != std::string::npos; at = page.find(kCell, at + 1)) {
    const auto from = at + kCell.size();
    ids.push_back(page.substr(from, page.find("</bdi>", from) - from));
  }
  return ids;
}

std::size_t count(const std::string& page, std::string_view what) {
  std::size_t found = 0;
  for (auto at = page.find(what); at != std::string::npos; at = page.find(what, at + 1)) ++found;
  return found;
}

bool contains(const std::string& page, std::string_view what) {
  return page.find(what) != std::string::npos;
}

TEST(EscapeHtml, EscapesContentAndAttributes) {
  EXPECT_EQ(escape_html(kScript), kEscaped);
  EXPECT_EQ(escape_html("Zürich"), "Zürich");
  EXPECT_EQ(escape_html(""), "");
  EXPECT_EQ(isolate("<\u202E>"), "<bdi>&lt;\u202E&gt;</bdi>");
}

TEST(StatusPage, WhatCameFromOutsideIsEscapedAndIsolated) {
  const std::string script(kScript);
  auto state = failing(endpoint(script), Reason::parse, script);
  state.info.name = script;
  auto one = worker(script, Status::running);
  one.reported.native_status = script;
  one.reported.name = script;
  one.reported.gpu_type = script;
  one.reported.location = script;
  state.workers = {one};
  auto page = account({state});
  page->state.name = script;
  page->state.apis[script].up = false;
  page->state.apis[script].backoff_until = kNoon.wall + 5s;
  const auto text = status_page({page}, {.version = script}, kNoon,
                                Given{{"text", script},
                                      {"status", script},
                                      {"account", script},
                                      {"endpoint", script},
                                      {"provider", "acme"},
                                      {"page", script}});
  EXPECT_EQ(count(text, "<script"), 1U) << "our own";
  EXPECT_GE(count(text, std::string("<bdi>") + std::string(kEscaped) + "</bdi>"), 10U);
  EXPECT_EQ(shown(text), std::vector<std::string>{std::string(kEscaped)});
}

TEST(StatusPage, IsOneWholeDocumentWithNothingFromElsewhere) {
  const auto text = page_of({});
  EXPECT_TRUE(text.starts_with("<!doctype html>\n<html lang=\"en\">\n"));
  EXPECT_TRUE(text.ends_with("</body>\n</html>\n"));
  EXPECT_TRUE(contains(text, "serverless_exporter 1.2.3"));
  EXPECT_FALSE(contains(text, "://"));
  EXPECT_FALSE(contains(text, " style=")) << "the policy forbids it";
  for (const auto& asset : assets()) EXPECT_TRUE(contains(text, asset.path)) << asset.path;
}

TEST(StatusPage, SaysThatNothingIsKnownYet) {
  EXPECT_EQ(headline(status_page({}, {}, kNoon)), "No endpoint is known yet.");
  EXPECT_EQ(headline(page_of({})), "<strong>No endpoint is known yet (<bdi>prod</bdi>).</strong>");
  EXPECT_EQ(look(page_of({})), "warn");
  auto none = account({});
  none->state.discovered = true;
  EXPECT_EQ(headline(status_page({none}, {}, kNoon)),
            "<strong>No endpoint (<bdi>prod</bdi>).</strong> The provider lists none. <em>Check "
            "whose key it is.</em>");
}

TEST(StatusPage, AnAccountWhoseEndpointsAreAllOtherShardsIsNoTrouble) {
  auto elsewhere = account({});
  elsewhere->state.name = "elsewhere";
  elsewhere->state.divided = true;
  elsewhere->state.discovered = true;
  EXPECT_EQ(headline(status_page({elsewhere}, {}, kNoon)), "No endpoint is this shard's.");
  const auto text = status_page({account({endpoint("a")}), elsewhere}, {}, kNoon);
  EXPECT_TRUE(headline(text).starts_with("All is well")) << headline(text);
  EXPECT_EQ(troubles(text), "");
  EXPECT_TRUE(contains(text, "<p>No endpoint is this shard's.</p>"));
  const auto last = status_page({elsewhere, account({endpoint("a", 2min)})}, {}, kNoon);
  EXPECT_LT(last.find("<h2><bdi>prod</bdi>"), last.find("<h2><bdi>elsewhere</bdi>"));
  elsewhere->state.discovered = false;
  const auto before = status_page({account({endpoint("a")}), elsewhere}, {}, kNoon);
  EXPECT_EQ(headline(before), "<strong>No endpoint is known yet (<bdi>elsewhere</bdi>).</strong>");
}

TEST(StatusPage, AShardSaysThatThereAreOthers) {
  EXPECT_FALSE(contains(page_of({endpoint("a")}), "Shard"));
  const auto text =
      status_page({account({endpoint("a")})}, {.members = static_shards(0, 3)}, kNoon);
  EXPECT_TRUE(
      contains(between(text, "<section id=\"totals\" data-live>\n", "</section>"),
               "<p>Shard 0 of 3: other endpoints are on the pages of the other shards.</p>"))
      << text;
}

TEST(StatusPage, SaysThatAllIsWellWithCounts) {
  const auto text = page_of(
      {counting(endpoint("a"), Status::running, 2), counting(endpoint("b"), Status::idle, 1)});
  EXPECT_EQ(headline(text),
            "All is well: 3 workers at 2 endpoints, all data fresh, none unhealthy.");
  EXPECT_EQ(troubles(text), "");
  EXPECT_TRUE(contains(text,
                       "<p>1 account, 2 endpoints, 3 workers, at "
                       "<time>2026-08-05 12:00:00 UTC</time></p>"))
      << text;
}

TEST(StatusPage, IsNotWellBeforeEveryEndpointHasAnswered) {
  auto untried = endpoint("b");
  untried.sources[0] = SourceState{.max_age = 90s};
  EXPECT_EQ(headline(page_of({endpoint("a"), untried})),
            "Starting: 1 of 2 endpoints answered so far.");
}

TEST(StatusPage, AMemberOfAClusterHasItsSectionAheadOfTheTotalsAndTheAccounts) {
  const ClusterStatus cluster{.cluster = "gpu", .self = "b", .trouble = "timeout"};
  const auto text = status_page({account({endpoint("a")})}, {.cluster = cluster}, kNoon);
  EXPECT_EQ(between(text, "<main>\n<section id=\"cluster\" data-live>\n",
                    "</section>\n<section id=\"totals\""),
            cluster_section(cluster, kNoon.mono));
  EXPECT_EQ(headline(text), cluster_headline(cluster, kNoon.mono));
  EXPECT_EQ(look(text), "bad");
  EXPECT_EQ(between(page_of({endpoint("a")}), "<section id=\"cluster\" data-live>\n", "</section>"),
            "");
}

TEST(StatusPage, ASourceThatIsRefusedFromTheStartIsNamedWithEndpointReasonAndWhatToDo) {
  auto state = refused("e1", Source::queue, Reason::forbidden);
  state.info.name = "llama";
  const auto text = page_of({counting(state, Status::running, 2), endpoint("e2")});
  EXPECT_EQ(
      headline(text),
      "<strong>Missing: queue of <bdi>llama</bdi> <small><bdi>e1</bdi></small> "
      "(<bdi>prod</bdi>).</strong> forbidden: The key is valid and may not read this. <em>Give "
      "the key the permission to read, or use another key.</em> "
      "<a href=\"/debug/polls?account=prod&amp;endpoint=e1\">its polls</a>");
  EXPECT_EQ(troubles(text), "");
  EXPECT_EQ(title(text), "1 trouble") << "with nothing from outside";
  EXPECT_EQ(look(text), "warn") << "its workers are known";
  EXPECT_EQ(marks(text), (std::vector<std::string>{"! Missing: queue", "\u2713 Well"}));
  EXPECT_TRUE(contains(text, "<strong>forbidden</strong> (queue, for 5 min): The key is valid"));
  EXPECT_TRUE(contains(text, "2 running"));
}

TEST(StatusPage, OfSeveralEndpointsTheFirstIsNamedAndTheOthersAreCounted) {
  const auto text = page_of({refused("a", Source::billing, Reason::auth),
                             refused("b", Source::billing, Reason::auth), endpoint("c"),
                             refused("d", Source::billing, Reason::auth)});
  EXPECT_TRUE(headline(text).starts_with(
      "<strong>Missing: billing of <bdi>a</bdi> and 2 more endpoints (<bdi>prod</bdi>).</strong> "
      "auth: The key is not accepted. <em>"))
      << headline(text);
  EXPECT_TRUE(headline(text).ends_with("<a href=\"/debug/polls?account=prod\">its polls</a>"));
}

TEST(StatusPage, SourcesThatFailAlikeAreToldTogether) {
  const auto dead = [](const std::string& id) {
    auto state = failing(endpoint(id, 2min), Reason::auth, "HTTP 401");
    for (const Source source : {Source::queue, Source::catalog}) {
      state.sources[static_cast<std::size_t>(source)] =
          SourceState{.last_attempt = kNoon.wall, .max_age = 90s};
      state = failing(std::move(state), Reason::auth, "HTTP 401", source);
    }
    return state;
  };
  const auto text = page_of({dead("a"), dead("b")});
  EXPECT_TRUE(headline(text).starts_with(
      "<strong>Missing or too old: workers, queue and catalog of <bdi>a</bdi> and 1 more endpoint "
      "(<bdi>prod</bdi>).</strong> auth: "))
      << headline(text);
  EXPECT_EQ(troubles(text), "");
  EXPECT_EQ(look(text), "bad");
  EXPECT_EQ(marks(text)[0], "\u2717 Missing: queue and catalog; too old: workers");
  EXPECT_TRUE(contains(text, "<strong>auth</strong> (workers, queue and catalog): The key"));
  EXPECT_EQ(count(text, "<code><bdi>HTTP 401</bdi></code>"), 2U) << "once an endpoint";
}

TEST(StatusPage, WhatFailsOtherwiseOrElsewhereIsToldByItself) {
  auto other = account({refused("z", Source::queue, Reason::forbidden)});
  other->state.name = "other";
  const auto text = status_page({account({refused("a", Source::queue, Reason::forbidden),
                                          refused("b", Source::queue, Reason::server_error)}),
                                 other},
                                {}, kNoon);
  EXPECT_TRUE(headline(text).starts_with(
      "<strong>Missing: queue of <bdi>a</bdi> (<bdi>prod</bdi>).</strong> forbidden: "));
  EXPECT_EQ(
      troubles(text),
      "<h2>2 more to look at</h2>\n<ul class=\"troubles\">\n"
      "<li class=\"warn\"><strong>Missing: queue of <bdi>b</bdi> (<bdi>prod</bdi>).</strong> "
      "server_error: The provider failed on its own side. <em>Look at the provider's status page; "
      "polling goes on by itself.</em> "
      "<a href=\"/debug/polls?account=prod&amp;endpoint=b\">its polls</a></li>\n"
      "<li class=\"warn\"><strong>Missing: queue of <bdi>z</bdi> (<bdi>other</bdi>).</strong> "
      "forbidden: The key is valid and may not read this. <em>Give the key the permission to read, "
      "or use another key.</em> <a href=\"/debug/polls?account=other&amp;endpoint=z\">its polls"
      "</a></li>\n</ul>\n");
}

TEST(StatusPage, AFailedPollWhoseDataAreStillGoodIsNoAlarm) {
  const auto text = page_of({failing(endpoint("a"), Reason::timeout)});
  EXPECT_TRUE(headline(text).starts_with(
      "<strong>Failing, data still good: workers of <bdi>a</bdi> (<bdi>prod</bdi>).</strong> "
      "timeout: "))
      << headline(text);
  EXPECT_EQ(look(text), "warn");
  EXPECT_EQ(marks(text)[0], "! Failing, data still good: workers");
}

TEST(StatusPage, DataThatGrowOldThoughNoPollFailsAreTold) {
  const auto text = page_of({endpoint("a", 90001ms)});
  EXPECT_EQ(headline(text),
            "<strong>Too old: workers of <bdi>a</bdi> (<bdi>prod</bdi>).</strong> No poll failed. "
            "<em>Look at the exporter's log.</em> "
            "<a href=\"/debug/polls?account=prod&amp;endpoint=a\">its polls</a>");
  EXPECT_EQ(look(text), "bad");
  EXPECT_EQ(marks(text)[0], "\u2717 Too old: workers");
}

TEST(StatusPage, UnhealthyWorkersAreCountedAndShown) {
  const auto one = page_of({counting(endpoint("a"), Status::unhealthy, 2), endpoint("b")});
  EXPECT_EQ(headline(one),
            "<strong>Unhealthy: <a href=\"/?status=unhealthy&amp;account=prod&amp;endpoint=a"
            "#workers\">2 workers</a> of <bdi>a</bdi> (<bdi>prod</bdi>).</strong> <em>Read the "
            "log in the provider's console.</em>");
  EXPECT_EQ(look(one), "bad");
  EXPECT_EQ(marks(one)[0], "\u2717 Unhealthy: 2 workers");
  const auto more = page_of({counting(endpoint("a"), Status::unhealthy, 2),
                             counting(endpoint("b"), Status::unhealthy, 1)});
  EXPECT_TRUE(contains(headline(more),
                       "<a href=\"/?status=unhealthy&amp;account=prod#workers\">3 workers</a> of "
                       "<bdi>a</bdi> and 1 more endpoint (<bdi>prod</bdi>)"))
      << headline(more);
}

TEST(StatusPage, AnApiThatRefusesUsIsNotWell) {
  auto page = account({endpoint("a")});
  page->state.apis["control"].up = true;
  page->state.apis["queue"].up = false;
  const auto text = status_page({page}, {}, kNoon);
  EXPECT_EQ(headline(text),
            "<strong>Refused, or not answered: the last request to the <bdi>queue</bdi> API "
            "(<bdi>prod</bdi>).</strong> <a href=\"/debug/polls?account=prod\">its polls</a>");
  EXPECT_EQ(look(text), "bad");
  EXPECT_EQ(troubles(text), "");
  auto told = account({refused("a", Source::queue, Reason::auth)});
  told->state.apis["queue"].up = false;
  EXPECT_EQ(troubles(status_page({told}, {}, kNoon)), "") << "its source tells more";
}

TEST(StatusPage, AFailureBeforeAnyEndpointIsKnownIsToldByTheLog) {
  auto page = account({});
  page->state.discovered = true;
  page->state.apis["control"].up = true;
  page->state.polls["list/"] = std::make_shared<const PollLog>(
      PollLog{.operation = "list",
              .supplies = {Source::catalog},
              .polls = {PollRecord{.reason = Reason::dns}, PollRecord{.reason = Reason::parse}}});
  const auto text = status_page({page}, {}, kNoon);
  EXPECT_TRUE(headline(text).starts_with(
      "<strong>Missing: list of endpoints (<bdi>prod</bdi>).</strong> parse: The answer is not "
      "JSON"))
      << headline(text);
  EXPECT_EQ(look(text), "bad") << "however the API took us";
}

TEST(StatusPage, AListThatCannotBeReadWholeIsToldByTheLog) {
  auto page = account({endpoint("a")});
  page->state.polls["list/"] =
      std::make_shared<const PollLog>(PollLog{.operation = "list",
                                              .supplies = {Source::catalog},
                                              .polls = {PollRecord{.reason = Reason::schema}}});
  const auto text = status_page({page}, {}, kNoon);
  EXPECT_TRUE(headline(text).starts_with(
      "<strong>Failing, data still good: catalog (<bdi>prod</bdi>).</strong> schema: "))
      << headline(text);
}

TEST(StatusPage, TheWorstStandsFirst) {
  auto nothing = account({});
  nothing->state.name = "nothing";
  const auto text = status_page(
      {nothing,
       account({counting(endpoint("a-well"), Status::idle, 1),
                failing(endpoint("b-failing"), Reason::timeout),
                refused("c-lacking", Source::billing, Reason::auth),
                counting(endpoint("d-sick"), Status::unhealthy, 1),
                refused("e-lacking", Source::queue, Reason::auth), endpoint("f-blind", 91s)})},
      {}, kNoon);
  const auto in_order = [](const std::string& where, const std::vector<std::string_view>& words) {
    std::vector<std::size_t> places;
    for (const auto word : words) places.push_back(where.find(word));
    return std::is_sorted(places.begin(), places.end()) && places.back() != std::string::npos;
  };
  EXPECT_TRUE(contains(headline(text), "f-blind")) << headline(text);
  EXPECT_TRUE(
      in_order(troubles(text), {"d-sick", "queue of", "billing of", "b-failing", "nothing"}))
      << troubles(text);
  const auto list = between(text, "<div id=\"accounts\" data-live>", "<section id=\"workers\">");
  EXPECT_TRUE(
      in_order(list, {"f-blind", "d-sick", "c-lacking", "e-lacking", "b-failing", "a-well"}))
      << list;
}

TEST(StatusPage, OnlyWhatIsBadIsOpen) {
  const auto text = page_of({endpoint("a", 91s), refused("b", Source::queue, Reason::auth)});
  EXPECT_TRUE(contains(text, "<details data-key=\"prod/a\" open>"));
  EXPECT_TRUE(contains(text, "<details data-key=\"prod/b\">"));
}

TEST(StatusPage, AnEndpointSaysWhatIsSuspect) {
  auto state = counting(counting(endpoint("a"), Status::throttled, 2), Status::unknown, 1);
  state.workers.edit().resize(3);
  for (auto& each : state.workers.edit()) each.staleness = Staleness::version;
  state.workers_report.skipped.add(Skip::no_id, "/workers/3");
  state.disagreement.polls = kBelievedAfterPolls;
  EXPECT_EQ(marks(page_of({state}))[0],
            "! To look at: 2 throttled, 1 unknown, 3 stale, 1 left out, two views differ");
}

TEST(StatusPage, AnEndpointSaysWhatItWaitsFor) {
  auto state = endpoint("a");
  state.sources[static_cast<std::size_t>(Source::billing)] = SourceState{.max_age = 90s};
  const auto text = page_of({state});
  EXPECT_EQ(marks(text)[0], "\u2026 Waiting for: billing");
  EXPECT_EQ(headline(text), "Starting: 0 of 1 endpoint answered so far.");
}

TEST(StatusPage, AnEndpointTellsItsFigures) {
  auto state = counting(counting(endpoint("e1", 7s), Status::running, 3), Status::idle, 1);
  state.info.name = "llama";
  state.workers.edit().resize(4);
  for (auto& each : state.workers.edit()) each.status = Status::running;
  state.workers.edit()[1].staleness = Staleness::version;
  state.workers.edit()[0].reported.cur_load = 6;
  state.workers.edit()[0].reported.perf = 8;
  state.workers.edit()[0].reported.benchmarked = true;
  state.sources[static_cast<std::size_t>(Source::queue)] =
      SourceState{.good = Now{.mono = kNoon.mono - 2s}, .last_attempt = kNoon.wall, .max_age = 60s};
  state.queue = QueueReport{.jobs_in_queue = 5, .jobs_in_progress = 3};
  auto page = account({state});
  page->state.polls["list/e1"] = std::make_shared<const PollLog>(
      PollLog{.operation = "list", .endpoint_id = "e1", .supplies = {Source::workers}});
  page->next_polls["list/e1"] = {.at = kNoon.mono + 12s};
  const auto text = status_page({page}, {}, kNoon);
  EXPECT_EQ(
      between(text, "<li class=\"endpoint", "</li>"),
      " warn\">\n<h3><bdi>llama</bdi> <small><bdi>e1</bdi></small></h3>\n"
      "<p class=\"mark\">! To look at: 1 stale</p>\n"
      "<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
      "<rect class=\"running\" x=\"0.000\" width=\"75.000\" height=\"1\"/>"
      "<rect class=\"idle\" x=\"75.000\" width=\"25.000\" height=\"1\"/></svg>"
      "<p><span class=\"count\"><svg class=\"swatch running\" viewBox=\"0 0 1 1\" "
      "aria-hidden=\"true\"><rect width=\"1\" height=\"1\"/></svg>3 running</span> "
      "<span class=\"count\"><svg class=\"swatch idle\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">"
      "<rect width=\"1\" height=\"1\"/></svg>1 idle</span> </p>\n"
      "<details data-key=\"prod/e1\"><summary>Figures</summary>\n"
      "<dl><div><dt>Stale</dt><dd>1 worker</dd></div>"
      "<div><dt>Load</dt><dd>6 of 8 (75\u00a0%)</dd></div>"
      "<div><dt>Jobs</dt><dd>5 waiting, 3 in progress</dd></div>"
      "<div><dt>Data</dt><dd><span class=\"source\">workers <span data-age=\"7.0\" "
      "data-max=\"90\">7 s</span> old</span> <span class=\"source\">queue <span data-age=\"2.0\" "
      "data-max=\"60\">2 s</span> old</span> </dd></div>"
      "<div><dt>Next poll</dt><dd>in <span data-in=\"12.0\">12 s</span></dd></div></dl>\n"
      "<p class=\"more\"><a href=\"/?account=prod&amp;endpoint=e1#workers\">its workers</a> "
      "<a href=\"/debug/polls?account=prod&amp;endpoint=e1\">its polls</a></p>\n</details>\n");
}

TEST(StatusPage, AnEndpointTellsWhatItsListLacks) {
  auto state = endpoint("e1", 7s);
  EXPECT_EQ(count(page_of({state}), "class=\"note\""), 0U);
  state.workers_report.skipped.add(Skip::no_id, "/workers/3");
  state.degraded = true;
  state.sources[static_cast<std::size_t>(Source::queue)] =
      SourceState{.good = Now{.mono = kNoon.mono - 2s}, .last_attempt = kNoon.wall, .max_age = 60s};
  state.workers_report.truncated = true;
  state.disagreement.polls = kBelievedAfterPolls;
  const auto page = page_of({state});
  EXPECT_EQ(count(page, "class=\"note\""), 4U);
  for (const auto* note : {"1 record in the list could not be read and is left out.",
                           "Statuses rest on the workers' lifecycle alone: the queue does not tell "
                           "which of them work.",
                           "The provider shows only a part of the workers.",
                           "The provider's two views of the workers disagree."}) {
    EXPECT_TRUE(contains(page, note)) << note;
  }
}

TEST(StatusPage, ExpiredDataAreNotShown) {
  auto state = counting(endpoint("e1", 91s), Status::running, 3);
  state.workers = {worker("w1", Status::running)};
  const auto text = page_of({state});
  EXPECT_TRUE(contains(text, "<p>workers not known</p>"));
  EXPECT_TRUE(contains(text, "data-max=\"90\">91 s</span> old: too old</span>"));
  EXPECT_FALSE(contains(text, "3 running"));
  EXPECT_EQ(shown(text), std::vector<std::string>{});
  EXPECT_TRUE(contains(text, "1 endpoint is left out, whose list is too old or missing."));
}

TEST(StatusPage, StatusesThatRestOnAnExpiredViewAreNotShown) {
  auto state = counting(endpoint("e1"), Status::running, 3);
  state.workers = {worker("w1", Status::running)};
  state.queue_used = true;
  state.sources[static_cast<std::size_t>(Source::queue)] =
      SourceState{.good = Now{.mono = kNoon.mono - 91s}, .max_age = 90s};
  const auto text = page_of({state});
  EXPECT_TRUE(contains(text, "<p>statuses not known</p>"));
  EXPECT_EQ(shown(text), std::vector<std::string>{"w1"});
  EXPECT_TRUE(contains(text, "data-label=\"Status\">not known"));
}

TEST(StatusPage, WorkersAreSortedFilteredAndPaged) {
  auto state = endpoint("e1");
  for (int i = 0; i < 150; ++i) {
    state.workers.edit().push_back(worker("w" + std::to_string(1000 + i), Status::idle));
  }
  state.workers.edit()[140].status = Status::unhealthy;
  state.workers.edit()[149].reported.location = "Reykjavik";
  const auto first = shown(page_of({state}));
  ASSERT_EQ(first.size(), 100U);
  EXPECT_EQ(first[0], "w1140") << "the worst first";
  EXPECT_EQ(first[1], "w1000");
  const auto second = shown(page_of({state}, {{"page", "2"}, {"sort", "worker"}}));
  ASSERT_EQ(second.size(), 50U);
  EXPECT_EQ(second[0], "w1100");
  EXPECT_EQ(shown(page_of({state}, {{"page", "99"}})).size(), 50U) << "the last one";
  EXPECT_EQ(shown(page_of({state}, {{"sort", "worker"}, {"order", "desc"}}))[0], "w1149");
  EXPECT_EQ(shown(page_of({state}, {{"text", "reyk"}})), std::vector<std::string>{"w1149"});
  EXPECT_EQ(shown(page_of({state}, {{"status", "unhealthy"}})), std::vector<std::string>{"w1140"});
  EXPECT_TRUE(
      contains(page_of({state}, {{"text", "nothing"}}), "<p role=\"status\">No worker.</p>"));
  EXPECT_TRUE(contains(page_of({state}, {{"status", "odd"}}),
                       "<p class=\"note\"><bdi>status: expected one of running, idle"));
}

TEST(StatusPage, AColumnTurnsRoundAndKeepsTheFilter) {
  auto state = endpoint("e1");
  state.workers = {worker("w1", Status::idle)};
  const auto text = page_of({state}, {{"text", "w"}, {"sort", "worker"}});
  EXPECT_TRUE(contains(text,
                       "aria-sort=\"ascending\"><a "
                       "href=\"/?text=w&amp;sort=worker&amp;order=desc#workers\">Worker"))
      << text;
  EXPECT_TRUE(contains(text, "<input type=\"search\" name=\"text\" value=\"w\""));
}

TEST(StatusPage, IsBounded) {
  std::vector<EndpointState> many;
  for (int i = 0; i < 400; ++i)
    many.push_back(failing(endpoint("e" + std::to_string(i), 2min), Reason::dns));
  const auto text = page_of(std::move(many));
  EXPECT_EQ(count(text, "<li class=\"endpoint"), 300U);
  EXPECT_TRUE(contains(headline(text), "<bdi>e0</bdi> and 399 more endpoints"));
  EXPECT_TRUE(contains(text,
                       "100 more are not shown here; they are in "
                       "<a href=\"/api/v1/endpoints?account=prod\">the API</a>."));
}

TEST(StatusPage, TellsNoMoreTroublesThanSomebodyReads) {
  Pages pages;
  for (int i = 0; i < 40; ++i) pages.push_back(account({endpoint("e", 2min)}));
  const auto text = troubles(status_page(pages, {}, kNoon));
  EXPECT_TRUE(text.starts_with("<h2>39 more to look at</h2>")) << text;
  EXPECT_EQ(count(text, "<li class=\"bad\">"), 30U);
  EXPECT_TRUE(contains(text, "<li>And 9 more, below.</li>")) << text;
}

TEST(Advice, SaysTwoSentencesForEachReason) {
  std::set<std::string_view> tips;
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const auto tip = advice(static_cast<Reason>(i));
    EXPECT_TRUE(tip.what.ends_with('.')) << kReasonNames[i];
    EXPECT_TRUE(tip.to_do.ends_with('.')) << kReasonNames[i];
    EXPECT_TRUE(tips.insert(tip.what).second) << kReasonNames[i];
  }
}

TEST(Assets, HaveAPathThatChangesWithTheirText) {
  ASSERT_EQ(assets().size(), 3U);
  for (const auto& asset : assets()) {
    EXPECT_FALSE(asset.text.empty()) << asset.name;
    EXPECT_EQ(asset.path.size(), std::string_view("/assets/").size() + asset.name.size() + 13);
    EXPECT_EQ(asset_path(asset.name), asset.path);
  }
}

}  // namespace
}  // namespace serverless::daemon
