#include "daemon/server_listener.hpp"

#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "daemon/clock.hpp"
#include "daemon/log.hpp"

namespace serverless::daemon {
namespace {

// How soon a stop is seen, and a deadline.
constexpr int kWaitMs = 200;
// What answers that are on their way get when their listener ends.
constexpr std::chrono::milliseconds kLastWords{300};
constexpr int kLastWaitMs = 10;
// Far more than are let in: it must never be what decides.
constexpr unsigned kMostConnections = 16 * 1024;
// A head of a request lies in there whole, and the head of the answer.
constexpr std::size_t kConnectionMemory = 32 * 1024;

// A gnutls_certificate_retrieve_function, without which libmicrohttpd wants a certificate itself.
// Never asked: every session is armed before its handshake.
int no_certificate(void*, const void*, int, const void*, int, void**, unsigned*, void**) {
  return -1;
}

}  // namespace

struct Listener::Calls {
  static MHD_Result accept(void* user, const sockaddr* from, socklen_t) {
    auto& connections = static_cast<Listener*>(user)->desk_.connections;
    return connections.admits(address_of(from)) ? MHD_YES : MHD_NO;
  }

  static void connection(void* user, MHD_Connection* connection, void** context,
                         MHD_ConnectionNotificationCode what) {
    auto& self = *static_cast<Listener*>(user);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      *context = self.enter(connection).release();
    } else {
      const std::unique_ptr<Client> client(static_cast<Client*>(std::exchange(*context, nullptr)));
      self.leave(*client);
    }
  }

  static void log(void* user, const char* format, va_list arguments) {
    std::array<char, 512> text{};
    // The format is libmicrohttpd's own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    std::vsnprintf(text.data(), text.size(), format, arguments);
#pragma GCC diagnostic pop
    static_cast<Listener*>(user)->note(text.data());
  }

  // The first line has come.
  static void* uri(void* user, const char* uri, MHD_Connection* connection) {
    auto& self = *static_cast<Listener*>(user);
    self.newcomers_.leave(client_of(connection));
    return new Exchange(self.desk_, connection, std::strlen(uri));
  }

  static MHD_Result request(void*, MHD_Connection*, const char* path, const char* method,
                            const char*, const char*, std::size_t* size, void** state) {
    return static_cast<Exchange*>(*state)->proceed(method, path, *size) ? MHD_YES : MHD_NO;
  }

  static void completed(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Exchange*>(std::exchange(*state, nullptr));
  }
};

Listener::Listener(Socket socket, Desk desk, Pulses& pulses)
    : socket_(std::move(socket)),
      desk_(std::move(desk)),
      pulses_(pulses),
      encrypted_(desk_.access.tls() != nullptr) {
  const std::array<MHD_OptionItem, 2> tls{
      {{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, reinterpret_cast<void*>(&no_certificate)},
       {MHD_OPTION_END, 0, nullptr}}};
  const std::array<MHD_OptionItem, 1> plain{{{MHD_OPTION_END, 0, nullptr}}};
  const unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME |
                         (encrypted_ ? unsigned{MHD_USE_TLS} : 0U);
  daemon_ = MHD_start_daemon(
      flags, 0, &Calls::accept, this, &Calls::request, this, MHD_OPTION_EXTERNAL_LOGGER,
      &Calls::log, this, MHD_OPTION_LISTEN_SOCKET, socket_.descriptor, MHD_OPTION_CONNECTION_LIMIT,
      kMostConnections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,
      MHD_OPTION_NOTIFY_CONNECTION, &Calls::connection, this, MHD_OPTION_NOTIFY_COMPLETED,
      &Calls::completed, this, MHD_OPTION_URI_LOG_CALLBACK, &Calls::uri, this, MHD_OPTION_ARRAY,
      encrypted_ ? tls.data() : plain.data(), MHD_OPTION_END);
  if (daemon_ == nullptr) {
    close(socket_.descriptor);
    throw std::runtime_error("cannot serve on " + socket_.address);
  }
  events_ = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Listener::~Listener() {
  thread_.request_stop();
  thread_.join();
  // What waits for an answer gets none: libmicrohttpd does not stop while anybody waits.
  for (const auto& waiting : desk_.waiting) waiting->go_on(nullptr);
  newcomers_.end();
  MHD_stop_daemon(daemon_);
  close(socket_.descriptor);
}

void Listener::run(const std::stop_token& stop) {
  const Pulse pulse(pulses_, "serve " + socket_.address, read_clock().mono);
  while (!stop.stop_requested()) {
    pulse.beat(read_clock().mono);
    serve_for(kWaitMs);
    desk_.connections.sweep(read_clock().mono);
  }
  // The socket is ours again: libmicrohttpd would shut it down for all who have it.
  MHD_quiesce_daemon(daemon_);
  const auto end = read_clock().mono + kLastWords;
  while (desk_.exchanges > 0 && read_clock().mono < end) serve_for(kLastWaitMs);
}

// Until something happens, but no longer than that.
void Listener::serve_for(int wait_ms) {
  unsigned long long own_ms = 0;
  const bool has_own = MHD_get_timeout(daemon_, &own_ms) == MHD_YES;
  if (has_own && own_ms < static_cast<unsigned>(wait_ms)) wait_ms = static_cast<int>(own_ms);
  std::array<pollfd, 3> watched{{{events_, POLLIN, 0},
                                 {desk_.bell->descriptor(), POLLIN, 0},
                                 {newcomers_.descriptor(), POLLIN, 0}}};
  poll(watched.data(), watched.size(), wait_ms);
  desk_.bell->hush();
  newcomers_.go_on();
  MHD_run(daemon_);
  newcomers_.rest();
}

std::unique_ptr<Client> Listener::enter(MHD_Connection* connection) {
  auto client = std::make_unique<Client>(client_at(connection));
  // libmicrohttpd sees the end at once, and closes.
  const auto cut = [number = client->descriptor] { shutdown(number, SHUT_RDWR); };
  if (encrypted_) {
    auto tls = desk_.access.tls();
    if (tls != nullptr) {
      arm(connection, std::move(tls), *client);
      newcomers_.enter(connection, *client);
    } else {
      cut();  // TLS was turned off a moment ago.
    }
  }
  client->id = desk_.connections.enter(client->address, read_clock().mono, cut);
  clients_.emplace(client->descriptor, client.get());
  return client;
}

void Listener::leave(const Client& client) {
  newcomers_.leave(client);
  clients_.erase(client.descriptor);
  desk_.connections.leave(client.id);
}

// libmicrohttpd tells of a handshake that failed here only, and not whose it was: it was that of
// the session that was read last. When the connection is closed the session is gone already.
void Listener::note(std::string_view line) {
  constexpr std::string_view kHandshakeFailed = "Error: received handshake message out of context";
  while (line.ends_with('\n')) line.remove_suffix(1);
  log::debug("microhttpd", {{"detail", std::string(line)}});
  if (!line.starts_with(kHandshakeFailed)) return;
  const auto found = clients_.find(Tls::last_read());
  if (found == clients_.end()) return;
  const auto failure = Tls::failure_of(found->second->session);
  desk_.connections.refuse(found->second->id,
                           failure.certificate ? Refusal::client_certificate : Refusal::handshake,
                           failure.what);
}

}  // namespace serverless::daemon
