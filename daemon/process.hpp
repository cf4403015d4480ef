#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace serverless::daemon {

/// What /proc tells of this process. Empty where it does not say.
struct ProcessFacts {
  std::optional<double> cpu_seconds{};
  std::optional<double> open_fds{};
  std::optional<double> max_fds{};
  std::optional<double> virtual_bytes{};
  std::optional<double> virtual_max_bytes{};
  std::optional<double> resident_bytes{};
  std::optional<double> start_time_seconds{};  ///< Unix time.
  std::optional<double> network_receive_bytes{};
  std::optional<double> network_transmit_bytes{};
};

/// Reads /proc/self, and nothing else of /proc. Shell.
ProcessFacts read_process();

/// When the machine booted, Unix time in whole seconds: as told before, unless a clock was set. The
/// clocks are read one after the other, and a second that ends between them must not look like a
/// restart of the process. Pure.
double steady_boot_time(double told, double read);

/// The parts of /proc/self/stat that are published (proc(5)), in its own units. Pure.
struct ProcStat {
  std::uint64_t cpu_ticks = 0;
  std::uint64_t start_ticks = 0;  ///< Since boot.
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;

  bool operator==(const ProcStat&) const = default;
};
std::optional<ProcStat> parse_stat(std::string_view text);

/// A number of /proc/net/netstat by the name in its heading line. Pure.
std::optional<double> parse_netstat(std::string_view text, std::string_view group,
                                    std::string_view field);

}  // namespace serverless::daemon
