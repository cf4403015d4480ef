#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace serverless::config {

/// A name of ours: 1 to 64 of the characters A-Z a-z 0-9 _ . -
bool is_name(std::string_view text);

/// A name that can be a segment of a URL's path and of a file's: it does not begin with a dot.
bool is_id(std::string_view text);

/// The name of an environment variable in capitals, as POSIX has it. Keys of the providers, which
/// people paste into the wrong place, are none.
bool is_variable(std::string_view text);

/// What an address to listen on had to be, or nothing if it is host:port, [v6]:port, unix:/path
/// or systemd.
/// Port 0 is accepted: any port that is free. Never repeats the text.
std::optional<std::string> wrong_listen_address(std::string_view text);

/// Whether an address to listen on, of the right form, can be reached from this machine only.
bool is_local_address(std::string_view text);

/// A name for basic authentication: 1 to 64 printable characters of ASCII without ':'.
bool is_user(std::string_view text);

/// What a bcrypt hash had to be, or nothing. Never repeats the text.
std::optional<std::string> wrong_bcrypt(std::string_view text);

/// What a base URL had to be, or nothing if a key may be sent there: https, or http to a loopback
/// host; no user-info, no query, no fragment. Never repeats the text: it may hold a password.
std::optional<std::string> wrong_url(std::string_view text);

/// The same of a server's URL, which has no path: only what answers there is asked for.
std::optional<std::string> wrong_server(std::string_view text);

/// The same of the URL of a page that people open, over http as well.
std::optional<std::string> wrong_link(std::string_view text);

}  // namespace serverless::config
