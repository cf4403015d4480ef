#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "config/config.hpp"

namespace serverless::daemon {

/// Reads a file as `htpasswd -B` writes it: a line "name:bcrypt hash" a user; blank lines and lines
/// that begin with '#' are skipped. Pure.
/// @return the users, or what is wrong, with the number of the line and nothing of its text.
tl::expected<config::Users, std::string> parse_users(std::string_view text);

/// The hash that a user's password has to match. Where there is no such user, one that nothing
/// matches and that takes as long as the slowest of the others. Pure.
std::string hash_for(const config::Users& users, std::string_view name);

/// Whether a bcrypt hash is of that password. Takes 60 ms and more, on purpose. bcrypt reads the
/// first 72 bytes only. The only door to libxcrypt. Threads: any.
bool matches(const std::string& password, const std::string& hash);

}  // namespace serverless::daemon
