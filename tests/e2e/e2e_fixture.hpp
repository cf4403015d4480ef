#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/e2e/page_fixture.hpp"
#include "tests/e2e/process_fixture.hpp"
#include "tests/e2e/workspace_fixture.hpp"

namespace e2e {

/// The outside world.
class Simulator {
 public:
  Simulator(const Workspace& workspace, std::vector<std::string> options,
            const std::string& name = "simulator");

  [[nodiscard]] const std::string& url() const { return url_; }
  /// A request to one of the admin routes; it must succeed.
  std::string admin(const std::string& method, const std::string& what) const;
  void fault(const std::string& query) const { admin("POST", "fault?" + query); }
  void clear_faults() const { admin("DELETE", "faults"); }
  [[nodiscard]] Json truth() const { return Json(admin("GET", "truth")); }
  /// The ids that the truth has below `api`, in its order.
  [[nodiscard]] std::vector<std::string> endpoints(std::string_view api) const;
  /// One account that asks this simulator. @param more further lines of its table.
  [[nodiscard]] std::string account(std::string_view name, std::string_view provider,
                                    const std::string& key_file, std::string_view more = "") const;

  struct Request {
    double time = 0;
    std::string api{};
    std::string path{};
    std::string endpoint{};
    long code = 0;
    std::string user_agent{};
    bool authorized = false;
    std::optional<std::int64_t> key{};  ///< Which of the keys, from 0 in their order.
    std::string retry_after{};          ///< The header of a refusal.
    std::string fault{};
  };
  [[nodiscard]] std::vector<Request> requests() const;

 private:
  Process process_;
  std::string url_{};
};

/// The program under test, serving.
class Exporter {
 public:
  /// Waits until it listens.
  /// @param under the command that starts it, if not the test itself.
  Exporter(const Workspace& workspace, const std::vector<std::string>& options,
           const std::string& name = "exporter", const std::vector<std::string>& environment = {},
           const std::vector<std::string>& under = {});

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::string address() const { return url_.substr(7); }
  Process& process() { return process_; }
  /// The page, strictly parsed; a fault in it fails the test.
  [[nodiscard]] Page page() const;
  /// Waits until the page is so. The last page is printed into the workspace where it never is.
  [[nodiscard]] bool shows(const std::function<bool(const Page&)>& what,
                           milliseconds deadline = kPatience) const;
  /// Ends it by SIGTERM, which must take at most two seconds and give 0.
  void stop();

 private:
  const Workspace& workspace_;
  std::string name_;
  Process process_;
  std::string url_{};
};

/// A listener that keeps every byte that arrives and answers 200.
class Catcher {
 public:
  Catcher();
  ~Catcher();
  Catcher(const Catcher&) = delete;
  Catcher& operator=(const Catcher&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] int connections() const { return connections_.load(); }
  [[nodiscard]] std::string received() const;

 private:
  void run();

  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_{};
  std::string received_{};
  std::thread thread_{};
};

/// A client that asks for a page and never reads it.
class DeafClient {
 public:
  /// @param url http://127.0.0.1:port
  DeafClient(const std::string& url, const std::string& path);
  ~DeafClient();
  DeafClient(const DeafClient&) = delete;
  DeafClient& operator=(const DeafClient&) = delete;

 private:
  int socket_ = -1;
};

/// A TCP port of the loopback that was free a moment ago.
int free_port();

/// The ways in which a text may leak: as it is, URL-encoded, in base64 at each alignment.
std::vector<std::string> disguises(const std::string& secret);

/// Where a secret, in whatever disguise, stands below a directory: "file: which disguise".
std::vector<std::string> find_leaks(const std::filesystem::path& directory,
                                    const std::vector<std::string>& secrets);

/// Every test: its workspace, a key file, and at the end the proof that no key was written
/// anywhere.
class E2e : public testing::Test {
 protected:
  E2e();
  void TearDown() override;

  /// Of the exporter. Its characters differ in every encoding.
  static constexpr const char* kKey = "e2e+Key/9f8c7d~6b5a?41>e0=";
  /// What the simulator puts into bodies.
  static constexpr const char* kPlanted = "planted/Secret+in~bodies?77>c3=";

  Workspace workspace_{};
  std::string key_file_{};

  [[nodiscard]] std::vector<std::string> simulated(std::vector<std::string> options = {}) const;
  [[nodiscard]] std::vector<std::string> exporter_options(const std::string& config,
                                                          const std::string& name = "config") const;
};

}  // namespace e2e
