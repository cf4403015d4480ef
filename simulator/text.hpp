#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace simulator {

/// Simulated time.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Query parameters, decoded; the last of equal names wins.
using Query = std::map<std::string, std::string, std::less<>>;

/// `text` as a JSON string with its quotes. Bytes above 0x7f pass as they are (UTF-8).
std::string quoted(std::string_view text);

/// "2026-08-12T15:57:16.123Z".
std::string iso_milliseconds(Time time);

/// "2026-08-12T15:57:16Z".
std::string iso_seconds(Time time);

/// "2026-08-12 15:57:16.123 +0000 UTC", how Go prints a time; RunPod v1 lets it through.
std::string go_time(Time time);

/// "Wed, 12 Aug 2026 15:57:16 GMT", the form of the Date header.
std::string http_date(Time time);

/// Reads "YYYY-MM-DDTHH:MM:SS[.fff]Z"; empty when it is anything else.
std::optional<Time> parse_iso(std::string_view text);

/// Seconds since 1970 with their fraction, as Vast.ai writes times.
double epoch_seconds(Time time);

std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

/// Percent-decoding, '+' stands for a space. A broken escape stays as it is written.
std::string url_decoded(std::string_view text);

/// Parses "a=1&b=2".
Query parse_query(std::string_view text);

/// The parameter as a number; empty when it is absent or not wholly a finite number.
std::optional<double> number_in(const Query& query, std::string_view name);

/// The parameter's text, or `otherwise`.
std::string text_in(const Query& query, std::string_view name, std::string_view otherwise = {});

}  // namespace simulator
