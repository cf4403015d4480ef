#include "daemon/passed.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

#include "daemon/deflate.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

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
