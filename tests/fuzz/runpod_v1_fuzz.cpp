#include "collectors/runpod_v1.hpp"
#include "tests/fuzz/published.hpp"

using namespace serverless;

namespace {

void check(runpod_v1::Endpoint endpoint) {
  endpoint.info.id = "fuzzed";
  fuzz::check_published("runpod-v1", Source::catalog, std::move(endpoint.info));
  if (endpoint.workers) {
    fuzz::check_published("runpod-v1", Source::workers, std::move(*endpoint.workers));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::text_of(data, size);
  if (auto list = runpod_v1::parse_endpoints(body)) {
    for (auto& endpoint : list->endpoints) check(std::move(endpoint));
  }
  if (auto endpoint = runpod_v1::parse_endpoint(body)) check(std::move(*endpoint));
  return 0;
}
