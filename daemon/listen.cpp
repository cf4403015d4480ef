#include "daemon/listen.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace serverless::daemon {
namespace {

constexpr int kBacklog = 512;
constexpr std::string_view kUnix = "unix:";

// Closes what was not handed on.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

[[noreturn]] void refuse(const std::string& address, const std::string& why) {
  throw std::runtime_error(fmt::format("cannot listen on {}: {}", address, why));
}

int bind_and_listen(Descriptor& socket, const std::string& address, const sockaddr* to,
                    socklen_t size) {
  if (socket.get() < 0 || bind(socket.get(), to, size) != 0 ||
      listen(socket.get(), kBacklog) != 0) {
    refuse(address, std::strerror(errno));
  }
  return socket.release();
}

Socket listen_unix(const std::string& address) {
  const std::string path = address.substr(kUnix.size());
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof(to.sun_path)) refuse(address, "the path is too long");
  path.copy(to.sun_path, path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&to);

  Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), generic, sizeof(to)) == 0) refuse(address, "somebody answers there");
  // A plain file refuses connections, too, and is nobody's left-over.
  const bool refused = errno == ECONNREFUSED;
  struct stat found {};
  if (refused && lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) {
    unlink(path.c_str());
  }

  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return {.descriptor = bind_and_listen(socket, address, generic, sizeof(to)), .address = address};
}

// The address with the port that was bound, which matters where 0 was asked for.
std::string with_port(const std::string& host, int descriptor) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size);
  const auto port = bound.ss_family == AF_INET6
                        ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                        : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port;
  return fmt::format("{}:{}", host, ntohs(port));
}

Socket listen_tcp(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) refuse(address, "expected host:port");
  const std::string host = address.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(name.empty() ? nullptr : name.c_str(), address.c_str() + colon + 1,
                               &hints, &found);
  if (code != 0) refuse(address, gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);

  Descriptor socket(
      ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, found->ai_protocol));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int descriptor = bind_and_listen(socket, address, found->ai_addr, found->ai_addrlen);
  return {.descriptor = descriptor, .address = with_port(host, descriptor)};
}

// "unix:/path", "127.0.0.1:10042" or "[::1]:10042".
std::string bound_address(int descriptor) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  auto* generic = reinterpret_cast<sockaddr*>(&bound);
  getsockname(descriptor, generic, &size);
  if (bound.ss_family == AF_UNIX) {
    return std::string(kUnix) + reinterpret_cast<const sockaddr_un*>(&bound)->sun_path;
  }
  std::array<char, NI_MAXHOST> host{};
  getnameinfo(generic, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  return with_port(bound.ss_family == AF_INET6 ? fmt::format("[{}]", host.data()) : host.data(),
                   descriptor);
}

std::vector<Socket> take_from_systemd() {
  const int count = sd_listen_fds(0);
  if (count < 0) refuse(std::string(kFromSystemd), std::strerror(-count));
  if (count == 0) {
    refuse(std::string(kFromSystemd), "it passed no socket; is there a .socket unit?");
  }
  std::vector<Socket> sockets;
  for (int number = SD_LISTEN_FDS_START; number < SD_LISTEN_FDS_START + count; ++number) {
    if (sd_is_socket(number, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
      refuse(std::string(kFromSystemd), "it passed something that is no listening stream socket");
    }
    fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK);
    // Passed once only, so that a reload can take them again.
    sockets.push_back(Socket{.descriptor = number, .address = bound_address(number)}.again());
  }
  return sockets;
}

}  // namespace

Socket Socket::again() const {
  const int other = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (other < 0) refuse(address, std::strerror(errno));
  return {.descriptor = other, .address = address};
}

std::vector<Socket> listen_on(const std::string& address) {
  if (address == kFromSystemd) return take_from_systemd();
  return {address.starts_with(kUnix) ? listen_unix(address) : listen_tcp(address)};
}

}  // namespace serverless::daemon
