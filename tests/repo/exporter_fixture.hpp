#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/http.hpp"
#include "config/config.hpp"
#include "daemon/account.hpp"

namespace serverless::repo {

/// When the first poll of a test goes out: a time of the wall clock, RFC 3339.
Now now_at(std::string_view wall);
Now later(Now now, std::chrono::milliseconds by);

/// What the provider answers: "METHOD url" -> an answer, each given once.
using Answers = std::vector<std::pair<std::string, http::Response>>;

/// A file below tests/fixtures/.
std::string fixture(const std::string& name);

/// One account, from bodies to the page: its real collector, reconcile(), render(), assemble().
/// Polls do what a dispatcher does, without threads and clocks.
class Exporter {
 public:
  /// @param keys  more lines of its [[accounts]] table.
  explicit Exporter(std::string_view provider, std::string_view keys = "",
                    config::Series series = {});

  /// Polls what discovers, then everything else that it makes known. All answers must be asked for,
  /// unless `leftovers` says otherwise.
  void poll_all(const Answers& answers, Now now);
  /// Polls what is polled at every interval.
  void poll_workers(const Answers& answers, Now now);

  bool leftovers = false;

  /// The account's whole page.
  [[nodiscard]] std::string page(Now now) const;

 private:
  void poll(const Answers& answers, Now now, bool slow_too);

  config::Account config_{};
  config::Series series_{};
  const Provider* provider_ = nullptr;
  std::unique_ptr<Collector> collector_{};
  daemon::AccountState account_{};
};

}  // namespace serverless::repo
