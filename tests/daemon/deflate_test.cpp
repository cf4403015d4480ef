#include "daemon/deflate.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/daemon/gunzip.hpp"

namespace serverless::daemon {
namespace {

std::string stitched(const std::vector<Piece>& pieces) {
  Checksum whole;
  std::string stream(gzip_header());
  for (const auto& piece : pieces) {
    stream += piece.deflated;
    whole.append(piece);
  }
  return stream + gzip_end(whole);
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// Texts like ours, texts that cannot be compressed, long runs of one byte; of every length that is
// a border somewhere.
std::string random_text(std::mt19937& random) {
  static constexpr std::size_t kLengths[] = {0,     1,     2,     3,     257,   258,   259,
                                             32767, 32768, 32769, 65535, 65536, 100000};
  const auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  const std::size_t length = pick(2) == 0 ? kLengths[pick(std::size(kLengths))] : pick(5000);
  const auto kind = pick(3);
  std::string text;
  while (text.size() < length) {
    if (kind == 0) {
      text += static_cast<char>(pick(256));
    } else if (kind == 1) {
      text += "serverless_worker_status{worker_id=\"w" + std::to_string(pick(1000)) + "\"} 1\n";
    } else {
      text.append(pick(300) + 1, static_cast<char>('a' + pick(3)));
    }
  }
  text.resize(length);
  return text;
}

TEST(Deflate, APieceHasTheTextsCrcAndLength) {
  const std::string text = repeated("serverless_worker_status{worker_id=\"a\"} 1\n", 100);
  const auto piece = deflate(text);
  EXPECT_EQ(piece.length, text.size());
  EXPECT_EQ(piece.crc,
            crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  EXPECT_LT(piece.deflated.size(), text.size() / 10);
  EXPECT_EQ(inflate(piece), text);
}

TEST(Deflate, NothingIsNoBytes) {
  const auto piece = deflate("");
  EXPECT_EQ(piece.deflated, "");
  EXPECT_EQ(inflate(piece), "");
  EXPECT_EQ(gunzip(stitched({})), "");
  EXPECT_EQ(gunzip(stitched({piece, deflate("a"), piece})), "a");
}

TEST(Deflate, TheSameTextIsTheSameBytesWhateverCameBefore) {
  const auto text = repeated("a line of a page\n", 500);
  const auto before = deflate(text);
  deflate(repeated("something else\n", 5000));
  EXPECT_EQ(deflate(text).deflated, before.deflated);
}

TEST(Deflate, APieceIsOfItsTextAndOfNoOther) {
  const auto piece = deflate("one text\n");
  EXPECT_TRUE(is_of(piece, "one text\n"));
  EXPECT_FALSE(is_of(piece, "two text\n"));
  EXPECT_FALSE(is_of(piece, "one text"));
  EXPECT_TRUE(is_of(deflate(""), ""));
  EXPECT_FALSE(is_of(deflate(""), "\n"));
}

TEST(Deflate, WhatHasTheSameCrcAndLengthIsToldApartAllTheSame) {
  auto piece = deflate("one text\n");
  const auto other = deflate("two text\n");
  piece.crc = other.crc;
  EXPECT_FALSE(is_of(piece, "two text\n"));
}

TEST(Deflate, ADamagedPieceIsReported) {
  auto piece = deflate(repeated("a line of a page\n", 500));
  piece.crc ^= 1;
  EXPECT_THROW(inflate(piece), std::runtime_error);
  piece = deflate("a line of a page\n");
  piece.length += 1;
  EXPECT_THROW(inflate(piece), std::runtime_error);
  piece = deflate(repeated("a line of a page\n", 500));
  piece.deflated.resize(piece.deflated.size() / 2);
  EXPECT_THROW(inflate(piece), std::runtime_error);
}

TEST(Deflate, PiecesOfAnyKindAreOneGzipMemberForZlib) {
  std::mt19937 random(20261122);  // NOLINT: a test must be repeatable
  for (int round = 0; round < 60; ++round) {
    std::vector<Piece> pieces;
    std::string whole;
    const auto count = random() % 30;
    for (std::size_t i = 0; i < count; ++i) {
      const auto text = random_text(random);
      pieces.push_back(deflate(text));
      EXPECT_EQ(inflate(pieces.back()), text);
      whole += text;
    }
    ASSERT_TRUE(gunzip(stitched(pieces)) == whole) << "round " << round;
  }
}

TEST(Gzip, IsReadByZlibAndByOurselves) {
  std::mt19937 random(20261126);  // NOLINT: a test must be repeatable
  for (int round = 0; round < 60; ++round) {
    const auto text = random_text(random);
    const auto stream = gzip(text);
    ASSERT_TRUE(gunzip(stream) == text) << round;
    ASSERT_TRUE(gunzip(stream, text.size()) == text) << round;
  }
}

TEST(Gunzip, ATextThatIsLongerThanAllowedIsNotInflated) {
  const auto stream = gzip(std::string(1000, 'x'));
  EXPECT_EQ(gunzip(stream, 1000), std::string(1000, 'x'));
  EXPECT_EQ(gunzip(stream, 999), std::nullopt);
}

TEST(Gunzip, AStreamThatSaysThatItIsShorterThanItIsIsNotInflatedFurther) {
  auto stream = gzip(std::string(100'000, 'x'));
  stream.replace(stream.size() - 4, 4, std::string("\x10\0\0\0", 4));
  EXPECT_EQ(gunzip(stream, 1000), std::nullopt);
  EXPECT_EQ(gunzip(stream, 1'000'000), std::nullopt);
}

TEST(Gunzip, WhatIsNoWholeStreamIsNothing) {
  const auto stream = gzip(repeated("a line of a page\n", 500));
  for (std::size_t length = 0; length < stream.size(); ++length) {
    EXPECT_EQ(gunzip(stream.substr(0, length), 1'000'000), std::nullopt) << length;
  }
  EXPECT_EQ(gunzip(stream + "x", 1'000'000), std::nullopt);
  EXPECT_EQ(gunzip(stream + stream, 1'000'000), std::nullopt) << "two members";
  auto damaged = stream;
  damaged[damaged.size() - 8] = static_cast<char>(damaged[damaged.size() - 8] ^ 1);
  EXPECT_EQ(gunzip(damaged, 1'000'000), std::nullopt) << "another check";
  EXPECT_EQ(gunzip(std::string(1000, 'x'), 1'000'000), std::nullopt);
}

}  // namespace
}  // namespace serverless::daemon
