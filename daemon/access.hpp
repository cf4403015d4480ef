#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.hpp"
#include "daemon/fair_queue.hpp"
#include "daemon/files.hpp"
#include "daemon/keyed_hash.hpp"
#include "daemon/self.hpp"
#include "daemon/tls.hpp"

namespace serverless::daemon {

/// Files, as they were before they were read.
using FileStamps = std::vector<std::optional<FileStamp>>;

/// What is read from files: the certificate, and all users. Values.
struct Admission {
  std::shared_ptr<const Tls> tls{};  ///< Null: plain HTTP.
  config::Users users{};             ///< None: everybody may come in.
  FileStamps tls_files{};
  FileStamps user_files{};
};

/// Reads the files that [web] names.
/// @return what they hold, or what is wrong with each.
tl::expected<Admission, std::vector<std::string>> read_admission(const config::Web& web);

struct Login {
  std::string user{};
  std::string password{};
};

/// Who may come in. Reads files again that changed, keeps what was good until they are, and has a
/// thread that compares passwords: that takes long. Threads: any.
class Access {
 public:
  enum class Part : std::uint8_t { tls, users };
  static constexpr std::chrono::milliseconds kLook{1000};  ///< Between two looks at the files.
  static constexpr std::size_t kMostQueued = 64;
  static constexpr std::size_t kMostQueuedOfOne = 4;
  static constexpr std::size_t kMostKnown = 256;

  /// @param admission  what read_admission() said of `web`.
  Access(config::Web web, Admission admission, SelfMetrics& self);
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  /// Another configuration.
  void replace(config::Web web, Admission admission);

  [[nodiscard]] std::shared_ptr<const Tls> tls() const;

  enum class Ruling : std::uint8_t {
    pass,     ///< It may come in.
    missing,  ///< It has to say who it is.
    unknown,  ///< Its password has to be compared.
  };
  [[nodiscard]] Ruling judge(std::string_view path, const std::optional<Login>& login) const;

  enum class Verdict : std::uint8_t {
    right,
    wrong,    ///< Or there is no such user.
    crowded,  ///< As many wait as may, in all or of that address.
  };
  /// @param tell  called once: by the thread, or at once where there is no room.
  void compare(Login login, const std::string& address, const std::function<void(Verdict)>& tell);

 private:
  struct Job {
    Login login{};
    std::function<void(Verdict)> tell{};
  };
  // A part's files, as they were when they were read, and when they were last looked at.
  struct Watched {
    std::vector<std::string> files{};
    FileStamps read{};
    FileStamps seen{};
    std::string complaint{};  ///< Why they could not be read; empty: they could.
  };

  void run(const std::stop_token& stop);
  void verify(const Job& job);
  void look(Part part);
  void start_watching();
  [[nodiscard]] KeyedHash::Digest name_of(const Login& login) const;

  SelfMetrics& self_;
  KeyedHash hash_{};
  mutable std::mutex mutex_{};  ///< Of all below.
  std::condition_variable_any wake_{};
  config::Web web_;
  Admission admission_;
  Watched tls_files_{};
  Watched user_files_{};
  FairQueue<Job> jobs_{kMostQueued, kMostQueuedOfOne};
  std::set<KeyedHash::Digest> known_{};  ///< Logins that are right.
  std::deque<KeyedHash::Digest> oldest_{};
  std::jthread thread_{};
};

}  // namespace serverless::daemon
