#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace bench {

struct CompareOptions {
  std::vector<std::size_t> workers{};        ///< Sizes at which all contend.
  std::vector<std::size_t> workers_alone{};  ///< Sizes for the exporter alone.
  int rounds = 5;
  bool go = true;
  bool judged = true;  ///< Whether a noisy machine makes the run fail.
};

/// Checks that all contenders say the same of one fleet, then measures them in turn, round by
/// round, and prints tables.
/// @return whether the figures are to be trusted.
bool compare(const std::filesystem::path& directory, const CompareOptions& options);

}  // namespace bench
