#pragma once

#include "collectors/collector.hpp"
#include "config/config.hpp"

namespace serverless::fakes {

/// The account with every key of its provider, as load() makes it: where it does not say, the
/// provider's default.
inline config::Account account(const Provider& provider, config::Account account) {
  account.provider = provider.name;
  for (const auto& key : provider.keys) account.settings.emplace(key.name, key.fallback);
  return account;
}

}  // namespace serverless::fakes
