#include "daemon/curl_http.hpp"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/clock.hpp"
#include "tests/daemon/tiny_server_fixture.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Bounds kBounds{.timeout = 30s, .max_body = 1024 * 1024};

// gzip -n of {"ok":true}
constexpr std::string_view kGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\xcf\x56\xb2\x2a\x29\x2a\x4d\xad\x05\x00"
    "\x90\x5f\xd4\xa7\x0b\x00\x00\x00",
    31);

// gzip -n -9 of 65,536 zero bytes.
std::string bomb() {
  std::string text(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x01\x00\x00\x00\x80\x90\xfe"
      "\xaf\xee\x08\x0a",
      24);
  text.append(63, '\0');
  return text + std::string("\x6a\xeb\x8e\x97\xd7\x00\x00\x01\x00", 9);
}

const config::Secret& key() {
  static const config::Secret kKey("rpa_123");
  return kKey;
}

Result<http::Response> get(const std::string& url, const Bounds& bounds = kBounds,
                           http::Auth auth = http::Auth::bearer) {
  Pulses pulses;
  CurlHttp http("serverless_exporter/test", pulses);
  return http.send({.url = url, .auth = auth}, key(), bounds, {});
}

bool has_line(const std::string& request, const std::string& line) {
  return request.find("\r\n" + line + "\r\n") != std::string::npos;
}

TEST(CurlHttp, SendsTheKeyAsABearerToken) {
  TinyServer server(always(reply("", "{}")));
  ASSERT_TRUE(get(server.url("/v1/things?a=b")));
  const auto request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("GET /v1/things?a=b HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(has_line(request, "Authorization: Bearer rpa_123")) << request;
  EXPECT_EQ(request.find("x-api-key"), std::string::npos);
}

TEST(CurlHttp, SendsTheKeyAsAnApiKey) {
  TinyServer server(always(reply("", "{}")));
  ASSERT_TRUE(get(server.url(), kBounds, http::Auth::x_api_key));
  const auto request = server.requests().at(0);
  EXPECT_TRUE(has_line(request, "x-api-key: rpa_123")) << request;
  EXPECT_EQ(request.find("Authorization"), std::string::npos);
}

TEST(CurlHttp, SendsTheKeyAsATokenWithoutAScheme) {
  TinyServer server(always(reply("", "{}")));
  ASSERT_TRUE(get(server.url(), kBounds, http::Auth::token));
  const auto request = server.requests().at(0);
  EXPECT_TRUE(has_line(request, "Authorization: rpa_123")) << request;
}

TEST(CurlHttp, SendsNoKeyWhereThereIsNone) {
  TinyServer server(always(reply("", "{}")));
  Pulses pulses;
  CurlHttp http("test", pulses);
  for (const auto auth : {http::Auth::bearer, http::Auth::x_api_key, http::Auth::token}) {
    ASSERT_TRUE(http.send({.url = server.url(), .auth = auth}, {}, kBounds, {}));
  }
  for (const auto& request : server.requests()) {
    EXPECT_EQ(request.find("Authorization"), std::string::npos) << request;
    EXPECT_EQ(request.find("x-api-key"), std::string::npos) << request;
  }
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST(CurlHttp, SaysWhoItIsAndWhatItTakes) {
  TinyServer server(always(reply("", "{}")));
  ASSERT_TRUE(get(server.url()));
  const auto request = server.requests().at(0);
  EXPECT_TRUE(has_line(request, "User-Agent: serverless_exporter/test")) << request;
  EXPECT_TRUE(has_line(request, "Accept: application/json")) << request;
  EXPECT_TRUE(has_line(request, "Accept-Encoding: gzip")) << request;
}

TEST(CurlHttp, HandsOnStatusHeadersAndBody) {
  TinyServer server(
      always(reply("X-Thing:  two words \r\nDATE: then\r\n", "not here\n", "404 Not Found")));
  const auto response = get(server.url());
  ASSERT_TRUE(response);
  EXPECT_EQ(*response, (http::Response{.status = 404,
                                       .headers = {{"connection", "close"},
                                                   {"content-length", "9"},
                                                   {"x-thing", "two words"},
                                                   {"date", "then"}},
                                       .body = "not here\n"}));
}

TEST(CurlHttp, PostsItsBodyAsJson) {
  TinyServer server(always(reply("", "{}")));
  Pulses pulses;
  CurlHttp http("test", pulses);
  const std::string body = R"({"id":123,"text":"ü"})";
  ASSERT_TRUE(
      http.send({.method = "POST", .url = server.url("/w/"), .body = body}, key(), kBounds, {}));
  const auto request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /w/ HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(has_line(request, "Content-Type: application/json")) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n" + body)) << request;
}

TEST(CurlHttp, FollowsNoRedirect) {
  TinyServer server(always(reply("Location: /elsewhere\r\n", "", "302 Found")));
  const auto response = get(server.url());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->header("location"), "/elsewhere");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(CurlHttp, DecodesGzip) {
  TinyServer server(always(reply("Content-Encoding: gzip\r\n", std::string(kGzip))));
  const auto response = get(server.url());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, R"({"ok":true})");
}

// A few kilobytes of gzip in gzip in gzip unpack for hours, in one call of libcurl's.
TEST(CurlHttp, UndoesOneGzipAndNoOtherCoding) {
  const std::string body(kGzip);
  for (const std::string header :
       {"Content-Encoding: gzip, gzip\r\n", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: br\r\n", "Content-Encoding: zstd\r\n", "Content-Encoding: deflate\r\n",
        "Content-Encoding: x-zip\r\n", "Transfer-Encoding: gzip\r\n",
        "Content-Encoding: gzip\r\nTransfer-Encoding: gzip, chunked\r\n"}) {
    TinyServer server(always(reply(header, body)));
    const auto response = get(server.url());
    ASSERT_FALSE(response) << header;
    EXPECT_EQ(response.error(),
              (Error{.reason = Reason::parse, .detail = "a content coding that was not asked for"}))
        << header;
  }
  for (const std::string header :
       {"Content-Encoding: identity\r\n", "Content-Encoding: GZIP\r\n"}) {
    TinyServer server(always(reply(header, header.ends_with("P\r\n") ? body : R"({"ok":true})")));
    const auto response = get(server.url());
    ASSERT_TRUE(response) << header;
    EXPECT_EQ(response->body, R"({"ok":true})");
  }
}

TEST(CurlHttp, WhatOnlySaysThatItIsGzipIsParse) {
  TinyServer server(always(reply("Content-Encoding: gzip\r\n", "{}")));
  const auto response = get(server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::parse) << response.error().detail;
}

TEST(CurlHttp, ABodyMayBeAsLargeAsItsBoundAndNoLarger) {
  TinyServer server(always(reply("", std::string(1000, 'x'))));
  const auto fits = get(server.url(), {.timeout = 30s, .max_body = 1000});
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->body.size(), 1000U);
  const auto over = get(server.url(), {.timeout = 30s, .max_body = 999});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error(),
            (Error{.reason = Reason::too_large, .detail = "the body is larger than 999 bytes"}));
}

