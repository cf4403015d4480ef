#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/http.hpp"
#include "collectors/observation.hpp"
#include "config/config.hpp"

namespace serverless {

/// One account's door to its provider. Immutable: any number of threads may poll at once.
class Collector {
 public:
  virtual ~Collector() = default;

  /// The endpoints that exist because the configuration says so. They are never dropped.
  [[nodiscard]] virtual std::vector<EndpointInfo> configured() const = 0;

  /// What has to be polled so that everything is known of these endpoints. Pure. With none, the
  /// targets that discover.
  [[nodiscard]] virtual std::vector<Target> targets(
      std::span<const EndpointInfo> endpoints) const = 0;

  /// Fetches one target. Requests follow one another; the client spaces them.
  [[nodiscard]] virtual Poll poll(const Target& target, http::Client& client) const = 0;
};

/// The least time between two requests of one operation, where the provider documents it.
struct Spacing {
  std::string_view operation{};
  std::chrono::milliseconds gap{0};
};

/// What is known of a provider's quota without asking it.
struct Policy {
  std::chrono::milliseconds min_interval{0};  ///< No target is polled more often.
  std::span<const Spacing> spacings{};        ///< Per key and operation.
};

/// A row of the table of providers.
struct Provider {
  std::string_view name{};   ///< In the configuration.
  std::string_view label{};  ///< The `provider` label.
  std::string_view summary{};
  std::span<const config::KeySpec> keys{};
  bool discovers = true;
  std::span<const Status> statuses{};          ///< Those that it can show.
  std::span<const Staleness> stale_reasons{};  ///< Those that it can show.
  Policy policy{};
  /// All members of objects, at any depth, that its collector reads of answers to targets without
  /// an endpoint. In a cluster the others are not told: what is not named here may hold a secret.
  std::span<const std::string_view> read_of_lists{};
  std::unique_ptr<Collector> (*make)(const config::Account&) = nullptr;
};

}  // namespace serverless
