#include "daemon/server.hpp"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "daemon/log.hpp"
#include "daemon/server_exchange.hpp"
#include "daemon/server_listener.hpp"

namespace serverless::daemon {
namespace {

void close_all(const std::map<std::string, std::vector<Socket>>& bound) {
  for (const auto& [address, sockets] : bound) {
    for (const auto& socket : sockets) close(socket.descriptor);
  }
}

}  // namespace

Server::Server(Handler handler, Connections& connections, Access& access, Pulses& pulses)
    : handler_(std::move(handler)), connections_(connections), access_(access), pulses_(pulses) {}

Server::~Server() {
  // All are asked before any is waited for.
  for (const auto& [address, listeners] : listeners_) {
    for (const auto& listener : listeners) listener->request_stop();
  }
  close_all(bound_);
}

void Server::bind(const std::vector<std::string>& addresses) {
  std::map<std::string, std::vector<Socket>> bound;
  try {
    for (const auto& address : addresses) {
      if (!listeners_.contains(address)) bound.emplace(address, listen_on(address));
    }
  } catch (const std::runtime_error&) {
    close_all(bound);
    throw;
  }
  close_all(bound_);
  bound_ = std::move(bound);
}

void Server::serve(const std::vector<std::string>& addresses) {
  std::erase_if(listeners_, [&](const auto& listener) {
    return std::find(addresses.begin(), addresses.end(), listener.first) == addresses.end();
  });
  const bool encrypted = access_.tls() != nullptr;
  for (auto& [address, listeners] : listeners_) {
    for (auto& listener : listeners) {
      if (listener->encrypted() == encrypted) continue;
      // Its socket stays open, so that nobody who comes meanwhile is refused.
      auto socket = listener->socket().again();
      listener.reset();
      listener = start(std::move(socket));
    }
  }
  for (auto& [address, sockets] : std::exchange(bound_, {})) {
    for (auto& socket : sockets) listeners_[address].push_back(start(std::move(socket)));
  }
}

std::unique_ptr<Listener> Server::start(Socket socket) {
  auto listener = std::make_unique<Listener>(
      std::move(socket), Desk{.handler = handler_, .connections = connections_, .access = access_},
      pulses_);
  log::info("listening", {{"address", listener->socket().address},
                          {"tls", listener->encrypted() ? "true" : "false"}});
  return listener;
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> result;
  for (const auto& [address, listeners] : listeners_) {
    for (const auto& listener : listeners) result.push_back(listener->socket().address);
  }
  return result;
}

}  // namespace serverless::daemon
