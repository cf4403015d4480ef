#include "tests/e2e/page_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>

namespace e2e {
namespace {

constexpr std::string_view kNone = "";

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool in_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

// Reads one code point that begins at `at`. @return how long it is; 0: it is none.
std::size_t code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  unsigned value = first & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return 0;
    value = (value << 6U) | (byte(at + i) & 0x3FU);
  }
  constexpr unsigned kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return value < kLeast[size] || value > 0x10FFFF || surrogate ? 0 : size;
}

}  // namespace

bool Sample::has(const Labels& some) const {
  return std::all_of(some.begin(), some.end(), [this](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

std::string Sample::label(const std::string& key) const {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string{} : found->second;
}

std::string Sample::series() const {
  std::string out = name + '{';
  for (const auto& [key, text] : labels) {
    // To Prometheus an empty label is no label.
    if (!text.empty()) out += key + "=\"" + text + "\",";
  }
  return out + '}';
}

class PageReader {
 public:
  explicit PageReader(std::string_view text) : text_(text) {}

  Page read() {
    if (text_.empty() || text_.back() != '\n') fail("the page does not end in a line end");
    while (!text_.empty()) {
      ++number_;
      line_ = text_.substr(0, text_.find('\n'));
      text_.remove_prefix(line_.size() + 1);
      whole_ = line_;
      check_characters();
      if (take_word("# HELP ")) {
        read_help();
      } else if (take_word("# TYPE ")) {
        read_type();
      } else {
        read_sample();
      }
    }
    end_family();
    return std::move(page_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw BadPage(fmt::format("line {}: {}: {}", number_, what, whole_.substr(0, 300)));
  }

  void check_characters() const {
    for (std::size_t at = 0; at < line_.size();) {
      const std::size_t size = code_point(line_, at);
      if (size == 0) fail("not UTF-8");
      at += size;
    }
  }

  bool take_word(std::string_view word) {
    if (!line_.starts_with(word)) return false;
    line_.remove_prefix(word.size());
    return true;
  }

  void take(char c) {
    if (line_.empty() || line_.front() != c) fail(fmt::format("expected '{}'", c));
    line_.remove_prefix(1);
  }

  std::string take_name(bool colons) {
    std::size_t size = 0;
    while (size < line_.size() && (in_name(line_[size]) || (colons && line_[size] == ':'))) ++size;
    if (size == 0 || (!starts_name(line_[0]) && line_[0] != ':')) fail("expected a name");
    std::string name(line_.substr(0, size));
    line_.remove_prefix(size);
    return name;
  }

  void read_help() {
    end_family();
    const std::string name = take_name(true);
    take(' ');
    std::string help;
    for (std::size_t i = 0; i < line_.size(); ++i) {
      if (line_[i] == '\\' && ++i < line_.size() && line_[i] != '\\' && line_[i] != 'n') {
        fail("an escape that HELP does not have");
      }
      if (i == line_.size()) fail("a lone backslash");
      help += line_[i];
    }
    if (help.empty()) fail("an empty HELP");
    if (!names_.insert(name).second) fail("a family that was there before");
    page_.families_.push_back({.name = name, .help = help});
    has_type_ = false;
  }

  void read_type() {
    if (page_.families_.empty() || has_type_) fail("TYPE without HELP before it");
    auto& family = page_.families_.back();
    if (take_name(true) != family.name) fail("TYPE of another family than HELP");
    take(' ');
    family.type = line_;
    if (line_ != "gauge" && line_ != "counter" && line_ != "histogram") fail("unknown type");
    if ((family.type == "counter") != family.name.ends_with("_total")) {
      fail("_total is the ending of counters, and of nothing else");
    }
    has_type_ = true;
  }

  std::string take_label_value() {
    take('"');
    std::string value;
    while (true) {
      if (line_.empty()) fail("a label that does not end");
      const char c = line_.front();
      line_.remove_prefix(1);
      if (c == '"') return value;
      if (c != '\\') {
        value += c;
        continue;
      }
      if (line_.empty()) fail("a lone backslash");
      const char escaped = line_.front();
      line_.remove_prefix(1);
      if (escaped != '\\' && escaped != '"' && escaped != 'n') fail("an unknown escape");
      value += escaped == 'n' ? '\n' : escaped;
    }
  }

  void read_labels(Sample& sample) {
    if (line_.empty() || line_.front() != '{') return;
    take('{');
    while (true) {
      const std::string key = take_name(false);
      if (key.starts_with("__")) fail("a reserved label");
      take('=');
      if (!sample.labels.emplace(key, take_label_value()).second) fail("a label twice");
      if (!line_.empty() && line_.front() == '}') break;
      take(',');
    }
    take('}');
  }

  double take_value() {
    const std::string text(line_);
    double value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end) fail("expected a number and nothing after it");
    if (!std::isfinite(value)) fail("a value that is not finite");
    return value;
  }

  void read_sample() {
    Sample sample;
    sample.name = take_name(true);
    read_labels(sample);
    take(' ');
    sample.value = take_value();
    if (page_.families_.empty() || !has_type_) fail("a sample before HELP and TYPE");
    const auto& family = page_.families_.back();
    std::string_view suffix = sample.name;
    if (!suffix.starts_with(family.name)) fail("a sample of another family");
    suffix.remove_prefix(family.name.size());
    if (family.type == "histogram") {
      if (suffix != "_bucket" && suffix != "_sum" && suffix != "_count") fail("no such part");
      if ((suffix == "_bucket") != sample.labels.contains("le")) fail("le is for buckets");
      histogram_.push_back(sample);
    } else if (!suffix.empty()) {
      fail("a sample of another family");
    }
    if (family.type != "gauge" && suffix != "_sum" && sample.value < 0) fail("a negative count");
    if (!series_.insert(sample.series()).second) fail("a series twice");
    page_.by_name_[sample.name].push_back(page_.samples_.size());
    page_.samples_.push_back(std::move(sample));
    ++in_family_;
  }

  // Buckets rise, the last one is +Inf and equals the count, and there is a sum.
  void end_family() {
    if (number_ > 1 && in_family_ == 0) fail("a family before this line has no sample");
    in_family_ = 0;
    std::map<Labels, std::vector<std::pair<double, double>>> buckets;
    std::map<Labels, double> counts;
    std::set<Labels> sums;
    for (const auto& sample : histogram_) {
      Labels labels = sample.labels;
      const std::string le = sample.label("le");
      labels.erase("le");
      if (sample.name.ends_with("_count")) counts[labels] = sample.value;
      if (sample.name.ends_with("_sum")) sums.insert(labels);
      if (!sample.name.ends_with("_bucket")) continue;
      const double bound = le == "+Inf" ? std::numeric_limits<double>::infinity() : std::stod(le);
      buckets[labels].emplace_back(bound, sample.value);
    }
    if (buckets.size() != counts.size() || buckets.size() != sums.size()) {
      fail("a histogram before this line lacks a part");
    }
    for (const auto& [labels, steps] : buckets) {
      if (!std::is_sorted(steps.begin(), steps.end()) ||
          !std::is_sorted(steps.begin(), steps.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; }) ||
          std::isfinite(steps.back().first) || steps.back().second != counts[labels]) {
        fail("the histogram before this line has buckets that are none");
      }
    }
    histogram_.clear();
  }

  std::string_view text_;
  std::string_view line_ = kNone;
  std::string_view whole_ = kNone;
  std::size_t number_ = 0;
  Page page_{};
  bool has_type_ = false;
  std::size_t in_family_ = 0;
  std::set<std::string> names_{};
  std::unordered_set<std::string> series_{};
  std::vector<Sample> histogram_{};
};

Page Page::parse(std::string_view text) { return PageReader(text).read(); }

std::vector<const Sample*> Page::find(std::string_view name, const Labels& labels) const {
  std::vector<const Sample*> found;
  const auto all = by_name_.find(name);
  if (all == by_name_.end()) return found;
  for (const auto at : all->second) {
    if (samples_[at].has(labels)) found.push_back(&samples_[at]);
  }
  return found;
}

std::optional<double> Page::sum(std::string_view name, const Labels& labels) const {
  std::optional<double> sum;
  for (const auto* sample : find(name, labels)) sum = sum.value_or(0) + sample->value;
  return sum;
}

std::optional<double> Page::value(std::string_view name, const Labels& labels) const {
  const auto found = find(name, labels);
  if (found.size() > 1) {
    throw BadPage(
        fmt::format("{} series where one was meant, as {}", found.size(), found.front()->series()));
  }
  return found.empty() ? std::nullopt : std::optional(found.front()->value);
}

}  // namespace e2e
