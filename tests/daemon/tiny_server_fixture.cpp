#include "tests/daemon/tiny_server_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace serverless::daemon {
namespace {

bool is_whole(const std::string& request) {
  if (request.empty()) return false;
  if (std::isupper(static_cast<unsigned char>(request[0])) == 0) return true;  // Not HTTP.
  const auto end = request.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const auto length = request.find("Content-Length: ");
  const std::size_t body = length < end ? std::stoul(request.substr(length + 16)) : 0;
  return request.size() >= end + 4 + body;
}

std::string hear(int client) {
  std::string request;
  std::array<char, 4096> buffer{};
  while (!is_whole(request)) {
    const auto size = recv(client, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    request.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return request;
}

void say(int client, std::string_view text) {
  while (!text.empty()) {
    const auto size = ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (size <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  // The other side may still be sending; a reset would eat what it has not read yet.
  shutdown(client, SHUT_WR);
  std::array<char, 256> rest{};
  while (recv(client, rest.data(), rest.size(), 0) > 0) continue;
}

}  // namespace

TinyServer::TinyServer(Answer answer)
    : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this] { run(); });
}

TinyServer::~TinyServer() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (const int client : silent_) close(client);
  close(listener_);
}

std::vector<std::string> TinyServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void TinyServer::wait_for_a_request() {
  std::unique_lock lock(mutex_);
  heard_.wait(lock, [this] { return !requests_.empty(); });
}

void TinyServer::run() {
  for (int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); client >= 0;
       client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) {
    const std::string request = hear(client);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    heard_.notify_all();
    const std::string answer = answer_(request);
    if (answer.empty()) {
      silent_.push_back(client);
      continue;
    }
    say(client, answer);
    close(client);
  }
}

std::string reply(const std::string& headers, const std::string& body, const std::string& status) {
  return "HTTP/1.1 " + status +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body;
}

TinyServer::Answer always(std::string text) {
  return [text = std::move(text)](const std::string&) { return text; };
}

}  // namespace serverless::daemon
