#include "tests/chaos/history.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace chaos {
namespace {

struct Logged {
  double time = 0;
  std::string fault{};
};

// One endpoint's queue, asked every 2 s with a timeout of 1 s, from second 0 on; not settled where
// it has no end.
History asked(const std::vector<Logged>& log, double ended, std::vector<Gap> down = {}) {
  History history;
  history.name = "eu";
  history.provider = "runpod";
  history.endpoints = {"e"};
  history.terms = {{.interval = 2, .timeout = 1, .max_age = 6, .discovery = 5}};
  history.down = std::move(down);
  std::string json = R"({"requests":[)";
  for (const auto& [time, fault] : log) {
    if (json.back() == '}') json += ',';
    json +=
        fmt::format(R"({{"time":{:.3f},"api":"runpod-queue","path":"/health","endpoint":"e",)"
                    R"("code":{},"authorized":true,"fault":{}}})",
                    time, fault.empty() ? 200 : 0, fault.empty() ? "null" : "\"" + fault + "\"");
  }
  history.take_requests(json + "]}");
  if (ended > 0) history.settle(0, ended, {});
  return history;
}

std::vector<double> late(const History& history) {
  std::vector<double> times;
  for (const auto& each : history.course({"queue", "e"})->late) times.push_back(each.time);
  return times;
}

TEST(History, AfterAGoodAnswerTheNextRequestIsDueByIntervalJitterAndTimeout) {
  EXPECT_EQ(late(asked({{2}, {4}, {7.19}}, 8)), std::vector<double>{});
  EXPECT_EQ(late(asked({{2}, {4}, {7.5}}, 8)), std::vector<double>{7.2});
}

TEST(History, AfterOneFailureTheNextRequestIsDueAsBefore) {
  EXPECT_EQ(late(asked({{2}, {4, "reset"}, {7.5}}, 8)), std::vector<double>{7.2});
}

TEST(History, AfterASecondFailureTheNextRequestMayWaitTwoIntervalsMore) {
  EXPECT_EQ(late(asked({{2}, {4, "reset"}, {6, "reset"}, {13.1}}, 14)), std::vector<double>{});
  EXPECT_EQ(late(asked({{2}, {4, "reset"}, {6, "reset"}, {13.3}}, 14)), std::vector<double>{13.2});
}

// Its log was last read at 3.9, and it was killed at 4.5: what was asked at 6 nobody logged.
TEST(History, AGoodAnswerJustBeforeAKillIsFollowedByFailuresThatNobodyLogged) {
  EXPECT_EQ(late(asked({{2}, {4}, {8, "reset"}, {12}, {14}}, 15, {{3.9, 7.5}})),
            std::vector<double>{});
}

// Taken out at 5, put back at 8; the list of endpoints fails until 40.
TEST(History, AnAccountThatIsPutBackAsksNothingBeforeItsEndpointsAreListed) {
  const auto played = [](double last) {
    History history = asked({{2}, {4}}, 0);
    const Terms there{.interval = 2, .timeout = 1, .max_age = 6, .discovery = 5};
    Terms gone = there;
    gone.since = 5;
    gone.present = false;
    Terms back = there;
    back.since = 8;
    history.terms = {there, gone, back};
    history.rearranged = {{5, 8}};
    history.take_requests(fmt::format(
        R"({{"requests":[{{"time":9,"api":"runpod-api","path":"/v2/serverless","endpoint":null,)"
        R"("code":200,"authorized":true,"fault":"wrong_shape"}},{{"time":40,"api":"runpod-api",)"
        R"("path":"/v2/serverless","endpoint":null,"code":200,"authorized":true,"fault":null}},)"
        R"({{"time":{},"api":"runpod-queue","path":"/health","endpoint":"e","code":200,)"
        R"("authorized":true,"fault":null}}]}})",
        last));
    history.settle(0, last + 1, {});
    return late(history);
  };
  EXPECT_EQ(played(41), std::vector<double>{});
  // 40, interval, jitter and timeout, and eight intervals.
  EXPECT_EQ(played(60), std::vector<double>{59.2});
}

TEST(History, WhoIsUpAgainIsWaitedForNoLongerThanTheLongestBackoff) {
  // 7.5, interval, jitter and timeout, and eight intervals.
  EXPECT_EQ(late(asked({{2}, {4}}, 40, {{3.9, 7.5}})), std::vector<double>{26.7});
}

}  // namespace
}  // namespace chaos
