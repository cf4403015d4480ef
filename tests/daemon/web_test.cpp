#include "daemon/web.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr std::array kStatuses{Status::running, Status::idle, Status::unhealthy};
constexpr Provider kProvider{.name = "acme", .label = "acme", .statuses = kStatuses};
constexpr std::string_view kScript = "<script>alert('1')</script>&\"";
constexpr std::string_view kEscaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;";

EndpointState endpoint(std::string id, std::chrono::seconds age = 5s) {
  EndpointState state;
  state.info.id = std::move(id);
  state.sources[static_cast<std::size_t>(Source::workers)] =
      SourceState{.good = Now{.mono = kNoon.mono - age}, .ok = true, .max_age = 90s};
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

std::string page_of(std::vector<EndpointState> endpoints) {
  return status_page({account(std::move(endpoints))}, "1.2.3", kNoon);
}

std::string headline(const std::string& page) {
  const auto begin = page.find("<h1>") + 4;
  return page.substr(begin, page.find("</h1>") - begin);
}

// What stands in the cells of the only row.
std::vector<std::string> cells(const std::string& page) {
  std::vector<std::string> result;
  for (auto at = page.find("<td>"); at != std::string::npos; at = page.find("<td>", at)) {
    at += 4;
    result.push_back(page.substr(at, page.find("</td>", at) - at));
  }
  return result;
}

bool contains(const std::string& page, std::string_view what) {
  return page.find(what) != std::string::npos;
}

TEST(EscapeHtml, EscapesContentAndAttributes) {
  EXPECT_EQ(escape_html(kScript), kEscaped);
  EXPECT_EQ(escape_html("Zürich"), "Zürich");
  EXPECT_EQ(escape_html(""), "");
}

TEST(StatusPage, WhatCameFromOutsideIsEscaped) {
  const std::string script(kScript);
  auto state = endpoint(script);
  state.info.name = script;
  state.sources[0]->error = Error{.reason = Reason::parse, .detail = script};
  auto page = account({state});
  page->state.name = script;
  page->state.apis[script].up = false;
  const auto text = status_page({page}, script, kNoon);
  EXPECT_FALSE(contains(text, "<script"));
  std::size_t count = 0;
  for (auto at = text.find(kEscaped); at != std::string::npos; at = text.find(kEscaped, at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 6U) << "version, account, API, id, name, error";
}

TEST(StatusPage, IsOneWholeDocumentWithoutScript) {
  const auto text = page_of({});
  EXPECT_TRUE(text.starts_with("<!doctype html>\n<html lang=\"en\">\n"));
  EXPECT_TRUE(text.ends_with("</body>\n</html>\n"));
  EXPECT_FALSE(contains(text, "<script"));
  EXPECT_TRUE(contains(text, "serverless_exporter 1.2.3"));
  EXPECT_TRUE(contains(text, "href=\"/metrics\""));
}

TEST(StatusPage, SaysThatNothingIsKnownYet) {
  EXPECT_EQ(headline(status_page({}, "1", kNoon)), "No endpoint is known yet.");
  const auto text = page_of({});
  EXPECT_EQ(headline(text), "No endpoint is known yet.");
  EXPECT_TRUE(contains(text, "<h2>prod <small>acme</small></h2>\n<p>No endpoint is known.</p>\n"));
}

TEST(StatusPage, SaysThatAllIsWell) {
  EXPECT_EQ(headline(page_of({endpoint("a"), endpoint("b")})),
            "All is well: 2 endpoints, all data fresh, no unhealthy worker.");
}

TEST(StatusPage, CountsWhatIsExpiredAndWhatIsUnhealthy) {
  auto sick = endpoint("c");
  sick.counts[static_cast<std::size_t>(Status::unhealthy)] = 1;
  auto never = endpoint("d");
  never.sources[0]->good.reset();
  EXPECT_EQ(
      headline(page_of({endpoint("a"), endpoint("b", 91s), sick, never})),
      "2 endpoints with data that are missing or expired; 1 endpoint with unhealthy workers.");
}

TEST(StatusPage, AnApiThatRefusesUsIsNotWell) {
  auto page = account({endpoint("a")});
  page->state.apis["control"].up = true;
  page->state.apis["queue"].up = false;
  EXPECT_EQ(headline(status_page({page}, "1", kNoon)), "1 API refuses us or does not answer.");
}

TEST(StatusPage, ARowTellsOneEndpoint) {
  auto state = endpoint("e1", 7s);
  state.info.name = "llama";
  state.counts[static_cast<std::size_t>(Status::running)] = 2;
  state.counts[static_cast<std::size_t>(Status::idle)] = 1;
  state.counts[static_cast<std::size_t>(Status::unhealthy)] = 0;
  state.workers.edit().resize(3);
  state.workers.edit()[1].staleness = Staleness::version;
  state.workers.edit()[2].staleness = Staleness::current;
  auto page = account({state});
  page->next_poll["e1"] = kNoon.mono + 12s;
  EXPECT_EQ(cells(status_page({page}, "1", kNoon)),
            (std::vector<std::string>{
                "e1<br><small>llama</small>",
                "<div class=\"bar\" aria-hidden=\"true\"><span class=\"running\" "
                "style=\"flex:2\"></span><span class=\"idle\" style=\"flex:1\"></span></div>2 "
                "running, 1 idle",
                "1", "<div>workers: 7 s ago</div>", "in 12 s"}));
}

TEST(StatusPage, ExpiredDataAreShownAsSuch) {
  auto state = endpoint("e1", 91s);
  state.sources[0]->error = Error{.reason = Reason::timeout, .detail = "after 10 s"};
  auto page = account({state});
  page->next_poll["e1"] = kNoon.mono - 1s;
  EXPECT_EQ(cells(status_page({page}, "1", kNoon)),
            (std::vector<std::string>{"e1<br><small></small>", "not known", "",
                                      "<div class=\"bad\">workers: 91 s ago (expired)</div>"
                                      "<small>timeout: after 10 s</small>",
                                      "now"}));
}

TEST(StatusPage, WhatNeverAnsweredSaysSo) {
  auto state = endpoint("e1");
  state.sources[0]->good.reset();
  const auto row = cells(page_of({state}));
  EXPECT_EQ(row.at(3), "<div class=\"bad\">workers: no answer yet (expired)</div>");
  EXPECT_EQ(row.at(1), "not known");
  EXPECT_EQ(row.at(2), "");
  EXPECT_EQ(row.at(4), "") << "no poll is planned";
}

TEST(StatusPage, NamesTheApiThatDoesNotAcceptUs) {
  auto page = account({endpoint("a")});
  page->state.apis["queue"].up = false;
  page->state.apis["control"].up = true;
  page->state.apis["console"].up = std::nullopt;
  const auto text = status_page({page}, "1", kNoon);
  EXPECT_TRUE(contains(
      text, "<p class=\"bad\">The queue API refused the last request or did not answer.</p>"));
  EXPECT_FALSE(contains(text, "control"));
  EXPECT_FALSE(contains(text, "console"));
}

}  // namespace
}  // namespace serverless::daemon
