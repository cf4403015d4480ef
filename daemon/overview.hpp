#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/assemble.hpp"

namespace serverless::daemon {

/// What of an endpoint concerns a person, the worst first.
enum class Mark : std::uint8_t { expired, failing, unhealthy, suspect, waiting, well };

/// An endpoint as a person is told of it: what is too old is not known.
struct EndpointView {
  const AccountPage* account = nullptr;
  const EndpointState* state = nullptr;
  bool listed = false;        ///< Its list of workers is fresh.
  bool status_known = false;  ///< So is what their statuses rest on.
  bool queue_known = false;
  Mark mark = Mark::well;

  [[nodiscard]] std::int64_t count(Status status) const {
    if (!status_known) return 0;
    return state->counts[static_cast<std::size_t>(status)].value_or(0);
  }
  [[nodiscard]] std::int64_t workers() const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kStatusCount; ++i) sum += count(static_cast<Status>(i));
    return sum;
  }
};

/// An account as a person is told of it.
struct AccountView {
  const AccountPage* page = nullptr;
  std::vector<EndpointView> endpoints{};               ///< The worst first.
  std::map<std::string_view, Due> next_by_endpoint{};  ///< "": of the account.
};

/// The worst first. Points into the pages. Pure.
std::vector<AccountView> views_of(const Pages& pages, Mono now);

/// Records of the last list that are no workers of ours. Pure.
std::uint64_t skipped_of(const EndpointState& state);

/// What there is, and what of it is not well.
struct Totals {
  std::size_t endpoints = 0;
  std::size_t expired = 0;
  std::size_t failing = 0;
  std::size_t waiting = 0;
  std::size_t unhealthy = 0;  ///< Endpoints.
  std::size_t refused = 0;    ///< APIs that refused us, or did not answer.
  std::size_t empty = 0;      ///< Accounts of which no endpoint is known.
  std::size_t stale = 0;
  std::array<std::int64_t, kStatusCount> workers{};
  std::int64_t all = 0;
};

Totals totals_of(const std::vector<AccountView>& accounts);

/// Is everything well? One sentence. Pure.
std::string headline(const Totals& totals);

/// "bad", "warn" or "well". Pure.
std::string_view class_of(const Totals& totals);

}  // namespace serverless::daemon
