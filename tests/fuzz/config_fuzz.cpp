#include <algorithm>
#include <cstdlib>

#include "collectors/registry.hpp"
#include "config/load.hpp"
#include "tests/fuzz/published.hpp"

using namespace serverless;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kSpecs = provider_specs();
  const auto config = config::load(fuzz::text_of(data, size), "fuzz.toml", kSpecs);
  if (config) {
    for (const auto& account : config->accounts) {
      if (find_provider(account.provider)->make(account) == nullptr) std::abort();
    }
    return 0;
  }
  if (config.error().empty()) std::abort();
  for (const auto& problem : config.error()) {
    const auto line = config::to_string(problem);
    const bool printable = std::all_of(line.begin(), line.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
    });
    if (!printable || problem.what.empty()) std::abort();
  }
  return 0;
}
