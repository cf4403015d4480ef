#pragma once

#include <string>
#include <tl/expected.hpp>

#include "config/config.hpp"
#include "config/secret.hpp"

namespace serverless::daemon {

/// Reads an account's key from where the configuration says. White space around it is cut; a key
/// with a control character in it is refused, since it would break a header.
/// @return the key, or what is wrong, naming the file or variable and never its content.
tl::expected<config::Secret, std::string> read_key(const config::KeySource& source);

}  // namespace serverless::daemon
