#include "tests/bench/meter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/e2e/process_fixture.hpp"

namespace bench {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

// Above these a ratio of two figures is off by more than its own spread.
constexpr double kMostForeignCores = 0.15;
constexpr double kMostStolenCores = 0.05;
constexpr double kMostWaiting = 1.15;
constexpr double kMostSlowness = 1.2;

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double clock_s(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) throw std::runtime_error("no such clock");
  return seconds_of(time);
}

// About 20 ms; the compiler may not see through it.
double spin() {
  volatile std::uint64_t sink = 0;
  std::uint64_t value = 1;
  const double begun = clock_s(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < 20'000'000; ++i) {
    value ^= value << 13U;
    value ^= value >> 7U;
    value ^= value << 17U;
  }
  sink = value;
  (void)sink;
  return clock_s(CLOCK_THREAD_CPUTIME_ID) - begun;
}

}  // namespace

duration<double> cpu_of(pid_t process) {
  clockid_t clock{};
  if (clock_getcpuclockid(process, &clock) != 0) throw std::runtime_error("no such process");
  return duration<double>{clock_s(clock)};
}

void settle(pid_t process) {
  constexpr milliseconds kLook{150};
  constexpr duration<double> kQuiet{0.002};
  auto before = cpu_of(process);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(kLook);
    const auto now = cpu_of(process);
    if (now - before < kQuiet) return;
    before = now;
  }
}

Memory memory_of(pid_t process) {
  const std::string status = e2e::read_file(fmt::format("/proc/{}/status", process));
  const auto megabytes = [&](std::string_view field) {
    const auto at = status.find(field);
    if (at == std::string::npos) throw std::runtime_error("no such process");
    return std::stod(status.substr(at + field.size())) * 1024 / 1e6;
  };
  return {.peak_mb = megabytes("VmHWM:"), .anonymous_mb = megabytes("RssAnon:")};
}

Watch::Count Watch::count() const {
  // user nice system idle iowait irq softirq steal
  std::istringstream line(e2e::read_file("/proc/stat"));
  std::string word;
  std::vector<double> ticks(8);
  line >> word;
  for (auto& each : ticks) line >> each;
  const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  Count count{.wall_s = clock_s(CLOCK_MONOTONIC),
              .busy_s = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / per_second,
              .stolen_s = ticks[7] / per_second,
              .ours_s = clock_s(CLOCK_PROCESS_CPUTIME_ID)};
  for (const pid_t process : ours_) count.ours_s += cpu_of(process).count();
  return count;
}

void Watch::begin(const std::vector<pid_t>& ours) {
  ours_ = ours;
  before_ = count();
}

Disturbance Watch::end() {
  const Count after = count();
  const double wall = std::max(after.wall_s - before_.wall_s, 1e-3);
  const double others = (after.busy_s - before_.busy_s) - (after.ours_s - before_.ours_s);
  const double begun = clock_s(CLOCK_MONOTONIC);
  const double took = spin();
  const double waited = (clock_s(CLOCK_MONOTONIC) - begun) / took;
  fastest_s_ = fastest_s_ == 0 ? took : std::min(fastest_s_, took);
  return {.foreign_cores = std::max(0.0, others / wall),
          .stolen_cores = (after.stolen_s - before_.stolen_s) / wall,
          .waiting_ratio = waited,
          .slowness = took / fastest_s_};
}

std::string why_not(const Disturbance& disturbance) {
  if (disturbance.foreign_cores > kMostForeignCores) {
    return fmt::format("other programs took {:.2f} processors", disturbance.foreign_cores);
  }
  if (disturbance.stolen_cores > kMostStolenCores) {
    return fmt::format("the hypervisor took {:.2f} processors", disturbance.stolen_cores);
  }
  if (disturbance.waiting_ratio > kMostWaiting) {
    return fmt::format("a loop waited: {:.2f} s wall in 1 s of CPU", disturbance.waiting_ratio);
  }
  if (disturbance.slowness > kMostSlowness) {
    return fmt::format("the processor was {:.2f} times slower than at its best",
                       disturbance.slowness);
  }
  return {};
}

std::string verdict(const std::vector<std::string>& doubts) {
  if (doubts.empty()) return "The machine was quiet throughout.";
  return fmt::format("NOT TO BE TRUSTED: the machine was not quiet in {} measurements:\n  {}",
                     doubts.size(), fmt::join(doubts, "\n  "));
}

}  // namespace bench
