#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "simulator/world.hpp"

namespace simulator {

struct Options {
  WorldSettings world{};
  std::string listen = "127.0.0.1:0";
  bool exit_with_parent = false;
  bool help = false;
};

/// Reads the command line without the program's name. Both "--seed 3" and "--seed=3" are good.
/// @param now simulated time begins here unless --start-time says otherwise.
/// @return the options, or what is wrong.
std::variant<Options, std::string> parse_options(std::span<const std::string_view> arguments,
                                                 Time now);

std::string help_text();

}  // namespace simulator
