#pragma once

#include <string_view>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/error.hpp"
#include "collectors/observation.hpp"

// RunPod, REST v1, and the job queue (runpod_queue.hpp). Legacy: RunPod announced that it retires
// on 2026-11-15. API: GET {api_url}/endpoints and {api_url}/endpoints/{id} with includeWorkers and
// includeTemplate, bearer key, no pages. No limit is documented and none is sent; 429 without
// Retry-After occurs. Seen 2026-11:
// https://docs.runpod.io/api-reference/endpoints/GET/endpoints/endpointId
namespace serverless::runpod_v1 {

/// One endpoint and its workers, which come in one record. Workers that are no list fail alone.
struct Endpoint {
  EndpointInfo info{};
  Result<WorkersReport> workers{};

  bool operator==(const Endpoint&) const = default;
};

struct Endpoints {
  std::vector<Endpoint> endpoints{};
  bool complete = true;  ///< No record had to be left out: what is not here does not exist.

  bool operator==(const Endpoints&) const = default;
};

/// Reads the list of all endpoints. Pure. A record without an id is left out.
Result<Endpoints> parse_endpoints(std::string_view body);

/// Reads one endpoint. Pure.
Result<Endpoint> parse_endpoint(std::string_view body);

Provider provider();

}  // namespace serverless::runpod_v1
