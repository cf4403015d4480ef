#include "daemon/server.hpp"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "daemon/clock.hpp"
#include "daemon/listen.hpp"
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
constexpr std::size_t kMostHead = 16 * 1024;
constexpr std::size_t kMostUri = 8 * 1024;
constexpr std::size_t kMostBody = 64 * 1024;
constexpr std::size_t kReadBlock = 128 * 1024;

ssize_t read_stream(void* user, std::uint64_t, char* buffer, std::size_t room) {
  try {
    const auto size = static_cast<StreamReader*>(user)->read(buffer, room);
    return size > 0 ? static_cast<ssize_t>(size) : MHD_CONTENT_READER_END_OF_STREAM;
  } catch (const std::exception& error) {
    log::error("stream_failed", {{"detail", error.what()}});
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
}

void free_stream(void* user) { delete static_cast<StreamReader*>(user); }

ssize_t read_page(void* user, std::uint64_t, char* buffer, std::size_t room) {
  const auto size = static_cast<PageReader*>(user)->read(buffer, room);
  return size > 0 ? static_cast<ssize_t>(size) : MHD_CONTENT_READER_END_OF_STREAM;
}

void free_page(void* user) { delete static_cast<PageReader*>(user); }

MHD_Response* response_of(HttpReply& reply) {
  if (const auto* text = std::get_if<std::string>(&reply.body)) {
    return MHD_create_response_from_buffer(text->size(), const_cast<char*>(text->data()),
                                           MHD_RESPMEM_MUST_COPY);
  }
  if (auto* stream = std::get_if<StreamBody>(&reply.body)) {
    auto reader = std::make_unique<StreamReader>(std::move(*stream), std::move(reply.keep));
    auto* response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kReadBlock, &read_stream,
                                                       reader.get(), &free_stream);
    if (response != nullptr) static_cast<void>(reader.release());
    return response;
  }
  auto reader = std::make_unique<PageReader>(std::get<PageBody>(std::move(reply.body)),
                                             std::move(reply.keep));
  auto* response = MHD_create_response_from_callback(reader->size(), kReadBlock, &read_page,
                                                     reader.get(), &free_page);
  if (response != nullptr) static_cast<void>(reader.release());
  return response;
}

// On every answer, whatever it is. What the pages need is on this server.
constexpr std::array<std::pair<const char*, const char*>, 3> kSecurityHeaders{{
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
}};

MHD_Result send(MHD_Connection* connection, HttpReply reply) {
  MHD_Response* response = response_of(reply);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  for (const auto& [name, value] : kSecurityHeaders) MHD_add_response_header(response, name, value);
  for (const auto& [name, value] : reply.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  const auto result = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return result;
}

// All values of a header, as one list (RFC 9110 5.3).
std::string header_of(MHD_Connection* connection, const char* wanted) {
  struct Search {
    std::string_view wanted{};
    std::string found{};
  } search{.wanted = wanted};
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* user, MHD_ValueKind, const char* name, const char* value) {
        auto& into = *static_cast<Search*>(user);
        if (value != nullptr && strcasecmp(name, into.wanted.data()) == 0) {
          if (!into.found.empty()) into.found += ',';
          into.found += value;
        }
        return MHD_YES;
      },
      &search);
  return search.found;
}

std::vector<std::pair<std::string, std::string>> arguments_of(MHD_Connection* connection) {
  std::vector<std::pair<std::string, std::string>> arguments;
  MHD_get_connection_values(
      connection, MHD_GET_ARGUMENT_KIND,
      [](void* user, MHD_ValueKind, const char* name, const char* value) {
        static_cast<decltype(arguments)*>(user)->emplace_back(name, value == nullptr ? "" : value);
        return MHD_YES;
      },
      &arguments);
  return arguments;
}

// Whom limits hold for: a provider gives everybody at least 64 bits of IPv6.
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

