#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/assemble.hpp"
#include "daemon/assignment.hpp"
#include "daemon/cluster_status.hpp"

namespace serverless::daemon {

/// What the process tells of itself: a prometheus-cpp Registry and /proc. Names, types and HELP
/// come from the table of metrics. Threads: any.
class SelfMetrics {
 public:
  SelfMetrics();
  ~SelfMetrics();
  SelfMetrics(const SelfMetrics&) = delete;
  SelfMetrics& operator=(const SelfMetrics&) = delete;

  /// The configuration was read. @param when  Unix time.
  void note_reload(bool successful, double when);
  /// Which of how many exporters this is, where they do not change.
  void note_members(const Members& members);
  void count_scrape(int code);
  /// Files of the web side ("tls", "users") were read, or changed and could not be.
  void note_files(std::string_view part, bool readable);
  /// @param not_after  Unix time; empty: there is no certificate.
  void note_certificate(std::optional<double> not_after);
  void count_refusal(std::string_view reason);
  void observe_duration(double seconds);
  void observe_page(const Page& page);

  struct Text {
    std::string text{};
    std::size_t series = 0;
  };
  /// @param cluster  null: not in one. A member tells how it stands, and not which shard it is.
  /// @param now      the moment that the age of its lease is told of.
  [[nodiscard]] Text text(Format format, const Selection& selection = {},
                          const ClusterStatus* cluster = nullptr, Mono now = {}) const;

 private:
  struct Instruments;
  std::unique_ptr<Instruments> instruments_;
};

/// Of the build: "0.1.0", the commit, the compiler.
std::string version();
std::string revision();

}  // namespace serverless::daemon
