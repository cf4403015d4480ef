#pragma once

#include <memory>
#include <string>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {

/// A real etcd of one server, on the loopback, which keeps its ports and its data when it is
/// started again.
class Etcd {
 public:
  /// Waits until it answers.
  explicit Etcd(const Workspace& workspace);

  [[nodiscard]] std::string url() const;
  Process& process() { return *process_; }
  /// Without a word, by SIGKILL.
  void kill();
  void start();

 private:
  const Workspace& workspace_;
  int client_port_;
  int peer_port_;
  int starts_ = 0;
  std::unique_ptr<Process> process_{};
};

}  // namespace e2e
