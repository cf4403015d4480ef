#include "simulator/server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

namespace simulator {
namespace {

constexpr std::size_t kMaxRequestBody = 1024 * 1024;
constexpr unsigned kMaxConnections = 1024;
constexpr unsigned kIdleSeconds = 120;
constexpr int kMostHeld = 256;
constexpr std::chrono::minutes kLongestHold{10};
constexpr std::size_t kBlock = 64 * 1024;

/// One request on its way in; lives from its first line to the end of its reply.
struct Exchange {
  std::string target{};
  std::string body{};
  bool begun = false;
};

/// A body that is written piece by piece.
struct Stream {
  Server& server;
  int client = -1;
  Delivery delivery{};
  bool holds = false;

  ~Stream() {
    if (holds) server.release();
  }
};

using ResponseOwner = std::unique_ptr<MHD_Response, decltype(&MHD_destroy_response)>;

int socket_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == nullptr ? -1 : info->connect_fd;
}

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string{} : value;
}

void* begin_exchange(void*, const char* target, MHD_Connection*) {
  return new Exchange{.target = target};
}

void end_exchange(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
  delete static_cast<Exchange*>(*state);
  *state = nullptr;
}

// Ten pieces a second at most; below that rate one byte at a time.
std::size_t piece_of(double bytes_per_second) {
  return static_cast<std::size_t>(std::max(1.0, std::ceil(bytes_per_second / 10)));
}

ssize_t drip(void* state, std::uint64_t position, char* out, std::size_t room) {
  auto& stream = *static_cast<Stream*>(state);
  const std::string& body = stream.delivery.reply.body;
  const double rate = stream.delivery.bytes_per_second;
  const auto piece = piece_of(rate);
  const std::chrono::duration<double> pause{static_cast<double>(piece) / rate};
  if (!stream.server.wait(stream.client, pause)) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::size_t sent = std::min({piece, room, body.size() - position});
  std::copy_n(body.data() + position, sent, out);
  return static_cast<ssize_t>(sent);
}

ssize_t break_off(void* state, std::uint64_t position, char* out, std::size_t room) {
  const std::string& body = static_cast<Stream*>(state)->delivery.reply.body;
  if (position >= body.size()) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::size_t sent = std::min<std::size_t>(room, body.size() - position);
  std::copy_n(body.data() + position, sent, out);
  return static_cast<ssize_t>(sent);
}

// The beginning of an array of texts that does not end.
ssize_t flood(void*, std::uint64_t position, char* out, std::size_t room) {
  static constexpr std::string_view kItem = R"("filler",)";
  for (std::size_t i = 0; i < room; ++i) {
    const std::uint64_t at = position + i;
    out[i] = at == 0 ? '[' : kItem[(at - 1) % kItem.size()];
  }
  return static_cast<ssize_t>(room);
}

void free_stream(void* state) { delete static_cast<Stream*>(state); }

void free_text(void* text) { delete static_cast<std::string*>(text); }

MHD_Response* make_response(Server& server, int client, Delivery&& delivery, bool holds) {
  using Manner = Delivery::Manner;
  if (delivery.manner == Manner::plain) {
    auto body = std::make_unique<std::string>(std::move(delivery.reply.body));
    MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->size(), body->data(), free_text, body.get());
    if (response != nullptr) (void)body.release();
    return response;
  }
  const Manner manner = delivery.manner;
  const std::uint64_t size =
      manner == Manner::drip ? delivery.reply.body.size() : delivery.promised_bytes;
  const auto reader = manner == Manner::drip         ? drip
                      : manner == Manner::short_body ? break_off
                                                     : flood;
  auto stream = std::make_unique<Stream>(Stream{server, client, std::move(delivery), holds});
  MHD_Response* response =
      MHD_create_response_from_callback(size, kBlock, reader, stream.get(), free_stream);
  if (response != nullptr) (void)stream.release();
  return response;
}

MHD_Result send(Server& server, MHD_Connection* connection, Delivery delivery, bool holds) {
  const auto status = static_cast<unsigned>(delivery.reply.status);
  auto headers = std::move(delivery.reply.headers);
  headers.emplace_back("Content-Type", delivery.reply.content_type);
  const ResponseOwner response{
      make_response(server, socket_of(connection), std::move(delivery), holds),
      MHD_destroy_response};
  if (!response) return MHD_NO;
  for (const auto& [name, value] : headers) {
    MHD_add_response_header(response.get(), name.c_str(), value.c_str());
  }
  return MHD_queue_response(connection, status, response.get());
}

// Dissolving the association makes the kernel send RST; closing would send FIN.
void reset_connection(int client) {
  sockaddr address{};
  address.sa_family = AF_UNSPEC;
  (void)::connect(client, &address, sizeof(address));
}

bool send_slowly(const Server& server, int client, std::string_view bytes, double rate) {
  const auto piece = piece_of(rate);
  const std::chrono::duration<double> pause{static_cast<double>(piece) / rate};
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!server.wait(client, pause) || !server.write(client, bytes.substr(0, piece))) return false;
  }
  return true;
}

