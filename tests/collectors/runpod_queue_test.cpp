#include "collectors/runpod_queue.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fake_http.hpp"
#include "tests/fakes/fixture.hpp"

namespace serverless::runpod_queue {
namespace {

using fakes::FakeHttp;
using fakes::fixture;

constexpr const char* kRoute = "GET https://queue.example/v2/ep%2F1/health";

StatusCounts counts(std::optional<std::int64_t> running, std::optional<std::int64_t> idle,
                    std::optional<std::int64_t> initializing = {},
                    std::optional<std::int64_t> throttled = {},
                    std::optional<std::int64_t> unhealthy = {}) {
  return {running, idle, {}, initializing, throttled, unhealthy, {}, {}};
}

TEST(RunPodHealth, ReadsEveryCount) {
  const QueueReport expected{.workers = counts(2, 1, 1, 1, 0),
                             .ready = 1,
                             .jobs_in_queue = 9,
                             .jobs_in_progress = 2,
                             .jobs_completed = 131,
                             .jobs_failed = 4,
                             .jobs_retried = 1};
  EXPECT_EQ(parse_health(fixture("runpod/health_full.json")), expected);
}

TEST(RunPodHealth, AKeyThatWasLeftOutStaysEmpty) {
  const QueueReport minimal{.workers = counts(0, 0),
                            .jobs_in_queue = 2,
                            .jobs_in_progress = 0,
                            .jobs_completed = 1,
                            .jobs_failed = 5,
                            .jobs_retried = 0};
  EXPECT_EQ(parse_health(fixture("runpod/health_minimal.json")), minimal);

  const QueueReport partial{.workers = counts({}, {}, 1), .jobs_in_queue = 1};
  EXPECT_EQ(parse_health(R"({"jobs":{"inQueue":1},"workers":{"initializing":1}})"), partial);
}

TEST(RunPodHealth, ReadyIsNoStatus) {
  const auto report = parse_health(fixture("runpod/health_not_routable.json"));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->ready, 0);
  EXPECT_EQ(report->workers, counts(1, 0, 0, 0, 0));
}

TEST(RunPodHealth, EitherHalfMayBeMissing) {
  EXPECT_EQ(parse_health(R"({"jobs":{"failed":3}})"), (QueueReport{.jobs_failed = 3}));
  EXPECT_EQ(parse_health(R"({"workers":{"ready":3},"jobs":null})"), (QueueReport{.ready = 3}));
  EXPECT_EQ(parse_health(R"({"workers":{}})"), QueueReport{});
}

TEST(RunPodHealth, WhatCannotBeIsLeftOutAndCounted) {
  QueueReport expected{.workers = counts({}, 3), .jobs_in_queue = 4};
  expected.skipped.add(Skip::bad_field, "/jobs/completed: expected a number");
  for (int i = 0; i < 4; ++i) expected.skipped.add(Skip::bad_field, "");
  EXPECT_EQ(parse_health(R"({"jobs":{"inQueue":"4","failed":-1,"retried":"NaN","completed":1e999},)"
                         R"("workers":{"idle":3.0,"running":0.5,"throttled":true}})"),
            expected);
}

TEST(RunPodHealth, AHalfThatIsNoObjectIsCounted) {
  QueueReport expected{.workers = counts({}, 1)};
  expected.skipped.add(Skip::bad_field, "/jobs: expected an object");
  EXPECT_EQ(parse_health(R"({"jobs":"none","workers":{"idle":1}})"), expected);
}

TEST(RunPodHealth, AnythingElseIsAnErrorAndNeverZero) {
  const auto neither =
      Error{.reason = Reason::schema, .detail = "/workers: expected an object here or at /jobs"};
  for (const auto* body : {"{}", R"({"error":"not allowed for QB API"})", R"({"jobs":null})",
                           R"({"jobs":[],"workers":3})"}) {
    EXPECT_EQ(parse_health(body).error(), neither) << body;
  }
  for (const auto* body : {"[]", "null", "\"do-not-log\"", "404"}) {
    EXPECT_EQ(parse_health(body).error(),
              (Error{.reason = Reason::schema, .detail = "expected an object"}))
        << body;
  }
  for (const auto* body : {"", "<html></html>", R"({"jobs":{"inQueue":1})"}) {
    EXPECT_EQ(parse_health(body).error().reason, Reason::parse) << body;
  }
}

TEST(RunPodQueue, AsksForTheHealthOfOneEndpoint) {
  FakeHttp client;
  client.add(kRoute, fixture("runpod/health_idle.json"));
  const auto poll = runpod_queue::poll(target("ep/1"), "https://queue.example", client);

  const std::vector<http::Request> asked{
      {.api = "queue", .operation = "health", .url = "https://queue.example/v2/ep%2F1/health"}};
  EXPECT_EQ(client.diary(), asked);
  ASSERT_EQ(poll.answers.size(), 1u);
  EXPECT_EQ(poll.answers[0].endpoint_id, "ep/1");
  EXPECT_EQ(poll.answers[0].source, Source::queue);
  ASSERT_TRUE(poll.answers[0].result);
  EXPECT_EQ(std::get<QueueReport>(*poll.answers[0].result).workers, counts(0, 3, 0, 0, 0));
  EXPECT_EQ(poll.listing, std::nullopt);
}

TEST(RunPodQueue, PassesAFailureOn) {
  const std::vector<std::pair<Result<http::Response>, Reason>> cases{
      {fail(Reason::timeout, "10 s"), Reason::timeout},
      {http::Response{.status = 401}, Reason::auth},
      {http::Response{.status = 404}, Reason::not_found},
      {http::Response{.status = 429}, Reason::rate_limited},
      {http::Response{.status = 502, .body = "<html></html>"}, Reason::server_error},
      {http::Response{.status = 204}, Reason::parse},
      {http::Response{.status = 200, .body = "[]"}, Reason::schema}};
  for (const auto& [answer, reason] : cases) {
    FakeHttp client;
    client.add(kRoute, answer);
    const auto poll = runpod_queue::poll(target("ep/1"), "https://queue.example", client);
    ASSERT_EQ(poll.answers.size(), 1u);
    EXPECT_EQ(poll.answers[0].endpoint_id, "ep/1");
    ASSERT_FALSE(poll.answers[0].result);
    EXPECT_EQ(poll.answers[0].result.error().reason, reason);
  }
}

TEST(RunPodQueue, KnowsTheHostOfAUrl) {
  for (const auto* url :
       {"https://api.runpod.io", "https://API.RunPod.io:443/v2?x=1", "https://x.api.runpod.io/",
        "https://user@api.runpod.io", "https://api.runpod.io./v2", "api.runpod.io"}) {
    EXPECT_TRUE(is_at(url, "api.runpod.io")) << url;
  }
  for (const auto* url : {"https://api.runpod.ai", "https://evilapi.runpod.io", "https://io",
                          "https://proxy.example/api.runpod.io", "http://127.0.0.1:8080"}) {
    EXPECT_FALSE(is_at(url, "api.runpod.io")) << url;
  }
}

TEST(RunPodQueue, RefusesTheControlPlaneAsItsUrl) {
  const auto key = queue_url_key();
  EXPECT_EQ(key.name, "queue_url");
  EXPECT_EQ(std::get<std::string>(key.fallback), "https://api.runpod.ai");
  EXPECT_EQ(key.check("https://api.runpod.ai"), std::nullopt);
  EXPECT_EQ(key.check("http://127.0.0.1:8080/runpod"), std::nullopt);
  EXPECT_EQ(key.check("https://api.runpod.io/v2"),
            "api.runpod.io is the control plane and belongs into api_url; the job queue is at "
            "https://api.runpod.ai");
  EXPECT_EQ(key.check("https://api.runpod.ai/v2/"), "leave the /v2 at its end out");
}

}  // namespace
}  // namespace serverless::runpod_queue
