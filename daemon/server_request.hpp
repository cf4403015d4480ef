#pragma once

#include <cstddef>
#include <optional>

#include "daemon/access.hpp"
#include "daemon/http_message.hpp"

struct MHD_Connection;

namespace serverless::daemon {

// What a client said, and how much of it may be. All are for the listener's thread.

inline constexpr std::size_t kMostBody = 64 * 1024;

/// The answer to a head that is too large, or that tells of too large a body; nothing for others.
/// @param uri  the size of what was asked for.
std::optional<HttpReply> too_large(MHD_Connection* connection, std::size_t uri);

/// The request whose head has come.
HttpRequest request_of(MHD_Connection* connection, const char* method, const char* path);

/// Who it says that it is.
std::optional<Login> login_of(MHD_Connection* connection);

}  // namespace serverless::daemon
