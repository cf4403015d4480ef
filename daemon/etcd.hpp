#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/error.hpp"
#include "collectors/json.hpp"
#include "collectors/timestamp.hpp"
#include "config/config.hpp"
#include "config/secret.hpp"
#include "daemon/curl_http.hpp"

namespace serverless::daemon {

/// A client of etcd's JSON gateway (etcd 3.4 and later, /v3/...; api-reference "etcd API" and
/// "gRPC gateway" of its documentation). A call takes kPatience at most, whatever it needs. Where a
/// server cannot be reached or has no leader, the next is asked; each has its part of the time, and
/// the one that answered is asked first from then on. With a user it authenticates first, and again
/// when its token is refused. Threads: any. Lifetime: `http` outlives it.
/// Errors: as http::Client::send(), with the URL of a server that cannot be reached; `auth` (wrong
/// password, or a token that is not taken even when it is new), `forbidden` (not this user's keys),
/// `gone` (no such lease), `too_large`, `schema`, and `provider` for anything else that etcd
/// refuses: no space, no leader. The words are etcd's own. `internal` after a stop. What failed
/// otherwise than by a refusal may have been done all the same.
class Etcd {
 public:
  static constexpr std::chrono::milliseconds kPatience{2000};
  static constexpr std::size_t kMostOfARange = std::size_t{64} * 1024 * 1024;

  Etcd(config::Cluster cluster, CurlHttp& http);
  Etcd(const Etcd&) = delete;
  Etcd& operator=(const Etcd&) = delete;

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
  /// @return the time to live, from some moment of this call on: whoever relies on it counts from
  ///         before it. `gone` where etcd does not know the lease any more.
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
  /// @param bytes  of keys and values together: if there are more, that is `too_large`.
  Result<std::vector<KeyValue>> range(std::string_view prefix, const std::stop_token& stop,
                                      std::size_t bytes = kMostOfARange);

 private:
  /// What one call has.
  struct Call {
    Mono deadline{};
    const std::stop_token& stop;
    bool repeated = false;  ///< Something was asked of more than one server, so perhaps done twice.
  };
  struct Page {
    std::vector<KeyValue> keys{};
    std::int64_t revision = 0;
    bool more = false;
  };

  static void no_keys(const std::string&, const json::Value&) {}
  static Call begin(const std::stop_token& stop);
  /// Asks one server after the other, as the user.
  /// @param on_key  is given each of the answer's keys.
  Result<json::Document> ask(std::string_view path, const std::string& body, Call& call,
                             const json::OnElement& on_key = no_keys);
  Result<json::Document> ask_as(const config::Secret& token, std::string_view path,
                                const std::string& body, Call& call,
                                const json::OnElement& on_key = no_keys);
  std::size_t first_server();
  void stay_with(std::size_t server);
  /// @param refused  what etcd did not take.
  Result<config::Secret> token(const std::optional<config::Secret>& refused, Call& call);
  Result<config::Secret> authenticate(Call& call);
  Result<Page> page(std::string_view from, std::string_view end, std::int64_t revision,
                    std::size_t most, Call& call);

  const config::Cluster cluster_;
  const Trust trust_;
  CurlHttp& http_;
  std::mutex mutex_{};
  std::size_t server_ = 0;  ///< Which is asked first.
  std::optional<config::Secret> token_{};
};

}  // namespace serverless::daemon