// Where the end of what a client says came together with its request libmicrohttpd overlooks it,
// and would wait for another for as long as a client may rest. To shut what is shut tells it anew;
// what was said before is still read.
void repeat_end(int descriptor) {
  pollfd state{.fd = descriptor, .events = POLLRDHUP, .revents = 0};
  if (poll(&state, 1, 0) == 1 && (state.revents & POLLRDHUP) != 0) shutdown(descriptor, SHUT_RD);
}

// Wakes a listener: MHD_resume_connection() does not where somebody else's thread serves.
class Bell {
 public:
  Bell() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (descriptor_ < 0) throw std::runtime_error("no eventfd");
  }
  ~Bell() { close(descriptor_); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  void ring() const { static_cast<void>(eventfd_write(descriptor_, 1)); }
  void hush() const {
    eventfd_t rung = 0;
    static_cast<void>(eventfd_read(descriptor_, &rung));
  }

 private:
  int descriptor_;
};

// A request that waits for another thread. It may outlive its listener.
struct Waiting {
  // What the listener's thread does next.
  using Next = std::function<MHD_Result()>;

  std::mutex mutex{};
  std::shared_ptr<const Bell> bell{};
  MHD_Connection* connection = nullptr;  // Null: nobody waits any more.
  Next next{};

  void go_on(Next with) {
    const std::lock_guard lock(mutex);
    if (connection == nullptr) return;
    next = std::move(with);
    MHD_resume_connection(std::exchange(connection, nullptr));
    bell->ring();
  }
};

// A request, from its first line to the last byte of its answer.
struct Exchange {
  std::size_t uri = 0;
  std::size_t body = 0;
  bool begun = false;
  std::shared_ptr<Waiting> waiting{};
};

// Who is connected.
struct Client {
  Connections::Id id = 0;
  int descriptor = -1;
  std::string address{};
  void* session = nullptr;           // Its gnutls_session_t, or null.
  std::shared_ptr<const Tls> tls{};  // What that rests on.
};

const void* info_of(MHD_Connection* connection, MHD_ConnectionInfoType type) {
  return MHD_get_connection_info(connection, type);
}

HttpReply short_reply(int status, std::string text) {
  return {.status = status, .body = std::move(text)};
}

std::optional<Login> login_of(MHD_Connection* connection) {
  char* password = nullptr;
  char* user = MHD_basic_auth_get_username_password(connection, &password);
  std::optional<Login> login;
  if (user != nullptr && password != nullptr) login = Login{.user = user, .password = password};
  if (password != nullptr) explicit_bzero(password, std::strlen(password));
  MHD_free(user);
  MHD_free(password);
  return login;
}

HttpReply unauthorized() {
  auto reply = short_reply(401, "unauthorized\n");
  reply.headers.emplace_back("WWW-Authenticate",
                             "Basic realm=\"serverless_exporter\", charset=\"UTF-8\"");
  return reply;
}

// A gnutls_certificate_retrieve_function, without which libmicrohttpd wants a certificate itself.
// Never asked: every session is armed before its handshake.
int no_certificate(void*, const void*, int, const void*, int, void**, unsigned*, void**) {
  return -1;
}

}  // namespace

