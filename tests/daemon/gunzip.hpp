#pragma once

#include <zlib.h>

#include <stdexcept>
#include <string>

namespace serverless::daemon {

/// What zlib's own reader makes of a gzip stream of one member, its check and length compared.
/// @throw std::runtime_error if it is none, or is followed by anything.
inline std::string gunzip(const std::string& stream) {
  z_stream state{};
  if (inflateInit2(&state, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stream.data()));
  state.avail_in = static_cast<uInt>(stream.size());
  std::string text;
  std::string room(1 << 16, '\0');
  int result = Z_OK;
  while (result == Z_OK) {
    state.next_out = reinterpret_cast<Bytef*>(room.data());
    state.avail_out = static_cast<uInt>(room.size());
    result = inflate(&state, Z_NO_FLUSH);
    text.append(room, 0, room.size() - state.avail_out);
  }
  const bool whole = result == Z_STREAM_END && state.avail_in == 0;
  inflateEnd(&state);
  if (!whole) throw std::runtime_error("not one gzip member");
  return text;
}

}  // namespace serverless::daemon
