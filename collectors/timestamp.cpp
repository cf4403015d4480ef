#include "collectors/timestamp.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace serverless {
namespace {

using std::chrono::milliseconds;

constexpr double kLastSecond = 253402300799.0;  // 9999-12-31T23:59:59Z

constexpr std::array<std::string_view, 7> kWeekdays{"Mon", "Tue", "Wed", "Thu",
                                                    "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// Reads a text from the left. After the first thing that is not there it stays failed.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }

  bool take(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(std::string_view literal) {
    good_ = good_ && rest_.substr(0, literal.size()) == literal;
    if (good_) rest_.remove_prefix(literal.size());
  }

  /// Exactly so many digits, at most `most`.
  int number(std::size_t digits, int most) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      good_ = good_ && !rest_.empty() && is_digit(rest_.front());
      if (!good_) return 0;
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    good_ = good_ && value <= most;
    return value;
  }

  /// The digits of a fraction of a second; what is finer than a millisecond is cut off.
  milliseconds fraction() {
    int value = 0;
    int weight = 100;
    good_ = good_ && !rest_.empty() && is_digit(rest_.front());
    while (good_ && !rest_.empty() && is_digit(rest_.front())) {
      value += (rest_.front() - '0') * weight;
      weight /= 10;
      rest_.remove_prefix(1);
    }
    return milliseconds{value};
  }

  /// The index of the name that comes next.
  template <std::size_t kSize>
  unsigned one_of(const std::array<std::string_view, kSize>& names) {
    for (unsigned i = 0; good_ && i < names.size(); ++i) {
      if (rest_.substr(0, names[i].size()) != names[i]) continue;
      rest_.remove_prefix(names[i].size());
      return i;
    }
    good_ = false;
    return 0;
  }

  /// +HH:MM or +HHMM, either sign.
  std::chrono::minutes offset(bool colon) {
    const bool negative = next_is('-');
    if (!take('-')) expect("+");
    const int hours = number(2, 23);
    if (colon) expect(":");
    const int minutes = number(2, 59);
    const auto ahead = std::chrono::hours{hours} + std::chrono::minutes{minutes};
    return negative ? -ahead : ahead;
  }

  /// A zone's abbreviation, "UTC" or, where it has none, "+03".
  void zone_name() {
    good_ = good_ && !rest_.empty();
    while (good_ && !rest_.empty()) {
      const char c = rest_.front();
      good_ = is_letter(c) || is_digit(c) || c == '+' || c == '-';
      rest_.remove_prefix(1);
    }
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::optional<Time> moment(int year, unsigned month, int day, milliseconds time_of_day) {
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return Time{std::chrono::sys_days{date}} + time_of_day;
}

milliseconds hours_and_minutes(Reader& in) {
  const std::chrono::hours hours{in.number(2, 23)};
  in.expect(":");
  return hours + std::chrono::minutes{in.number(2, 59)};
}

/// 60 is a leap second; it counts as the first of the next minute.
std::chrono::seconds seconds(Reader& in) {
  in.expect(":");
  return std::chrono::seconds{in.number(2, 60)};
}

/// What follows the time of day: how far it is ahead of UTC.
std::chrono::minutes zone(Reader& in, bool spaced) {
  if (in.take('Z') || in.take('z')) return {};
  if (!spaced) return in.offset(true);
  if (in.done()) return {};
  if (!in.take(' ')) return in.offset(true);
  const auto ahead = in.offset(false);
  in.expect(" ");
  in.zone_name();
  return ahead;
}

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
  Reader in(text);
  const int year = in.number(4, 9999);
  in.expect("-");
  const auto month = static_cast<unsigned>(in.number(2, 12));
  in.expect("-");
  const int day = in.number(2, 31);
  const bool spaced = in.take(' ');
  if (!spaced && !in.take('t')) in.expect("T");
  milliseconds time = hours_and_minutes(in);
  if (spaced || in.next_is(':')) {
    time += seconds(in);
    if (in.take('.')) time += in.fraction();
  }
  const auto ahead = zone(in, spaced);
  if (!in.done()) return std::nullopt;
  return moment(year, month, day, time - ahead);
}

std::optional<Time> time_of_unix(double seconds) {
  if (!(seconds > 0) || seconds > kLastSecond) return std::nullopt;
  return Time{milliseconds{std::llround(seconds * 1000)}};
}

std::optional<Time> parse_http_date(std::string_view text) {
  Reader in(text);
  in.one_of(kWeekdays);
  in.expect(", ");
  const int day = in.number(2, 31);
  in.expect(" ");
  const unsigned month = in.one_of(kMonths) + 1;
  in.expect(" ");
  const int year = in.number(4, 9999);
  in.expect(" ");
  milliseconds time = hours_and_minutes(in);
  time += seconds(in);
  in.expect(" GMT");
  if (!in.done()) return std::nullopt;
  return moment(year, month, day, time);
}

}  // namespace serverless
