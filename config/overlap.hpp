#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace serverless::config {

/// Two accounts that would publish the same workers twice.
struct Overlap {
  std::size_t first = 0;   ///< Index of the account that was there before.
  std::size_t second = 0;  ///< Index of the one that repeats it.
  std::string endpoint{};  ///< What both name; empty: they have the same key.

  bool operator==(const Overlap&) const = default;
};

/// The accounts of one provider that have the same key source, or name the same endpoint, unless
/// both of them say allow_overlap; at most one Overlap for a second account. Pure. An account
/// without a provider is left out, and one without a key is compared by its endpoints only.
std::vector<Overlap> overlaps(std::span<const Account> accounts);

}  // namespace serverless::config
