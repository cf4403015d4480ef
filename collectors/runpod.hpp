#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/error.hpp"
#include "collectors/observation.hpp"
#include "collectors/timestamp.hpp"

// RunPod, REST v2, and the job queue (runpod_queue.hpp).
// API: GET {api_url}/v2/serverless, /v2/serverless/{id}/workers and /v2/billing/serverless, bearer
// key, no pages. Limit: a quota of the user, not of the key, with windows of a minute, an hour and
// a day, sent as RateLimit and RateLimit-Policy with each answer (seen: 180, 7200 and 86400).
// Seen 2026-11: https://docs.runpod.io/api-reference-v2/overview
namespace serverless::runpod {

struct Endpoints {
  std::vector<EndpointInfo> endpoints{};
  bool complete = true;  ///< No record had to be left out: what is not here does not exist.

  bool operator==(const Endpoints&) const = default;
};

/// Reads the list of endpoints. Pure. A record without an id is left out.
Result<Endpoints> parse_endpoints(std::string_view body);

/// Reads one endpoint's workers. Pure. `answered_at` stays empty.
Result<WorkersReport> parse_workers(std::string_view body);

/// What each endpoint was billed for the last whole hour that ended before `now`, or for the one
/// before while that has no records yet. Pure. An endpoint without a record for it is absent, one
/// with a malformed record is an error of its own. The newest records are of the hour in progress.
Result<std::map<std::string, Result<BillingReport>>> parse_billing(std::string_view body, Time now);

Provider provider();

}  // namespace serverless::runpod
