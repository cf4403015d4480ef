#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/certificates_fixture.hpp"
#include "tests/e2e/process_fixture.hpp"

namespace e2e {

/// A real etcd of one member or several, on the loopback. Started again, a member has the same
/// ports and data; nothing waits for a disk.
class EtcdServers {
 public:
  struct Form {
    std::size_t members = 1;
    const Authority* authority = nullptr;  ///< Null: plain HTTP.
    bool asks_for_certificates = false;    ///< Of the same authority.
    std::uint64_t quota_bytes = 0;         ///< Of its database, before it is full; 0: etcd's own.
    std::uint64_t request_bytes = 1'572'864;  ///< Of one request at most.
    seconds token_ttl{300};
  };

  /// Waits until they are healthy.
  /// @param directory where data and what they write are put; it must be there.
  EtcdServers(std::filesystem::path directory, const Form& form);
  explicit EtcdServers(std::filesystem::path directory)
      : EtcdServers(std::move(directory), Form()) {}

  [[nodiscard]] std::vector<std::string> urls() const;
  [[nodiscard]] std::string url(std::size_t member = 0) const;
  [[nodiscard]] Process& process(std::size_t member = 0) { return *members_.at(member).process; }

  /// At once, and waits for its end.
  void kill(std::size_t member = 0);
  /// Its connections stay, and nothing answers.
  void pause(std::size_t member = 0) const;
  void resume(std::size_t member = 0) const;
  /// Waits until it is healthy again.
  void start(std::size_t member = 0);
  [[nodiscard]] bool is_healthy(std::size_t member = 0) const;

  /// Lets in none but root and, from now on, this user, who may do all with the keys that begin so.
  void let_in(const std::string& user, const std::string& password, const std::string& prefix);

  /// Runs etcdctl, as root where users are asked for. @return what it printed.
  std::string ctl(const std::vector<std::string>& words) const;

 private:
  struct Member {
    std::string name{};
    int client_port = 0;
    int peer_port = 0;
    int health_port = 0;
    std::unique_ptr<Process> process{};
  };

  [[nodiscard]] bool try_all();
  void launch(Member& member) const;

  std::filesystem::path directory_;
  Form form_;
  std::optional<Certificate> certificate_{};
  std::vector<Member> members_{};
  std::string root_{};  ///< "root:password", once users are asked for.
  mutable int runs_ = 0;
};

}  // namespace e2e
