#include "daemon/server_request.hpp"

#include <microhttpd.h>
#include <strings.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

constexpr std::size_t kMostHead = 16 * 1024;
constexpr std::size_t kMostUri = 8 * 1024;

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

}  // namespace

std::optional<HttpReply> too_large(MHD_Connection* connection, std::size_t uri) {
  if (uri > kMostUri) return text_reply(414, "the address is too long\n");
  const auto* head = static_cast<const MHD_ConnectionInfo*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE));
  if (head->header_size > kMostHead) return text_reply(431, "the headers are too long\n");
  const char* length =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  if (length != nullptr && std::strtoull(length, nullptr, 10) > kMostBody) {
    return text_reply(413, "nothing here takes so long a body\n");
  }
  return std::nullopt;
}

HttpRequest request_of(MHD_Connection* connection, const char* method, const char* path) {
  return {.method = method,
          .path = path,
          .arguments = arguments_of(connection),
          .accept = header_of(connection, MHD_HTTP_HEADER_ACCEPT),
          .accept_encoding = header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)};
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

}  // namespace serverless::daemon
