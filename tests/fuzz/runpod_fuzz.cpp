#include "tests/fuzz/account.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/fuzz/json_mutator.hpp"

// RunPod's REST v2 and the job queue: bodies, errors and headers of every call.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless::fuzz;
  poll_account(R"([[accounts]]
name = "fuzz"
provider = "runpod"
api_key_file = "/key"
api_url = "https://api.test"
queue_url = "https://queue.test")",
               text_of(data, size));
  poll_account(R"([[accounts]]
name = "fuzz"
provider = "runpod"
api_key_file = "/key"
api_url = "https://api.test"
queue_url = "https://queue.test"
endpoints = ["q7k2m9x4ab"])",
               text_of(data, size));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return serverless::fuzz::mutate_json(data, size, max_size, seed);
}
