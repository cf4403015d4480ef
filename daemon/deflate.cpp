#include "daemon/deflate.hpp"

#include <zlib.h>
#ifdef SERVERLESS_ISAL
#include <isa-l/crc.h>
#include <isa-l/crc64.h>
#include <isa-l/igzip_lib.h>
#endif

#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::uint8_t* bytes_of(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

// Neither library writes to its input.
std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

// A stream's end, whatever happens in between.
using End = int (*)(z_stream*);
using Stream = std::unique_ptr<z_stream, End>;

[[noreturn]] void damaged() { throw std::runtime_error("a compressed piece is damaged"); }

#ifdef SERVERLESS_ISAL

std::uint32_t crc_of(std::string_view text) {
  return crc32_gzip_refl(0, bytes_of(text), text.size());
}

std::uint64_t fingerprint_of(std::string_view text) {
  return crc64_ecma_refl(0, bytes_of(text), text.size());
}

// Stored blocks of at most 64 KiB and their headers, where nothing can be compressed.
std::size_t bound(std::size_t length) { return length + 16 * (length / 65535 + 2); }

// For a few lines a Huffman table of their own takes several times as long as all the rest, and
// saves little.
constexpr std::size_t kShort = 4096;

std::string deflate_raw(std::string_view text) {
  thread_local std::vector<std::uint8_t> level_buffer(ISAL_DEF_LVL1_DEFAULT);
  thread_local std::string out;
  thread_local isal_zstream stream;
  out.resize(bound(text.size()));
  isal_deflate_stateless_init(&stream);
  if (text.size() > kShort) {
    stream.level = 1;
    stream.level_buf = level_buffer.data();
    stream.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
  }
  stream.flush = FULL_FLUSH;
  stream.end_of_stream = 0;
  stream.gzip_flag = IGZIP_DEFLATE;
  stream.next_in = bytes_of(text);
  stream.avail_in = static_cast<std::uint32_t>(text.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  if (isal_deflate_stateless(&stream) != COMP_OK || stream.avail_in != 0) {
    throw std::logic_error("the compressor's room is too small");
  }
  return out.substr(0, stream.total_out);
}

void inflate_raw(const std::string& deflated, std::string& text) {
  // Too large for a stack, and not to be made for each piece.
  thread_local const auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_DEFLATE;
  state->next_in = bytes_of(std::string_view(deflated));
  state->avail_in = static_cast<std::uint32_t>(deflated.size());
  state->next_out = bytes_of(text);
  state->avail_out = static_cast<std::uint32_t>(text.size());
  if (isal_inflate(state.get()) != ISAL_DECOMP_OK || state->avail_out != 0) damaged();
}

#else

std::uint32_t crc_of(std::string_view text) {
  return static_cast<std::uint32_t>(crc32_z(0, bytes_of(text), text.size()));
}

std::uint64_t fingerprint_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

std::string deflate_raw(std::string_view text) {
  z_stream state{};
  if (deflateInit2(&state, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  const Stream stream(&state, &deflateEnd);
  // A flush adds an empty stored block.
  std::string out(deflateBound(&state, static_cast<uLong>(text.size())) + 16, '\0');
  state.next_in = bytes_of(text);
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = bytes_of(out);
  state.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&state, Z_FULL_FLUSH) != Z_OK || state.avail_in != 0) {
    throw std::logic_error("the compressor's room is too small");
  }
  out.resize(state.total_out);
  return out;
}

void inflate_raw(const std::string& deflated, std::string& text) {
  z_stream state{};
  if (inflateInit2(&state, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  const Stream stream(&state, &inflateEnd);
  state.next_in = bytes_of(std::string_view(deflated));
  state.avail_in = static_cast<uInt>(deflated.size());
  state.next_out = bytes_of(text);
  state.avail_out = static_cast<uInt>(text.size());
  const int result = ::inflate(&state, Z_SYNC_FLUSH);
  if ((result != Z_OK && result != Z_BUF_ERROR) || state.avail_out != 0) damaged();
}

#endif

// Both libraries count in 32 bits.
constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max() / 2;

void append_little_endian(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

std::uint32_t read_little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

}  // namespace

Piece deflate(std::string_view text) {
  if (text.size() > kMost) throw std::length_error("a piece of over 2 GiB");
  if (text.empty())
    return {.fingerprint = fingerprint_of(text),
            .shift = static_cast<std::uint32_t>(crc32_combine_gen(0))};
  return {
      .deflated = deflate_raw(text),
      .crc = crc_of(text),
      .length = text.size(),
      .fingerprint = fingerprint_of(text),
      .shift = static_cast<std::uint32_t>(crc32_combine_gen(static_cast<z_off_t>(text.size())))};
}

std::string inflate(const Piece& piece) {
  std::string text(piece.length, '\0');
  if (piece.length == 0) return text;
  inflate_raw(piece.deflated, text);
  if (crc_of(text) != piece.crc) damaged();
  return text;
}

bool is_of(const Piece& piece, std::string_view text) {
  return piece.length == text.size() && piece.crc == crc_of(text) &&
         piece.fingerprint == fingerprint_of(text);
}

void Checksum::append(const Piece& piece) {
  if (piece.length == 0) return;
  crc = static_cast<std::uint32_t>(crc32_combine_op(crc, piece.crc, piece.shift));
  length += piece.length;
}

std::string_view gzip_header() {
  // No name, no time, an unknown system: the same page is the same bytes.
  static constexpr std::array<char, 10> kHeader{'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};
  return {kHeader.data(), kHeader.size()};
}

std::string gzip_end(const Checksum& whole) {
  std::string end("\x03\x00", 2);  // The last block, an empty one.
  append_little_endian(end, whole.crc);
  append_little_endian(end, static_cast<std::uint32_t>(whole.length));
  return end;
}

std::string gzip(std::string_view text) {
  const auto piece = deflate(text);
  Checksum whole;
  whole.append(piece);
  return std::string(gzip_header()) + piece.deflated + gzip_end(whole);
}

std::optional<std::string> gunzip(std::string_view stream, std::size_t most) {
  constexpr std::size_t kLength = 4;  // The stream's last bytes.
  if (stream.size() < gzip_header().size() + kLength || stream.size() > kMost) return std::nullopt;
  const std::size_t length = read_little_endian(stream.substr(stream.size() - kLength));
  if (length > most) return std::nullopt;
  z_stream state{};
  if (inflateInit2(&state, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  const Stream end(&state, &inflateEnd);
  std::string text(length, '\0');
  state.next_in = bytes_of(stream);
  state.avail_in = static_cast<uInt>(stream.size());
  state.next_out = bytes_of(text);
  state.avail_out = static_cast<uInt>(text.size());
  // zlib compares the check and the length with those at the end.
  const bool whole = ::inflate(&state, Z_FINISH) == Z_STREAM_END && state.avail_in == 0;
  return whole ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace serverless::daemon