TEST(CurlHttp, ABodyIsMeasuredDecoded) {
  TinyServer server(always(reply("Content-Encoding: gzip\r\n", bomb())));
  const auto fits = get(server.url(), {.timeout = 30s, .max_body = 65536});
  ASSERT_TRUE(fits) << fits.error().detail;
  EXPECT_EQ(fits->body, std::string(65536, '\0'));
  const auto over = get(server.url(), {.timeout = 30s, .max_body = 65535});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, Reason::too_large);
}

TEST(CurlHttp, HeadersAreBoundedToo) {
  std::string headers;
  for (int i = 0; i < 80; ++i) headers += "X-Pad: " + std::string(1000, 'x') + "\r\n";
  TinyServer server(always(reply(headers, "{}")));
  const auto response = get(server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error(), (Error{.reason = Reason::too_large,
                                     .detail = "the headers are larger than 65536 bytes"}));
}

TEST(CurlHttp, OneLineOfHeadersIsBoundedToo) {
  TinyServer server(always(reply("X-Pad: " + std::string(1'000'000, 'x') + "\r\n", "{}")));
  const auto response = get(server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error(), (Error{.reason = Reason::too_large,
                                     .detail = "the headers are larger than 65536 bytes"}));
}

TEST(CurlHttp, HeadersOfInterimAnswersAndTrailersCountAsWell) {
  std::string interim;
  for (int i = 0; i < 10'000; ++i) interim += "HTTP/1.1 103 Early Hints\r\n\r\n";
  std::string trailer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 10'000; ++i) trailer += "X-Pad: x\r\n";
  for (const auto& text : {interim + reply("", "{}"), trailer + "\r\n"}) {
    TinyServer server(always(text));
    const auto response = get(server.url());
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().reason, Reason::too_large) << response.error().detail;
  }
}

TEST(CurlHttp, ASilentServerIsATimeout) {
  TinyServer server(always(""));
  const auto response = get(server.url(), {.timeout = 200ms, .max_body = 1000});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::timeout);
}

TEST(CurlHttp, AnAnswerThatBreaksOffIsNone) {
  TinyServer server(always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"));
  const auto response = get(server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::connect);
}

TEST(CurlHttp, AClosedPortIsConnect) {
  const std::string url = TinyServer(always("")).url();
  const auto response = get(url);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::connect);
}

TEST(CurlHttp, ANameThatNobodyHasIsDns) {
  const auto response = get("http://no-such-host.invalid/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::dns) << response.error().detail;
}

TEST(CurlHttp, AServerThatSpeaksNoTlsIsTls) {
  TinyServer server(always(reply("", "", "400 Bad Request")));
  const auto response = get("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::tls) << response.error().detail;
}

TEST(CurlHttp, OtherProtocolsAreNotSpoken) {
  const auto response = get("file:///etc/hostname");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::connect);
}

TEST(CurlHttp, NoErrorTellsTheKey) {
  TinyServer server(always(""));
  for (const std::string& url : {server.url("/?q=1"), std::string("http://no-such-host.invalid/"),
                                 std::string("http://127.0.0.1:1/")}) {
    const auto response = get(url, {.timeout = 100ms, .max_body = 10});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().detail.find("rpa_"), std::string::npos);
  }
}

