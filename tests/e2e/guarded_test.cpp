// TLS, client certificates and passwords, as a client meets them.

#include <arpa/inet.h>
#include <crypt.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <limits>

#include "tests/e2e/certificates_fixture.hpp"
#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

constexpr const char* kPassword = "e2e+Right/Password~1b2c3d?4e>5f=";
constexpr const char* kOtherPassword = "e2e+Other/Password~6a7b8c?9d>0e=";
constexpr const char* kWrongPassword = "e2e+Wrong/Password~0f1e2d?3c>4b=";

// Of the least cost that is accepted.
std::string bcrypt(const std::string& password) {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  crypt_gensalt_rn("$2b$", 6, nullptr, 0, setting.data(), setting.size());
  crypt_data work{};
  return crypt_r(password.c_str(), setting.data(), &work);
}

constexpr const char* kSlowKey = "--key-type=rsa --bits=4096";  // To sign with.

constexpr const char* kExpired =
    "activation_date = \"2001-01-01 00:00:00\"\nexpiration_date = \"2002-01-01 00:00:00\"\n";

struct Call {
  std::string trusted{};  // A file of authorities.
  Certificate mine{};
  std::string login{};  // "name:password"
  std::string from = "127.0.0.1";
  std::string path = "/metrics";
};

std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }

// @return the status, or 0 if no answer came.
long ask(const std::string& address, const Call& call) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  curl_easy_setopt(curl.get(), CURLOPT_URL, ("https://" + address + call.path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(curl.get(), CURLOPT_INTERFACE, ("host!" + call.from).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CAINFO, call.trusted.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, drop);
  if (!call.mine.cert.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_SSLCERT, call.mine.cert.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_SSLKEY, call.mine.key.c_str());
  }
  if (!call.login.empty()) curl_easy_setopt(curl.get(), CURLOPT_USERPWD, call.login.c_str());
  long status = 0;
  if (curl_easy_perform(curl.get()) == CURLE_OK) {
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  }
  return status;
}

// The first words of a client that speaks TLS. With this curve they make the server sign; with
// another it asks for them once more.
std::string client_hello() {
  const Catcher catcher;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  curl_easy_setopt(curl.get(), CURLOPT_URL, ("https" + catcher.url().substr(4)).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_EC_CURVES, "P-256");
  curl_easy_perform(curl.get());
  return catcher.received();
}

// A client of its own, as far as it goes.
class Stranger {
 public:
  // @param to  an Exporter's address
  Stranger(const std::string& from, const std::string& to)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = [](const std::string& host, int port) {
      sockaddr_in result{};
      result.sin_family = AF_INET;
      inet_pton(AF_INET, host.c_str(), &result.sin_addr);
      result.sin_port = htons(static_cast<std::uint16_t>(port));
      return result;
    };
    const auto colon = to.rfind(':');
    const auto mine = address(from, 0);
    const auto there = address(to.substr(0, colon), std::stoi(to.substr(colon + 1)));
    alive_ = bind(socket_, reinterpret_cast<const sockaddr*>(&mine), sizeof(mine)) == 0 &&
             connect(socket_, reinterpret_cast<const sockaddr*>(&there), sizeof(there)) == 0;
  }
  ~Stranger() { close(socket_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void say(std::string_view words) {
    alive_ = alive_ && send(socket_, words.data(), words.size(), MSG_NOSIGNAL) > 0;
  }
  // Takes what has come. @return how much, from the beginning
  std::size_t hear() {
    std::array<char, 16384> block{};
    ssize_t size = 0;
    while ((size = recv(socket_, block.data(), block.size(), MSG_DONTWAIT)) > 0) {
      heard_ += static_cast<std::size_t>(size);
    }
    alive_ = alive_ && size < 0 && errno == EAGAIN;
    return heard_;
  }
  [[nodiscard]] bool alive() const { return alive_; }

 private:
  int socket_;
  bool alive_ = false;
  std::size_t heard_ = 0;
};

// Processor time of the whole process.
double cpu_seconds(const Process& process) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", process.id()));
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class Guarded : public E2e {
 protected:
  [[nodiscard]] std::string login(const char* password) const {
    return std::string("prometheus:") + password;
  }
  [[nodiscard]] std::string config(const Certificate& server, const std::string& clients,
                                   const std::string& more = "") const {
    auto text = fmt::format("[web]\nbasic_auth_users_file = \"{}\"\n", users_) + more +
                fmt::format("[web.tls_server_config]\ncert_file = \"{}\"\nkey_file = \"{}\"\n",
                            server.cert, server.key);
    if (!clients.empty()) {
      text += fmt::format(
          "client_ca_file = \"{}\"\nclient_auth_type = \"RequireAndVerifyClientCert\"\n", clients);
    }
    return text + simulator_.account("v", "vast", key_file_);
  }
  // The lines that say so, less the time.
  static std::vector<std::string> refusals(const std::string& log) {
    std::vector<std::string> found;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      const auto at = line.find("event=client_refused ");
      if (at != std::string::npos) found.push_back(line.substr(at));
    }
    return found;
  }

  Simulator simulator_{workspace_, simulated({"--endpoints", "1", "--workers", "1"})};
  std::string users_ = workspace_.file("users", "prometheus:" + bcrypt(kPassword) + "\n").string();
};

