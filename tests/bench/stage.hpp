#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/process_fixture.hpp"

// The programs that are measured, and the fleet that they watch.
namespace bench {

/// Four endpoints of five are RunPod's (REST v2), one is Vast.ai's.
struct Fleet {
  std::size_t endpoints = 0;
  std::size_t workers_each = 100;

  [[nodiscard]] std::size_t runpod() const { return endpoints - vast(); }
  [[nodiscard]] std::size_t vast() const { return endpoints / 5; }
  [[nodiscard]] std::size_t workers() const { return endpoints * workers_each; }
  /// What one poll of everything takes: workers and the queue of each RunPod endpoint, workers of
  /// each Vast.ai endpoint.
  [[nodiscard]] std::size_t requests() const { return 2 * runpod() + vast(); }
};

/// The providers.
class Simulator {
 public:
  /// @param accounts  of Vast.ai: each has a key of its own.
  /// @param more  further options.
  Simulator(const std::filesystem::path& directory, const Fleet& fleet, std::size_t accounts,
            const std::vector<std::string>& more);

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] pid_t id() const { return process_.id(); }
  std::string admin(const std::string& method, const std::string& what) const;
  /// How many requests there were for workers or a queue.
  [[nodiscard]] std::size_t requests() const;
  /// Ids, as the providers list them.
  [[nodiscard]] std::vector<std::string> runpod_ids() const;
  [[nodiscard]] std::vector<std::string> vast_ids(std::size_t most) const;

 private:
  e2e::Process process_;
  std::string url_{};
};

/// A program that watches the fleet.
class Contender {
 public:
  virtual ~Contender() = default;
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;

  /// Everything was polled once, and it may be scraped.
  virtual void await_first_poll() = 0;
  /// Waits until one poll is as good as another.
  virtual void await_pace() {}
  /// CPU time of one poll of everything.
  virtual std::chrono::duration<double> poll() = 0;
  /// From now on nothing is polled.
  virtual void rest() {}

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] pid_t id() const { return process_.id(); }

 protected:
  Contender(const std::filesystem::path& directory, const std::string& name,
            const std::vector<std::string>& command, const std::vector<std::string>& environment,
            std::string_view mark);

  e2e::Process process_;
  std::string url_{};
};

/// Where a fleet is and how it is to be watched.
struct Scene {
  std::filesystem::path directory{};  ///< For what the programs read and write.
  Fleet fleet{};
  const Simulator* simulator = nullptr;
  std::chrono::milliseconds interval{0};
  std::string worker_status = "active";
};

inline constexpr std::chrono::milliseconds kNever = std::chrono::hours{24};

/// Long enough for the simulator on the same processors, short enough for a run of minutes.
std::chrono::milliseconds interval_for(const Fleet& fleet);

/// The simulator's speed at which as much of the workers' lives passes between two polls as in the
/// exporter's default interval.
std::string speed_for(std::chrono::milliseconds interval);

/// What distances Vast.ai's API asks for decides how many of its endpoints one key can poll within
/// the interval.
std::size_t vast_accounts(const Fleet& fleet, std::chrono::milliseconds interval);

/// The exporter itself.
std::unique_ptr<Contender> start_exporter(const Scene& scene);
/// Sets its interval by a reload.
void set_interval(Contender& exporter, const Scene& scene, std::chrono::milliseconds interval);

/// The others.
/// @param way  registry, collectable; const, prerendered.
std::unique_ptr<Contender> start_prometheus_cpp(const Scene& scene, const std::string& way);
std::unique_ptr<Contender> start_go(const Scene& scene, const std::string& way);
std::string go_program();

}  // namespace bench
