#pragma once

#include <simdjson.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2e {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How much slower than a plain build this one may be.
#ifdef SANITIZED
constexpr int kSlowness = 4;
#else
constexpr int kSlowness = 1;
#endif

/// The patience that suffices for whatever takes a few polls.
constexpr seconds kPatience{30 * kSlowness};

/// What the exporter may take to stop.
constexpr milliseconds kStopWithin{2000 * kSlowness};

constexpr milliseconds kLook{100};

/// Asks again and again until the condition holds. @return whether it ever did.
bool eventually(const std::function<bool()>& condition, milliseconds deadline = kPatience,
                milliseconds pause = kLook);

/// Runs the check each `pause` for that long.
void throughout(milliseconds time, const std::function<void()>& check, milliseconds pause = kLook);

double unix_now();

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view text);

/// A JSON text; one that is not throws simdjson_error.
class Json {
 public:
  explicit Json(const std::string& text) : root_(parser_->parse(text)) {}
  [[nodiscard]] simdjson::dom::element operator[](std::string_view pointer) const {
    return root_.at_pointer(pointer).value();
  }
  [[nodiscard]] simdjson::dom::array array(std::string_view pointer) const {
    return (*this)[pointer].get_array().value();
  }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
  simdjson::dom::element root_{};
};

struct Reply {
  std::string error{};  ///< libcurl's; empty: an answer came.
  long status = 0;
  std::string body{};
  std::map<std::string, std::string, std::less<>> headers{};  ///< Names in lower case.
};

/// One request by a client of its own.
/// @param socket the path of a unix socket to ask there.
Reply request(const std::string& method, const std::string& url,
              milliseconds timeout = seconds{20 * kSlowness}, const std::string& socket = "",
              const std::vector<std::string>& headers = {});
inline Reply get(const std::string& url) { return request("GET", url); }

/// A program under test. What it writes goes to files; it is killed at the end.
class Process {
 public:
  /// @param out where `<name>.out` and `<name>.err` are put.
  Process(const std::filesystem::path& out, const std::string& name,
          const std::vector<std::string>& command,
          const std::vector<std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  /// @return the exit code, 128 + n for signal n; nothing while it runs.
  std::optional<int> exit_code();
  /// Waits for its end. @return nothing when it did not end in time.
  std::optional<int> wait(milliseconds deadline = kPatience);
  [[nodiscard]] pid_t id() const { return id_; }
  [[nodiscard]] std::string out() const { return read_file(out_); }
  [[nodiscard]] std::string err() const { return read_file(err_); }

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  pid_t id_ = -1;
  std::optional<int> code_{};
};

/// The word behind the mark, once it is all there.
std::string word_after(const std::string& log, std::string_view mark);

std::string exporter_path();
std::string simulator_path();

}  // namespace e2e
