#include <string>
#include <vector>

#include "daemon/deflate.hpp"
#include "tests/daemon/gunzip.hpp"
#include "tests/fuzz/expect.hpp"

using namespace serverless;

// Pieces of any bytes, end to end, read by zlib. A line of the input is a piece; its first byte
// says how often it is repeated, so that there are long ones.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  std::string stream(daemon::gzip_header());
  std::string whole;
  daemon::Checksum checksum;
  while (!rest.empty()) {
    const auto line = fuzz::cut(rest, '\n');
    std::string text;
    const auto times = line.empty() ? 0 : static_cast<unsigned char>(line.front());
    for (unsigned i = 0; i <= times; ++i) text += line;
    const auto piece = daemon::deflate(text);
    fuzz::expect(daemon::inflate(piece) == text, "a piece reads back");
    stream += piece.deflated;
    checksum.append(piece);
    whole += text;
  }
  stream += daemon::gzip_end(checksum);
  fuzz::expect(daemon::gunzip(stream) == whole, "the pieces are one gzip member");
  return 0;
}
