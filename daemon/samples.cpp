#include "daemon/samples.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace serverless::daemon {
namespace {

// The length of the UTF-8 sequence that `text` starts with; 0 if it starts with none. RFC 3629.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// Nothing of it is to be escaped or cut.
bool is_plain(std::string_view value) {
  return value.size() <= kMaxLabelBytes && std::all_of(value.begin(), value.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x80 && c != '\\' && c != '"' && c != '\n';
         });
}

void append_escaped(std::string& out, std::string_view value) {
  if (is_plain(value)) {
    out += value;
    return;
  }
  std::size_t taken = 0;
  while (!value.empty()) {
    const std::size_t length = sequence_length(value);
    const std::string_view piece = length > 0 ? value.substr(0, length) : "\xEF\xBF\xBD";
    taken += piece.size();
    if (taken > kMaxLabelBytes) return;
    if (piece == "\\") {
      out += "\\\\";
    } else if (piece == "\"") {
      out += "\\\"";
    } else if (piece == "\n") {
      out += "\\n";
    } else {
      out += piece;
    }
    value.remove_prefix(length > 0 ? length : 1);
  }
}

void append_labels(std::string& out, std::initializer_list<Label> labels, bool first) {
  for (const auto& label : labels) {
    if (!first) out += ',';
    first = false;
    append_label(out, label);
  }
}

void append_value(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> text{};
  // Whole numbers are written without an exponent as far as doubles are whole.
  const bool whole = std::abs(value) < 1e15 && value == std::trunc(value);
  const auto end = whole ? std::to_chars(text.data(), text.data() + text.size(),
                                         static_cast<std::int64_t>(value))
                         : std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end.ptr);
}

}  // namespace

std::string escape_label(std::string_view value) {
  std::string out;
  append_escaped(out, value);
  return out;
}

std::string format_value(double value) {
  std::string out;
  append_value(out, value);
  return out;
}

std::string format_bound(double value) {
  std::string out = format_value(value);
  if (out.find_first_not_of("-0123456789") == std::string::npos) out += ".0";
  return out;
}

void append_label(std::string& out, const Label& label) {
  out += label.first;
  out += "=\"";
  append_escaped(out, label.second);
  out += '"';
}

std::string label_text(std::initializer_list<Label> labels) {
  std::string out;
  append_labels(out, labels, true);
  return out;
}

void Samples::add(std::initializer_list<Label> labels, double value) {
  add_part({}, labels, value);
}

void Samples::add_part(std::string_view ending, std::initializer_list<Label> labels, double value) {
  ++count_;
  if (kept_ != nullptr) {
    Sample& sample = kept_->emplace_back();
    sample.labels.assign(labels.begin(), labels.end());
    sample.value = value;
    return;
  }
  *out_ += metric_;
  *out_ += ending;
  if (!base_.empty() || labels.size() > 0) {
    *out_ += '{';
    *out_ += base_;
    append_labels(*out_, labels, base_.empty());
    *out_ += '}';
  }
  *out_ += ' ';
  append_value(*out_, value);
  *out_ += '\n';
}

}  // namespace serverless::daemon
