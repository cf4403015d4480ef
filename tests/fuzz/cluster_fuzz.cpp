#include <string>
#include <string_view>

#include "daemon/deflate.hpp"
#include "daemon/membership.hpp"
#include "daemon/passed.hpp"
#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

void check_refusal(const std::string& wrong) {
  expect(is_one_line(wrong) && wrong.size() < 100, "a refusal is a short line", wrong);
}

void check_member(std::string_view text) {
  const auto record = daemon::decode_member(text);
  if (!record) return check_refusal(record.error());
  const auto written = daemon::encode(*record);
  const auto again = daemon::decode_member(written);
  expect(again.has_value(), "what was written is read", written);
  // What is no UTF-8 becomes so when it is written first.
  expect(daemon::encode(*again) == written, "what was read is written as it was", written);
  const auto standing = daemon::follow({}, {*record}, record->name);
  expect(standing.views.size() <= 2 && (!standing.settled || record->acked == standing.view),
         "who does not agree settles nothing", written);
}

void check_passed(std::string_view text) {
  const auto passed = daemon::decode_passed(text);
  if (!passed) return check_refusal(passed.error());
  expect(passed->interval.count() > 0, "an interval is one");
  const auto written = daemon::encode(*passed);
  if (!written) return;
  const auto again = daemon::decode_passed(*written);
  expect(again && *again == *passed, "what was written is read as it was");
  daemon::Replay replay(*passed);
  for (const auto& exchange : passed->exchanges) {
    const auto answer = replay.send({.method = exchange.method, .url = exchange.url});
    expect(answer.has_value(), "what was asked is answered", exchange.url);
  }
  constexpr std::string_view kRead[] = {"results", "id"};
  const auto left = daemon::without_what_nobody_reads(*passed, kRead);
  expect(left.exchanges.size() == passed->exchanges.size(), "each answer is passed on");
}

}  // namespace
}  // namespace serverless::fuzz

// What members of a cluster keep in a store that others may write to: as it is and, since hardly
// any bytes are gzip, as a text's content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless;
  const auto input = fuzz::text_of(data, size);
  fuzz::check_member(input);
  fuzz::check_passed(input);
  fuzz::check_passed(daemon::gzip(input));
  return 0;
}