TEST(CurlHttp, AStopEndsWhatIsUnderWay) {
  TinyServer server(always(""));
  Pulses pulses;
  CurlHttp http("test", pulses);
  std::stop_source stop;
  auto answer = std::async(std::launch::async, [&] {
    return http.send({.url = server.url()}, key(), {.timeout = 120s, .max_body = 10},
                     stop.get_token());
  });
  server.wait_for_a_request();
  stop.request_stop();
  const auto response = answer.get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error(), (Error{.reason = Reason::internal, .detail = "stopping"}));
}

TEST(CurlHttp, AfterAStopNothingIsSent) {
  TinyServer server(always(""));
  Pulses pulses;
  CurlHttp http("test", pulses);
  std::stop_source stop;
  stop.request_stop();
  const auto response =
      http.send({.url = server.url()}, key(), {.timeout = 120s, .max_body = 10}, stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, Reason::internal);
}

// A process may have been asleep since it was decided to send.
TEST(CurlHttp, NothingIsSentTooLate) {
  TinyServer server(always(reply("", "{}")));
  auto bounds = kBounds;
  bounds.start_before = read_clock().mono;
  const auto late = get(server.url(), bounds);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::internal);
  EXPECT_EQ(late.error().detail, "too late to be sent");
  EXPECT_TRUE(server.requests().empty());
  bounds.start_before += 1h;
  EXPECT_TRUE(get(server.url(), bounds));
}

TEST(CurlHttp, AHungRequestHoldsUpNoOther) {
  TinyServer hung(always(""));
  TinyServer quick(always(reply("", "{}")));
  Pulses pulses;
  CurlHttp http("test", pulses);
  std::stop_source stop;
  auto hanging = std::async(std::launch::async, [&] {
    return http.send({.url = hung.url()}, key(), {.timeout = 120s, .max_body = 10},
                     stop.get_token());
  });
  hung.wait_for_a_request();
  EXPECT_TRUE(http.send({.url = quick.url()}, key(), kBounds, {}));
  stop.request_stop();
  EXPECT_FALSE(hanging.get());
}

// Handles are used again, and accounts have different keys: behind any other request each is what
// it is from a handle that is new, and so is its answer.
TEST(CurlHttp, ARequestHasNothingOfTheOneBefore) {
  const config::Secret other("vast_456");
  struct Asked {
    http::Request request{};
    config::Secret key{};
    Bounds bounds = kBounds;
  };
  TinyServer server([](const std::string& request) {
    const auto path = request.substr(request.find('/'), 2);
    return path == "/s" ? "" : reply("X-Path: " + path + "\r\n", std::string(600, path[1]));
  });
  const std::vector<Asked> all{
      {{.url = server.url("/a")}, key()},
      {{.url = server.url("/b")}, other},
      {{.url = server.url("/c"), .auth = http::Auth::x_api_key}, other},
      {{.url = server.url("/d"), .auth = http::Auth::token}, key()},
      {{.url = server.url("/e")}, {}},
      {{.method = "POST", .url = server.url("/f"), .body = R"({"api_key":"rpa_123"})"}, key()},
      {{.method = "POST", .url = server.url("/g")}, other},
      {{.url = server.url("/h")}, key(), {.timeout = 30s, .max_body = 100}},
      {{.url = server.url("/s")}, key(), {.timeout = 100ms, .max_body = 1000}},
  };
  Pulses pulses;
  const auto send = [](CurlHttp& http, const Asked& asked) {
    return http.send(asked.request, asked.key, asked.bounds, {});
  };
  std::vector<Result<http::Response>> answers;
  for (const auto& asked : all) {
    CurlHttp http("test", pulses);
    answers.push_back(send(http, asked));
  }
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), all.size());
  for (std::size_t first = 0; first < all.size(); ++first) {
    for (std::size_t second = 0; second < all.size(); ++second) {
      CurlHttp http("test", pulses);
      EXPECT_EQ(send(http, all[first]), answers[first]);
      EXPECT_EQ(send(http, all[second]), answers[second]) << first << " before " << second;
      const auto heard = server.requests();
      ASSERT_GE(heard.size(), 2U);
      EXPECT_EQ(heard[heard.size() - 2], requests[first]);
      EXPECT_EQ(heard[heard.size() - 1], requests[second]) << first << " before " << second;
    }
  }
}

TEST(CurlHttp, AnyNumberMaySendAtOnce) {
  TinyServer server([](const std::string& request) {
    return reply("", request.substr(0, request.find(" HTTP")));
  });
  Pulses pulses;
  CurlHttp http("test", pulses);
  std::vector<std::jthread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) {
        const auto path = "/" + std::to_string(i) + "/" + std::to_string(j);
        const auto response = http.send({.url = server.url(path)}, key(), kBounds, {});
        ASSERT_TRUE(response);
        EXPECT_EQ(response->body, "GET " + path);
      }
    });
  }
}

}  // namespace
}  // namespace serverless::daemon
