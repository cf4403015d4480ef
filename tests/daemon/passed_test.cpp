#include "daemon/passed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/assignment.hpp"
#include "daemon/deflate.hpp"
#include "tests/fakes/account.hpp"
#include "tests/fakes/fake_http.hpp"
#include "tests/fakes/fixture.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 1> kId{"id"};

Passed passed() {
  return {.account = "prod",
          .target = "list_endpoints",
          .sent = Time(std::chrono::milliseconds(1'700'000'000'123)),
          .interval = 5min,
          .exchanges = {{.method = "GET",
                         .url = "https://api.example/v2/endpoints?page=1",
                         .response = {.status = 200,
                                      .headers = {{"date", "Thu, 26 Nov 2026 12:00:00 GMT"}},
                                      .body = R"([{"id":"a"}])"}},
                        {.method = "GET",
                         .url = "https://api.example/v2/endpoints?page=2",
                         .response = {.status = 200,
                                      .headers = {{"age", "7"}},
                                      .body = std::string("\0:,\n\xff", 5)}}}};
}

TEST(PassedOn, IsReadAsItWasWritten) { EXPECT_EQ(decode_passed(*encode(passed())), passed()); }

TEST(PassedOn, HasNoHeadersButTheDateAndTheAge) {
  auto talkative = passed();
  talkative.exchanges[0].response.headers.emplace_back("set-cookie", "secret");
  EXPECT_EQ(decode_passed(*encode(talkative)), passed());
}

TEST(PassedOn, IsNotIfItIsLargerThanEtcdTakes) {
  auto large = passed();
  std::mt19937 random(1);
  auto& body = large.exchanges[0].response.body;
  while (body.size() < 2 * kMostPassed) body += static_cast<char>(random());
  EXPECT_EQ(encode(large), std::nullopt);
  body.assign(2 * kMostPassed, 'a');
  EXPECT_EQ(decode_passed(*encode(large)), large);
  body.assign(kMostPassedText, 'a');
  EXPECT_EQ(encode(large), std::nullopt);
}

TEST(PassedOn, DamageIsSaidInWordsAndNeverMisread) {
  EXPECT_EQ(decode_passed("").error(), "it is damaged");
  EXPECT_EQ(decode_passed(gzip("7:passed1,4:prod,")).error(), "it is of another release");
  EXPECT_EQ(decode_passed(gzip("7:passed2,4:prod")).error(), "a field of it is damaged");
  for (const auto impossible : {-1h, 0h, 24h * 367}) {
    auto odd = passed();
    odd.interval = impossible;
    EXPECT_EQ(decode_passed(*encode(odd)).error(), "a field of it is damaged");
  }
  for (const auto impossible : {Time::min(), Time{-1ms}, Time{24h * 365 * 231}, Time::max()}) {
    auto odd = passed();
    odd.sent = impossible;
    EXPECT_EQ(decode_passed(*encode(odd)).error(), "a field of it is damaged");
  }
  const auto whole = *encode(passed());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_passed(whole.substr(0, size)).has_value()) << size;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto other = whole;
    other[i] = static_cast<char>(other[i] ^ 1);
    // A bit of the compressed text may mean nothing.
    const auto read = decode_passed(other);
    EXPECT_TRUE(!read || *read == passed()) << i;
  }
}

// Keeps what it was answered, as the member that asks does.
class Recorder final : public http::Client {
 public:
  explicit Recorder(http::Client& client) : client_(client) {}
  Result<http::Response> send(const http::Request& request) override {
    auto response = client_.send(request);
    if (response) {
      kept.exchanges.push_back(
          {.method = request.method, .url = request.url, .response = *response});
    }
    return response;
  }
  Passed kept{};

 private:
  http::Client& client_;
};

