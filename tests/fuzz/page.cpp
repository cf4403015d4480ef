#include "tests/fuzz/page.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/samples.hpp"
#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

// 9999-12-31T23:59:60Z, and a day for the zone that it may be written in.
constexpr double kLastTime = 253402300800.0 + 86400.0;

constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kNameLetters) == std::string_view::npos &&
         !(text.front() >= '0' && text.front() <= '9');
}

/// Reads one page from its start to its end.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::size_t run() {
    expect(is_utf8(rest_), "a page is UTF-8");
    while (!rest_.empty()) {
      const auto length = rest_.find('\n');
      expect(length != std::string_view::npos, "the last line has an end", rest_);
      line_ = rest_.substr(0, length);
      rest_.remove_prefix(length + 1);
      if (line_.starts_with("# HELP ")) {
        help();
      } else if (line_.starts_with("# TYPE ")) {
        type();
      } else {
        sample();
      }
    }
    return series_.size();
  }

 private:
  void check(bool holds, std::string_view fact) const { expect(holds, fact, line_); }

  void help() {
    auto words = line_.substr(7);
    family_ = cut(words, ' ');
    check(is_name(family_) && !words.empty(), "HELP has a name and a text");
    check(families_.insert(family_).second, "a family stands in one piece");
    type_ = {};
  }

  void type() {
    auto words = line_.substr(7);
    check(cut(words, ' ') == family_ && type_.empty(), "TYPE follows HELP");
    check(words == "gauge" || words == "counter" || words == "histogram", "TYPE is one");
    type_ = words;
  }

  void sample() {
    auto rest = line_;
    const auto name = rest.substr(0, rest.find_first_of("{ "));
    rest.remove_prefix(name.size());
    check(!type_.empty() && is_of_family(name), "a sample stands below its family's TYPE");
    if (rest.starts_with('{')) labels(rest);
    check(rest.starts_with(' '), "a value follows");
    check(series_.insert(line_.substr(0, line_.size() - rest.size())).second, "no series twice");
    value(rest.substr(1));
  }

  [[nodiscard]] bool is_of_family(std::string_view name) const {
    if (type_ != "histogram") return name == family_;
    if (!name.starts_with(family_)) return false;
    const auto part = name.substr(family_.size());
    return part == "_bucket" || part == "_sum" || part == "_count";
  }

  void labels(std::string_view& rest) {
    std::vector<std::string_view> names;
    do {
      rest.remove_prefix(1);
      const auto name = rest.substr(0, rest.find('='));
      check(is_name(name), "a label has a name");
      check(std::find(names.begin(), names.end(), name) == names.end(), "no label twice");
      names.push_back(name);
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      label_value(rest);
    } while (rest.starts_with(','));
    check(rest.starts_with('}'), "the labels have an end");
    rest.remove_prefix(1);
  }

  void label_value(std::string_view& rest) {
    check(rest.starts_with('"'), "a label has a value");
    rest.remove_prefix(1);
    std::size_t bytes = 0;
    for (; !rest.empty() && rest.front() != '"'; rest.remove_prefix(1), ++bytes) {
      if (rest.front() != '\\') continue;
      rest.remove_prefix(1);
      check(!rest.empty() && std::string_view("\\\"n").find(rest.front()) != std::string_view::npos,
            "nothing else is escaped");
    }
    check(!rest.empty(), "a label's value has an end");
    check(bytes <= daemon::kMaxLabelBytes, "a label's value is not too long");
    rest.remove_prefix(1);
  }

  void value(std::string_view text) const {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    check(error == std::errc{} && end == text.data() + text.size(), "a value is a number");
    check(std::isfinite(number), "a value is finite");
    check(type_ == "gauge" || number >= 0, "what is counted is not negative");
    const bool is_time =
        family_.ends_with("timestamp_seconds") || family_.ends_with("_time_seconds");
    check(!is_time || (number >= 0 && number <= kLastTime), "a time is one of our age");
  }

  std::string_view rest_;
  std::string_view line_{};
  std::string_view family_{};
  std::string_view type_{};
  std::unordered_set<std::string_view> families_{};
  std::unordered_set<std::string_view> series_{};
};

}  // namespace

std::size_t check_page(std::string_view text) { return Reader(text).run(); }

void check_html(std::string_view text) {
  constexpr std::array<std::string_view, 48> kTags{
      "!doctype", "html",   "head",  "meta",   "title", "link",    "script",  "noscript",
      "body",     "header", "main",  "footer", "nav",   "section", "h1",      "h2",
      "h3",       "p",      "a",     "div",    "span",  "small",   "strong",  "em",
      "code",     "time",   "bdi",   "ul",     "li",    "dl",      "dt",      "dd",
      "svg",      "rect",   "form",  "label",  "input", "select",  "option",  "button",
      "table",    "thead",  "tbody", "tr",     "th",    "td",      "details", "summary"};
  expect(is_utf8(text), "the status page is UTF-8");
  for (auto at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    auto tag = text.substr(at + 1);
    if (tag.starts_with('/')) tag.remove_prefix(1);
    tag = tag.substr(0, tag.find_first_of(" >\n"));
    expect(std::find(kTags.begin(), kTags.end(), tag) != kTags.end(),
           "the status page has our tags only", text.substr(at, 80));
  }
  const auto script = text.find("<script");
  expect(text.find("<script", script + 1) == std::string_view::npos, "it has one script, ours");
}

}  // namespace serverless::fuzz
