#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "collectors/collector.hpp"
#include "daemon/account.hpp"
#include "daemon/metrics.hpp"

// What the pure parts are measured with: bodies as the simulator writes them, and what is made of
// them.
namespace bench {

/// Of one Vast.ai or RunPod v2 endpoint with so many places for workers, some seconds after
/// another.
std::string runpod_workers(std::size_t workers, int seconds = 0);
std::string vast_workers(std::size_t workers, int seconds = 0);

/// The moment of a body.
serverless::Now now_at(int seconds);

/// One endpoint's answer.
serverless::Answer runpod_answer(const std::string& endpoint_id, std::size_t workers, int seconds);
serverless::Observation observation(serverless::Answer answer, int seconds);

/// A RunPod account of so many endpoints with 100 workers each, polled once.
serverless::daemon::AccountState account_of(std::size_t endpoints);
/// The n-th endpoint of such an account.
std::string endpoint_id(std::size_t n);
serverless::daemon::Context context();
serverless::daemon::Pace pace(const serverless::Target& target, serverless::Source source);

}  // namespace bench
