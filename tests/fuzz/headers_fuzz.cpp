#include "collectors/http.hpp"
#include "collectors/json.hpp"
#include "collectors/timestamp.hpp"
#include "collectors/vast.hpp"
#include "tests/fuzz/answers.hpp"
#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

using namespace std::chrono_literals;

void check_time(const std::optional<Time>& time) {
  // From the year 0 to 9999, and a day for the zone.
  constexpr auto kFirst = std::chrono::sys_days{std::chrono::year{0} / 1 / 1} - 24h;
  constexpr auto kLast = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1} + 24h;
  expect(!time || (*time >= kFirst && *time <= kLast), "a time is of our age");
}

void check_error(const http::Response& response, const std::optional<Error>& error) {
  const bool good = response.status >= 200 && response.status < 300;
  expect(error.has_value() == !good, "a status outside 2xx is an error, and no other");
  if (!error) return;
  expect(is_one_line(error->detail) && error->detail.size() < 256, "an error is one line",
         error->detail);
  expect(!error->retry_after || (*error->retry_after >= 0ms && *error->retry_after <= 24h * 7),
         "a wish to wait is bounded");
}

void check_field(std::string_view text) {
  std::string json = "{\"t\":\"";
  for (const char c : text) {
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) json += c;
  }
  const auto root = json::decode(json + "\"}");
  if (!root) return;
  Skipped skipped;
  const json::Record record{&*root, "", skipped};
  check_time(record.time("t"));
  const auto number = record.number("t");
  expect(!number || (*number - *number == 0), "a number is finite");
  const auto count = record.count("t");
  expect(!count || (*count >= 0 && *count <= (std::int64_t{1} << 53)), "a count is exact");
}

}  // namespace
}  // namespace serverless::fuzz

// What an answer says beside a good body: status, Retry-After, Date, an error's body; and the forms
// of time, a line each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless;
  using namespace serverless::fuzz;
  const auto text = text_of(data, size);
  for (const auto& response : answers_of(text)) {
    check_time(response.date());
    check_error(response, http::judge(response));
    check_error(response, vast::judge_answer(response));
  }
  for (auto rest = text; !rest.empty();) {
    const auto line = cut(rest, '\n');
    check_time(parse_time(line));
    check_time(parse_http_date(line));
    check_field(line);
  }
  return 0;
}