TEST_F(Guarded, WhoeverIsNotMeantIsRefusedAndLoggedOnceWithoutASecret) {
  const Authority ours(workspace_.path(), "ours");
  const Authority theirs(workspace_.path(), "theirs");
  Exporter exporter(workspace_, exporter_options(config(ours.issue("server"), ours.file())));
  const Call good{.trusted = ours.file(), .mine = ours.issue("client"), .login = login(kPassword)};
  EXPECT_EQ(ask(exporter.address(), good), 200);

  const auto with = [&](int last, const auto& change) {
    auto call = good;
    call.from = fmt::format("127.0.0.{}", last);
    change(call);
    return ask(exporter.address(), call);
  };
  EXPECT_EQ(with(2, [&](Call& call) { call.trusted = theirs.file(); }), 0);
  EXPECT_EQ(with(3, [&](Call& call) { call.mine = theirs.issue("stranger"); }), 0);
  EXPECT_EQ(with(4, [&](Call& call) { call.mine = {}; }), 0);
  EXPECT_EQ(with(5, [&](Call& call) { call.mine = ours.issue("expired", kExpired); }), 0);
  EXPECT_EQ(with(6, [&](Call& call) { call.login = login(kWrongPassword); }), 401);
  EXPECT_EQ(with(7, [&](Call& call) { call.login = ""; }), 401);
  EXPECT_EQ(with(8, [&](Call& call) { call.login = std::string("nobody:") + kPassword; }), 401);
  // What needs no password still needs a certificate.
  EXPECT_EQ(with(7, [&](Call& call) { call.login = "", call.path = "/-/healthy"; }), 200);
  EXPECT_NE(request("GET", "http://" + exporter.address() + "/metrics").error, "");

  const std::vector<std::string> expected{
      "event=client_refused reason=handshake address=127.0.0.2 detail=\"the client broke it off: "
      "it "
      "may not trust our certificate\"",
      "event=client_refused reason=client_certificate address=127.0.0.3 detail=\"The certificate "
      "is "
      "NOT trusted. The certificate issuer is unknown\"",
      "event=client_refused reason=client_certificate address=127.0.0.4 detail=\"no certificate\"",
      "event=client_refused reason=client_certificate address=127.0.0.5 detail=\"The certificate "
      "is "
      "NOT trusted. The certificate chain uses expired certificate\"",
      "event=client_refused reason=wrong_password address=127.0.0.6",
      "event=client_refused reason=no_password address=127.0.0.7",
      "event=client_refused reason=wrong_password address=127.0.0.8",
      "event=client_refused reason=handshake address=127.0.0.1 detail=\"what came was no TLS "
      "handshake\""};
  EXPECT_TRUE(eventually([&] { return refusals(exporter.process().err()) == expected; }))
      << exporter.process().err();
  EXPECT_EQ(find_leaks(workspace_.outputs(), {kPassword, kWrongPassword, bcrypt(kPassword)}),
            std::vector<std::string>{});
  exporter.stop();
}

