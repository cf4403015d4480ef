// A whole server: what a client sends goes by a socket through libmicrohttpd to our handling. Each
// input is a connection. Answers have to be HTTP, and never an error of ours.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
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
        server(&handle, connections, access, pulses) {
    server.bind({"unix:" + path});
    server.serve({"unix:" + path});
  }
  ~World() { unlink(address.c_str()); }

  std::string address;
  Pulses pulses{};
  SelfMetrics self{};
  Connections connections{{.request_time = std::chrono::milliseconds{2000}},
                          [](Refusal, const std::string&, const std::string&) {}};
  Access access;
  Server server;
};

void check(std::string_view heard) {
  if (heard.empty()) return;
  const auto line = heard.substr(0, heard.find("\r\n"));
  // 505 is libmicrohttpd's, and right: for a version of HTTP that it does not speak.
  const auto status = line.size() > 11 ? line.substr(9, 3) : std::string_view();
  expect(line.starts_with("HTTP/1.") && status.size() == 3, "an answer begins with a status", line);
  expect(status.front() != '5' || status == "503" || status == "505", "no error is ours", line);
}

// Says all of a text, and hears what is answered.
class Client {
 public:
  Client(const std::string& path, std::string_view text)
      : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, path.size());
    if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) std::abort();
    while (!text.empty()) {
      const auto sent = send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) break;
      if (sent < 0 && !hear(POLLIN | POLLOUT, -1)) break;
    }
    shutdown(descriptor_, SHUT_WR);
  }
  ~Client() {
    hear(POLLIN, 0);
    close(descriptor_);
    check(heard_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // @return whether the server has ended the connection. Waits so long for each piece.
  bool hear_all(int patience_ms) {
    while (hear(POLLIN, patience_ms)) {
    }
    return ended_;
  }

 private:
  // @return whether there may be more.
  bool hear(int events, int patience_ms) {
    pollfd ready{.fd = descriptor_, .events = static_cast<short>(events), .revents = 0};
    if (ended_ || poll(&ready, 1, patience_ms) <= 0) return false;
    std::array<char, 16384> block{};
    const auto size = recv(descriptor_, block.data(), block.size(), 0);
    if (size > 0) heard_.append(block.data(), static_cast<std::size_t>(size));
    ended_ = size == 0 || (size < 0 && errno != EAGAIN);
    return !ended_;
  }

  int descriptor_;
  bool ended_ = false;
  std::string heard_{};
};

// Whom the server waits for until a deadline, such as one that never ends its body, is heard out
// later: there would be a handful of inputs a second else.
void ask(const std::string& path, std::string_view text) {
  constexpr int kPatienceMs = 3;
  constexpr std::size_t kWaiting = 32;
  static std::deque<std::unique_ptr<Client>> waiting;
  auto client = std::make_unique<Client>(path, text);
  if (!client->hear_all(kPatienceMs)) waiting.push_back(std::move(client));
  if (waiting.size() > kWaiting) waiting.pop_front();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string stem = "/tmp/serverless_requests_fuzz_" + std::to_string(getpid());
  static const World open({}, stem + ".open");
  static const World guarded({.basic_auth_users = {{"fuzz", config::Secret(kHash)}}},
                             stem + ".guarded");
  const auto text = text_of(data, size);
  ask(open.address, text);
  ask(guarded.address, text);
  return 0;
}
