// A whole server: what a client sends goes by a socket through libmicrohttpd to our handling. Each
// input is a connection. Answers have to be HTTP, and never an error of ours.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "daemon/negotiate.hpp"
#include "daemon/server.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace serverless;
using namespace serverless::daemon;
using namespace serverless::fuzz;

// Of "U*U", of a cost that keeps the fuzzer fast.
constexpr const char* kHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

HttpReply handle(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    return {.status = 405, .headers = {{"Allow", "GET, HEAD"}}};
  }
  if (request.path == "/later") {
    return {.later = [](const Respond& respond) { respond({.body = std::string("later\n")}); }};
  }
  if (request.path == "/metrics") {
    const auto wish = negotiate(request.accept, request.accept_encoding);
    if (!wish) return {.status = 406};
    static const auto page = [] {
      auto made = std::make_shared<Page>();
      for (int i = 0; i < 100; ++i) made->append("serverless_polls_total 1\n");
      return made;
    }();
    return {.content_type = wish->content_type, .body = PageBody{.page = page, .gzip = wish->gzip}};
  }
  if (request.path.starts_with("/-/")) return {.body = std::string("healthy\n")};
  return {.status = 404, .body = std::string("not found\n")};
}

// One that asks for passwords, and one that does not.
struct World {
  explicit World(const config::Web& web, const std::string& path)
      : address(path),
        access(web, read_admission(web).value(), self),
        server(&handle, connections, access) {
    server.bind({"unix:" + path});
    server.serve({"unix:" + path});
  }
  ~World() { unlink(address.c_str()); }

  std::string address;
  SelfMetrics self{};
  Connections connections{{.request_time = std::chrono::milliseconds{2000}},
                          [](Refusal, const std::string&, const std::string&) {}};
  Access access;
  Server server;
};

// All that is answered before the end.
std::string ask(const std::string& path, std::string_view text) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, path.size());
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) std::abort();
  std::string heard;
  std::array<char, 16384> block{};
  const auto hear = [&](int flags) {
    const auto size = recv(descriptor, block.data(), block.size(), flags);
    if (size > 0) heard.append(block.data(), static_cast<std::size_t>(size));
    return size > 0;
  };
  while (!text.empty()) {
    const auto sent = send(descriptor, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN) break;
    if (sent < 0) {
      pollfd ready{.fd = descriptor, .events = POLLIN | POLLOUT, .revents = 0};
      poll(&ready, 1, -1);
      if ((ready.revents & POLLIN) != 0) hear(MSG_DONTWAIT);
    }
  }
  shutdown(descriptor, SHUT_WR);
  while (hear(0)) {
  }
  close(descriptor);
  return heard;
}

void check(std::string_view heard) {
  if (heard.empty()) return;
  const auto line = heard.substr(0, heard.find("\r\n"));
  // 505 is libmicrohttpd's, and right: for a version of HTTP that it does not speak.
  const auto status = line.size() > 11 ? line.substr(9, 3) : std::string_view();
  expect(line.starts_with("HTTP/1.") && status.size() == 3, "an answer begins with a status", line);
  expect(status.front() != '5' || status == "503" || status == "505", "no error is ours", line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string stem = "/tmp/serverless_requests_fuzz_" + std::to_string(getpid());
  static const World open({}, stem + ".open");
  static const World guarded({.basic_auth_users = {{"fuzz", config::Secret(kHash)}}},
                             stem + ".guarded");
  const auto text = text_of(data, size);
  check(ask(open.address, text));
  check(ask(guarded.address, text));
  return 0;
}
