#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/assemble.hpp"
#include "daemon/deflate.hpp"
#include "daemon/stream.hpp"

namespace serverless::daemon {

/// A page of metrics on its way out.
struct PageBody {
  std::shared_ptr<const Page> page{};
  bool gzip = false;
};

/// A text whose length is not known before it is sent.
struct StreamBody {
  Stream next{};
  bool gzip = false;
};

/// A page on its way to one client, who asks for one stretch after another: no more than one piece
/// is held as text.
class PageReader {
 public:
  /// @param keep  let go when this is.
  PageReader(PageBody body, std::shared_ptr<void> keep);

  [[nodiscard]] std::size_t size() const;

  /// @return how much was read; 0 at the end.
  std::size_t read(char* buffer, std::size_t room);

 private:
  bool advance();

  PageBody body_;
  std::shared_ptr<void> keep_;
  std::string text_{};
  std::string end_{};
  std::string_view rest_{};
  std::size_t next_ = 0;
  bool ended_ = false;
};

/// A text on its way to one client, made as fast as it is read.
class StreamReader {
 public:
  /// @param keep  let go when this is.
  StreamReader(StreamBody body, std::shared_ptr<void> keep);

  /// @return how much was read; 0 at the end.
  std::size_t read(char* buffer, std::size_t room);

 private:
  void advance();

  StreamBody body_;
  std::shared_ptr<void> keep_;
  Checksum whole_{};
  std::string text_{};
  std::string_view rest_{};
  bool ended_ = false;
};

}  // namespace serverless::daemon
