#include "daemon/status_page.hpp"

#include <gtest/gtest.h>

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

EndpointState failing(EndpointState state, Reason reason, std::string detail = "") {
  auto& source = *state.sources[static_cast<std::size_t>(Source::workers)];
  source.ok = false;
  source.error = Error{.reason = reason, .detail = std::move(detail)};
  return state;
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
  return status_page({account(std::move(endpoints))}, "1.2.3", kNoon, arguments);
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

std::string troubles(const std::string& page) {
  return between(page, "<section id=\"troubles\" data-live>\n", "</section>");
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
  const auto text = status_page({page}, script, kNoon,
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
  EXPECT_EQ(headline(status_page({}, "1", kNoon)), "No endpoint is known yet.");
  const auto text = page_of({});
  EXPECT_EQ(headline(text), "No endpoint is known yet.");
  EXPECT_TRUE(
      contains(troubles(text), "<strong><bdi>prod</bdi></strong>: no endpoint is known yet."))
      << troubles(text);
}

TEST(StatusPage, AnAccountWhoseEndpointsAreAllOtherShardsIsNoTrouble) {
  auto elsewhere = account({});
  elsewhere->state.name = "elsewhere";
  elsewhere->state.divided = true;
  elsewhere->state.discovered = true;
  const auto text = status_page({account({endpoint("a")}), elsewhere}, "1", kNoon);
  EXPECT_TRUE(headline(text).starts_with("All is well")) << headline(text);
  EXPECT_EQ(troubles(text), "");
  EXPECT_TRUE(contains(text, "<p>No endpoint is this shard's.</p>"));
  elsewhere->state.discovered = false;
  const auto before = status_page({account({endpoint("a")}), elsewhere}, "1", kNoon);
  EXPECT_TRUE(contains(troubles(before), "no endpoint is known yet.")) << troubles(before);
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
            "Starting: 1 of 2 endpoints have answered.");
}

TEST(StatusPage, AMemberOfAClusterHasItsSectionAfterTheTroublesAndAheadOfTheAccounts) {
  const ClusterStatus cluster{.cluster = "gpu", .self = "b", .trouble = "timeout"};
  const auto text = status_page({account({endpoint("a")})}, "1", kNoon, {}, &cluster);
  EXPECT_EQ(between(text, "</section>\n<section id=\"cluster\" data-live>\n",
                    "</section>\n<div id=\"accounts\""),
            cluster_section(cluster, kNoon.mono));
  EXPECT_EQ(headline(text), cluster_headline(cluster, kNoon.mono));
  EXPECT_TRUE(contains(text, "<h1 id=\"verdict\" class=\"bad\""));
  EXPECT_EQ(between(page_of({endpoint("a")}), "<section id=\"cluster\" data-live>\n", "</section>"),
            "");
}

TEST(StatusPage, CountsWhatIsExpiredAndWhatIsUnhealthy) {
  auto sick = counting(endpoint("c"), Status::unhealthy, 1);
  auto never = endpoint("d");
  never.sources[0]->good.reset();
  EXPECT_EQ(headline(page_of({endpoint("a"), endpoint("b", 90001ms), sick, never})),
            "2 endpoints with data that are missing or too old; 1 endpoint with unhealthy "
            "workers.");
}

TEST(StatusPage, AnApiThatRefusesUsIsNotWell) {
  auto page = account({endpoint("a")});
  page->state.apis["control"].up = true;
  page->state.apis["queue"].up = false;
  const auto text = status_page({page}, "1", kNoon);
  EXPECT_EQ(headline(text), "1 API refuses us or does not answer.");
  EXPECT_TRUE(contains(troubles(text), "the <bdi>queue</bdi> API refused the last request"));
  EXPECT_FALSE(contains(troubles(text), "control"));
}

TEST(StatusPage, AFailureIsToldOnceAnAccountWithWhatToDo) {
  const auto text = page_of({failing(endpoint("a"), Reason::auth, "401 from /v2"),
                             failing(endpoint("b", 2min), Reason::auth, "401 from /v2")});
  EXPECT_EQ(
      troubles(text),
      "<h2>What to look at</h2>\n<ul class=\"troubles\">\n<li><strong><bdi>prod</bdi></strong>: "
      "auth (2 endpoints, data of 1 too old or missing). The key is not accepted. <em>Write a "
      "valid key into the account's key file: it is read again by itself.</em></li>\n"
      "</ul>\n");
  EXPECT_TRUE(contains(text, "<code><bdi>401 from /v2</bdi></code>"));
}

TEST(StatusPage, AFailureBeforeAnyEndpointIsKnownIsToldByTheLog) {
  auto page = account({});
  page->state.polls["list/"] = std::make_shared<const PollLog>(
      PollLog{.operation = "list", .polls = {PollRecord{.reason = Reason::dns}}});
  const auto text = status_page({page}, "1", kNoon);
  EXPECT_TRUE(
      contains(troubles(text), "dns (its lists). The name of the API could not be resolved."))
      << troubles(text);
}

TEST(StatusPage, TheWorstStandsFirst) {
  const auto text =
      page_of({counting(endpoint("a-well"), Status::idle, 1),
               counting(endpoint("b-sick"), Status::unhealthy, 1),
               failing(endpoint("c-failing"), Reason::timeout), endpoint("d-expired", 91s)});
  const auto list = between(text, "<div id=\"accounts\" data-live>", "<section id=\"workers\">");
  EXPECT_LT(list.find("d-expired"), list.find("c-failing"));
  EXPECT_LT(list.find("c-failing"), list.find("b-sick"));
  EXPECT_LT(list.find("b-sick"), list.find("a-well"));
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
  const auto text = status_page({page}, "1", kNoon);
  EXPECT_EQ(
      between(text, "<li class=\"endpoint", "</li>"),
      " warn\">\n<h3><bdi>llama</bdi> <small><bdi>e1</bdi></small></h3>\n"
      "<p class=\"mark\">! Something to look at</p>\n"
      "<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
      "<rect class=\"running\" x=\"0.000\" width=\"75.000\" height=\"1\"/>"
      "<rect class=\"idle\" x=\"75.000\" width=\"25.000\" height=\"1\"/></svg>"
      "<p><span class=\"count\"><svg class=\"swatch running\" viewBox=\"0 0 1 1\" "
      "aria-hidden=\"true\"><rect width=\"1\" height=\"1\"/></svg>3 running</span> "
      "<span class=\"count\"><svg class=\"swatch idle\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">"
      "<rect width=\"1\" height=\"1\"/></svg>1 idle</span> </p>\n"
      "<details data-key=\"prod/e1\" open><summary>Figures</summary>\n"
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
  EXPECT_TRUE(contains(text,
                       "100 more are not shown here; they are in "
                       "<a href=\"/api/v1/endpoints?account=prod\">the API</a>."));
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
