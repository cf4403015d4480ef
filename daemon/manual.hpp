#pragma once

#include <string>

namespace serverless::daemon {

/// Papers that a package ships, of the table of options. Pure.

/// The page of section 1, in man(7).
std::string man_page();

/// Completion by bash, zsh and fish.
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace serverless::daemon
