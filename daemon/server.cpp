#include "daemon/server.hpp"

#include <microhttpd.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>

#include "daemon/listen.hpp"
#include "daemon/log.hpp"

namespace serverless::daemon {
namespace {

// How soon a stop is seen.
constexpr int kWaitMs = 200;
constexpr unsigned kIdleSeconds = 30;
constexpr unsigned kMaxConnections = 512;
constexpr std::size_t kConnectionMemory = 32 * 1024;
constexpr std::size_t kReadBlock = 128 * 1024;

// A page on its way to one client: the reader asks for one stretch after another, and no more than
// one piece is held as text.
class PageReader {
 public:
  PageReader(PageBody body, std::shared_ptr<void> keep)
      : body_(std::move(body)), keep_(std::move(keep)) {
    if (!body_.gzip) return;
    end_ = gzip_end(body_.page->checksum);
    rest_ = gzip_header();
  }

  [[nodiscard]] std::size_t size() const {
    return body_.gzip ? body_.page->gzip_bytes() : body_.page->checksum.length;
  }

  /// @return how much was read; 0 at the end.
  std::size_t read(char* buffer, std::size_t room) {
    std::size_t written = 0;
    while (written < room && (!rest_.empty() || advance())) {
      const auto size = std::min(rest_.size(), room - written);
      std::memcpy(buffer + written, rest_.data(), size);
      rest_.remove_prefix(size);
      written += size;
    }
    return written;
  }

 private:
  // @return false at the end.
  bool advance() {
    const auto& pieces = body_.page->pieces;
    if (next_ < pieces.size()) {
      const auto& piece = *pieces[next_++];
      if (!body_.gzip) text_ = inflate(piece);
      rest_ = body_.gzip ? std::string_view(piece.deflated) : std::string_view(text_);
      return true;
    }
    rest_ = std::exchange(ended_, true) ? std::string_view() : std::string_view(end_);
    return !rest_.empty();
  }

  PageBody body_;
  std::shared_ptr<void> keep_;
  std::string text_{};
  std::string end_{};
  std::string_view rest_{};
  std::size_t next_ = 0;
  bool ended_ = false;
};

// A text on its way to one client, made as fast as it is read.
class StreamReader {
 public:
  StreamReader(StreamBody body, std::shared_ptr<void> keep)
      : body_(std::move(body)), keep_(std::move(keep)) {
    if (body_.gzip) rest_ = gzip_header();
  }

  /// @return how much was read; 0 at the end.
  std::size_t read(char* buffer, std::size_t room) {
    if (rest_.empty() && !ended_) advance();
    const auto size = std::min(rest_.size(), room);
    std::memcpy(buffer, rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }

 private:
  void advance() {
    text_ = body_.next();
    ended_ = text_.empty();
    if (body_.gzip && ended_) {
      text_ = gzip_end(whole_);
    } else if (body_.gzip) {
      auto piece = deflate(text_);
      whole_.append(piece);
      text_ = std::move(piece.deflated);
    }
    rest_ = text_;
  }

  StreamBody body_;
  std::shared_ptr<void> keep_;
  Checksum whole_{};
  std::string text_{};
  std::string_view rest_{};
  bool ended_ = false;
};

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

MHD_Result on_request(void* user, MHD_Connection* connection, const char* path, const char* method,
                      const char*, const char*, std::size_t*, void**) {
  const auto& handler = *static_cast<const Server::Handler*>(user);
  HttpReply reply;
  try {
    reply = handler({.method = method,
                     .path = path,
                     .arguments = arguments_of(connection),
                     .accept = header_of(connection, MHD_HTTP_HEADER_ACCEPT),
                     .accept_encoding = header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)});
  } catch (const std::exception& error) {
    log::error("request_failed", {{"path", path}, {"detail", error.what()}});
    reply = {.status = 500, .body = std::string("internal error\n")};
  }
  return send(connection, std::move(reply));
}

void on_log(void*, const char* format, va_list arguments) {
  std::array<char, 512> text{};
  // The format is libmicrohttpd's own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  std::vsnprintf(text.data(), text.size(), format, arguments);
#pragma GCC diagnostic pop
  std::string_view line(text.data());
  while (line.ends_with('\n')) line.remove_suffix(1);
  log::debug("microhttpd", {{"detail", std::string(line)}});
}

}  // namespace

struct Listener {
  Listener(const std::string& where, Server::Handler& handler) : socket(listen_on(where)) {
    daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, &on_request, &handler,
        MHD_OPTION_EXTERNAL_LOGGER, &on_log, nullptr, MHD_OPTION_LISTEN_SOCKET, socket.descriptor,
        MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, MHD_OPTION_END);
    if (daemon == nullptr) throw std::runtime_error("cannot serve on " + socket.address);
    thread = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) MHD_run_wait(daemon, kWaitMs);
    });
  }
  ~Listener() {
    thread.request_stop();
    thread.join();
    MHD_stop_daemon(daemon);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  Socket socket;
  MHD_Daemon* daemon = nullptr;
  std::jthread thread{};
};

Server::Server(const std::vector<std::string>& addresses, Handler handler)
    : handler_(std::move(handler)) {
  for (const auto& address : addresses) {
    listeners_.push_back(std::make_unique<Listener>(address, handler_));
  }
}

Server::~Server() = default;

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> result;
  for (const auto& listener : listeners_) result.push_back(listener->socket.address);
  return result;
}

}  // namespace serverless::daemon
