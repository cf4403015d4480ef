#include "daemon/server.hpp"

#include <microhttpd.h>

#include <algorithm>
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

// A page on its way to one client: the reader asks for one stretch after another.
struct PageReader {
  std::shared_ptr<const Page> page{};
  std::shared_ptr<void> keep{};
  std::size_t piece = 0;
  std::size_t offset = 0;
};

ssize_t read_page(void* user, std::uint64_t, char* buffer, std::size_t room) {
  auto& reader = *static_cast<PageReader*>(user);
  const auto& pieces = reader.page->pieces;
  std::size_t written = 0;
  while (written < room && reader.piece < pieces.size()) {
    const auto rest = pieces[reader.piece].substr(reader.offset);
    const auto size = std::min(rest.size(), room - written);
    std::memcpy(buffer + written, rest.data(), size);
    written += size;
    reader.offset += size;
    if (size == rest.size()) {
      ++reader.piece;
      reader.offset = 0;
    }
  }
  return written > 0 ? static_cast<ssize_t>(written) : MHD_CONTENT_READER_END_OF_STREAM;
}

void free_page(void* user) { delete static_cast<PageReader*>(user); }

MHD_Response* response_of(HttpReply& reply) {
  if (const auto* text = std::get_if<std::string>(&reply.body)) {
    return MHD_create_response_from_buffer(text->size(), const_cast<char*>(text->data()),
                                           MHD_RESPMEM_MUST_COPY);
  }
  const auto& page = std::get<std::shared_ptr<const Page>>(reply.body);
  auto reader =
      std::make_unique<PageReader>(PageReader{.page = page, .keep = std::move(reply.keep)});
  auto* response = MHD_create_response_from_callback(page->bytes, kReadBlock, &read_page,
                                                     reader.get(), &free_page);
  if (response != nullptr) static_cast<void>(reader.release());
  return response;
}

MHD_Result send(MHD_Connection* connection, HttpReply reply) {
  MHD_Response* response = response_of(reply);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  for (const auto& [name, value] : reply.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  const auto result = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return result;
}

MHD_Result on_request(void* user, MHD_Connection* connection, const char* path, const char* method,
                      const char*, const char*, std::size_t*, void**) {
  const auto& handler = *static_cast<const Server::Handler*>(user);
  HttpReply reply;
  try {
    reply = handler({.method = method, .path = path});
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
