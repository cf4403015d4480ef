#include "collectors/registry.hpp"

#include <array>

#include "collectors/den.hpp"
#include "collectors/runpod.hpp"
#include "collectors/runpod_v1.hpp"
#include "collectors/vast.hpp"

namespace serverless {

std::span<const Provider> providers() {
  // One a line.
  // clang-format off
  static const std::array kProviders{
      runpod::provider(),
      runpod_v1::provider(),
      vast::provider(),
      den::provider(),
  };
  // clang-format on
  return kProviders;
}

const Provider* find_provider(std::string_view name) {
  for (const auto& provider : providers()) {
    if (provider.name == name) return &provider;
  }
  return nullptr;
}

std::vector<config::ProviderSpec> provider_specs() {
  std::vector<config::ProviderSpec> specs;
  for (const auto& provider : providers()) {
    specs.push_back(
        {.name = provider.name, .keys = provider.keys, .discovers = provider.discovers});
  }
  return specs;
}

}  // namespace serverless