// All but the constructor and the destructor runs on its thread.
struct Listener {
  Listener(Socket bound, const Server::Handler& handle, Connections& all, Access& doorkeeper,
           Pulses& every)
      : socket(std::move(bound)),
        handler(handle),
        connections(all),
        access(doorkeeper),
        pulses(every),
        encrypted(doorkeeper.tls() != nullptr) {
    const std::array<MHD_OptionItem, 2> tls{
        {{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, reinterpret_cast<void*>(&no_certificate)},
         {MHD_OPTION_END, 0, nullptr}}};
    const std::array<MHD_OptionItem, 1> plain{{{MHD_OPTION_END, 0, nullptr}}};
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME |
                           (encrypted ? unsigned{MHD_USE_TLS} : 0U);
    daemon = MHD_start_daemon(
        flags, 0, &on_accept, this, &on_request, this, MHD_OPTION_EXTERNAL_LOGGER, &on_log, this,
        MHD_OPTION_LISTEN_SOCKET, socket.descriptor, MHD_OPTION_CONNECTION_LIMIT, kMostConnections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, MHD_OPTION_NOTIFY_CONNECTION,
        &on_connection, this, MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this,
        MHD_OPTION_URI_LOG_CALLBACK, &on_uri, this, MHD_OPTION_ARRAY,
        encrypted ? tls.data() : plain.data(), MHD_OPTION_END);
    if (daemon == nullptr) {
      close(socket.descriptor);
      throw std::runtime_error("cannot serve on " + socket.address);
    }
    events = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  ~Listener() {
    thread.request_stop();
    thread.join();
    // What waits for an answer gets none: libmicrohttpd does not stop while anybody waits.
    for (const auto& waiting : waiters) waiting->go_on(nullptr);
    MHD_stop_daemon(daemon);
    close(socket.descriptor);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void run(const std::stop_token& stop) {
    const Pulse pulse(pulses, "serve " + socket.address, read_clock().mono);
    while (!stop.stop_requested()) {
      pulse.beat(read_clock().mono);
      serve_for(kWaitMs);
      connections.sweep(read_clock().mono);
    }
    // The socket is ours again: libmicrohttpd would shut it down for all who have it.
    MHD_quiesce_daemon(daemon);
    const auto end = read_clock().mono + kLastWords;
    while (exchanges > 0 && read_clock().mono < end) serve_for(kLastWaitMs);
  }

  // Until something happens, but no longer than that.
  void serve_for(int wait_ms) const {
    unsigned long long own_ms = 0;
    const bool has_own = MHD_get_timeout(daemon, &own_ms) == MHD_YES;
    if (has_own && own_ms < static_cast<unsigned>(wait_ms)) wait_ms = static_cast<int>(own_ms);
    std::array<pollfd, 2> watched{{{events, POLLIN, 0}, {bell->descriptor(), POLLIN, 0}}};
    poll(watched.data(), watched.size(), wait_ms);
    bell->hush();
    MHD_run(daemon);
  }

  static MHD_Result on_accept(void* user, const sockaddr* from, socklen_t) {
    return static_cast<Listener*>(user)->connections.admits(address_of(from)) ? MHD_YES : MHD_NO;
  }

  static void on_connection(void* user, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode what) {
    auto& self = *static_cast<Listener*>(user);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      const auto* from = static_cast<const MHD_ConnectionInfo*>(
          info_of(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS));
      const auto* descriptor = static_cast<const MHD_ConnectionInfo*>(
          info_of(connection, MHD_CONNECTION_INFO_CONNECTION_FD));
      auto client = std::make_unique<Client>();
      client->descriptor = descriptor->connect_fd;
      client->address = address_of(from->client_addr);
      if (self.encrypted && !self.arm(connection, *client)) {
        shutdown(client->descriptor, SHUT_RDWR);
      }
      // libmicrohttpd sees the end at once, and closes.
      const auto cut = [number = client->descriptor] { shutdown(number, SHUT_RDWR); };
      client->id = self.connections.enter(client->address, read_clock().mono, cut);
      self.clients.emplace(client->descriptor, client.get());
      *context = client.release();
    } else {
      const std::unique_ptr<Client> client(static_cast<Client*>(std::exchange(*context, nullptr)));
      self.clients.erase(client->descriptor);
      self.connections.leave(client->id);
    }
  }

  // @return false where TLS was turned off a moment ago.
  bool arm(MHD_Connection* connection, Client& client) const {
    client.tls = access.tls();
    if (client.tls == nullptr) return false;
    client.session = static_cast<const MHD_ConnectionInfo*>(
                         info_of(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION))
                         ->tls_session;
    client.tls->arm(client.session);
    return true;
  }

  // libmicrohttpd tells of a handshake that failed here only, and not whose it was: it was that of
  // the session that was read last. When the connection is closed the session is gone already.
  static void on_log(void* user, const char* format, va_list arguments) {
    constexpr std::string_view kHandshakeFailed =
        "Error: received handshake message out of context";
    std::array<char, 512> text{};
    // The format is libmicrohttpd's own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    std::vsnprintf(text.data(), text.size(), format, arguments);
#pragma GCC diagnostic pop
    std::string_view line(text.data());
    while (line.ends_with('\n')) line.remove_suffix(1);
    log::debug("microhttpd", {{"detail", std::string(line)}});
    if (!line.starts_with(kHandshakeFailed)) return;
    auto& self = *static_cast<Listener*>(user);
    const auto found = self.clients.find(Tls::last_read());
    if (found == self.clients.end()) return;
    const auto failure = Tls::failure_of(found->second->session);
    self.connections.refuse(found->second->id,
                            failure.certificate ? Refusal::client_certificate : Refusal::handshake,
                            failure.what);
  }

  static const Client& client_of(MHD_Connection* connection) {
    const auto* info = static_cast<const MHD_ConnectionInfo*>(
        info_of(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT));
    return *static_cast<const Client*>(info->socket_context);
  }

  // The first line has come.
  static void* on_uri(void* user, const char* uri, MHD_Connection* connection) {
    auto& self = *static_cast<Listener*>(user);
    self.connections.asks(client_of(connection).id, read_clock().mono);
    ++self.exchanges;
    return new Exchange{.uri = std::strlen(uri)};
  }

  static void on_completed(void* user, MHD_Connection* connection, void** state,
                           MHD_RequestTerminationCode) {
    auto& self = *static_cast<Listener*>(user);
    const std::unique_ptr<Exchange> exchange(
        static_cast<Exchange*>(std::exchange(*state, nullptr)));
    if (exchange == nullptr) return;
    --self.exchanges;
    if (exchange->waiting) self.waiters.erase(exchange->waiting);
    const auto& client = client_of(connection);
    repeat_end(client.descriptor);
    self.connections.rests(client.id, read_clock().mono);
  }

  // Called when the head is there, for each stretch of the body, and when the request is whole. An
  // answer before that last call would end the connection.
  static MHD_Result on_request(void* user, MHD_Connection* connection, const char* path,
                               const char* method, const char*, const char*, std::size_t* size,
                               void** state) {
    auto& self = *static_cast<Listener*>(user);
    auto& exchange = *static_cast<Exchange*>(*state);
    if (!std::exchange(exchange.begun, true)) return self.begin(connection, exchange);
    if (*size > 0) {
      exchange.body += std::exchange(*size, 0);
      return exchange.body <= kMostBody ? MHD_YES : MHD_NO;
    }
    if (exchange.waiting) return self.go_on(exchange);
    return self.admit(connection, exchange,
                      {.method = method,
                       .path = path,
                       .arguments = arguments_of(connection),
                       .accept = header_of(connection, MHD_HTTP_HEADER_ACCEPT),
                       .accept_encoding = header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)});
  }

