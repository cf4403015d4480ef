#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace bench {

/// A real Prometheus scrapes the exporter for so long while all of the fleet changes from poll to
/// poll, then, in its place, a file of the same page. Prints what Prometheus tells of both.
/// @return whether every scrape was good and every sample taken.
bool real_prometheus(const std::filesystem::path& directory, std::size_t workers,
                     std::chrono::seconds time);

}  // namespace bench
