#include "collectors/den.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/account.hpp"
#include "tests/fakes/fake_http.hpp"
#include "tests/fakes/fixture.hpp"

namespace serverless::den {
namespace {

using namespace std::chrono_literals;
using fakes::FakeHttp;

const std::string kUrl = "https://den.example/v1/workers?limit=50";
const std::string kList = "GET " + kUrl;
const Target kListWorkers{.operation = "list_workers",
                          .api = "control",
                          .endpoint_id = "acme",
                          .supplies = {Source::workers}};

std::string fixture(const std::string& name) { return fakes::fixture("den/" + name); }

Time at(std::string_view text) { return *parse_time(text); }

Worker serving() {
  return {.id = "wrk_01kyev52cmfvk9rqnhjsk3t5w3",
          .native_status = "healthy",
          .status = Status::idle,
          .staleness = Staleness::current,
          .location = "us",
          .version = "openwork-0.17.30",
          .kind = "daytona",
          .created_at = at("2026-07-26T10:00:00Z"),
          .last_heartbeat = at("2026-08-12T15:57:16.123Z"),
          .last_active = at("2026-08-12T15:55:02.9Z")};
}

Worker stopped() {
  return {.id = "wrk_01kyev52cmfvk9rqnhjsk3t5w4",
          .native_status = "stopped",
          .status = Status::stopped,
          .staleness = Staleness::current,
          .version = "openwork-0.17.30",
          .kind = "daytona",
          .created_at = at("2026-07-20T10:00:00Z"),
          .last_heartbeat = at("2026-08-10T01:02:03.004Z"),
          .last_active = at("2026-08-10T00:31:00Z")};
}

Worker laptop() {
  return {.id = "wrk_01kyev52cmfvk9rqnhjsk3t5w5",
          .native_status = "healthy",
          .status = Status::idle,
          .created_at = at("2026-04-01T08:00:00Z")};
}

Worker starting() {
  return {.id = "wrk_01kyev52cmfvk9rqnhjsk3t5w6",
          .native_status = "provisioning",
          .status = Status::initializing,
          .created_at = at("2026-08-12T15:57:00Z")};
}

WorkersReport report_of(std::vector<Worker> workers, bool truncated = false) {
  return {.workers = std::move(workers), .truncated = truncated};
}

Worker named(Worker worker, std::string name) {
  worker.name = std::move(name);
  return worker;
}

TEST(DenWorkers, LocalOnesAndNamesAreLeftOut) {
  EXPECT_EQ(parse_workers(fixture("workers_ok.json"), {}),
            (Page{.report = report_of({serving(), stopped(), starting()})}));
}

TEST(DenWorkers, LocalOnesAndNamesOnRequest) {
  EXPECT_EQ(parse_workers(fixture("workers_ok.json"), {.local_workers = true, .names = true}),
            (Page{.report = report_of({named(serving(), "Cloud \u2014 Anna"),
                                       named(stopped(), "Anna \"Ops\" \u00c5\nx"),
                                       named(laptop(), "laptop"), named(starting(), "new")})}));
}

TEST(DenWorkers, OnlyACloudWorkerThatHasBeatenIsWatched) {
  const auto staleness = [](const std::string& fields) {
    const auto page = parse_workers(R"({"workers":[{"id":"w","status":"healthy",)" + fields + "}]}",
                                    {.local_workers = true});
    return page->report.workers.at(0).staleness;
  };
  const std::string beat = R"("lastHeartbeatAt":"2026-08-12T15:57:16.123Z")";
  EXPECT_EQ(staleness(R"("destination":"cloud",)" + beat), Staleness::current);
  EXPECT_EQ(staleness(R"("destination":"Cloud",)" + beat), Staleness::current);
  EXPECT_EQ(staleness(R"("destination":"cloud","lastHeartbeatAt":null)"), Staleness::unknown);
  EXPECT_EQ(staleness(R"("destination":"local",)" + beat), Staleness::unknown);
  EXPECT_EQ(staleness(beat), Staleness::unknown);
}

TEST(DenWorkers, EveryWordHasItsStatus) {
  const std::pair<std::string, Status> cases[] = {{"healthy", Status::idle},
                                                  {"Healthy", Status::idle},
                                                  {"provisioning", Status::initializing},
                                                  {"failed", Status::unhealthy},
                                                  {"stopped", Status::stopped},
                                                  {"suspended", Status::unknown},
                                                  {"", Status::unknown}};
  for (const auto& [word, status] : cases) {
    const auto page = parse_workers(R"({"workers":[{"id":"w","status":")" + word + "\"}]}", {});
    EXPECT_EQ(page->report.workers.at(0).status, status) << word;
  }
}

TEST(DenWorkers, TheInstancesOwnStatusSaysNothing) {
  const auto page = parse_workers(
      R"({"workers":[{"id":"w","status":"failed","instance":{"status":"healthy"}}]})", {});
  EXPECT_EQ(page->report.workers.at(0).status, Status::unhealthy);
}

TEST(DenWorkers, OneBadRecordLeavesTheOthersAlone) {
  const auto page = parse_workers(R"({"workers":[
      7, {"status":"healthy"}, {"id":"a","status":"healthy"},
      {"id":"a","status":"stopped","createdAt":"yesterday","instance":[]},
      {"id":"b","status":3,"lastActiveAt":"2026-08-12T15:57Z"}]})",
                                  {});
  ASSERT_TRUE(page.has_value()) << page.error().detail;
  const std::vector<Worker> expected{
      {.id = "a", .native_status = "stopped", .status = Status::stopped},
      {.id = "b",
       .native_status = "unknown",
       .status = Status::unknown,
       .last_active = at("2026-08-12T15:57:00Z")}};
  EXPECT_EQ(page->report.workers, expected);
  EXPECT_EQ(page->report.skipped.counts, (std::array<std::uint64_t, kSkipCount>{1, 1, 1, 3}));
  EXPECT_EQ(
      page->report.skipped.first,
      (std::array<std::string, kSkipCount>{
          "/workers/0: expected an object", "/workers/1/id: expected an id",
          "/workers/3/id: expected an id of its own", "/workers/3/createdAt: expected a time"}));
}