  MHD_Result begin(MHD_Connection* connection, const Exchange& exchange) {
    const auto* head = static_cast<const MHD_ConnectionInfo*>(
        info_of(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE));
    const auto too_large = [&](int status, const char* text) {
      return refuse(connection, Refusal::too_large, short_reply(status, text));
    };
    if (exchange.uri > kMostUri) return too_large(414, "the address is too long\n");
    if (head->header_size > kMostHead) return too_large(431, "the headers are too long\n");
    const char* length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != nullptr && std::strtoull(length, nullptr, 10) > kMostBody) {
      return too_large(413, "nothing here takes so long a body\n");
    }
    return MHD_YES;
  }

  MHD_Result answer(MHD_Connection* connection, Exchange& exchange, HttpRequest request) {
    const auto id = client_of(connection).id;
    request.crowded = !connections.reads(id, read_clock().mono);
    HttpReply reply;
    try {
      reply = handler(request);
    } catch (const std::exception& error) {
      log::error("request_failed", {{"path", request.path}, {"detail", error.what()}});
      reply = short_reply(500, "internal error\n");
    }
    if (!reply.later) return send(connection, std::move(reply));
    const auto waiting = wait(connection, exchange);
    reply.later([waiting, this, connection, id](const HttpReply& with) {
      waiting->go_on([this, connection, id, with] {
        connections.hears(id, read_clock().mono);
        return send(connection, with);
      });
    });
    return MHD_YES;
  }

  MHD_Result admit(MHD_Connection* connection, Exchange& exchange, const HttpRequest& request) {
    const auto& client = client_of(connection);
    const auto login = login_of(connection);
    switch (access.judge(request.path, login)) {
      case Access::Ruling::pass:
        return answer(connection, exchange, request);
      case Access::Ruling::missing:
        return refuse(connection, Refusal::no_password, unauthorized());
      case Access::Ruling::unknown:
        break;
    }
    const auto waiting = wait(connection, exchange);
    access.compare(*login, client.address, [=, this, &exchange](Access::Verdict verdict) {
      waiting->go_on([=, this, &exchange] {
        switch (verdict) {
          case Access::Verdict::right:
            return answer(connection, exchange, request);
          case Access::Verdict::wrong:
            return refuse(connection, Refusal::wrong_password, unauthorized());
          case Access::Verdict::crowded:
            break;
        }
        auto reply = short_reply(503, "too many passwords wait to be compared\n");
        reply.headers.emplace_back("Retry-After", "1");
        return refuse(connection, Refusal::too_many_logins, std::move(reply));
      });
    });
    return MHD_YES;
  }

  MHD_Result refuse(MHD_Connection* connection, Refusal why, HttpReply reply) {
    const auto id = client_of(connection).id;
    connections.refuse(id, why);
    connections.hears(id, read_clock().mono);
    return send(connection, std::move(reply));
  }

  // The connection is left alone until somebody tells how to go on.
  std::shared_ptr<Waiting> wait(MHD_Connection* connection, Exchange& exchange) {
    connections.waits(client_of(connection).id);
    exchange.waiting = std::make_shared<Waiting>();
    exchange.waiting->bell = bell;
    exchange.waiting->connection = connection;
    waiters.insert(exchange.waiting);
    MHD_suspend_connection(connection);
    return exchange.waiting;
  }

  MHD_Result go_on(Exchange& exchange) {
    const auto waiting = std::exchange(exchange.waiting, nullptr);
    waiters.erase(waiting);
    Waiting::Next next;
    {
      const std::lock_guard lock(waiting->mutex);
      next = std::move(waiting->next);
    }
    return next ? next() : MHD_NO;
  }

  Socket socket;
  const Server::Handler& handler;
  Connections& connections;
  Access& access;
  Pulses& pulses;
  const bool encrypted;
  const std::shared_ptr<const Bell> bell = std::make_shared<Bell>();
  MHD_Daemon* daemon = nullptr;
  int events = -1;  // What libmicrohttpd waits for, as one descriptor.
  int exchanges = 0;
  std::map<int, const Client*> clients{};  // By descriptor.
  std::set<std::shared_ptr<Waiting>> waiters{};
  std::jthread thread{};
};

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
    for (const auto& listener : listeners) listener->thread.request_stop();
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
      if (listener->encrypted == encrypted) continue;
      // Its socket stays open, so that nobody who comes meanwhile is refused.
      auto socket = listener->socket.again();
      listener.reset();
      listener = start(std::move(socket));
    }
  }
  for (auto& [address, sockets] : std::exchange(bound_, {})) {
    for (auto& socket : sockets) listeners_[address].push_back(start(std::move(socket)));
  }
}

std::unique_ptr<Listener> Server::start(Socket socket) {
  auto listener =
      std::make_unique<Listener>(std::move(socket), handler_, connections_, access_, pulses_);
  log::info("listening", {{"address", listener->socket.address},
                          {"tls", listener->encrypted ? "true" : "false"}});
  return listener;
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> result;
  for (const auto& [address, listeners] : listeners_) {
    for (const auto& listener : listeners) result.push_back(listener->socket.address);
  }
  return result;
}

}  // namespace serverless::daemon
