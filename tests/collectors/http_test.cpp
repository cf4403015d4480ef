#include "collectors/http.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace serverless::http {
namespace {

using namespace std::chrono_literals;

Response answer(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                std::string body = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

/// Answers every request alike and remembers the last one.
class OneAnswer : public Client {
 public:
  explicit OneAnswer(Result<Response> result) : result_(std::move(result)) {}
  Result<Response> send(const Request& request) override {
    last = request;
    return result_;
  }
  Request last{};

 private:
  Result<Response> result_;
};

TEST(Judge, TwoHundredsAreNoError) {
  for (const int status : {200, 201, 202, 204, 206, 299}) {
    EXPECT_EQ(judge(answer(status)), std::nullopt) << status;
  }
}

TEST(Judge, EachCodeHasItsReason) {
  const std::pair<int, Reason> cases[] = {
      {400, Reason::client_error}, {401, Reason::auth},         {402, Reason::client_error},
      {403, Reason::forbidden},    {404, Reason::not_found},    {405, Reason::client_error},
      {410, Reason::gone},         {418, Reason::client_error}, {429, Reason::rate_limited},
      {499, Reason::client_error}, {500, Reason::server_error}, {502, Reason::server_error},
      {503, Reason::server_error}, {599, Reason::server_error},
  };
  for (const auto& [status, reason] : cases) {
    EXPECT_EQ(judge(answer(status)),
              (Error{.reason = reason, .detail = "HTTP " + std::to_string(status)}));
  }
}

TEST(Judge, ARedirectIsNotFollowed) {
  for (const int status : {300, 301, 302, 304, 307, 308}) {
    EXPECT_EQ(judge(answer(status, {{"location", "https://elsewhere.example/"}})),
              (Error{.reason = Reason::client_error,
                     .detail = "HTTP " + std::to_string(status) + ", redirect not followed"}));
  }
}

TEST(Judge, ACodeThatIsNoneCountsAsAServerError) {
  for (const int status : {-1, 0, 100, 199, 600, 999}) {
    EXPECT_EQ(judge(answer(status))->reason, Reason::server_error) << status;
  }
}

TEST(Judge, AForbiddenHtmlPageLooksLikeAnEdgeBlock) {
  const Error blocked{
      .reason = Reason::forbidden,
      .detail = "HTTP 403, an HTML page: looks like a block at the provider's edge"};
  EXPECT_EQ(judge(answer(403, {{"content-type", "text/html; charset=UTF-8"}})), blocked);
  EXPECT_EQ(judge(answer(403, {}, "\n<!DOCTYPE html><title>Attention</title>")), blocked);
  EXPECT_EQ(judge(answer(403, {{"content-type", "application/json"}}, R"({"error":"no"})")),
            (Error{.reason = Reason::forbidden, .detail = "HTTP 403"}));
}

TEST(Judge, TheDetailNeverHoldsTheBody) {
  for (const int status : {400, 401, 403, 404, 429, 500}) {
    const auto error = judge(answer(status, {}, "<html>rpa_SECRET"));
    EXPECT_EQ(error->detail.find("SECRET"), std::string::npos) << status;
  }
}

TEST(RetryAfter, IsReadOn429And503Only) {
  for (const int status : {429, 503}) {
    EXPECT_EQ(judge(answer(status, {{"retry-after", "30"}}))->retry_after, 30s) << status;
  }
  for (const int status : {301, 403, 500}) {
    EXPECT_EQ(judge(answer(status, {{"retry-after", "30"}}))->retry_after, std::nullopt) << status;
  }
}

TEST(RetryAfter, MayBeADateAgainstTheAnswersOwn) {
  const std::pair<std::string, std::string> date{"date", "Wed, 05 Aug 2026 22:02:31 GMT"};
  EXPECT_EQ(
      judge(answer(429, {date, {"retry-after", "Wed, 05 Aug 2026 22:04:01 GMT"}}))->retry_after,
      90s);
  EXPECT_EQ(
      judge(answer(429, {date, {"retry-after", "Wed, 05 Aug 2026 22:02:30 GMT"}}))->retry_after,
      std::nullopt);
  EXPECT_EQ(
      judge(answer(429, {date, {"retry-after", "Wed, 12 Aug 2026 22:02:32 GMT"}}))->retry_after,
      std::nullopt);
  EXPECT_EQ(judge(answer(429, {{"retry-after", "Wed, 05 Aug 2026 22:04:01 GMT"}}))->retry_after,
            std::nullopt);
}

TEST(RetryAfter, SevenDaysAreTheMost) {
  EXPECT_EQ(judge(answer(429, {{"retry-after", "604800"}}))->retry_after, 604800s);
  EXPECT_EQ(judge(answer(429, {{"retry-after", " 0 "}}))->retry_after, 0s);
  for (const std::string text : {"604801", "4294967296", "99999999999999999999"}) {
    EXPECT_EQ(judge(answer(429, {{"retry-after", text}}))->retry_after, std::nullopt) << text;
  }
}

TEST(RetryAfter, WhatIsNotAnIntegerIsIgnored) {
  for (const std::string text : {"", " ", "-1", "+5", "1.5", "1e3", "5s", "soon", "1 2", "0x10"}) {
    EXPECT_EQ(judge(answer(429, {{"retry-after", text}}))->retry_after, std::nullopt) << text;
  }
}

TEST(Response, TheFirstHeaderOfANameCounts) {
  const auto response = answer(200, {{"a", "1"}, {"b", "2"}, {"b", "3"}});
  EXPECT_EQ(response.header("b"), "2");
  EXPECT_EQ(response.header("c"), "");
  EXPECT_EQ(response.date(), std::nullopt);
}

TEST(Response, KnowsItsDate) {
  EXPECT_EQ(answer(200, {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}}).date(), Time{784111777s});
  EXPECT_EQ(answer(200, {{"date", "yesterday"}}).date(), std::nullopt);
}

TEST(Response, KnowsHowLongACacheKeptIt) {
  EXPECT_EQ(answer(200, {}).age(), 0s);
  EXPECT_EQ(answer(200, {{"age", " 90 "}}).age(), 90s);
  EXPECT_EQ(answer(200, {{"age", "2147483648"}}).age(), std::chrono::days{366});
  EXPECT_EQ(answer(200, {{"age", "99999999999999999999"}}).age(), std::chrono::days{366});
  for (const std::string odd : {"", "-1", "1.5", "soon"}) {
    EXPECT_EQ(answer(200, {{"age", odd}}).age(), 0s) << odd;
  }
}

TEST(Fetch, PassesAGoodAnswerOn) {
  OneAnswer client(answer(200, {}, "[]"));
  const Request request{.api = "control", .operation = "list", .url = "https://a.example/"};
  EXPECT_EQ(fetch(client, request), answer(200, {}, "[]"));
  EXPECT_EQ(client.last, request);
}

TEST(Fetch, AnAnswerThatNeverCameKeepsItsReason) {
  OneAnswer client(fail(Reason::dns, "cannot resolve"));
  EXPECT_EQ(fetch(client, {}).error(), (Error{.reason = Reason::dns, .detail = "cannot resolve"}));
}

TEST(Fetch, TheProvidersLookComesBeforeTheCode) {
  const auto look = [](const Response& response) -> std::optional<Error> {
    if (response.body != "auth_error") return std::nullopt;
    return Error{.reason = Reason::auth, .detail = "bad key"};
  };
  OneAnswer bad_key(answer(404, {}, "auth_error"));
  EXPECT_EQ(fetch(bad_key, {}, look).error().reason, Reason::auth);
  OneAnswer missing(answer(404));
  EXPECT_EQ(fetch(missing, {}, look).error().reason, Reason::not_found);
  OneAnswer good(answer(200));
  EXPECT_TRUE(fetch(good, {}, look).has_value());
}

TEST(UrlEncode, KeepsOnlyTheUnreserved) {
  EXPECT_EQ(url_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(url_encode("a b/c?d=e&f%+"), "a%20b%2Fc%3Fd%3De%26f%25%2B");
  EXPECT_EQ(url_encode("eyJ2YWx1ZXMiOiB7fQ=="), "eyJ2YWx1ZXMiOiB7fQ%3D%3D");
  EXPECT_EQ(url_encode(std::string{"\0\xC3\xA9", 3}), "%00%C3%A9");
  EXPECT_EQ(url_encode(""), "");
}

}  // namespace
}  // namespace serverless::http