std::string rows(int count, const std::string& rest) {
  std::string body = "{\"workers\":[";
  for (int i = 0; i < count; ++i) {
    if (i > 0) body += ',';
    body += "{\"id\":\"w" + std::to_string(i) + R"(","status":"healthy","destination":"local"})";
  }
  return body + "]" + rest + "}";
}

TEST(DenWorkers, AFullPageThatNamesNoNextOneMayHideWorkers) {
  EXPECT_EQ(parse_workers(rows(50, ""), {})->report.truncated, true);
  EXPECT_EQ(parse_workers(rows(49, ""), {})->report.truncated, false);
  EXPECT_EQ(parse_workers(rows(50, R"(,"nextCursor":null)"), {})->report.truncated, false);
  EXPECT_EQ(parse_workers(rows(50, R"(,"nextCursor":"x")"), {})->report.truncated, false);
}

TEST(DenWorkers, ACursorNamesTheNextPage) {
  EXPECT_EQ(parse_workers(fixture("workers_page1_cursor.json"), {}),
            (Page{.report = report_of({}), .next_cursor = "eyJjIjoiMjAyNi0wOC0xMiJ9"}));
  EXPECT_EQ(parse_workers(R"({"workers":[],"nextCursor":""})", {}),
            (Page{.report = report_of({})}));
}

TEST(DenWorkers, AnotherContainerIsASchemaError) {
  for (const std::string body :
       {"{}", "[]", R"("x")", R"({"workers":null})", R"({"workers":{}})",
        R"({"error":"unauthorized"})", R"({"workers":[],"nextCursor":7})"}) {
    EXPECT_EQ(parse_workers(body, {}).error().reason, Reason::schema) << body;
  }
  for (const std::string body : {"", "Internal Server Error", R"({"workers":[)"}) {
    EXPECT_EQ(parse_workers(body, {}).error().reason, Reason::parse) << body;
  }
}

