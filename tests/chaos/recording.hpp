#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace chaos {

/// One thing that was seen or done.
struct Record {
  std::string kind{};  ///< As in the table of README.md.
  std::string name{};  ///< The account that it concerns; "-": none.
  double begun = 0;    ///< Unix time before it was asked for or done...
  double ended = 0;    ///< ...and after.
  std::string body{};

  bool operator==(const Record&) const = default;
};

/// Writes a recording: a gzip file of records in the order in which they ended. Any thread may
/// call.
class Recorder {
 public:
  /// @throw std::runtime_error when the file cannot be written.
  explicit Recorder(const std::string& path);
  void write(const Record& record);
  /// Everything is in the file. @throw std::runtime_error when it is not.
  void close();

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  std::mutex mutex_{};
  std::unique_ptr<gzFile_s, Close> file_{};
};

/// Reads a recording from its beginning.
class Player {
 public:
  /// @throw std::runtime_error when there is no such file.
  explicit Player(const std::string& path);
  /// @return nothing at the end. @throw std::runtime_error for what is no recording.
  std::optional<Record> next();

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  std::unique_ptr<gzFile_s, Close> file_{};
};

/// What a gzip body says. @return nothing for what is none.
std::optional<std::string> gunzipped(const std::string& body);

}  // namespace chaos
