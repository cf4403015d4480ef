#pragma once

#include <cstddef>
#include <filesystem>

namespace bench {

/// How long scrapes take while nothing is polled and while everything is, by turns in one run, and
/// whether polling goes on at its pace while it is scraped without a pause.
/// @return whether the figures are to be trusted.
bool latency(const std::filesystem::path& directory, std::size_t workers, int rounds);

}  // namespace bench