TEST_F(Guarded, AnExpiredCertificateOfOursIsRefusedByTheClientAndLogged) {
  const Authority ours(workspace_.path(), "ours");
  Exporter exporter(workspace_, exporter_options(config(ours.issue("server", kExpired), "")));
  const Call call{.trusted = ours.file(), .login = login(kPassword)};
  EXPECT_EQ(ask(exporter.address(), call), 0);
  const std::vector<std::string> expected{
      "event=client_refused reason=handshake address=127.0.0.1 detail=\"the client broke it off: "
      "it "
      "may not trust our certificate\""};
  EXPECT_TRUE(eventually([&] { return refusals(exporter.process().err()) == expected; }))
      << exporter.process().err();
  exporter.stop();
}

TEST_F(Guarded, WhoStopsInTheMiddleOfAHandshakeIsCutOffAndCostsNoProcessorTime) {
  const Authority ours(workspace_.path(), "ours");
  Exporter exporter(workspace_, exporter_options(config(ours.issue("server"), "")));
  const auto hello = client_hello();
  ASSERT_GT(hello.size(), 100U);
  const double before = cpu_seconds(exporter.process());
  const auto begin = std::chrono::steady_clock::now();
  Stranger silent("127.0.0.2", exporter.address());
  Stranger torn("127.0.0.3", exporter.address());
  torn.say(hello.substr(0, hello.size() / 2));
  Stranger greeted("127.0.0.4", exporter.address());
  greeted.say(hello);
  EXPECT_TRUE(eventually([&] { return greeted.hear() > 500; })) << "its certificate";
  EXPECT_EQ(ask(exporter.address(), {.trusted = ours.file(), .login = login(kPassword)}), 200);
  for (auto* one : {&silent, &torn, &greeted}) {
    EXPECT_TRUE(eventually([&] { return one->hear(), !one->alive(); }));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double used = cpu_seconds(exporter.process()) - before;
  fmt::print("{:.2f} s of processor time in {:.1f} s\n", used, took.count());
  EXPECT_GT(took.count(), 5);
  EXPECT_LT(used, 0.15 * took.count());
  const auto told = [&] {
    auto lines = refusals(exporter.process().err());
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  const std::vector<std::string> expected{"event=client_refused reason=too_slow address=127.0.0.2",
                                          "event=client_refused reason=too_slow address=127.0.0.3",
                                          "event=client_refused reason=too_slow address=127.0.0.4"};
  EXPECT_TRUE(eventually([&] { return told() == expected; })) << exporter.process().err();
  exporter.stop();
  EXPECT_EQ(told(), expected) << "once";
}

TEST_F(Guarded, AHandshakeDoesNotWaitForAllThoseOfAnotherAddress) {
  constexpr std::size_t kCrowd = 48;
  const Authority ours(workspace_.path(), "ours");
  Exporter exporter(workspace_, exporter_options(config(
                                    ours.issue("server", "expiration_days = 2\n", kSlowKey), "")));
  const auto hello = client_hello();
  std::atomic<int> served{0};
  // Each comes again as soon as the server has signed.
  std::jthread crowd([&](const std::stop_token& stop) {
    std::array<std::optional<Stranger>, kCrowd> all;
    while (!stop.stop_requested()) {
      for (auto& one : all) {
        if (!one || !one->alive()) {
          one.emplace("127.0.0.2", exporter.address());
          one->say(hello);
        } else if (one->hear() > 500) {
          ++served;
          one.reset();
        }
      }
      std::this_thread::sleep_for(milliseconds{1});
    }
  });
  EXPECT_TRUE(eventually([&] { return served > static_cast<int>(2 * kCrowd); }));
  // The least of several: the machine may be at something else meanwhile.
  int came_first = std::numeric_limits<int>::max();
  for (int i = 0; i < 20; ++i) {
    const int before = served;
    EXPECT_EQ(ask(exporter.address(),
                  {.trusted = ours.file(), .login = login(kPassword), .from = "127.0.0.3"}),
              200);
    came_first = std::min(came_first, served - before);
  }
  crowd.request_stop();
  crowd.join();
  fmt::print("{} of the crowd's {} handshakes came first\n", came_first, kCrowd);
  EXPECT_LT(came_first, static_cast<int>(kCrowd));
  exporter.stop();
}

TEST_F(Guarded, CertificateAndUsersRotateUnderLoadWithoutOneFailedRequest) {
  const Authority before(workspace_.path(), "before");
  const Authority after(workspace_.path(), "after");
  auto server = before.issue("server");
  Exporter exporter(workspace_, exporter_options(config(server, "")));
  const auto both =
      workspace_.file("both.crt", read_file(before.file()) + read_file(after.file())).string();
  const auto replace = [](const std::string& file, const std::string& text) {
    write_file(file + ".new", text);
    std::filesystem::rename(file + ".new", file);
  };
  std::atomic<int> asked{0};
  std::atomic<int> failed{0};
  {
    std::jthread load([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        ++asked;
        if (ask(exporter.address(), {.trusted = both, .login = login(kPassword)}) != 200) ++failed;
      }
    });
    EXPECT_TRUE(eventually([&] { return asked > 10; }));
    const auto other = after.issue("other");
    replace(server.cert, read_file(other.cert));
    replace(server.key, read_file(other.key));
    EXPECT_TRUE(eventually([&] {
      return ask(exporter.address(), {.trusted = after.file(), .login = login(kPassword)}) == 200;
    }));
    replace(users_, read_file(users_) + "second:" + bcrypt(kOtherPassword) + "\n");
    const auto second = std::string("second:") + kOtherPassword;
    EXPECT_TRUE(eventually(
        [&] { return ask(exporter.address(), {.trusted = both, .login = second}) == 200; }));
    // What cannot be read changes nothing.
    replace(users_, "second:" + std::string(kOtherPassword) + "\n");
    replace(server.cert, "no certificate\n");
    EXPECT_TRUE(eventually([&] {
      const auto log = exporter.process().err();
      return log.find("cert_file") != std::string::npos &&
             log.find("basic_auth_users_file") != std::string::npos;
    }));
    EXPECT_EQ(ask(exporter.address(), {.trusted = after.file(), .login = second}), 200);
    const int then = asked;
    EXPECT_TRUE(eventually([&] { return asked > then + 10; }));
  }
  EXPECT_EQ(failed, 0) << "of " << asked;
  fmt::print("{} requests, {} failed\n", asked.load(), failed.load());
  const auto log = exporter.process().err();
  const auto count = [&](const std::string& word) {
    std::size_t found = 0;
    for (auto at = log.find(word); at != std::string::npos; at = log.find(word, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("event=certificate_changed"), 1U);
  EXPECT_EQ(count("event=users_changed"), 1U);
  EXPECT_EQ(count("event=web_files_unreadable"), 2U);
  EXPECT_EQ(find_leaks(workspace_.outputs(), {kPassword, kOtherPassword}),
            std::vector<std::string>{});
  exporter.stop();
}

TEST_F(Guarded, AReloadTurnsTlsAndPasswordsOnWithoutClosingTheAddress) {
  const Authority ours(workspace_.path(), "ours");
  const auto plain = simulator_.account("v", "vast", key_file_);
  const int port = free_port();
  const auto listen = fmt::format("[web]\nlisten = [\"127.0.0.1:{}\"]\n", port);
  auto options = exporter_options(listen + plain);
  options.push_back(fmt::format("--web.listen-address=127.0.0.1:{}", port));
  Exporter exporter(workspace_, options);
  EXPECT_EQ(get(exporter.url() + "/metrics").status, 200);
  write_file(workspace_.path() / "config.toml", config(ours.issue("server"), ""));
  exporter.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return ask(exporter.address(), {.trusted = ours.file(), .login = login(kPassword)}) == 200;
  }));
  EXPECT_EQ(ask(exporter.address(), {.trusted = ours.file()}), 401);
  write_file(workspace_.path() / "config.toml", plain);
  exporter.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return get(exporter.url() + "/metrics").status == 200; }));
  exporter.stop();
}

TEST_F(Guarded, WhatCannotBeReadAtTheStartIsABadConfiguration) {
  const auto file = workspace_.file("bad", "nothing").string();
  auto options = exporter_options(config({.cert = file, .key = file + ".gone"}, ""));
  std::vector<std::string> command{exporter_path()};
  command.insert(command.end(), options.begin(), options.end());
  Process process(workspace_.outputs(), "bad", command);
  EXPECT_EQ(process.wait(), 78);
  EXPECT_EQ(process.err(), fmt::format("{}: [web]: key_file: cannot read {}.gone: No such file or "
                                       "directory\n",
                                       (workspace_.path() / "config.toml").string(), file));
}

}  // namespace
}  // namespace e2e
