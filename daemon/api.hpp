#pragma once

#include <string>
#include <tl/expected.hpp>

#include "daemon/assemble.hpp"
#include "daemon/stream.hpp"
#include "daemon/workers.hpp"

namespace serverless::daemon {

// JSON for programs. What it tells of an endpoint or a worker is what the table of metrics reads of
// it, under the metric's name, for as long as the metric is served.

/// /api/v1/endpoints: every account and endpoint. Takes the arguments provider, account, endpoint.
/// @return what is wrong with the arguments, for the client.
tl::expected<Stream, std::string> endpoints_json(Pages pages, Arguments arguments, Now now);

/// /api/v1/workers: every worker of an endpoint whose list is fresh. Takes a query's arguments, and
/// `offset` and `limit`.
/// @return what is wrong with the arguments, for the client.
tl::expected<Stream, std::string> workers_json(Pages pages, Arguments arguments, Now now);

}  // namespace serverless::daemon
