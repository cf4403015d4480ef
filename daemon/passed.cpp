#include "daemon/passed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/deflate.hpp"

namespace serverless::daemon {
namespace {

// Another release that writes another text writes another word.
constexpr std::string_view kFormat = "passed2";
// The collectors read no others of a list.
constexpr std::string_view kHeaders[] = {"date", "age"};

constexpr std::chrono::hours kLongestPassed{24 * 366};
// Of the moments that a request may go out at; ages in nanoseconds are made of it.
constexpr Time kFirstSent{};
constexpr Time kLastSent{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

// No list has what a collector reads in more objects and arrays than these. To write one is a
// recursion.
constexpr int kDeepest = 16;

void leave_out_deeper(nlohmann::json& value, int depth) {
  for (auto& inner : value) {
    if (!inner.is_structured()) continue;
    if (depth < kDeepest) {
      leave_out_deeper(inner, depth + 1);
    } else {
      inner = nullptr;
    }
  }
}

// Netstrings: "5:hello,".
void add(std::string& text, std::string_view field) {
  text += fmt::format("{}:{},", field.size(), field);
}

// Reads what add() wrote. The first mistake ends it.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  std::string_view next() {
    std::size_t size = 0;
    const auto* end = rest_.data() + rest_.size();
    const auto read = std::from_chars(rest_.data(), end, size);
    const auto left = static_cast<std::size_t>(end - read.ptr);
    if (read.ec != std::errc{} || left < 2 || size > left - 2 || *read.ptr != ':' ||
        read.ptr[size + 1] != ',') {
      return fail();
    }
    const std::string_view field(read.ptr + 1, size);
    rest_ = {read.ptr + size + 2, left - size - 2};
    return field;
  }

  template <typename Number>
  Number number() {
    const auto field = next();
    Number value{};
    const auto* end = field.data() + field.size();
    const auto read = std::from_chars(field.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end) fail();
    return value;
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view fail() {
    good_ = false;
    rest_ = {};
    return {};
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

Passed without_what_nobody_reads(Passed passed, std::span<const std::string_view> read) {
  using nlohmann::json;
  const auto is_read = [&](int, json::parse_event_t event, json& parsed) {
    return event != json::parse_event_t::key ||
           std::find(read.begin(), read.end(), parsed.get_ref<const std::string&>()) != read.end();
  };
  for (auto& exchange : passed.exchanges) {
    auto& body = exchange.response.body;
    auto left = json::parse(body, is_read, false);
    leave_out_deeper(left, 1);
    body = left.is_discarded() ? std::string() : left.dump();
  }
  return passed;
}

std::optional<std::string> encode(const Passed& passed) {
  std::string text;
  add(text, kFormat);
  add(text, passed.account);
  add(text, passed.target);
  add(text, std::to_string(passed.sent.time_since_epoch().count()));
  add(text, std::to_string(passed.interval.count()));
  for (const auto& exchange : passed.exchanges) {
    const auto& response = exchange.response;
    if (text.size() + response.body.size() > kMostPassedText) return std::nullopt;
    add(text, exchange.method);
    add(text, exchange.url);
    add(text, std::to_string(response.status));
    for (const auto name : kHeaders) add(text, response.header(name));
    add(text, response.body);
  }
  auto out = gzip(text);
  if (out.size() > kMostPassed) return std::nullopt;
  return out;
}

tl::expected<Passed, std::string> decode_passed(std::string_view text) {
  const auto plain = gunzip(text, 2 * kMostPassedText);
  if (!plain) return tl::make_unexpected("it is damaged");
  Fields fields(*plain);
  if (fields.next() != kFormat) return tl::make_unexpected("it is of another release");
  Passed passed;
  passed.account = fields.next();
  passed.target = fields.next();
  passed.sent = Time(Time::duration(fields.number<Time::rep>()));
  passed.interval = std::chrono::milliseconds(fields.number<std::int64_t>());
  while (fields.good() && !fields.at_end()) {
    Passed::Exchange exchange;
    exchange.method = fields.next();
    exchange.url = fields.next();
    exchange.response.status = fields.number<int>();
    for (const auto name : kHeaders) {
      const auto value = fields.next();
      if (!value.empty()) exchange.response.headers.emplace_back(name, value);
    }
    exchange.response.body = fields.next();
    passed.exchanges.push_back(std::move(exchange));
  }
  // No schedule has a longer one, and ages are made of it.
  const bool possible = passed.interval.count() > 0 && passed.interval <= kLongestPassed &&
                        passed.sent >= kFirstSent && passed.sent < kLastSent;
  if (!fields.good() || !possible) return tl::make_unexpected("a field of it is damaged");
  return passed;
}

Result<http::Response> Replay::send(const http::Request& request) {
  const auto found = std::find_if(
      passed_.exchanges.begin(), passed_.exchanges.end(), [&](const Passed::Exchange& exchange) {
        return exchange.method == request.method && exchange.url == request.url;
      });
  if (found == passed_.exchanges.end()) {
    return fail(Reason::internal, "the member that asked did not ask for this");
  }
  return found->response;
}

}  // namespace serverless::daemon
