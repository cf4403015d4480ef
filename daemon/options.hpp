#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.hpp"

namespace serverless::daemon {

/// Which share of the work this exporter has, of how many.
struct Shard {
  std::uint32_t ordinal = 0;
  std::uint32_t count = 1;

  bool operator==(const Shard&) const = default;
};

/// The command line, read.
struct Options {
  std::string config = "/etc/serverless_exporter/config.toml";
  bool check_config = false;
  bool once = false;
  bool list_providers = false;
  bool demo = false;
  bool version = false;
  bool help = false;
  bool enable_lifecycle = false;
  std::vector<std::string> listen{};  ///< Empty: as configured.
  std::optional<config::LogLevel> log_level{};
  std::optional<config::LogFormat> log_format{};
  Shard shard{};

  bool operator==(const Options&) const = default;
};

/// A row of THE table of options.
struct OptionRow {
  std::string_view name{};      ///< Without the dashes.
  std::string_view argument{};  ///< What to call it in the help; empty: takes none.
  std::string_view help{};
  std::string_view choices{};  ///< The words that the argument may be, between blanks; empty: any.
  /// @return what is wrong with the argument, or an empty text.
  std::string (*apply)(Options&, std::string_view argument) = nullptr;
};

std::span<const OptionRow> option_rows();

/// Reads the arguments, without the program's name. Pure.
/// @return the options, or what is wrong in one sentence.
tl::expected<Options, std::string> parse_options(std::span<const std::string_view> arguments);

/// Puts what the command line says over the configuration: --once is nobody's member. Pure.
/// @return what of the two does not go together, in one sentence, or an empty text.
[[nodiscard]] std::string apply(const Options& options, config::Config& config);

/// The text of --help.
std::string help_text();

}  // namespace serverless::daemon
