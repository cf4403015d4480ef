#include "config/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>

#include "config/form.hpp"
#include "config/units.hpp"

namespace serverless::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMostScrapes = 1000;
constexpr std::uint64_t kLeastConnections = 8;
constexpr std::uint64_t kMostConnections = 8192;
constexpr std::uint64_t kMostInFlight = 256;
constexpr double kMostReserve = 0.9;
constexpr std::uint64_t kMostWorkers = 1'000'000'000;
constexpr std::size_t kLeastBody = 1024;
constexpr std::size_t kMostBody = 1024 * 1024 * 1024;

template <typename Enum>
auto word(std::span<const std::string_view> words) {
  return [words](const Node& node) {
    return read_word(node, words).map([](std::size_t index) { return static_cast<Enum>(index); });
  };
}

template <typename Number>
auto integer(std::uint64_t least, std::uint64_t most) {
  return [least, most](const Node& node) {
    return read_integer(node, least, most).map([](std::uint64_t number) {
      return static_cast<Number>(number);
    });
  };
}

auto duration(milliseconds least, milliseconds most) {
  return [least, most](const Node& node) { return read_duration(node, least, most); };
}

Parsed<std::string> read_url_path(const Node& node) {
  auto text = read_text(node);
  if (!text || text->starts_with('/')) return text;
  return tl::make_unexpected(std::string("expected a path that begins with '/'"));
}

void read_tls(Table& web, std::optional<Tls>& into) {
  const auto* entries = web.section("tls_server_config");
  if (entries == nullptr || entries->empty()) return;
  const auto& section = *web.find("tls_server_config");
  Table table{entries, "[web.tls_server_config]", web.findings()};
  Tls tls;
  for (const auto& [key, path] :
       {std::pair("cert_file", &tls.cert_file), std::pair("key_file", &tls.key_file)}) {
    if (table.find(key) == nullptr) {
      web.findings().add(section.place, fmt::format("{}: missing in [web.tls_server_config]", key));
    }
    table.read(key, *path, read_path);
  }
  const auto* authority = table.find("client_ca_file");
  table.read("client_ca_file", tls.client_ca_file, read_path);
  const auto* type =
      table.read("client_auth_type", tls.client_auth_type, word<ClientAuth>(kClientAuthNames));
  table.read("min_version", tls.min_version, word<TlsVersion>(kTlsVersionNames));
  const bool verifies = tls.client_auth_type == ClientAuth::VerifyClientCertIfGiven ||
                        tls.client_auth_type == ClientAuth::RequireAndVerifyClientCert;
  if (verifies && authority == nullptr) {
    table.add(*type, type->node.place, "client_ca_file is needed to verify certificates");
  }
  // Somebody believes that certificates are looked at.
  if (!verifies && authority != nullptr) {
    table.add(*authority, authority->place,
              "no certificate is verified: set client_auth_type, for instance to "
              "\"RequireAndVerifyClientCert\"");
  }
  table.finish();
  into = std::move(tls);
}

void read_users(Table& web, Users& users) {
  const auto* entries = web.section("basic_auth_users");
  if (entries == nullptr) return;
  for (const auto& entry : *entries) {
    const auto add = [&](const std::string& what) {
      web.findings().add(entry.node.place, "basic_auth_users: " + what);
    };
    if (!is_user(entry.key)) {
      add("expected a name of 1 to 64 printable characters");
      continue;
    }
    const auto* hash = std::get_if<std::string>(&entry.node.value);
    const auto wrong = wrong_bcrypt(hash == nullptr ? "" : *hash);
    if (wrong) {
      add(*wrong);
    } else {
      users.emplace(entry.key, Secret(*hash));
    }
  }
}

// etcd counts whole seconds.
Parsed<milliseconds> read_lease_ttl(const Node& node) {
  auto ttl = read_duration(node, seconds{5}, minutes{10});
  if (!ttl || *ttl % seconds{1} == milliseconds{0}) return ttl;
  return unlike("whole seconds", node);
}

struct Half {
  std::string_view key{};
  std::string& into;
  Parsed<std::string> (*read)(const Node&) = nullptr;
};

// Two keys of which neither does anything alone.
void read_pair(Table& table, const Half& one, const Half& other) {
  const auto before = table.findings().size();
  table.read(one.key, one.into, or_empty(one.read));
  table.read(other.key, other.into, or_empty(other.read));
  if (table.findings().size() != before || one.into.empty() == other.into.empty()) return;
  const auto& there = one.into.empty() ? other : one;
  const auto& missing = one.into.empty() ? one : other;
  const auto* entry = table.find(there.key);
  table.add(*entry, entry->node.place, fmt::format("{} is needed beside it", missing.key));
}

}  // namespace

