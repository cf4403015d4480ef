#include "simulator/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace simulator {
namespace {

using std::chrono::days;
using std::chrono::floor;

struct Parts {
  std::chrono::year_month_day date{};
  std::chrono::hh_mm_ss<std::chrono::milliseconds> clock{};
};

Parts parts_of(Time time) {
  const auto day = floor<days>(time);
  return {std::chrono::year_month_day{day},
          std::chrono::hh_mm_ss<std::chrono::milliseconds>{time - day}};
}

std::string dated(Time time, char separator) {
  const Parts parts = parts_of(time);
  return fmt::format(
      "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", static_cast<int>(parts.date.year()),
      static_cast<unsigned>(parts.date.month()), static_cast<unsigned>(parts.date.day()), separator,
      parts.clock.hours().count(), parts.clock.minutes().count(), parts.clock.seconds().count());
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
  return out;
}

std::string iso_milliseconds(Time time) {
  return fmt::format("{}.{:03}Z", dated(time, 'T'), parts_of(time).clock.subseconds().count());
}

std::string iso_seconds(Time time) { return dated(time, 'T') + "Z"; }

std::string go_time(Time time) {
  return fmt::format("{}.{:03} +0000 UTC", dated(time, ' '),
                     parts_of(time).clock.subseconds().count());
}

std::string http_date(Time time) {
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Parts parts = parts_of(time);
  const std::chrono::weekday weekday{floor<days>(time)};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[weekday.c_encoding()],
                     static_cast<unsigned>(parts.date.day()),
                     kMonths[static_cast<unsigned>(parts.date.month()) - 1],
                     static_cast<int>(parts.date.year()), parts.clock.hours().count(),
                     parts.clock.minutes().count(), parts.clock.seconds().count());
}

std::optional<Time> parse_iso(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  char zone = 0;
  char rest = 0;
  const int fields = std::sscanf(std::string(text).c_str(), "%4d-%2u-%2uT%2d:%2d:%lf%c%c", &year,
                                 &month, &day, &hour, &minute, &second, &zone, &rest);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{day}};
  const bool in_range =
      hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
  if (fields != 7 || zone != 'Z' || !date.ok() || !in_range) return std::nullopt;
  return Time{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
         std::chrono::minutes{minute} +
         std::chrono::milliseconds{static_cast<std::int64_t>(std::llround(second * 1000))};
}

double epoch_seconds(Time time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000.0;
}

std::string base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const unsigned byte = i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U;
      group = (group << 8U) | byte;
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const std::uint32_t digit = (group >> (18U - 6U * k)) & 63U;
      out += i + k > bytes.size() ? '=' : kBase64[digit];
    }
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kBase64.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>((bits >> held) & 255U);
  }
  return out;
}

std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
               hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Query parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() == text.size() ? pair.size() : pair.size() + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    if (!pair.empty()) query[url_decoded(pair.substr(0, equals))] = url_decoded(value);
  }
  return query;
}

std::optional<double> number_in(const Query& query, std::string_view name) {
  const auto found = query.find(name);
  if (found == query.end()) return std::nullopt;
  const std::string& text = found->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::string text_in(const Query& query, std::string_view name, std::string_view otherwise) {
  const auto found = query.find(name);
  return found == query.end() ? std::string(otherwise) : found->second;
}

}  // namespace simulator
