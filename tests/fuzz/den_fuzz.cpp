#include "collectors/den.hpp"
#include "tests/fuzz/published.hpp"

using namespace serverless;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::text_of(data, size);
  if (auto page = den::parse_workers(body, {.local_workers = true, .names = true})) {
    fuzz::check_published("den", Source::workers, std::move(page->report));
  }
  return 0;
}
