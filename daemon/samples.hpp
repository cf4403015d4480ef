#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// Longer label values are cut here, on a character's border.
inline constexpr std::size_t kMaxLabelBytes = 256;

/// A label value as the text format wants it: valid UTF-8 (U+FFFD for what is not), cut, escaped.
std::string escape_label(std::string_view value);

/// The shortest text that reads back as the same number.
std::string format_value(double value);

/// A histogram's bound as the label `le` has it in every format: never a bare integer, so that the
/// series is the same whichever format was asked for.
std::string format_bound(double value);

using Label = std::pair<std::string_view, std::string_view>;

/// One sample, not written: its labels beyond the base, and its value.
struct Sample {
  std::vector<std::pair<std::string, std::string>> labels{};
  double value = 0;

  bool operator==(const Sample&) const = default;
};

/// The samples of one metric, as they are being read: written as lines, or kept as they are.
class Samples {
 public:
  /// @param out  what lines are appended to.
  Samples(std::string_view metric, std::string& out) : metric_(metric), out_(&out) {}
  explicit Samples(std::vector<Sample>& kept) : kept_(&kept) {}

  /// The labels that every following line begins with, already escaped: `a="b",c="d"`.
  void set_base(std::string_view escaped) { base_ = escaped; }

  void add(double value) { add({}, value); }
  void add(std::initializer_list<Label> labels, double value);
  /// As add(), of a series whose name has an ending: `_bucket`, `_sum`, `_count`.
  void add_part(std::string_view ending, std::initializer_list<Label> labels, double value);

  void add(const std::optional<double>& value) {
    if (value) add({}, *value);
  }
  void add(const std::optional<std::int64_t>& value) {
    if (value) add({}, static_cast<double>(*value));
  }
  void add(const std::optional<bool>& value) {
    if (value) add({}, *value ? 1 : 0);
  }
  void add(const std::optional<Time>& value) {
    if (value) add({}, unix_seconds(*value));
  }
  void add(const std::optional<double>& value, std::initializer_list<Label> labels) {
    if (value) add(labels, *value);
  }

  /// The lines are not to be served after this moment. The earliest counts.
  void expire_at(Mono moment) { expires_ = std::min(expires_, moment); }

  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] Mono expires() const { return expires_; }

 private:
  std::string_view metric_;
  std::string_view base_{};
  std::string* out_ = nullptr;
  std::vector<Sample>* kept_ = nullptr;
  std::uint32_t count_ = 0;
  Mono expires_ = Mono::max();
};

/// Appends `a="b"`, escaped.
void append_label(std::string& out, const Label& label);

/// `a="b",c="d"`, escaped: for Samples::set_base().
std::string label_text(std::initializer_list<Label> labels);

}  // namespace serverless::daemon
