#include "daemon/reply_body.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace serverless::daemon {

PageReader::PageReader(PageBody body, std::shared_ptr<void> keep)
    : body_(std::move(body)), keep_(std::move(keep)) {
  if (!body_.gzip) return;
  end_ = gzip_end(body_.page->checksum);
  rest_ = gzip_header();
}

std::size_t PageReader::size() const {
  return body_.gzip ? body_.page->gzip_bytes() : body_.page->checksum.length;
}

std::size_t PageReader::read(char* buffer, std::size_t room) {
  std::size_t written = 0;
  while (written < room && (!rest_.empty() || advance())) {
    const auto size = std::min(rest_.size(), room - written);
    std::memcpy(buffer + written, rest_.data(), size);
    rest_.remove_prefix(size);
    written += size;
  }
  return written;
}

// @return false at the end.
bool PageReader::advance() {
  const auto& pieces = body_.page->pieces;
  if (next_ < pieces.size()) {
    const auto& piece = *pieces[next_++];
    if (!body_.gzip) text_ = inflate(piece);
    rest_ = body_.gzip ? std::string_view(piece.deflated) : std::string_view(text_);
    return true;
  }
  rest_ = std::exchange(ended_, true) ? std::string_view() : std::string_view(end_);
  return !rest_.empty();
}

StreamReader::StreamReader(StreamBody body, std::shared_ptr<void> keep)
    : body_(std::move(body)), keep_(std::move(keep)) {
  if (body_.gzip) rest_ = gzip_header();
}

std::size_t StreamReader::read(char* buffer, std::size_t room) {
  if (rest_.empty() && !ended_) advance();
  const auto size = std::min(rest_.size(), room);
  std::memcpy(buffer, rest_.data(), size);
  rest_.remove_prefix(size);
  return size;
}

void StreamReader::advance() {
  text_ = body_.next();
  ended_ = text_.empty();
  if (body_.gzip && ended_) {
    text_ = gzip_end(whole_);
  } else if (body_.gzip) {
    auto piece = deflate(text_);
    whole_.append(piece);
    text_ = std::move(piece.deflated);
  }
  rest_ = text_;
}

}  // namespace serverless::daemon
