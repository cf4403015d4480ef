#include "tests/fuzz/account.hpp"
#include "tests/fuzz/expect.hpp"

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
