#include "tests/fuzz/account.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/fuzz/json_mutator.hpp"

// Vast.ai's console and autoscaler: endpoints, worker groups, workers, pages of instances, errors.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless::fuzz;
  poll_account(R"([[accounts]]
name = "fuzz"
provider = "vast"
api_key_file = "/key"
api_url = "https://console.test"
autoscaler_url = "https://run.test")",
               text_of(data, size));
  poll_account(R"([[accounts]]
name = "fuzz"
provider = "vast"
api_key_file = "/key"
api_url = "https://console.test"
autoscaler_url = "https://run.test"
endpoints = [123]
groups = [1001])",
               text_of(data, size));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return serverless::fuzz::mutate_json(data, size, max_size, seed);
}
