#include "daemon/connections.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kMoment{1};
const ConnectionLimits kDefaults;

// A book that keeps what it told, and whom it cut off.
class Book {
 public:
  explicit Book(ConnectionLimits limits)
      : all(limits, [this](Refusal why, const std::string& address, const std::string&) {
          told.push_back(std::string(name(why)) + " " + address);
        }) {}

  // @param label  by which `cut` names it.
  Connections::Id enter(const std::string& address, const std::string& label = "") {
    return all.enter(address, now, [this, label] { cut.push_back(label); });
  }

  Mono now{seconds{1000}};
  std::vector<std::string> told{};
  std::vector<std::string> cut{};
  Connections all;
};

using Texts = std::vector<std::string>;

TEST(Connections, AnAddressHoldsSoManyAndOthersStillCome) {
  Book book({.connections = 100, .per_address = 2, .answers = 10});
  const auto first = book.enter("a");
  book.enter("a");
  EXPECT_FALSE(book.all.admits("a"));
  EXPECT_TRUE(book.all.admits("b"));
  EXPECT_EQ(book.told, Texts{"too_many_from_address a"});
  book.all.leave(first);
  EXPECT_TRUE(book.all.admits("a"));
}

TEST(Connections, UnixSocketsHaveNoLimitOfTheirOwn) {
  Book book({.connections = 100, .per_address = 1, .answers = 10});
  book.enter("unix");
  EXPECT_TRUE(book.all.admits("unix"));
}

TEST(Connections, WhoComesTakesThePlaceOfTheAddressThatHasMost) {
  Book book({.connections = 3, .per_address = 100, .answers = 10});
  for (const char* label : {"a1", "a2"}) {
    book.enter("a", label);
    book.now += kMoment;
  }
  book.enter("b", "b1");
  EXPECT_EQ(book.cut, Texts{});
  book.enter("c", "c1");
  EXPECT_EQ(book.cut, Texts{"a1"}) << "the longest";
  EXPECT_EQ(book.told, Texts{"pushed_out a"});
}

TEST(Connections, OneThatRestsGoesBeforeOneThatIsAtWork) {
  Book book({.connections = 2, .per_address = 100, .answers = 10});
  const auto working = book.enter("a", "working");
  const auto resting = book.enter("a", "resting");
  ASSERT_TRUE(book.all.reads(working, book.now));
  book.now += kMoment;
  book.all.rests(resting, book.now);
  book.enter("b");
  EXPECT_EQ(book.cut, Texts{"resting"});
}

TEST(Connections, OneThatWaitsForUsIsSpared) {
  Book book({.connections = 2, .per_address = 100, .answers = 10});
  const auto waiting = book.enter("a", "waiting");
  book.all.waits(waiting);
  book.now += kMoment;
  book.enter("a", "other");
  book.enter("b", "b1");
  EXPECT_EQ(book.cut, Texts{"other"});
  book.now += std::chrono::hours{1};
  book.all.sweep(book.now);
  EXPECT_EQ(book.cut, (Texts{"other", "b1"}));
}

TEST(Connections, AnAddressWithManySlowAnswersMakesRoomForAnother) {
  Book book({.connections = 100, .per_address = 100, .answers = 3});
  for (const char* label : {"a1", "a2", "a3"}) {
    EXPECT_TRUE(book.all.reads(book.enter("a", label), book.now));
    book.now += kMoment;
  }
  EXPECT_FALSE(book.all.reads(book.enter("a", "a4"), book.now)) << "not its own";
  EXPECT_EQ(book.told, Texts{"too_many_answers a"});
  EXPECT_TRUE(book.all.reads(book.enter("b", "b1"), book.now));
  EXPECT_EQ(book.cut, Texts{"a1"});
  EXPECT_EQ(book.told.back(), "pushed_out a");
}

TEST(Connections, TwoThatHaveAsManyDoNotPushEachOtherOutUnlessSlow) {
  Book book({.connections = 100, .per_address = 100, .answers = 1});
  EXPECT_TRUE(book.all.reads(book.enter("a", "a1"), book.now));
  const auto other = book.enter("b", "b1");
  EXPECT_FALSE(book.all.reads(other, book.now));
  book.now += kDefaults.prompt_time;
  EXPECT_TRUE(book.all.reads(other, book.now));
  EXPECT_EQ(book.cut, Texts{"a1"});
}

TEST(Connections, ATurnEndsWithTheAnswer) {
  Book book({.connections = 100, .per_address = 100, .answers = 1});
  const auto first = book.enter("a");
  EXPECT_TRUE(book.all.reads(first, book.now));
  book.all.rests(first, book.now);
  const auto second = book.enter("a");
  EXPECT_TRUE(book.all.reads(second, book.now));
  book.all.leave(second);
  EXPECT_TRUE(book.all.reads(first, book.now));
}

TEST(Connections, EachPhaseHasItsDeadline) {
  struct Case {
    const char* phase = nullptr;
    milliseconds time{};
    Texts told{};
  };
  const std::vector<Case> cases{
      {"came", kDefaults.request_time, {"too_slow a"}},
      {"asks", kDefaults.request_time, {"too_slow a"}},
      {"reads", kDefaults.answer_time, {"too_slow a"}},
      {"rests", kDefaults.idle_time, {}},
  };
  for (const auto& [phase, time, told] : cases) {
    SCOPED_TRACE(phase);
    Book book({});
    const auto id = book.enter("a", "cut");
    const std::string word = phase;
    if (word != "came") book.now += seconds{5};
    if (word == "asks") book.all.asks(id, book.now);
    if (word == "reads") {
      EXPECT_TRUE(book.all.reads(id, book.now));
    }
    if (word == "rests") book.all.rests(id, book.now);
    book.now += time - kMoment;
    book.all.sweep(book.now);
    EXPECT_EQ(book.cut, Texts{});
    book.now += kMoment;
    book.all.sweep(book.now);
    book.all.sweep(book.now);
    EXPECT_EQ(book.cut, Texts{"cut"}) << "once";
    EXPECT_EQ(book.told, told);
  }
}

TEST(Connections, WhoWasCutOffIsToldOnce) {
  Book book({});
  const auto id = book.enter("a");
  book.now += kDefaults.request_time;
  book.all.sweep(book.now);
  book.all.refuse(id, Refusal::handshake);
  EXPECT_EQ(book.told, Texts{"too_slow a"});
}

TEST(Connections, WhoWasCutOffNoLongerCounts) {
  Book book({.connections = 100, .per_address = 1, .answers = 10});
  book.enter("a");
  book.now += kDefaults.request_time;
  book.all.sweep(book.now);
  EXPECT_TRUE(book.all.admits("a"));
  EXPECT_EQ(book.all.size(), 1U) << "until it has left";
}

}  // namespace
}  // namespace serverless::daemon
