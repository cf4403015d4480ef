#include "daemon/server_answer.hpp"

#include <microhttpd.h>

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "daemon/log.hpp"

namespace serverless::daemon {
namespace {

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

}  // namespace

bool send(MHD_Connection* connection, HttpReply reply) {
  MHD_Response* response = response_of(reply);
  if (response == nullptr) return false;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  for (const auto& [name, value] : kSecurityHeaders) MHD_add_response_header(response, name, value);
  for (const auto& [name, value] : reply.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  const auto result = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return result == MHD_YES;
}

}  // namespace serverless::daemon
