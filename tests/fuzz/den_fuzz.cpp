#include "tests/fuzz/account.hpp"
#include "tests/fuzz/expect.hpp"

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
