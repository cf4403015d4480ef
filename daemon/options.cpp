#include "daemon/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace serverless::daemon {
namespace {

using config::LogFormat;
using config::LogLevel;

std::string set_log_level(Options& options, std::string_view argument) {
  constexpr std::array kLevels{std::pair{std::string_view("debug"), LogLevel::debug},
                               std::pair{std::string_view("info"), LogLevel::info},
                               std::pair{std::string_view("warn"), LogLevel::warn},
                               std::pair{std::string_view("error"), LogLevel::error}};
  for (const auto& [word, level] : kLevels) {
    if (word == argument) {
      options.log_level = level;
      return "";
    }
  }
  return "expected debug, info, warn or error";
}

std::string set_log_format(Options& options, std::string_view argument) {
  if (argument == "logfmt") {
    options.log_format = LogFormat::logfmt;
  } else if (argument == "json") {
    options.log_format = LogFormat::json;
  } else {
    return "expected logfmt or json";
  }
  return "";
}

// What divides the work looks at each shard for each endpoint.
constexpr std::uint32_t kMostShards = 1000;
constexpr std::string_view kShardForm = "expected ORDINAL/SHARDS, as in 0/3 or exporter-0/3";

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc{} || end != text.end()) return std::nullopt;
  return number;
}

// "0/3", or "exporter-0/3": Kubernetes and systemd know a name, $(POD_NAME) or %H, and no number.
std::string set_shard(Options& options, std::string_view argument) {
  const auto slash = argument.find('/');
  if (slash == std::string_view::npos) return std::string(kShardForm);
  const auto name = argument.substr(0, slash);
  const auto ordinal = whole_number(name.substr(name.find_last_of('-') + 1));
  const auto count = whole_number(argument.substr(slash + 1));
  if (!ordinal || !count) return std::string(kShardForm);
  if (*count == 0 || *count > kMostShards) {
    return fmt::format("expected 1 to {} shards", kMostShards);
  }
  if (*ordinal >= *count) {
    return fmt::format("expected an ordinal from 0 to {} of {} shards", *count - 1, *count);
  }
  options.shard = {.ordinal = *ordinal, .count = *count};
  return "";
}

template <bool Options::*Flag>
std::string set_flag(Options& options, std::string_view) {
  options.*Flag = true;
  return "";
}

constexpr std::array kOptions{
    OptionRow{"config", "FILE", "the configuration; default /etc/serverless_exporter/config.toml",
              "",
              [](Options& options, std::string_view argument) {
                options.config = argument;
                return std::string();
              }},
    OptionRow{"check-config", "", "say what is wrong with the configuration and exit", "",
              set_flag<&Options::check_config>},
    OptionRow{"once", "", "poll everything once, whatever [cluster] says, print the page and exit",
              "", set_flag<&Options::once>},
    OptionRow{"list-providers", "", "print the providers and exit", "",
              set_flag<&Options::list_providers>},
    OptionRow{"demo", "", "run against a simulated fleet; needs no key", "",
              set_flag<&Options::demo>},
    OptionRow{"shard", "ORDINAL/SHARDS",
              "poll this share of the endpoints, as 0/3, 1/3 or 2/3; NAME-0/3 is 0/3", "",
              set_shard},
    OptionRow{"web.listen-address", "ADDRESS",
              "host:port, [v6]:port or unix:/path; repeatable; instead of web.listen", "",
              [](Options& options, std::string_view argument) {
                options.listen.emplace_back(argument);
                return std::string();
              }},
    OptionRow{"web.enable-lifecycle", "", "let POST /-/reload read the configuration again", "",
              set_flag<&Options::enable_lifecycle>},
    OptionRow{"log.level", "LEVEL", "debug, info, warn or error; instead of log.level",
              "debug info warn error", set_log_level},
    OptionRow{"log.format", "FORMAT", "logfmt or json; instead of log.format", "logfmt json",
              set_log_format},
    OptionRow{"version", "", "print the version and exit", "", set_flag<&Options::version>},
    OptionRow{"help", "", "print this and exit", "", set_flag<&Options::help>},
};

const OptionRow* find_option(std::string_view name) {
  const auto found = std::find_if(kOptions.begin(), kOptions.end(),
                                  [&](const OptionRow& row) { return row.name == name; });
  return found == kOptions.end() ? nullptr : &*found;
}

}  // namespace

std::span<const OptionRow> option_rows() { return kOptions; }

tl::expected<Options, std::string> parse_options(std::span<const std::string_view> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      return tl::make_unexpected(fmt::format("'{}' is not an option; see --help", word));
    }
    word.remove_prefix(2);
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const OptionRow* row = find_option(name);
    if (row == nullptr) {
      return tl::make_unexpected(fmt::format("unknown option --{}; see --help", name));
    }
    std::string_view argument;
    if (row->argument.empty()) {
      if (equals != std::string_view::npos) {
        return tl::make_unexpected(fmt::format("--{} takes no argument", name));
      }
    } else if (equals != std::string_view::npos) {
      argument = word.substr(equals + 1);
    } else if (++i < arguments.size()) {
      argument = arguments[i];
    } else {
      return tl::make_unexpected(fmt::format("--{} needs an argument: {}", name, row->argument));
    }
    if (const auto wrong = row->apply(options, argument); !wrong.empty()) {
      return tl::make_unexpected(fmt::format("--{}: {}, not '{}'", name, wrong, argument));
    }
  }
  return options;
}

std::string apply(const Options& options, config::Config& config) {
  if (!options.listen.empty()) config.web.listen = options.listen;
  if (options.enable_lifecycle) config.web.enable_lifecycle = true;
  if (options.log_level) config.log.level = *options.log_level;
  if (options.log_format) config.log.format = *options.log_format;
  if (options.once) config.cluster.reset();
  if (!config.cluster || options.shard == Shard{}) return "";
  return "--shard and [cluster] both divide the endpoints: use one of them";
}

std::string help_text() {
  std::string out = "serverless_exporter: Prometheus metrics of fleets of serverless workers\n\n";
  for (const auto& row : kOptions) {
    const auto left = row.argument.empty() ? fmt::format("--{}", row.name)
                                           : fmt::format("--{} {}", row.name, row.argument);
    out += fmt::format("  {:<30} {}\n", left, row.help);
  }
  return out;
}

}  // namespace serverless::daemon
