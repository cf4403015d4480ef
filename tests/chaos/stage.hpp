#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/plan.hpp"
#include "tests/chaos/recording.hpp"
#include "tests/e2e/process_fixture.hpp"

namespace chaos {

/// One provider, that may be killed and comes back as the same. One thread changes it, which must
/// live as long as the process; another may watch().
class Provider {
 public:
  /// @param index of the account; it decides the seed and the address.
  Provider(const std::filesystem::path& directory, std::size_t index, const Size& size,
           std::size_t workers, std::string key);

  /// Starts it where and as it was. @throw std::runtime_error when it does not listen.
  void start();
  /// kill -9.
  void kill();
  [[nodiscard]] bool is_up() const { return up_; }

  /// A request to an admin route. @return nothing when that failed.
  [[nodiscard]] std::optional<std::string> admin(const std::string& method,
                                                 const std::string& what) const;
  void accept(const std::string& key);
  void refuse(const std::string& key);

  /// Records what it holds, which requests it had and which faults it really made.
  void watch(Recorder& recorder);

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::vector<std::string> endpoints() const;
  /// Its fleet for ever: seed, when it was born (Unix time), endpoints and workers of each.
  [[nodiscard]] std::string shape() const;
  /// When what it had logged was last read. What came after that is lost in a kill.
  [[nodiscard]] double last_read() const { return last_read_; }
  /// Which life of it this is.
  [[nodiscard]] int life() const { return life_; }

 private:
  std::filesystem::path directory_;
  Account account_;
  std::set<std::string> keys_{};
  std::string listen_{};
  std::uint64_t seed_ = 0;
  std::int64_t born_ = 0;
  std::size_t endpoints_ = 0;
  std::size_t workers_ = 0;
  std::string url_{};
  std::unique_ptr<e2e::Process> process_{};
  std::atomic<bool> up_{false};
  std::atomic<int> life_{0};
  std::atomic<double> last_read_{0};
  std::mutex watching_{};
  std::uint64_t sequence_ = 0;
};

/// What the exporter is to be told, and its text.
struct Setup {
  double slow = 1;
  std::string directory{};                            ///< Where the key files are.
  std::vector<std::string> urls{};                    ///< By account.
  std::vector<std::vector<std::string>> endpoints{};  ///< By account; of those that name them.
  std::vector<bool> present{};
  std::vector<double> intervals{};  ///< Seconds.

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string key_file(std::size_t account) const;
};

/// In seconds; the longer interval is a half more.
double usual_interval(double slow);
double usual_timeout(double slow);
double usual_max_age(double slow);
double discovery_interval(double slow);

/// Reads a file that grows.
class Tail {
 public:
  explicit Tail(std::filesystem::path path) : path_(std::move(path)) {}
  /// The lines that came since the last time.
  std::string read();

 private:
  std::filesystem::path path_;
  std::size_t read_ = 0;
};

/// Resident memory, its anonymous part (bytes) and open descriptors: "R A N". Empty: no such
/// process.
std::string memory_of(pid_t process);

}  // namespace chaos
