#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/assemble.hpp"

namespace serverless::daemon {

/// How one source of an endpoint fares.
enum class Standing : std::uint8_t {
  unasked,  ///< The endpoint has no such source.
  waiting,  ///< It was not tried yet.
  missing,  ///< It was, and has never answered.
  too_old,  ///< Its last good answer is older than its max age.
  failing,  ///< The last poll failed; its data are still good.
  fresh,
};
using Standings = std::array<Standing, kSourceCount>;

/// Its data are not served, though it was asked for them.
constexpr bool is_lost(Standing standing) {
  return standing == Standing::missing || standing == Standing::too_old;
}

/// What of an endpoint concerns a person, the worst first.
enum class Mark : std::uint8_t {
  blind,      ///< Its workers are not known.
  unhealthy,  ///< It has workers that are.
  lacking,    ///< Something else of it is not known.
  failing,    ///< Polls fail; all data are still good.
  suspect,
  waiting,  ///< Not all was asked for yet.
  well,
};

/// An endpoint as a person is told of it: what is too old is not known.
struct EndpointView {
  const AccountPage* account = nullptr;
  const EndpointState* state = nullptr;
  bool listed = false;        ///< Its list of workers is fresh.
  bool status_known = false;  ///< So is what their statuses rest on.
  bool queue_known = false;
  Standings standings{};
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

  /// All its endpoints are other members'.
  [[nodiscard]] bool elsewhere() const {
    return endpoints.empty() && page->state.divided && page->state.discovered;
  }
};

/// The worst first. Points into the pages. Pure.
std::vector<AccountView> views_of(const Pages& pages, Mono now);

/// Records of the last list that are no workers of ours. Pure.
std::uint64_t skipped_of(const EndpointState& state);

/// Oddities of an endpoint whose data are fresh, in words: "2 throttled". Pure.
std::vector<std::string> suspicions_of(const EndpointView& view);

/// What there is.
struct Totals {
  std::size_t endpoints = 0;
  std::size_t waiting = 0;  ///< Endpoints that were not asked for all yet.
  std::size_t stale = 0;
  std::array<std::int64_t, kStatusCount> workers{};
  std::int64_t all = 0;
};

Totals totals_of(const std::vector<AccountView>& accounts);

}  // namespace serverless::daemon
