#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "config/config.hpp"

namespace serverless::daemon {

/// A certificate with its key, and whose certificates clients need. Never changes: other files make
/// another one, and connections keep theirs. The only door to GnuTLS's TLS. Threads: any.
class Tls {
 public:
  /// Reads the files.
  /// @return it, or what is wrong, naming the key of the configuration and the file.
  static tl::expected<std::shared_ptr<const Tls>, std::string> load(const config::Tls& config);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  /// Puts a new server's session on it. It must outlive the session.
  /// @param session  a gnutls_session_t.
  void arm(void* session) const;

  /// Whether this armed session has read more than was taken from it.
  static bool holds_more(void* session);
  /// Whatever comes, this armed session hears the end only.
  static void hang_up(void* session);

  /// After which the certificate is not valid. Unix time.
  [[nodiscard]] double not_after() const;

  /// The descriptor of the armed session that was read last by this thread.
  static int last_read();

  struct Failure {
    bool certificate = false;  ///< It was the client's certificate.
    std::string what{};
  };
  /// Why the handshake of this session just failed, on this thread.
  static Failure failure_of(void* session);

 private:
  struct Parts;
  explicit Tls(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace serverless::daemon
