#include "tests/e2e/etcd_fixture.hpp"

#include <fmt/format.h>

#include <csignal>
#include <stdexcept>
#include <utility>

namespace e2e {

Etcd::Etcd(const Workspace& workspace, std::vector<std::string> options)
    : workspace_(workspace),
      options_(std::move(options)),
      client_port_(free_port()),
      peer_port_(free_port()) {
  start();
}

std::string Etcd::url() const { return fmt::format("http://127.0.0.1:{}", client_port_); }

void Etcd::kill() {
  process_->signal(SIGKILL);
  static_cast<void>(process_->wait());
  process_.reset();
}

void Etcd::start() {
  const auto peer = fmt::format("http://127.0.0.1:{}", peer_port_);
  std::vector<std::string> command{"/usr/bin/etcd",
                                   "--name",
                                   "one",
                                   "--data-dir",
                                   (workspace_.path() / "etcd").string(),
                                   "--listen-client-urls",
                                   url(),
                                   "--advertise-client-urls",
                                   url(),
                                   "--listen-peer-urls",
                                   peer,
                                   "--initial-advertise-peer-urls",
                                   peer,
                                   "--initial-cluster",
                                   "one=" + peer};
  command.insert(command.end(), options_.begin(), options_.end());
  process_ =
      std::make_unique<Process>(workspace_.outputs(), fmt::format("etcd{}", starts_++), command);
  if (!eventually([&] { return get(url() + "/health").status == 200; })) {
    throw std::runtime_error("etcd does not answer: " + process_->err());
  }
}

std::string Etcd::control(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"/usr/bin/etcdctl", "--endpoints", url()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Process process(workspace_.outputs(), fmt::format("etcdctl{}", controls_++), command,
                  {"ETCDCTL_API=3"});
  if (process.wait() != 0) throw std::runtime_error("etcdctl: " + process.err());
  return process.out();
}

}  // namespace e2e
