#include "tests/e2e/e2e_fixture.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <tuple>

namespace e2e {
namespace {

namespace fs = std::filesystem;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket bound to a free port of the loopback.
std::pair<int, int> bound_socket() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  return {socket, ntohs(address.sin_port)};
}

std::string url_encoded(std::string_view text, bool lower) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += fmt::format(fmt::runtime(lower ? "%{:02x}" : "%{:02X}"), byte);
    }
  }
  return out;
}

// What of the text is sure to appear in the base64 of any text that has it behind `before` others.
std::string base64_core(std::string_view text, std::size_t before, std::string_view alphabet) {
  std::string bytes(before, 'x');
  bytes += text;
  std::string out;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
    const auto at = [&](std::size_t k) {
      return static_cast<unsigned>(static_cast<unsigned char>(bytes[i + k]));
    };
    const unsigned group = at(0) << 16U | at(1) << 8U | at(2);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) out += alphabet[group >> shift & 63U];
  }
  // The first group holds bits of what stands before.
  return out.substr(before == 0 ? 0 : 4);
}

}  // namespace

// ---- simulator

Simulator::Simulator(const Workspace& workspace, std::vector<std::string> options,
                     const std::string& name)
    : process_(workspace.outputs(), name, [&] {
        options.insert(options.begin(), {simulator_path(), "--exit-with-parent"});
        return options;
      }()) {
  const bool up = eventually(
      [this] {
        url_ = word_after(process_.out(), "listening ");
        return !url_.empty() || process_.exit_code();
      },
      kPatience, milliseconds{20});
  if (!up || url_.empty()) throw std::runtime_error("the simulator: " + process_.err());
}

std::string Simulator::admin(const std::string& method, const std::string& what) const {
  const auto reply = request(method, url_ + "/admin/" + what);
  if (reply.status != 200) {
    throw std::runtime_error(
        fmt::format("admin {}: {} {} {}", what, reply.status, reply.error, reply.body));
  }
  return reply.body;
}

std::vector<std::string> Simulator::endpoints(std::string_view api) const {
  std::vector<std::string> ids;
  const Json all = truth();
  for (const auto endpoint : all.array(fmt::format("/apis/{}/endpoints", api))) {
    ids.emplace_back(endpoint["id"].get_string().value());
  }
  return ids;
}

std::string Simulator::account(std::string_view name, std::string_view provider,
                               const std::string& key_file, std::string_view more) const {
  std::string out = fmt::format(
      "\n[[accounts]]\nname = \"{}\"\nprovider = \"{}\"\napi_key_file = \"{}\"\n"
      "allow_overlap = true\n",
      name, provider, key_file);
  if (provider == "runpod") {
    out += fmt::format("api_url = \"{0}/runpod-api\"\nqueue_url = \"{0}/runpod-queue\"\n", url_);
  } else if (provider == "runpod-v1") {
    out +=
        fmt::format("api_url = \"{0}/runpod-rest/v1\"\nqueue_url = \"{0}/runpod-queue\"\n", url_);
  } else if (provider == "vast") {
    out += fmt::format("api_url = \"{0}/vast-console\"\nautoscaler_url = \"{0}/vast-run\"\n", url_);
  } else {
    out += fmt::format("api_url = \"{0}/den\"\n", url_);
  }
  return out.append(more) + '\n';
}

std::vector<Simulator::Request> Simulator::requests() const {
  const Json log(admin("GET", "requests"));
  std::vector<Request> requests;
  for (const auto entry : log.array("/requests")) {
    const auto text = [&](std::string_view key) {
      const auto element = entry[key].value();
      return element.is_null() ? std::string{} : std::string(element.get_string().value());
    };
    requests.push_back({.time = entry["time"].get_double().value(),
                        .api = text("api"),
                        .path = text("path"),
                        .endpoint = text("endpoint"),
                        .code = static_cast<long>(entry["code"].get_int64().value()),
                        .user_agent = text("user_agent"),
                        .authorized = entry["authorized"].get_bool().value(),
                        .retry_after = text("retry_after"),
                        .fault = text("fault")});
  }
  return requests;
}

// ---- exporter

Exporter::Exporter(const Workspace& workspace, const std::vector<std::string>& options,
                   const std::string& name, const std::vector<std::string>& environment,
                   const std::vector<std::string>& under)
    : workspace_(workspace),
      name_(name),
      process_(
          workspace.outputs(), name,
          [&] {
            std::vector<std::string> command = under;
            command.push_back(exporter_path());
            command.insert(command.end(), options.begin(), options.end());
            const bool listens = std::any_of(
                options.begin(), options.end(),
                [](const std::string& word) { return word.starts_with("--web.listen-address"); });
            if (!listens) command.emplace_back("--web.listen-address=127.0.0.1:0");
            return command;
          }(),
          environment) {
  std::string address;
  eventually(
      [&] {
        const auto log = process_.err();
        address = word_after(log, "event=listening address=");
        if (address.empty()) address = word_after(log, R"("event":"listening","address":")");
        return !address.empty() || process_.exit_code();
      },
      kPatience, milliseconds{20});
  if (address.empty()) throw std::runtime_error("the exporter does not listen: " + process_.err());
  url_ = "http://" + address;
}

