#include "daemon/server_client.hpp"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

namespace serverless::daemon {
namespace {

const MHD_ConnectionInfo& info_of(MHD_Connection* connection, MHD_ConnectionInfoType type) {
  return *static_cast<const MHD_ConnectionInfo*>(MHD_get_connection_info(connection, type));
}

}  // namespace

std::string address_of(const sockaddr* from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (from != nullptr && from->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(from)->sin_addr, text.data(),
              text.size());
    return text.data();
  }
  if (from == nullptr || from->sa_family != AF_INET6) return std::string(kUnixAddress);
  auto address = reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    inet_ntop(AF_INET, &address.s6_addr[12], text.data(), text.size());
    return text.data();
  }
  std::memset(&address.s6_addr[8], 0, 8);
  inet_ntop(AF_INET6, &address, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

Client client_at(MHD_Connection* connection) {
  const auto& from = info_of(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return {.descriptor = info_of(connection, MHD_CONNECTION_INFO_CONNECTION_FD).connect_fd,
          .address = address_of(from.client_addr)};
}

const Client& client_of(MHD_Connection* connection) {
  return *static_cast<const Client*>(
      info_of(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT).socket_context);
}

void arm(MHD_Connection* connection, std::shared_ptr<const Tls> tls, Client& client) {
  client.tls = std::move(tls);
  client.session = info_of(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION).tls_session;
  client.tls->arm(client.session);
}

}  // namespace serverless::daemon
