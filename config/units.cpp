#include "config/units.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

namespace serverless::config {
namespace {

using std::chrono::milliseconds;

struct TimeUnit {
  std::string_view name{};
  std::int64_t milliseconds = 1;
};

// The largest first: the order in which a text has to name them.
constexpr TimeUnit kTimeUnits[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1},
};

struct SizeUnit {
  std::string_view name{};
  std::size_t bytes = 1;
};

// The 1024s first, the largest of them first: the order in which size_text() tries them.
constexpr SizeUnit kSizeUnits[] = {
    {"GiB", 1024 * 1024 * 1024}, {"MiB", 1024 * 1024}, {"KiB", 1024},
    {"GB", 1'000'000'000},       {"MB", 1'000'000},    {"KB", 1'000},
};

/// Cuts the digits off the front of a text. Nothing if there are none, or too many to count.
template <typename Number>
std::optional<Number> take_number(std::string_view& text) {
  const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
  Number value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  text.remove_prefix(digits.size());
  return value;
}

/// a * b, or nothing if that is more than the type holds. Neither may be negative, nor b zero.
template <typename Number>
std::optional<Number> product(Number a, Number b) {
  if (a > std::numeric_limits<Number>::max() / b) return std::nullopt;
  return a * b;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  milliseconds total{0};
  const auto* next = std::begin(kTimeUnits);
  while (!text.empty()) {
    const auto count = take_number<std::int64_t>(text);
    if (!count) return std::nullopt;
    const auto name = text.substr(0, text.find_first_of("0123456789"));
    while (next != std::end(kTimeUnits) && next->name != name) ++next;
    if (next == std::end(kTimeUnits)) return std::nullopt;
    const auto part = product(*count, next->milliseconds);
    if (!part || *part > (milliseconds::max() - total).count()) return std::nullopt;
    total += milliseconds{*part};
    text.remove_prefix(name.size());
    ++next;
  }
  return total;
}

std::string duration_text(milliseconds value) {
  if (value.count() == 0) return "0s";
  std::string text;
  auto rest = value.count();
  for (const auto& unit : kTimeUnits) {
    if (rest < unit.milliseconds) continue;
    text += fmt::format("{}{}", rest / unit.milliseconds, unit.name);
    rest %= unit.milliseconds;
  }
  return text;
}

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto count = take_number<std::size_t>(text);
  if (!count || text.empty()) return count;
  for (const auto& unit : kSizeUnits) {
    if (text == unit.name) return product(*count, unit.bytes);
  }
  return std::nullopt;
}

std::string size_text(std::size_t bytes) {
  for (const auto& unit : kSizeUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return fmt::format("{}{}", bytes / unit.bytes, unit.name);
    }
  }
  return fmt::format("{}", bytes);
}

}  // namespace serverless::config
