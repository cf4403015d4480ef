#include "daemon/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace serverless::daemon {
namespace {

std::string read_all(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  while (true) {
    const auto first = text.find_first_not_of(" \n");
    if (first == std::string_view::npos) return result;
    text.remove_prefix(first);
    const auto length = std::min(text.find_first_of(" \n"), text.size());
    result.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> limit_of(decltype(RLIMIT_AS) which) {
  rlimit limit{};
  if (getrlimit(which, &limit) != 0) return std::nullopt;
  return limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<double>(limit.rlim_cur);
}

std::optional<double> count_fds() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    ++count;
  }
  // The iterator's own descriptor was among them.
  return error ? std::nullopt : std::optional(count - 1);
}

// What /proc/stat calls btime, whole seconds too, from the clocks that the kernel makes it of: that
// file is no part of a /proc of processes alone (ProcSubset=pid).
double read_boot_time() {
  timespec now{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto borrowed = now.tv_nsec < since_boot.tv_nsec ? 1 : 0;
  return static_cast<double>(now.tv_sec - since_boot.tv_sec - borrowed);
}

double boot_time() {
  static std::atomic<double> told{read_boot_time()};
  return told = steady_boot_time(told, read_boot_time());
}

}  // namespace

double steady_boot_time(double told, double read) {
  return std::abs(read - told) > 1 ? read : told;
}

std::optional<ProcStat> parse_stat(std::string_view text) {
  // The second field is the program's name in parentheses and may hold anything.
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string_view::npos) return std::nullopt;
  const auto fields = words(text.substr(end_of_name + 1));
  // proc(5) counts from 1; what follows the name starts with field 3.
  const auto field = [&](std::size_t index) -> std::optional<std::uint64_t> {
    return index - 3 < fields.size() ? number<std::uint64_t>(fields[index - 3]) : std::nullopt;
  };
  const auto user = field(14);
  const auto system = field(15);
  const auto start = field(22);
  const auto size = field(23);
  const auto resident = field(24);
  if (!user || !system || !start || !size || !resident) return std::nullopt;
  return ProcStat{.cpu_ticks = *user + *system,
                  .start_ticks = *start,
                  .virtual_bytes = *size,
                  .resident_pages = *resident};
}

std::optional<double> parse_netstat(std::string_view text, std::string_view group,
                                    std::string_view field) {
  std::vector<std::string_view> heading;
  while (!text.empty()) {
    const auto length = std::min(text.find('\n'), text.size());
    const auto line = words(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
    if (line.empty() || line.front() != group) continue;
    if (heading.empty()) {
      heading = line;
      continue;
    }
    for (std::size_t i = 1; i < line.size() && i < heading.size(); ++i) {
      if (heading[i] == field) return number<double>(line[i]);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

ProcessFacts read_process() {
  ProcessFacts facts;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto stat = parse_stat(read_all("/proc/self/stat"))) {
    facts.cpu_seconds = static_cast<double>(stat->cpu_ticks) / ticks;
    facts.virtual_bytes = static_cast<double>(stat->virtual_bytes);
    facts.resident_bytes =
        static_cast<double>(stat->resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
    facts.start_time_seconds = boot_time() + static_cast<double>(stat->start_ticks) / ticks;
  }
  facts.open_fds = count_fds();
  facts.max_fds = limit_of(RLIMIT_NOFILE);
  facts.virtual_max_bytes = limit_of(RLIMIT_AS);
  const std::string netstat = read_all("/proc/self/net/netstat");
  facts.network_receive_bytes = parse_netstat(netstat, "IpExt:", "InOctets");
  facts.network_transmit_bytes = parse_netstat(netstat, "IpExt:", "OutOctets");
  return facts;
}

}  // namespace serverless::daemon
