#include "tests/e2e/etcd_fixture.hpp"

#include <fmt/format.h>

#include <csignal>
#include <stdexcept>

namespace e2e {

Etcd::Etcd(const Workspace& workspace)
    : workspace_(workspace), client_port_(free_port()), peer_port_(free_port()) {
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
  process_ = std::make_unique<Process>(
      workspace_.outputs(), fmt::format("etcd{}", starts_++),
      std::vector<std::string>{
          "/usr/bin/etcd", "--name", "one", "--data-dir", (workspace_.path() / "etcd").string(),
          "--listen-client-urls", url(), "--advertise-client-urls", url(), "--listen-peer-urls",
          peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "one=" + peer});
  if (!eventually([&] { return get(url() + "/health").status == 200; })) {
    throw std::runtime_error("etcd does not answer: " + process_->err());
  }
}

}  // namespace e2e