void read_web(Table& table, Web& web) {
  const auto* listen = table.read_list("listen", web.listen, read_listen_address);
  if (listen != nullptr && web.listen.empty()) {
    table.add(*listen, listen->node.place, "expected at least one address");
  }
  table.read("enable_lifecycle", web.enable_lifecycle, read_boolean);
  table.read("max_concurrent_scrapes", web.max_concurrent_scrapes,
             integer<std::uint32_t>(1, kMostScrapes));
  table.read_list("auth_exempt_paths", web.auth_exempt_paths, read_url_path);
  read_tls(table, web.tls_server_config);
  read_users(table, web.basic_auth_users);
  table.read("basic_auth_users_file", web.basic_auth_users_file, or_empty(read_path));
  table.read("max_connections", web.max_connections,
             integer<std::uint32_t>(kLeastConnections, kMostConnections));
  table.read("max_connections_per_address", web.max_connections_per_address,
             integer<std::uint32_t>(1, kMostConnections));
}

void read_poll(Table& table, Poll& poll) {
  const auto before = table.findings().size();
  table.read("interval", poll.interval, duration(seconds{1}, hours{24}));
  const bool interval_is_known = table.findings().size() == before;
  table.read("max_age", poll.max_age, [](const Node& node) {
    return read_duration_or_auto(node, seconds{1}, hours{24 * 7});
  });
  const auto* timeout =
      table.read("timeout", poll.timeout, duration(milliseconds{100}, minutes{10}));
  if (timeout != nullptr && interval_is_known && poll.timeout > poll.interval) {
    table.add(*timeout, timeout->node.place,
              fmt::format("{} is longer than the interval, which is {} here",
                          duration_text(poll.timeout), duration_text(poll.interval)));
  }
  if (timeout == nullptr) poll.timeout = std::min(poll.timeout, poll.interval);
  table.read("discovery_interval", poll.discovery_interval, duration(seconds{1}, hours{24}));
  table.read("max_in_flight", poll.max_in_flight, integer<std::uint32_t>(1, kMostInFlight));
  table.read("quota_reserve", poll.quota_reserve,
             [](const Node& node) { return read_ratio(node, 0, kMostReserve); });
  table.read("max_body", poll.max_body,
             [](const Node& node) { return read_size(node, kLeastBody, kMostBody); });
}

void read_limits(Table& table, Limits& limits) {
  const auto workers = integer<std::uint64_t>(0, kMostWorkers);
  table.read("workers_per_endpoint", limits.workers_per_endpoint, workers);
  table.read("workers_per_account", limits.workers_per_account, workers);
  table.read("workers_total", limits.workers_total, workers);
}

void read_series(Table& table, Series& series) {
  table.read("workers", series.workers, read_boolean);
  table.read("worker_status", series.worker_status,
             word<WorkerStatusSeries>(kWorkerStatusSeriesNames));
  table.read("image_label", series.image_label, read_boolean);
}

void read_log(Table& table, Log& log) {
  table.read("level", log.level, word<LogLevel>(kLogLevelNames));
  table.read("format", log.format, word<LogFormat>(kLogFormatNames));
}

void read_cluster(Table& top, std::optional<Cluster>& into) {
  const auto* entries = top.section("cluster");
  if (entries == nullptr) return;
  const auto place = top.find("cluster")->place;
  Table table{entries, "[cluster]", top.findings()};
  Cluster cluster;
  if (table.find("etcd") == nullptr) top.findings().add(place, "etcd: missing in [cluster]");
  const auto* etcd = table.read_list("etcd", cluster.etcd, read_server);
  if (etcd != nullptr && cluster.etcd.empty()) {
    table.add(*etcd, etcd->node.place, "expected at least one URL");
  }
  table.read("name", cluster.name, read_name);
  table.read("member", cluster.member, or_empty(read_name));
  table.read("url", cluster.url, or_empty(read_link));
  table.read("lease_ttl", cluster.lease_ttl, read_lease_ttl);
  read_pair(table, {"username", cluster.username, read_text},
            {"password_file", cluster.password_file, read_path});
  table.read("ca_file", cluster.ca_file, or_empty(read_path));
  read_pair(table, {"cert_file", cluster.cert_file, read_path},
            {"key_file", cluster.key_file, read_path});
  table.finish();
  into = std::move(cluster);
}

}  // namespace serverless::config
