#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace serverless::daemon {

/// A stretch of text as raw deflate (RFC 1951) without a last block, ending on a byte's border:
/// such pieces can stand one behind the other.
struct Piece {
  std::string deflated{};
  std::uint32_t crc = 0;  ///< Of the text: CRC-32 as RFC 1952 has it.
  std::size_t length = 0;
  std::uint64_t fingerprint = 0;  ///< Of the text, and another function of it than the CRC.
  std::uint32_t shift = 0;        ///< What appending this length does to a CRC. See Checksum.
};

/// Compresses a text. Refers to nothing outside of it. Threads: any.
Piece deflate(std::string_view text);

/// The text of a piece that deflate() made.
/// @throw std::runtime_error if the piece is damaged.
std::string inflate(const Piece& piece);

/// Whether the piece is of this text: told by length, CRC and fingerprint. To inflate it and
/// compare would cost as much as to compress the text again.
bool is_of(const Piece& piece, std::string_view text);

/// The CRC and length of pieces in a row.
struct Checksum {
  std::uint32_t crc = 0;
  std::uint64_t length = 0;

  void append(const Piece& piece);
};

/// What stands before and behind the pieces of a gzip stream of one member (RFC 1952).
std::string_view gzip_header();
std::string gzip_end(const Checksum& whole);

/// A text as a gzip stream of one member. Threads: any.
std::string gzip(std::string_view text);

/// The text of a gzip stream of one member, whoever made it: takes no more memory than `most` and
/// some 50 KB, whatever the stream says. Nothing where it is none, is damaged or followed by
/// anything, or where its text is longer. Threads: any.
std::optional<std::string> gunzip(std::string_view stream, std::size_t most);

}  // namespace serverless::daemon
