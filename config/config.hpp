#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/secret.hpp"

namespace serverless::config {

using std::chrono::milliseconds;

/// [poll]: defaults of every account; an account may override each.
struct Poll {
  milliseconds interval{std::chrono::seconds{30}};
  std::optional<milliseconds> max_age{};  ///< Empty: auto, max(90 s, 3 x the effective interval).
  milliseconds timeout{std::chrono::seconds{10}};
  milliseconds discovery_interval{std::chrono::minutes{5}};
  std::uint32_t max_in_flight = 8;          ///< Requests under way at once, per API of an account.
  std::size_t max_body = 16 * 1024 * 1024;  ///< Bytes of one decoded answer.
  double quota_reserve = 0.2;               ///< 0..1, left to others who share the key.

  bool operator==(const Poll&) const = default;
};

/// [limits]: numbers of workers whose own series are published. 0: no limit.
struct Limits {
  std::uint64_t workers_per_endpoint = 5000;
  std::uint64_t workers_per_account = 0;
  std::uint64_t workers_total = 200000;

  bool operator==(const Limits&) const = default;
};

enum class WorkerStatusSeries : std::uint8_t {
  full,    ///< One series a status, 0 or 1.
  active,  ///< Only the series that is 1.
};
inline constexpr std::array<std::string_view, 2> kWorkerStatusSeriesNames{"full", "active"};

/// [series]: what is published at all.
struct Series {
  bool workers = true;
  WorkerStatusSeries worker_status = WorkerStatusSeries::full;
  bool image_label = false;

  bool operator==(const Series&) const = default;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
inline constexpr std::array<std::string_view, 4> kLogLevelNames{"debug", "info", "warn", "error"};
static_assert(kLogLevelNames[static_cast<std::size_t>(LogLevel::error)] == "error");
enum class LogFormat : std::uint8_t { logfmt, json };
inline constexpr std::array<std::string_view, 2> kLogFormatNames{"logfmt", "json"};

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::logfmt;

  bool operator==(const Log&) const = default;
};

/// What a client's certificate has to be, as the exporter-toolkit and Go call it.
enum class ClientAuth : std::uint8_t {
  NoClientCert,                ///< Not asked for.
  RequestClientCert,           ///< Asked for, and never looked at.
  RequireAnyClientCert,        ///< Required, and never looked at.
  VerifyClientCertIfGiven,     ///< Not required, but a bad one is refused.
  RequireAndVerifyClientCert,  ///< Required, by an authority of client_ca_file.
};
inline constexpr std::array<std::string_view, 5> kClientAuthNames{
    "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert"};
static_assert(kClientAuthNames[static_cast<std::size_t>(ClientAuth::RequireAndVerifyClientCert)] ==
              "RequireAndVerifyClientCert");

enum class TlsVersion : std::uint8_t { TLS12, TLS13 };
inline constexpr std::array<std::string_view, 2> kTlsVersionNames{"TLS12", "TLS13"};

/// [web.tls_server_config]. Paths of PEM files.
struct Tls {
  std::string cert_file{};
  std::string key_file{};
  std::string client_ca_file{};  ///< Empty: none.
  ClientAuth client_auth_type = ClientAuth::NoClientCert;
  TlsVersion min_version = TlsVersion::TLS12;

  bool operator==(const Tls&) const = default;
};

/// Bcrypt hashes of passwords, by name.
using Users = std::map<std::string, Secret, std::less<>>;

/// [web]. Addresses are checked for their form here and bound by the server.
struct Web {
  std::vector<std::string> listen{"127.0.0.1:10042"};  ///< host:port, [v6]:port, unix:/path.
  bool enable_lifecycle = false;
  std::vector<std::string> auth_exempt_paths{"/-/healthy", "/-/ready"};
  std::uint32_t max_concurrent_scrapes = 40;
  std::uint32_t max_connections = 512;
  std::uint32_t max_connections_per_address = 64;
  std::optional<Tls> tls_server_config{};  ///< Empty: plain HTTP.
  Users basic_auth_users{};
  std::string basic_auth_users_file{};  ///< More of them; empty: none.

  bool operator==(const Web&) const = default;
};

/// Where an account's key comes from. The key itself is never part of the configuration.
struct KeySource {
  enum class Kind : std::uint8_t {
    file,        ///< api_key_file: a path.
    env,         ///< api_key_env: a variable's name.
    credential,  ///< api_key_credential: a file below $CREDENTIALS_DIRECTORY (systemd.exec(5)).
  };
  Kind kind = Kind::file;
  std::string name{};

  bool operator==(const KeySource&) const = default;
};

/// The value of a key that only one provider knows.
using Setting = std::variant<bool, std::string, std::vector<std::string>>;

/// One [[accounts]] table.
struct Account {
  std::string name{};
  std::string provider{};  ///< A name of the table of providers.
  KeySource key{};
  std::vector<std::string> endpoints{};  ///< Empty: discover all.
  std::string quota_group{};             ///< Accounts with the same word share one quota.
  bool allow_overlap = false;
  Poll poll{};
  std::map<std::string, Setting, std::less<>>
      settings{};  ///< Every key of its provider, defaults filled in.

  /// The value of a key of its provider. A URL has no slash at its end.
  /// @throw std::out_of_range, std::bad_variant_access where the provider's row has no such key, or
  ///        one of another type.
  template <typename T>
  [[nodiscard]] const T& setting(std::string_view name_of_key) const {
    return std::get<T>(settings.at(std::string{name_of_key}));
  }

  bool operator==(const Account&) const = default;
};

/// [cluster]: exporters that divide the polling among themselves through etcd.
struct Cluster {
  std::vector<std::string> etcd{};  ///< Base URLs, tried in turn.
  std::string name = "default";     ///< Exporters of one name are one cluster.
  std::string member{};             ///< This one's own name; empty: the host's.
  std::string url{};                ///< Where people find this one's status page; empty: not told.
  milliseconds lease_ttl{std::chrono::seconds{15}};
  std::string username{};  ///< Empty: etcd asks for none.
  std::string password_file{};
  std::string ca_file{};    ///< PEM; empty: the system's authorities.
  std::string cert_file{};  ///< PEM, with key_file; empty: none is shown.
  std::string key_file{};

  bool operator==(const Cluster&) const = default;
};

struct Config {
  std::optional<Cluster> cluster{};  ///< Empty: alone, or a static shard.
  Web web{};
  Poll poll{};
  Limits limits{};
  Series series{};
  Log log{};
  std::vector<Account> accounts{};

  bool operator==(const Config&) const = default;
};

/// A key that one provider adds to its accounts.
struct KeySpec {
  enum class Type : std::uint8_t { url, text, boolean, list };
  std::string_view name{};
  Type type = Type::text;
  Setting fallback{};
  std::string_view help{};
  /// What is wrong with a value, or nothing. Null: any value of the type will do. For a url the
  /// scheme, and plain http beyond loopback, are checked before.
  std::optional<std::string> (*check)(std::string_view value) = nullptr;
};

/// What load() is told of a provider, so that this room knows none of them by name.
struct ProviderSpec {
  std::string_view name{};
  std::span<const KeySpec> keys{};
  bool discovers = true;  ///< False: an account is one endpoint, and `endpoints` is refused.
};

/// One mistake in a configuration. Lines and columns start at 1; 0 where there is no place to name.
struct Problem {
  std::string file{};
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string what{};

  bool operator==(const Problem&) const = default;
};

/// "file:line:column: what", or "file: what" where there is no place.
std::string to_string(const Problem& problem);

}  // namespace serverless::config
