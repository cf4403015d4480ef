#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "daemon/assemble.hpp"
#include "daemon/assignment.hpp"
#include "daemon/cluster_status.hpp"
#include "daemon/http_message.hpp"
#include "daemon/self.hpp"
#include "daemon/store.hpp"
#include "daemon/stream.hpp"
#include "daemon/workers.hpp"

namespace serverless::daemon {

/// What is served at which path. Threads: any. Lifetime: what it is given by reference outlives it.
class Routes {
 public:
  /// What a configuration says of what is served.
  struct Terms {
    std::optional<std::size_t> accounts{};  ///< Empty: which are its own is not known yet.
    std::string config{};                   ///< As text, without secrets.
    Members members{};                      ///< Static shards.
  };

  /// @param started  when polling began.
  /// @param reload   answers POST /-/reload.
  Routes(Store& store, SelfMetrics& self, Mono started, std::function<HttpReply()> reload);

  void set_terms(Terms terms);
  /// How this member of a cluster stands from now on; empty: it is in none, as at first.
  void set_cluster(std::optional<ClusterStatus> cluster);

  [[nodiscard]] HttpReply handle(const HttpRequest& request);

  /// The metrics as they are now.
  [[nodiscard]] Page page(Now now, Format format = Format::text, const Selection& selection = {});

 private:
  [[nodiscard]] Terms terms() const;
  [[nodiscard]] std::optional<ClusterStatus> cluster() const;
  [[nodiscard]] HttpReply answer(const HttpRequest& request);
  [[nodiscard]] HttpReply status(const HttpRequest& request) const;
  [[nodiscard]] HttpReply metrics(const HttpRequest& request);
  [[nodiscard]] HttpReply config() const;
  [[nodiscard]] HttpReply ready() const;
  using Tell = tl::expected<Stream, std::string> (*)(Pages, Arguments, Now);
  [[nodiscard]] HttpReply stream(const HttpRequest& request, Tell tell, const char* type) const;
  [[nodiscard]] HttpReply crowded(const HttpRequest& request);

  Store& store_;
  SelfMetrics& self_;
  Mono started_;
  std::function<HttpReply()> reload_;
  mutable std::mutex mutex_{};  ///< Of the next.
  Terms terms_{};
  std::optional<ClusterStatus> cluster_{};
};

}  // namespace serverless::daemon
