#include <fmt/format.h>
#include <malloc.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectors/registry.hpp"
#include "config/load.hpp"
#include "daemon/app.hpp"
#include "daemon/assignment.hpp"
#include "daemon/demo.hpp"
#include "daemon/exposure.hpp"
#include "daemon/files.hpp"
#include "daemon/log.hpp"
#include "daemon/options.hpp"
#include "daemon/supervisor.hpp"

namespace {

using namespace serverless;
using daemon::Options;

constexpr int kUsage = 64;      // EX_USAGE
constexpr int kBadConfig = 78;  // EX_CONFIG: the unit does not restart on it

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

int complain(const std::vector<config::Problem>& problems) {
  for (const auto& problem : problems) {
    std::fputs((config::to_string(problem) + "\n").c_str(), stderr);
  }
  return kBadConfig;
}

std::string provider_list() {
  std::string out;
  for (const auto& provider : providers()) {
    out += fmt::format("{:<12} {}\n", provider.name, provider.summary);
  }
  return out;
}

tl::expected<config::Config, daemon::Problems> read_config(const Options& options,
                                                           const daemon::Demo* demo) {
  if (demo != nullptr) return config::load(demo->config_text(), "demo", provider_specs());
  const auto text = daemon::read_file(options.config);
  if (!text) {
    return tl::make_unexpected(daemon::Problems{
        {.file = options.config,
         .what = fmt::format("cannot be read: {}; --config names another file, --demo needs none",
                             text.error())}});
  }
  return config::load(*text, options.config, provider_specs());
}

tl::expected<config::Config, daemon::Problems> effective_config(const Options& options,
                                                                const daemon::Demo* demo) {
  auto config = read_config(options, demo);
  if (!config) return config;
  auto wrong = daemon::apply(options, *config);
  if (wrong.empty()) return config;
  return tl::make_unexpected(
      daemon::Problems{{.file = demo ? "demo" : options.config, .what = std::move(wrong)}});
}

daemon::Members members_of(const Options& options) {
  return daemon::static_shards(options.shard.ordinal, options.shard.count);
}

tl::expected<daemon::Loaded, daemon::Problems> load(const Options& options,
                                                    const daemon::Demo* demo) {
  auto config = effective_config(options, demo);
  if (!config) return tl::make_unexpected(config.error());
  return daemon::set_up(std::move(*config), options.config, members_of(options));
}

// Waits for one; for so long at most, where that is given.
std::optional<int> next_signal(const sigset_t& signals,
                               std::optional<std::chrono::nanoseconds> patience) {
  timespec time{};
  if (patience) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(*patience);
    time = {.tv_sec = whole.count(), .tv_nsec = (*patience - whole).count()};
  }
  const int signal = sigtimedwait(&signals, nullptr, patience ? &time : nullptr);
  return signal > 0 ? std::optional(signal) : std::nullopt;
}

int run(const Options& options, const sigset_t& signals) {
  const auto demo = options.demo ? std::make_unique<daemon::Demo>() : nullptr;
  if (options.check_config) {
    const auto config = effective_config(options, demo.get());
    if (!config) return complain(config.error());
    const auto count = config->accounts.size();
    return print(daemon::forecast_text(*config, members_of(options)) +
                 daemon::exposure_text(config->web) +
                 fmt::format("{}: no mistakes in {} account{}; keys were not read\n",
                             demo ? "demo" : options.config, count, count == 1 ? "" : "s"));
  }
  auto loaded = load(options, demo.get());
  if (!loaded) return complain(loaded.error());
  daemon::log::start(loaded->config.log);
  // --once ends like any command.
  if (options.once) pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  daemon::App app(std::move(*loaded));
  if (options.once) {
    const auto result = app.poll_once({});
    print(result.page);
    return result.complete ? 0 : 1;
  }
  daemon::Supervisor supervisor(app.pulses());
  app.serve();
  supervisor.ready();
  // Signals are blocked in main() before any thread starts, so that only this sees them.
  while (true) {
    const auto signal = next_signal(signals, supervisor.period());
    supervisor.feed();
    if (!signal) continue;
    if (*signal == SIGUSR1) {
      app.run_errands();
      continue;
    }
    if (*signal != SIGHUP) break;
    supervisor.reloading();
    app.reload([&] { return load(options, demo.get()); });
    supervisor.ready();
  }
  supervisor.stopping();
  daemon::log::info("stopping");
  app.leave();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // By default glibc gives up to 8 arenas a core to the fetchers, which are many and mostly wait.
  // Answers and pages fragment each of them: memory grew for an hour, to nearly twice of this.
  mallopt(M_ARENA_MAX, 2);

  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto options = daemon::parse_options(arguments);
  if (!options) {
    std::fputs(("serverless_exporter: " + options.error() + "\n").c_str(), stderr);
    return kUsage;
  }
  if (options->help) return print(daemon::help_text());
  if (options->version) return print("serverless_exporter " + daemon::version() + "\n");
  if (options->list_providers) return print(provider_list());
  try {
    return run(*options, signals);
  } catch (const std::exception& error) {
    std::fputs(fmt::format("serverless_exporter: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
}
