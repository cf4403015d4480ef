#include "collectors/rate_limit.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace serverless::http {
namespace {

constexpr std::int64_t kYearSeconds = 366LL * 24 * 3600;
// A longer wait is absurd.
constexpr std::int64_t kWeekSeconds = 7LL * 24 * 3600;
// RFC 8941 section 3.3.1: at most 15 digits.
constexpr std::size_t kMaxDigits = 15;
// A longer name would be cut as a label, and two windows be left with one.
constexpr std::size_t kMaxNameBytes = 256;
// Nobody keeps to so many; each is a few series.
constexpr std::size_t kMaxWindows = 32;

struct Parameter {
  std::string key{};
  std::optional<std::int64_t> number{};  // Empty: it has no value, or another kind of value.
};

struct Item {
  std::string name{};
  std::vector<Parameter> parameters{};
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

// Reads a list of items strictly: after the first mistake everything is void.
class ListReader {
 public:
  explicit ListReader(std::string_view text) : text_(text) {}

  std::optional<std::vector<Item>> read() {
    std::vector<Item> items;
    skip(" ");
    while (!done()) {
      if (items.size() == kMaxWindows) return std::nullopt;
      items.push_back(item());
      if (items.back().name.size() > kMaxNameBytes) return std::nullopt;
      skip(" \t");
      if (done()) break;
      if (!eat(',')) return std::nullopt;
      skip(" \t");
      if (done()) return std::nullopt;  // A comma must be followed by something.
    }
    if (bad_) return std::nullopt;
    return items;
  }

 private:
  [[nodiscard]] bool done() const { return bad_ || text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }

  bool eat(char c) {
    if (peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }

  void skip(std::string_view set) {
    text_.remove_prefix(std::min(text_.find_first_not_of(set), text_.size()));
  }

  std::string_view take_while(auto wanted) {
    std::size_t length = 0;
    while (length < text_.size() && wanted(text_[length])) ++length;
    const auto taken = text_.substr(0, length);
    text_.remove_prefix(length);
    return taken;
  }

  Item item() {
    Item result{.name = name()};
    while (!done() && eat(';')) {
      skip(" ");
      result.parameters.push_back(parameter());
    }
    return result;
  }

  // A string or a token names a window; anything else is no list of windows.
  std::string name() {
    if (peek() == '"') return quoted();
    if (is_alpha(peek()) || peek() == '*') return std::string(token());
    bad_ = true;
    return {};
  }

  std::string quoted() {
    std::string result;
    text_.remove_prefix(1);
    while (!text_.empty()) {
      char c = peek();
      text_.remove_prefix(1);
      if (c == '"') return result;
      if (c == '\\') {
        c = peek();
        if (c != '"' && c != '\\') break;
        text_.remove_prefix(1);
      } else if (c < 0x20 || c == 0x7F) {
        break;
      }
      result += c;
    }
    bad_ = true;
    return {};
  }

  std::string_view token() {
    return take_while([](char c) {
      return is_alpha(c) || is_digit(c) ||
             std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos;
    });
  }

  Parameter parameter() {
    Parameter result;
    if (!is_lower(peek()) && peek() != '*') bad_ = true;
    result.key = take_while([](char c) {
      return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
    });
    if (eat('=')) result.number = value();
    return result;
  }

  std::optional<std::int64_t> value() {
    const char first = peek();
    if (first == '"') {
      quoted();
    } else if (first == ':') {
      bytes();
    } else if (first == '?') {
      text_.remove_prefix(1);
      if (!eat('0') && !eat('1')) bad_ = true;
    } else if (is_alpha(first) || first == '*') {
      token();
    } else {
      return number();
    }
    return std::nullopt;
  }

  void bytes() {
    text_.remove_prefix(1);
    take_while(
        [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; });
    if (!eat(':')) bad_ = true;
  }

  // A decimal is legal and no number of requests.
  std::optional<std::int64_t> number() {
    const bool negative = eat('-');
    const auto digits = take_while(is_digit);
    if (digits.empty() || digits.size() > kMaxDigits) {
      bad_ = true;
      return std::nullopt;
    }
    if (eat('.')) {
      const auto fraction = take_while(is_digit);
      if (fraction.empty() || fraction.size() > 3) bad_ = true;
      return std::nullopt;
    }
    std::int64_t result = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), result);
    return negative ? -result : result;
  }

  std::string_view text_;
  bool bad_ = false;
};

std::optional<std::int64_t> amount(const Parameter& parameter) {
  return parameter.number && *parameter.number >= 0 ? parameter.number : std::nullopt;
}

std::optional<std::chrono::seconds> duration(const Parameter& parameter, std::int64_t longest) {
  const auto value = amount(parameter);
  if (!value || *value > longest) return std::nullopt;
  return std::chrono::seconds{*value};
}

RateWindow& window_of(std::vector<RateWindow>& windows, const std::string& name) {
  const auto found = std::find_if(windows.begin(), windows.end(),
                                  [&](const RateWindow& window) { return window.name == name; });
  if (found != windows.end()) return *found;
  windows.push_back({.name = name});
  return windows.back();
}

}  // namespace

std::vector<RateWindow> parse_rate_limit(std::string_view policy, std::string_view limit) {
  std::vector<RateWindow> windows;
  for (const auto text : {policy, limit}) {
    const auto items = ListReader(text).read();
    if (!items) continue;
    for (const auto& item : *items) {
      auto& window = window_of(windows, item.name);
      // Of a parameter that comes twice the last counts (RFC 8941 section 3.1.2).
      for (const auto& parameter : item.parameters) {
        if (parameter.key == "q") window.quota = amount(parameter);
        if (parameter.key == "w") window.length = duration(parameter, kYearSeconds);
        if (parameter.key == "r") window.remaining = amount(parameter);
        if (parameter.key == "t") window.reset_in = duration(parameter, kWeekSeconds);
      }
    }
  }
  return windows;
}

}  // namespace serverless::http
