#pragma once

#include <string_view>

namespace serverless::fuzz {

/// Lets a provider answer every request of an account with what the input says, for three rounds of
/// polls, and holds what is made of it to what must be true whatever a provider says: the page, the
/// status page, the words that go to the log, the requests, and how long we are told to wait.
/// @param account  a whole [[accounts]] table in TOML, with URLs that end in ".test".
void poll_account(std::string_view account, std::string_view input);

}  // namespace serverless::fuzz
