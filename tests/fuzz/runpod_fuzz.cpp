#include "collectors/runpod.hpp"
#include "collectors/runpod_queue.hpp"
#include "tests/fuzz/published.hpp"

using namespace serverless;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::text_of(data, size);
  if (auto report = runpod::parse_workers(body)) {
    fuzz::check_published("runpod", Source::workers, std::move(*report));
  }
  if (auto report = runpod_queue::parse_health(body)) {
    fuzz::check_published("runpod", Source::queue, std::move(*report));
  }
  if (auto list = runpod::parse_endpoints(body)) {
    for (auto& endpoint : list->endpoints) {
      endpoint.id = "fuzzed";
      fuzz::check_published("runpod", Source::catalog, std::move(endpoint));
    }
  }
  if (auto bills = runpod::parse_billing(body, Time{std::chrono::seconds{1790000000}})) {
    for (auto& [id, bill] : *bills) {
      if (bill) fuzz::check_published("runpod", Source::billing, std::move(*bill));
    }
  }
  return 0;
}