// Past the library, which would send nothing of the kind.
void send_flood(const Server& server, int client, const Delivery& delivery) {
  const Flood& flood = delivery.flood;
  const double rate = delivery.bytes_per_second;
  const auto send = [&](std::string_view bytes) {
    return rate > 0 ? send_slowly(server, client, bytes, rate) : server.write(client, bytes);
  };
  std::string block = flood.before;
  for (std::uint64_t n = 0; n < flood.times; ++n) {
    block += flood.piece_number(n);
    if (rate <= 0 && block.size() < kBlock) continue;
    if (!send(block)) return;
    block.clear();
  }
  (void)send(block + flood.after);
}

MHD_Result deliver(Server& server, MHD_Connection* connection, Delivery delivery) {
  using Manner = Delivery::Manner;
  const int client = socket_of(connection);
  if (delivery.manner == Manner::reset) {
    reset_connection(client);
    return MHD_NO;
  }
  const bool holds = delivery.manner == Manner::hang || delivery.manner == Manner::drip ||
                     delivery.manner == Manner::flood || delivery.delay_s > 0;
  if (!holds) return send(server, connection, std::move(delivery), false);
  if (!server.hold()) return MHD_NO;
  if (delivery.manner == Manner::drip) {
    return send(server, connection, std::move(delivery), true);
  }
  if (delivery.manner == Manner::flood) {
    send_flood(server, client, delivery);
    server.release();
    return MHD_NO;
  }
  const bool hangs = delivery.manner == Manner::hang;
  const bool on_time =
      server.wait(client, hangs ? kLongestHold : std::chrono::duration<double>(delivery.delay_s));
  server.release();
  if (hangs || !on_time) return MHD_NO;
  return send(server, connection, std::move(delivery), false);
}

MHD_Result handle(void* self, MHD_Connection* connection, const char*, const char* method,
                  const char*, const char* upload, std::size_t* upload_size, void** state) {
  auto& server = *static_cast<Server*>(self);
  auto* exchange = static_cast<Exchange*>(*state);
  if (exchange == nullptr) return MHD_NO;
  if (!exchange->begun) {
    exchange->begun = true;
    return MHD_YES;
  }
  if (*upload_size > 0) {
    if (exchange->body.size() + *upload_size > kMaxRequestBody) return MHD_NO;
    exchange->body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  Request request = request_to(method, exchange->target);
  request.authorization = header(connection, "Authorization");
  request.api_key_header = header(connection, "x-api-key");
  request.user_agent = header(connection, "User-Agent");
  request.body = std::move(exchange->body);
  return deliver(server, connection, server.world().answer(request));
}

struct Address {
  sockaddr_storage storage{};
  bool is_v6 = false;
  std::string host{};
};

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::uint16_t port = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, port);
  if (error != std::errc{} || end != last) return std::nullopt;
  Address address{.host = std::string(text.substr(0, colon))};
  address.is_v6 = address.host.starts_with('[') && address.host.ends_with(']');
  bool good = false;
  if (address.is_v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const std::string inner = address.host.substr(1, address.host.size() - 2);
    good = ::inet_pton(AF_INET6, inner.c_str(), &v6.sin6_addr) == 1;
    std::memcpy(&address.storage, &v6, sizeof(v6));
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    good = ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1;
    std::memcpy(&address.storage, &v4, sizeof(v4));
  }
  if (!good) return std::nullopt;
  return address;
}

}  // namespace

Server::StopEvent::StopEvent() : descriptor(::eventfd(0, EFD_CLOEXEC)) {
  if (descriptor < 0) throw std::runtime_error("eventfd failed");
}

Server::StopEvent::~StopEvent() { ::close(descriptor); }

void Server::Stop::operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }

Server::Server(World& world, std::string_view listen) : world_(world) {
  const auto address = parse_address(listen);
  if (!address) throw std::runtime_error(fmt::format("bad address {}", listen));
  const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                         MHD_USE_POLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                         (address->is_v6 ? unsigned{MHD_USE_IPv6} : 0U);
  daemon_.reset(MHD_start_daemon(flags, 0, nullptr, nullptr, handle, this, MHD_OPTION_SOCK_ADDR,
                                 &address->storage, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange,
                                 nullptr, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, nullptr,
                                 MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
                                 MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
                                 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END));
  if (!daemon_) throw std::runtime_error(fmt::format("cannot listen on {}", listen));
  const auto* info = MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_BIND_PORT);
  url_ = fmt::format("http://{}:{}", address->host, info == nullptr ? 0 : info->port);
}

// Wakes whoever waits before the daemon joins its threads.
Server::~Server() { (void)::eventfd_write(stop_.descriptor, 1); }

bool Server::wait(int client, std::chrono::duration<double> time) const {
  const auto until = std::chrono::steady_clock::now() + time;
  while (true) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= decltype(left)::zero()) return true;
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    pollfd watched[] = {{stop_.descriptor, POLLIN, 0}, {client, POLLRDHUP, 0}};
    const int ready = ::poll(watched, 2, static_cast<int>(std::min<long long>(left_ms, 60'000)));
    if (ready > 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool Server::write(int client, std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto sent = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return false;
    pollfd watched[] = {{stop_.descriptor, POLLIN, 0}, {client, POLLOUT | POLLRDHUP, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return false;
    if (watched[0].revents != 0 || (watched[1].revents & POLLOUT) == 0) return false;
  }
  return true;
}

bool Server::hold() {
  if (held_.fetch_add(1) < kMostHeld) return true;
  release();
  return false;
}

void Server::release() { held_.fetch_sub(1); }

}  // namespace simulator
