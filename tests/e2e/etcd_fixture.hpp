#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {

/// A real etcd of one server, on the loopback, which keeps its ports and its data when it is
/// started again.
class Etcd {
 public:
  /// Waits until it answers. @param options  further ones of its command line.
  explicit Etcd(const Workspace& workspace, std::vector<std::string> options = {});

  [[nodiscard]] std::string url() const;
  Process& process() { return *process_; }
  /// Without a word, by SIGKILL.
  void kill();
  void start();
  /// Runs etcdctl; what it prints. It must succeed.
  std::string control(const std::vector<std::string>& arguments);

 private:
  const Workspace& workspace_;
  std::vector<std::string> options_;
  int client_port_;
  int peer_port_;
  int starts_ = 0;
  int controls_ = 0;
  std::unique_ptr<Process> process_{};
};

}  // namespace e2e
