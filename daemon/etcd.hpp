#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/error.hpp"
#include "config/config.hpp"
#include "config/secret.hpp"
#include "daemon/curl_http.hpp"

namespace serverless::daemon {

/// A client of etcd's JSON gateway (etcd 3.4 and later, /v3/...; api-reference "etcd API" and
/// "gRPC gateway" of its documentation). Every call waits for an answer, for kPatience at most, and
/// asks the next of the servers when one cannot be reached. With a user it authenticates first, and
/// again when its token is refused. Threads: any. Lifetime: `http` outlives it.
/// Errors: as http::Client::send(), and `auth` (wrong password, or a token that is not taken even
/// when it is new), `forbidden` (not this user's keys), `provider` with etcd's own words for
/// anything else that it refuses: no space, no leader, too large a request.
class Etcd {
 public:
  static constexpr std::chrono::milliseconds kPatience{2000};

  Etcd(config::Cluster cluster, CurlHttp& http);

  struct KeyValue {
    std::string key{};
    std::string value{};
    std::int64_t create_revision = 0;
    std::int64_t mod_revision = 0;
    std::int64_t lease = 0;  ///< 0: none.

    bool operator==(const KeyValue&) const = default;
  };
  struct Lease {
    std::int64_t id = 0;
    std::chrono::seconds ttl{0};  ///< As granted, which may be more than asked for.

    bool operator==(const Lease&) const = default;
  };

  Result<Lease> grant(std::chrono::seconds ttl, const std::stop_token& stop);
  /// @return the time to live from now; `gone` where etcd does not know the lease any more.
  Result<std::chrono::seconds> keep_alive(std::int64_t lease, const std::stop_token& stop);
  /// Ends it, with all its keys. No error where it is not known.
  Result<void> revoke(std::int64_t lease, const std::stop_token& stop);
  /// @param lease  0: without one.
  Result<void> put(std::string_view key, std::string_view value, std::int64_t lease,
                   const std::stop_token& stop);
  /// As put(), unless the key is there. @return whether it was put.
  Result<bool> put_new(std::string_view key, std::string_view value, std::int64_t lease,
                       const std::stop_token& stop);
  Result<void> remove(std::string_view key, const std::stop_token& stop);
  Result<std::optional<KeyValue>> get(std::string_view key, const std::stop_token& stop);
  /// All keys that begin so, sorted, as of one revision. Linearizable: no answer without a quorum.
  Result<std::vector<KeyValue>> range(std::string_view prefix, const std::stop_token& stop);
};

}  // namespace serverless::daemon
