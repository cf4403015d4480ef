#pragma once

#include <string>

#include "daemon/assemble.hpp"
#include "daemon/cluster_status.hpp"
#include "daemon/workers.hpp"

namespace serverless::daemon {

/// The status page: is everything well, what is not and what to do, every account and endpoint, the
/// workers that were asked for. Plain HTML that is whole without its script. Everything that came
/// from outside is escaped and isolated. What is too old is not shown, as on the page of metrics.
/// Pure.
/// @param arguments  a query's, and `page`: which hundred of the workers. Others ask for nothing.
/// @param cluster    how this member of one stands; null: it is in none.
std::string status_page(const Pages& pages, const std::string& version, Now now,
                        Arguments arguments = {}, const ClusterStatus* cluster = nullptr);

}  // namespace serverless::daemon