std::unique_ptr<Collector> collector(config::Account account = {.name = "acme"}) {
  account.settings.emplace("api_url", "https://den.example");
  return provider().make(fakes::account(provider(), std::move(account)));
}

TEST(DenCollector, TheOrganizationIsItsOneEndpoint) {
  const auto endpoints = collector()->configured();
  EXPECT_EQ(endpoints, (std::vector<EndpointInfo>{
                           {.id = "acme", .name = "acme", .kind = "organization", .api = "v1"}}));
  EXPECT_EQ(collector()->targets(endpoints), std::vector{kListWorkers});
  EXPECT_EQ(collector()->targets({}), std::vector<Target>{});
  const auto other = collector({.name = "acme", .settings = {{"organization", "blue"}}});
  EXPECT_EQ(other->configured().at(0).id, "blue");
  EXPECT_EQ(other->targets(endpoints).at(0).endpoint_id, "blue");
}

TEST(DenCollector, AsksOnceAndSaysWhenItWasAnswered) {
  FakeHttp http;
  http.add(kList, http::Response{.status = 200,
                                 .headers = {{"date", "Wed, 12 Aug 2026 15:58:00 GMT"}},
                                 .body = fixture("workers_ok.json")});
  const auto result = collector()->poll(kListWorkers, http);
  EXPECT_EQ(http.diary(), (std::vector<http::Request>{{.api = "control",
                                                       .operation = "list_workers",
                                                       .method = "GET",
                                                       .url = kUrl,
                                                       .auth = http::Auth::x_api_key}}));
  auto expected = report_of({serving(), stopped(), starting()});
  expected.answered_at = at("2026-08-12T15:58:00Z");
  ASSERT_EQ(result.answers.size(), 1U);
  EXPECT_EQ(result.answers[0].endpoint_id, "acme");
  EXPECT_EQ(result.answers[0].source, Source::workers);
  EXPECT_EQ(result.answers[0].result, Report{expected});
  EXPECT_EQ(result.listing, std::nullopt);
}

TEST(DenCollector, SettingsReachTheWorkers) {
  FakeHttp http;
  http.add(kList, fixture("workers_ok.json"));
  const auto result =
      collector({.name = "acme", .settings = {{"local_workers", true}, {"name_label", true}}})
          ->poll(kListWorkers, http);
  const auto& workers = std::get<WorkersReport>(*result.answers.at(0).result).workers;
  ASSERT_EQ(workers.size(), 4U);
  EXPECT_EQ(workers[2], named(laptop(), "laptop"));
}

TEST(DenCollector, NoWorkersMayAlsoBeNoOrganization) {
  FakeHttp http;
  http.add(kList, fixture("workers_empty_or_no_org.json"));
  EXPECT_EQ(collector()->poll(kListWorkers, http).answers.at(0).result, Report{report_of({})});
}

TEST(DenCollector, PagesAreOneReport) {
  FakeHttp http;
  const auto next = kList + "&cursor=a%2Bb%3D";
  http.add(kList,
           R"({"workers":[{"id":"1","status":"healthy"},{"id":"2"},5],"nextCursor":"a+b="})");
  http.add(next, R"({"workers":[{"id":"2","status":"stopped"},{"id":"3"}],"nextCursor":null})");
  const auto result = collector()->poll(kListWorkers, http);
  ASSERT_EQ(http.diary().size(), 2U);
  EXPECT_EQ(http.diary()[1].auth, http::Auth::x_api_key);
  auto expected = report_of({{.id = "1", .native_status = "healthy", .status = Status::idle},
                             {.id = "2", .native_status = "stopped", .status = Status::stopped},
                             {.id = "3", .native_status = "unknown"}});
  expected.skipped.add(Skip::not_object, "/workers/2: expected an object");
  expected.skipped.add(Skip::duplicate_id, "/workers (page 2): expected an id of its own");
  EXPECT_EQ(result.answers.at(0).result, Report{expected});
}

