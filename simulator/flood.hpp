#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "simulator/text.hpp"

namespace simulator {

/// An answer as it goes over the wire, status line and all: whatever a library for HTTP would
/// refuse to send. Nothing of it is in memory before it is sent.
struct Flood {
  std::string before{};
  std::string piece{};
  std::uint64_t times = 0;  ///< So often is the piece repeated.
  std::string after{};
  /// Where in the piece eight digits stand that differ from one to the next; npos: nowhere.
  std::size_t number_at = std::string::npos;

  /// The piece for the n-th time.
  [[nodiscard]] std::string piece_number(std::uint64_t n) const;
};

/// What the query gives: `before`, `piece`, `times`, `after`.
Flood raw_flood(const Query& query);

/// Blanks in gzip, a thousandth of their size on the wire.
/// @param bytes  unpacked.
Flood gzip_bomb(std::uint64_t bytes);

/// The body with the first record of its `workers`, or of its first list of objects, repeated, each
/// with an id of its own. A body that has none goes out as it is.
/// @param row  a record to repeat instead; empty: the body's own.
Flood rows_of(std::string_view body, std::uint64_t rows, std::string_view row);

}  // namespace simulator