Page Exporter::page() const {
  const auto reply = get(url_ + "/metrics");
  if (reply.status != 200) throw BadPage(fmt::format("{} {}", reply.status, reply.error));
  try {
    return Page::parse(reply.body);
  } catch (const BadPage& error) {
    workspace_.keep(name_ + ".bad_page", reply.body);
    throw;
  }
}

bool Exporter::shows(const std::function<bool(const Page&)>& what, milliseconds deadline) const {
  if (eventually([&] { return what(page()); }, deadline)) return true;
  workspace_.keep(name_ + ".last_page", get(url_ + "/metrics").body);
  return false;
}

void Exporter::stop() {
  const auto begun = std::chrono::steady_clock::now();
  process_.signal(SIGTERM);
  const auto code = process_.wait();
  const auto taken = std::chrono::steady_clock::now() - begun;
  ASSERT_TRUE(code.has_value()) << "SIGTERM does not end it";
  EXPECT_EQ(*code, 0) << process_.err();
  EXPECT_LE(std::chrono::duration_cast<milliseconds>(taken).count(), kStopWithin.count());
}

// ---- catcher

Catcher::Catcher() {
  std::tie(socket_, port_) = bound_socket();
  ::listen(socket_, 16);
  thread_ = std::thread([this] { run(); });
}

Catcher::~Catcher() {
  stopping_ = true;
  thread_.join();
  ::close(socket_);
}

std::string Catcher::url() const { return fmt::format("http://127.0.0.1:{}/caught", port_); }

std::string Catcher::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

void Catcher::run() {
  while (!stopping_) {
    pollfd watched{socket_, POLLIN, 0};
    if (::poll(&watched, 1, 50) <= 0) continue;
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    pollfd readable{client, POLLIN, 0};
    std::string bytes(64 * 1024, '\0');
    if (::poll(&readable, 1, 1000) > 0) {
      const auto size = ::read(client, bytes.data(), bytes.size());
      const std::lock_guard lock(mutex_);
      received_.append(bytes, 0, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }
    constexpr std::string_view kAnswer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        "Connection: close\r\n\r\n{}";
    (void)!::write(client, kAnswer.data(), kAnswer.size());
    ::close(client);
  }
}

// ---- deaf client

DeafClient::DeafClient(const std::string& url, const std::string& path)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const auto address = loopback(std::stoi(url.substr(url.rfind(':') + 1)));
  const auto request = fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::write(socket_, request.data(), request.size()) != std::ssize(request)) {
    throw std::runtime_error("cannot ask " + url);
  }
}

DeafClient::~DeafClient() { ::close(socket_); }

int free_port() {
  const auto [socket, port] = bound_socket();
  ::close(socket);
  return port;
}

// ---- leaks

std::vector<std::string> disguises(const std::string& secret) {
  constexpr std::string_view kStandard =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view kForUrls =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::vector<std::string> all{secret, url_encoded(secret, false), url_encoded(secret, true)};
  for (std::size_t before = 0; before < 3; ++before) {
    for (const auto alphabet : {kStandard, kForUrls}) {
      all.push_back(base64_core(secret, before, alphabet));
    }
  }
  return all;
}

std::vector<std::string> find_leaks(const fs::path& directory,
                                    const std::vector<std::string>& secrets) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string text = read_file(entry.path());
    for (const auto& secret : secrets) {
      for (const auto& disguise : disguises(secret)) {
        if (text.find(disguise) == std::string::npos) continue;
        found.push_back(fmt::format("{}: {}", entry.path().filename().string(), disguise));
      }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// ---- the fixture

E2e::E2e() { key_file_ = workspace_.file("key", std::string(kKey) + "\n").string(); }

void E2e::TearDown() {
  const auto leaks = find_leaks(workspace_.outputs(), {kKey, kPlanted});
  for (const auto& leak : leaks) ADD_FAILURE() << "a secret leaked into " << leak;
}

std::vector<std::string> E2e::simulated(std::vector<std::string> options) const {
  options.insert(options.begin(), {"--key", kKey, "--planted-secret", kPlanted});
  return options;
}

std::vector<std::string> E2e::exporter_options(const std::string& config,
                                               const std::string& name) const {
  const auto path = workspace_.file(name + ".toml", config);
  return {"--config", path.string(), "--log.level", "debug"};
}

}  // namespace e2e