TEST(PassedOn, SaysAllThatACollectorReadsAndNoSecretOfWhoDeployed) {
  const auto& runpod = *find_provider("runpod");
  const auto collector = runpod.make(fakes::account(runpod, {.name = "prod"}));
  std::size_t lists = 0;
  for (const auto& target : collector->targets(std::vector{EndpointInfo{.id = "1"}})) {
    if (!target.endpoint_id.empty()) continue;
    ++lists;
    fakes::FakeHttp http;
    for (const auto& [path, name] :
         {std::pair("/v2/serverless", "runpod/endpoints.json"),
          std::pair("/v2/billing/serverless?bucketSize=hour&lastN=2", "runpod/billing.json")}) {
      http.add(std::string("GET https://api.runpod.io") + path,
               http::Response{.status = 200,
                              .headers = {{"date", "Sun, 22 Nov 2026 03:20:00 GMT"}},
                              .body = fakes::fixture(name)});
    }
    Recorder recorder(http);
    const auto poll = collector->poll(target, recorder);
    EXPECT_GT(poll.answers.size(), 1U) << target.operation;
    const auto passed = without_what_nobody_reads(recorder.kept, runpod.read_of_lists);
    Replay replay(passed);
    const auto heard = collector->poll(target, replay);
    EXPECT_EQ(heard.listing, poll.listing) << target.operation;
    ASSERT_EQ(heard.answers.size(), poll.answers.size()) << target.operation;
    for (std::size_t i = 0; i < poll.answers.size(); ++i) {
      EXPECT_EQ(heard.answers[i].endpoint_id, poll.answers[i].endpoint_id);
      EXPECT_TRUE(heard.answers[i].result == poll.answers[i].result) << i;
    }
    for (const auto& exchange : passed.exchanges) {
      EXPECT_EQ(exchange.response.body.find("do-not-log"), std::string::npos);
      EXPECT_EQ(exchange.response.body.find("env"), std::string::npos);
    }
  }
  EXPECT_EQ(lists, 2U);
}

TEST(PassedOn, ABodyThatIsNoJsonIsLeftOut) {
  const auto left = without_what_nobody_reads(passed(), kId);
  EXPECT_EQ(left.exchanges[0].response.body, R"([{"id":"a"}])");
  EXPECT_EQ(left.exchanges[1].response.body, "");
}

TEST(PassedOn, WhatIsDeeperThanAnyListIsLeftOut) {
  auto deep = passed();
  constexpr std::size_t kDepth = 100'000;
  deep.exchanges.resize(1);
  deep.exchanges[0].response.body =
      R"([{"id":)" + std::string(kDepth, '[') + std::string(kDepth, ']') + R"(},{"id":"b"}])";
  EXPECT_EQ(
      without_what_nobody_reads(deep, kId).exchanges[0].response.body,
      R"([{"id":)" + std::string(14, '[') + "null" + std::string(14, ']') + R"(},{"id":"b"}])");
}

// Where nothing would be left of them, the other members would know no endpoint.
TEST(PassedOn, EveryProviderWhoseListsArePassedOnSaysWhatIsReadOfThem) {
  const Division divided({Members({"a", "b"}, 0)}, true);
  std::set<std::string_view> passing;
  for (const auto& provider : providers()) {
    const auto account = fakes::account(provider, {.name = "prod"});
    const auto targets = provider.make(account)->targets(std::vector{EndpointInfo{.id = "1"}});
    const bool has_list = std::any_of(targets.begin(), targets.end(), [](const Target& target) {
      return target.endpoint_id.empty();
    });
    const bool passes_on = has_list && share_of(account, provider, divided).is_passed_on();
    if (passes_on) passing.insert(provider.name);
    EXPECT_EQ(!provider.read_of_lists.empty(), passes_on) << provider.name;
  }
  EXPECT_EQ(passing, std::set<std::string_view>{"runpod"}) << "compare its polls above";
}

TEST(PassedOn, AnswersWhatTheOtherWasAnsweredAndNothingElse) {
  const auto known = passed();
  Replay replay(known);
  EXPECT_EQ(replay.send({.url = "https://api.example/v2/endpoints?page=2"}),
            known.exchanges[1].response);
  const auto other = replay.send({.url = "https://api.example/v2/endpoints?page=3"});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().reason, Reason::internal);
  EXPECT_FALSE(replay.send({.method = "POST", .url = known.exchanges[0].url}).has_value());
}

}  // namespace
}  // namespace serverless::daemon
