#pragma once

#include <string>
#include <string_view>

#include "collectors/collector.hpp"
#include "collectors/error.hpp"
#include "collectors/http.hpp"
#include "collectors/observation.hpp"
#include "config/config.hpp"

// RunPod's job queue, which both control planes share.
// API: GET {queue_url}/v2/{id}/health, bearer key. No limit is documented for it; reading is free.
// Seen 2026-11: https://docs.runpod.io/serverless/endpoints/operation-reference (which shows only
// two of the six worker counts that are sent).
// The answer names no endpoint, version or time, and can outlive a deleted endpoint.
namespace serverless::runpod_queue {

/// Reads the body of /health. Pure. A key that was left out is empty.
/// @return Reason::schema when there is neither `jobs` nor `workers`.
Result<QueueReport> parse_health(std::string_view body);

/// What is polled of one endpoint.
Target target(std::string endpoint_id);

/// Fetches that target.
Poll poll(const Target& target, std::string_view queue_url, http::Client& client);

/// The configuration key queue_url.
config::KeySpec queue_url_key();

/// Is the host of that URL this one, or below it? The comparison ignores case.
bool is_at(std::string_view url, std::string_view host);

}  // namespace serverless::runpod_queue
