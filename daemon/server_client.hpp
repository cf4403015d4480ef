#pragma once

#include <memory>
#include <string>

#include "daemon/connections.hpp"
#include "daemon/tls.hpp"

struct MHD_Connection;
struct sockaddr;

namespace serverless::daemon {

/// Who is connected to a listener. On its thread.
struct Client {
  Connections::Id id = 0;
  int descriptor = -1;
  std::string address{};
  void* session = nullptr;           ///< Its gnutls_session_t, or null.
  std::shared_ptr<const Tls> tls{};  ///< What that rests on.
};

/// Whom limits hold for: a provider gives everybody at least 64 bits of IPv6. Pure.
std::string address_of(const sockaddr* from);

/// Whose connection has begun; without an id.
Client client_at(MHD_Connection* connection);

/// Whose connection it is: what its socket has as its context.
const Client& client_of(MHD_Connection* connection);

/// Puts the client's session on a certificate.
void arm(MHD_Connection* connection, std::shared_ptr<const Tls> tls, Client& client);

}  // namespace serverless::daemon
