#include "simulator/flood.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace simulator {
namespace {

// No Content-Length: the body ends with the connection.
constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";

constexpr double kMostTimes = 1e15;

// 65,536 blanks as a deflate block that stands for itself and ends on a byte, so that it can be
// repeated (zlib's Z_FULL_FLUSH).
constexpr std::uint64_t kBlanks = 65'536;
std::string blanks() {
  using namespace std::string_literals;
  return "\xec\xc1\x81\x00\x00\x00\x00\x80\x20\x95\xfd\x29\x17\xa9\x0a"s + std::string(63, '\0') +
         "\x6a\x00\x00\x00\xff\xff"s;
}

/// The object that begins there, up to its closing bracket. No string of ours has brackets.
std::string_view object_at(std::string_view body, std::size_t begin) {
  int depth = 0;
  for (std::size_t at = begin; at < body.size(); ++at) {
    if (body[at] == '{') ++depth;
    if (body[at] == '}' && --depth == 0) return body.substr(begin, at - begin + 1);
  }
  return {};
}

}  // namespace

std::string Flood::piece_number(std::uint64_t n) const {
  if (number_at == std::string::npos) return piece;
  std::string numbered = piece;
  numbered.insert(number_at, fmt::format("{:08}", n));
  return numbered;
}

Flood raw_flood(const Query& query) {
  const double times = std::clamp(number_in(query, "times").value_or(0), 0.0, kMostTimes);
  return {.before = text_in(query, "before"),
          .piece = text_in(query, "piece"),
          .times = static_cast<std::uint64_t>(times),
          .after = text_in(query, "after")};
}

Flood gzip_bomb(std::uint64_t bytes) {
  using namespace std::string_literals;
  return {.before = std::string(kHead) + "Content-Encoding: gzip\r\n\r\n" +
                    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"s,
          .piece = blanks(),
          .times = bytes / kBlanks};
}

Flood rows_of(std::string_view body, std::uint64_t rows, std::string_view row) {
  Flood flood{.before = std::string(kHead) + "\r\n"};
  const std::size_t workers = body.find("\"workers\":[");
  const std::size_t list = body.find("[{", workers == body.npos ? 0 : workers);
  const std::string_view own = list == body.npos ? std::string_view{} : object_at(body, list + 1);
  if (own.empty()) {
    flood.before += body;
    return flood;
  }
  flood.before += body.substr(0, list + 1);
  const std::string_view first = row.empty() ? own : row;
  flood.piece = fmt::format("{},", first);
  // Behind the first character of the id: a number must not begin with a zero.
  const std::size_t id = flood.piece.find("\"id\":");
  if (id != std::string::npos) {
    const std::size_t value = id + std::string_view("\"id\":").size();
    flood.number_at = value + (flood.piece[value] == '"' ? 2 : 1);
  }
  flood.times = rows;
  flood.after = body.substr(list + 1);
  return flood;
}

}  // namespace simulator
