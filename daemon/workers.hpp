#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "daemon/assemble.hpp"

namespace serverless::daemon {

/// Which workers, and in which order. Empty fields ask for nothing.
struct WorkerQuery {
  enum class Sort : std::uint8_t {
    none,   ///< By account, endpoint, id.
    worst,  ///< What a person has to look at first.
    worker,
    endpoint,
    status,
    since,
    load,
  };
  std::string provider{};  ///< The `provider` label.
  std::string account{};
  std::string endpoint{};  ///< Its id.
  std::optional<Status> status{};
  std::optional<bool> stale{};
  std::string text{};  ///< Stands in an id, a name, a place...; the case of ASCII does not matter.
  Sort sort = Sort::none;
  bool descending = false;

  bool operator==(const WorkerQuery&) const = default;
};

inline constexpr std::array<std::string_view, 7> kSortNames{"",       "worst", "worker", "endpoint",
                                                            "status", "since", "load"};

using Arguments = std::span<const std::pair<std::string, std::string>>;

/// Takes one argument if it is one of a query's.
/// @return whether it is, or what is wrong with its value.
tl::expected<bool, std::string> take_argument(WorkerQuery& query, const std::string& name,
                                              const std::string& value);

/// A worker that is known now. Points into the pages.
struct FoundWorker {
  const AccountPage* account = nullptr;
  const EndpointState* endpoint = nullptr;
  const WorkerState* worker = nullptr;
  bool status_known = false;  ///< What decided its status is fresh.
};

/// The workers of all endpoints whose list is fresh, as far as they are asked for. Pure.
std::vector<FoundWorker> find_workers(const Pages& pages, const WorkerQuery& query, Mono now);

}  // namespace serverless::daemon
