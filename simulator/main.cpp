#include <fmt/format.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "simulator/options.hpp"
#include "simulator/server.hpp"

namespace {

constexpr int kBadUsage = 2;

int serve(const simulator::Options& options, const sigset_t& stop_signals) {
  simulator::World world(options.world);
  const simulator::Server server(world, options.listen);
  fmt::print("listening {}\n", server.url());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop_signals, &signal);
  return 0;
}

int run(std::span<char*> words) {
  const std::vector<std::string_view> arguments(words.begin(), words.end());
  const auto parsed = simulator::parse_options(
      arguments, std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  if (const auto* what = std::get_if<std::string>(&parsed)) {
    fmt::print(stderr, "serverless_simulator: {}; see --help\n", *what);
    return kBadUsage;
  }
  const auto& options = std::get<simulator::Options>(parsed);
  if (options.help) {
    fmt::print("{}", simulator::help_text());
    return 0;
  }
  // Blocked before any thread starts, so that only sigwait() ever sees one.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  if (options.exit_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  return serve(options, stop_signals);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "serverless_simulator: %s\n", error.what());
    return 1;
  }
}
