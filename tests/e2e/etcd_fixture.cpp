#include "tests/e2e/etcd_fixture.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <stdexcept>
#include <utility>

namespace e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEtcd = "/usr/bin/etcd";
constexpr const char* kEtcdctl = "/usr/bin/etcdctl";
constexpr const char* kRootPassword = "of-root";

// None of those that connections get by themselves, so that it is still free when etcd is started
// again.
int lasting_port() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(20000, 32000);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(ports(random)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::close(socket);
    if (bound == 0) return ntohs(address.sin_port);
  }
  throw std::runtime_error("no free port");
}

std::string http(int port) { return fmt::format("http://127.0.0.1:{}", port); }

}  // namespace

EtcdServers::EtcdServers(fs::path directory, const Form& form)
    : directory_(std::move(directory)), form_(form) {
  for (const fs::path program : {kEtcd, kEtcdctl}) {
    if (!fs::exists(program)) {
      throw std::runtime_error(program.string() + ": install etcd-server and etcd-client");
    }
  }
  // etcd shows it to itself as well, and takes no name where it asks for a certificate and a user.
  if (form_.authority != nullptr) certificate_ = form_.authority->issue_nameless("etcd");
  // Another program may take a port between two calls: then others are tried.
  for (int attempt = 0; attempt < 5; ++attempt) {
    members_.clear();
    for (std::size_t i = 0; i < form_.members; ++i) {
      members_.push_back({.name = fmt::format("etcd{}-{}", attempt, i),
                          .client_port = lasting_port(),
                          .peer_port = lasting_port(),
                          .health_port = lasting_port()});
    }
    if (try_all()) return;
  }
  throw std::runtime_error("etcd: " + process().err());
}

bool EtcdServers::try_all() {
  for (auto& member : members_) launch(member);
  const auto all = [this](const auto& is) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (!is(i)) return false;
    }
    return true;
  };
  const auto runs = [this](std::size_t i) { return !process(i).exit_code(); };
  return eventually([&] { return !all(runs) || all([this](auto i) { return is_healthy(i); }); },
                    kPatience, milliseconds{20}) &&
         all(runs);
}

void EtcdServers::launch(Member& member) const {
  const bool tls = certificate_.has_value();
  const auto client = fmt::format("{}://127.0.0.1:{}", tls ? "https" : "http", member.client_port);
  std::string cluster;
  for (const auto& each : members_) {
    cluster += fmt::format("{}{}={}", cluster.empty() ? "" : ",", each.name, http(each.peer_port));
  }
  std::vector<std::string> command{
      kEtcd, "--name=" + member.name, "--data-dir=" + (directory_ / member.name).string(),
      "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
      "--listen-peer-urls=" + http(member.peer_port),
      "--initial-advertise-peer-urls=" + http(member.peer_port), "--initial-cluster=" + cluster,
      // Without certificates and users.
      "--listen-metrics-urls=" + http(member.health_port), "--unsafe-no-fsync", "--bcrypt-cost=4",
      "--logger=zap", fmt::format("--auth-token-ttl={}", form_.token_ttl.count()),
      fmt::format("--max-request-bytes={}", form_.request_bytes),
      fmt::format("--quota-backend-bytes={}", form_.quota_bytes)};
  if (tls) {
    command.push_back("--cert-file=" + certificate_->cert);
    command.push_back("--key-file=" + certificate_->key);
    if (form_.asks_for_certificates) {
      command.emplace_back("--client-cert-auth");
      command.push_back("--trusted-ca-file=" + form_.authority->file());
    }
  }
  member.process = std::make_unique<Process>(directory_, member.name, command);
}

std::vector<std::string> EtcdServers::urls() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < members_.size(); ++i) all.push_back(url(i));
  return all;
}

std::string EtcdServers::url(std::size_t member) const {
  return fmt::format("{}://127.0.0.1:{}", certificate_ ? "https" : "http",
                     members_.at(member).client_port);
}

void EtcdServers::kill(std::size_t member) {
  process(member).signal(SIGKILL);
  if (!process(member).wait()) throw std::runtime_error("etcd does not end");
}

void EtcdServers::pause(std::size_t member) const {
  const auto& process = *members_.at(member).process;
  process.signal(SIGSTOP);
  // proc(5): the state follows the name in parentheses.
  const auto stands_still = [&] {
    const auto stat = read_file(fmt::format("/proc/{}/stat", process.id()));
    return stat.substr(stat.rfind(')') + 1).starts_with(" T");
  };
  if (!eventually(stands_still, kPatience, milliseconds{1})) {
    throw std::runtime_error("etcd does not stand still");
  }
}

void EtcdServers::resume(std::size_t member) const { members_.at(member).process->signal(SIGCONT); }

void EtcdServers::start(std::size_t member) {
  launch(members_.at(member));
  if (!eventually([&] { return is_healthy(member); }, kPatience, milliseconds{20})) {
    throw std::runtime_error("etcd: " + process(member).err());
  }
}

bool EtcdServers::is_healthy(std::size_t member) const {
  return get(http(members_.at(member).health_port) + "/health").body.find("\"true\"") !=
         std::string::npos;
}

void EtcdServers::let_in(const std::string& user, const std::string& password,
                         const std::string& prefix) {
  ctl({"user", "add", fmt::format("root:{}", kRootPassword)});
  ctl({"user", "grant-role", "root", "root"});
  ctl({"user", "add", fmt::format("{}:{}", user, password)});
  ctl({"role", "add", "keys"});
  ctl({"role", "grant-permission", "--prefix=true", "keys", "readwrite", prefix});
  ctl({"user", "grant-role", user, "keys"});
  ctl({"auth", "enable"});
  root_ = fmt::format("root:{}", kRootPassword);
}

std::string EtcdServers::ctl(const std::vector<std::string>& words) const {
  std::string endpoints;
  for (const auto& url : urls()) endpoints += (endpoints.empty() ? "" : ",") + url;
  std::vector<std::string> command{kEtcdctl, "--endpoints=" + endpoints};
  if (certificate_) {
    command.push_back("--cacert=" + form_.authority->file());
    command.push_back("--cert=" + certificate_->cert);
    command.push_back("--key=" + certificate_->key);
  }
  if (!root_.empty()) command.push_back("--user=" + root_);
  command.insert(command.end(), words.begin(), words.end());
  Process process(directory_, fmt::format("etcdctl{}", runs_++), command, {"ETCDCTL_API=3"});
  if (process.wait() != 0) throw std::runtime_error("etcdctl: " + process.err());
  return process.out();
}

}  // namespace e2e
