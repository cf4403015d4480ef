#include "simulator/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "simulator/provider.hpp"

namespace simulator {
namespace {

/// Takes one option's value into the options; false: the value is no good.
using Take = bool (*)(Options&, std::string_view value);

template <class Number>
bool read(std::string_view text, Number& into) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  into = value;
  return true;
}

bool take_speed(Options& options, std::string_view value) {
  return read(value, options.world.speed) && std::isfinite(options.world.speed) &&
         options.world.speed > 0;
}

// More would not fit the ids.
constexpr std::size_t kMostEndpoints = 1'000'000;

bool take_endpoints(Options& options, std::string_view value) {
  return read(value, options.world.shape.endpoints) &&
         options.world.shape.endpoints <= kMostEndpoints;
}

bool take_key(Options& options, std::string_view value) {
  options.world.keys.emplace_back(value);
  return !value.empty();
}

bool take_start(Options& options, std::string_view value) {
  const auto time = parse_iso(value);
  if (time) options.world.start = *time;
  return time.has_value();
}

bool take_birth(Options& options, std::string_view value) {
  const auto time = parse_iso(value);
  if (time) options.world.shape.born = *time;
  return time.has_value();
}

bool take_group_route(Options& options, std::string_view value) {
  options.world.provider.vast_group_route = value;
  return value == "autogroup" || value == "workergroup";
}

bool take_policy(Options& options, std::string_view value) {
  const auto policy = parse_policy(value);
  if (policy) options.world.limits.runpod = *policy;
  return policy.has_value();
}

struct Row {
  std::string_view name{};
  std::string_view value{};  ///< Name of its value; empty: a switch.
  std::string_view help{};
  Take take = nullptr;
};

constexpr std::array kRows{
    Row{"--listen", "ADDRESS:PORT", "where to listen; port 0 takes a free one [127.0.0.1:0]",
        [](Options& o, std::string_view v) { return o.listen = v, !v.empty(); }},
    Row{"--endpoints", "N", "endpoints of RunPod v2, of v1 and of Vast.ai; else the demo fleet",
        take_endpoints},
    Row{"--workers", "M", "workers of each endpoint; with --endpoints [10]",
        [](Options& o, std::string_view v) { return read(v, o.world.shape.workers); }},
    Row{"--seed", "N", "which fleet [1]",
        [](Options& o, std::string_view v) { return read(v, o.world.shape.seed); }},
    Row{"--speed", "X", "simulated seconds in a real one [1]", take_speed},
    Row{"--start-time", "ISO", "simulated time at the start, as 2026-11-20T12:00:00Z [now]",
        take_start},
    Row{"--born", "ISO", "when lives and counters of the fleet began [an hour before the start]",
        take_birth},
    Row{"--frozen", "", "begin with time standing still",
        [](Options& o, std::string_view) { return o.world.frozen = true; }},
    Row{"--key", "KEY", "accept this key; repeatable [demo-key]", take_key},
    Row{"--planted-secret", "TEXT", "what bodies carry that nobody may leak",
        [](Options& o, std::string_view v) { return o.world.provider.planted_secret = v, true; }},
    Row{"--den-cursor", "", "Den pages with nextCursor",
        [](Options& o, std::string_view) { return o.world.provider.den_cursor = true; }},
    Row{"--vast-group-route", "NAME", "autogroup or workergroup: which route exists [autogroup]",
        take_group_route},
    Row{"--no-rate-limits", "", "refuse nobody for asking too often",
        [](Options& o, std::string_view) { return !(o.world.limits.enforced = false); }},
    Row{"--runpod-policy", "POLICY", "as minute:180:60,hour:7200:3600,day:86400:86400",
        take_policy},
    Row{"--den-limit", "N", "requests of a Den key before it is refused [600]",
        [](Options& o, std::string_view v) { return read(v, o.world.limits.den); }},
    Row{"--exit-with-parent", "", "stop when the thread that started this program ends",
        [](Options& o, std::string_view) { return o.exit_with_parent = true; }},
    Row{"--help", "", "print this", [](Options& o, std::string_view) { return o.help = true; }}};

}  // namespace

std::variant<Options, std::string> parse_options(std::span<const std::string_view> arguments,
                                                 Time now) {
  Options options;
  options.world.keys.clear();
  options.world.start = now;
  options.world.shape.workers = 10;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const auto row = std::ranges::find(kRows, name, &Row::name);
    if (row == kRows.end()) return fmt::format("unknown option {}", name);
    std::string_view value;
    if (row->value.empty()) {
      if (equals != std::string_view::npos) return fmt::format("{} takes no value", name);
    } else if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (++i < arguments.size()) {
      value = arguments[i];
    } else {
      return fmt::format("{} needs a value", name);
    }
    if (!row->take(options, value)) return fmt::format("{}: bad value \"{}\"", name, value);
  }
  if (options.world.keys.empty()) options.world.keys = {"demo-key"};
  // Old enough that lives are in full swing and counters are not at zero.
  if (options.world.shape.born == Time{}) {
    options.world.shape.born = options.world.start - std::chrono::hours{1};
  }
  return options;
}

std::string help_text() {
  std::string out =
      "serverless_simulator: providers of serverless workers over HTTP, with a living fleet and\n"
      "faults on demand. It prints \"listening http://ADDRESS:PORT\" and serves until it is told\n"
      "to stop by SIGTERM or SIGINT.\n\n";
  for (const Provider& provider : providers()) {
    out += fmt::format("  {:14} {}\n", fmt::format("/{}", provider.host), provider.stands_for);
  }
  out += "  /admin         faults, time, keys, truth: see simulator/README.md\n\n";
  for (const Row& row : kRows) {
    out += fmt::format("  {:32} {}\n", fmt::format("{} {}", row.name, row.value), row.help);
  }
  return out;
}

}  // namespace simulator
