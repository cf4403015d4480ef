#pragma once

#include "daemon/http_message.hpp"

struct MHD_Connection;

namespace serverless::daemon {

/// Puts an answer on its way, with the headers that every answer has. On the listener's thread.
/// @return whether the connection lives on.
bool send(MHD_Connection* connection, HttpReply reply);

}  // namespace serverless::daemon