TEST(DenCollector, OneFailedPageFailsAll) {
  FakeHttp http;
  http.add(kList, R"({"workers":[{"id":"1"}],"nextCursor":"a"})");
  http.add(kList + "&cursor=a", http::Response{.status = 500, .body = "Internal Server Error"});
  EXPECT_EQ(collector()->poll(kListWorkers, http).answers.at(0).result.error(),
            (Error{.reason = Reason::server_error, .detail = "HTTP 500"}));
}

TEST(DenCollector, APageThatComesAgainEndsThePoll) {
  FakeHttp http;
  http.add(kList, R"({"workers":[],"nextCursor":"a"})");
  http.add(kList + "&cursor=a", R"({"workers":[],"nextCursor":"a"})");
  EXPECT_EQ(collector()->poll(kListWorkers, http).answers.at(0).result.error(),
            (Error{.reason = Reason::provider, .detail = "the list of workers has a page twice"}));
}

/// Always has one more page.
class Endless final : public http::Client {
 public:
  Result<http::Response> send(const http::Request&) override {
    return http::Response{
        .status = 200, .body = R"({"workers":[],"nextCursor":")" + std::to_string(++pages) + "\"}"};
  }
  int pages = 0;
};

TEST(DenCollector, AListWithoutAnEndEndsThePoll) {
  Endless http;
  EXPECT_EQ(
      collector()->poll(kListWorkers, http).answers.at(0).result.error(),
      (Error{.reason = Reason::provider, .detail = "the list of workers has over 1000 pages"}));
  EXPECT_EQ(http.pages, 1000);
}

TEST(DenCollector, A401IsABadKeyOnlyWhenItLasts) {
  FakeHttp http;
  http.add(kList, http::Response{.status = 401, .body = fixture("401.json")});
  EXPECT_EQ(collector()->poll(kListWorkers, http).answers.at(0).result.error(),
            (Error{.reason = Reason::rate_limited,
                   .detail = "HTTP 401, which is also how Den says that a key asks too often",
                   .escalation = Escalation{.reason = Reason::auth, .after = 120s}}));
}

TEST(DenCollector, OtherFailuresAreWhatTheyAre) {
  const std::pair<Result<http::Response>, Error> cases[] = {
      {http::Response{.status = 400, .body = fixture("400.json")},
       {.reason = Reason::client_error, .detail = "HTTP 400"}},
      {http::Response{.status = 500, .body = "Internal Server Error"},
       {.reason = Reason::server_error, .detail = "HTTP 500"}},
      {fail(Reason::timeout, "no answer in 10 s"),
       {.reason = Reason::timeout, .detail = "no answer in 10 s"}},
  };
  for (const auto& [response, error] : cases) {
    FakeHttp http;
    http.add(kList, response);
    EXPECT_EQ(collector()->poll(kListWorkers, http).answers.at(0).result.error(), error);
  }
}

TEST(DenProvider, IsNotAskedMoreThanOnceAMinute) {
  const auto row = provider();
  EXPECT_EQ(row.name, "den");
  EXPECT_EQ(row.label, "den");
  EXPECT_FALSE(row.discovers);
  EXPECT_EQ(row.policy.min_interval, 65s);
  ASSERT_EQ(row.keys.size(), 4U);
  EXPECT_EQ(row.keys[0].fallback, config::Setting{std::string{"https://api.openworklabs.com"}});
  EXPECT_EQ(row.keys[1].fallback, config::Setting{std::string{}});
  EXPECT_EQ(row.keys[2].fallback, config::Setting{false});
  EXPECT_EQ(row.keys[3].fallback, config::Setting{false});
}

}  // namespace
}  // namespace serverless::den
