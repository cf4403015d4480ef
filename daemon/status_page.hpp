#pragma once

#include <optional>
#include <string>

#include "daemon/assemble.hpp"
#include "daemon/assignment.hpp"
#include "daemon/cluster_status.hpp"
#include "daemon/workers.hpp"

namespace serverless::daemon {

/// Whose page it is.
struct Exporter {
  std::string version{};
  Members members{};                       ///< Static shards.
  std::optional<ClusterStatus> cluster{};  ///< Empty: it is in none.
};

/// The status page: is everything well, or else what is worst and what to do; what else is not,
/// every account and endpoint, the workers that were asked for. Plain HTML that is whole without
/// its script. Everything that came from outside is escaped and isolated. What is too old is not
/// shown, as on the page of metrics. Pure.
/// @param arguments  a query's, and `page`: which hundred of the workers. Others ask for nothing.
std::string status_page(const Pages& pages, const Exporter& exporter, Now now,
                        Arguments arguments = {});

}  // namespace serverless::daemon
