#include "tests/fuzz/account.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/fuzz/json_mutator.hpp"

// Den's list of workers, page by page.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless::fuzz;
  poll_account(R"([[accounts]]
name = "fuzz"
provider = "den"
api_key_file = "/key"
api_url = "https://den.test"
local_workers = true
name_label = true)",
               text_of(data, size));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return serverless::fuzz::mutate_json(data, size, max_size, seed);
}
