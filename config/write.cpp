#include "config/write.hpp"

#include <fmt/format.h>

#include <string_view>

#include "config/units.hpp"

namespace serverless::config {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

// load() refuses a URL with a user. Should one come another way, it is not told.
std::string without_user(std::string text) {
  const auto begin = text.find("://");
  if (begin == std::string::npos) return text;
  const auto host = begin + 3;
  const auto at = text.rfind('@', text.find('/', host));
  if (at == std::string::npos || at < host) return text;
  return text.replace(host, at - host, "<secret>");
}

std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(const std::string& value) { return quoted(without_user(value)); }
std::string value_text(milliseconds value) { return quoted(duration_text(value)); }
std::string value_text(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + value_text(value);
  return "[" + out + "]";
}
std::string value_text(const Setting& value) {
  return std::visit([](const auto& known) { return value_text(known); }, value);
}
template <typename Number>
std::string value_text(Number value) {
  return fmt::format("{}", value);
}

class Writer {
 public:
  void table(std::string_view title) {
    out_ += fmt::format("{}{}\n", out_.empty() ? "" : "\n", title);
  }
  template <typename Value>
  void key(std::string_view name, const Value& value) {
    out_ += fmt::format("{} = {}\n", name, value_text(value));
  }
  void line(std::string_view text) { out_ += text; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_{};
};

void write_tls(Writer& out, const Tls& tls) {
  out.table("[web.tls_server_config]");
  out.key("cert_file", tls.cert_file);
  out.key("key_file", tls.key_file);
  if (!tls.client_ca_file.empty()) out.key("client_ca_file", tls.client_ca_file);
  out.key("client_auth_type",
          std::string(kClientAuthNames[static_cast<std::size_t>(tls.client_auth_type)]));
  out.key("min_version", std::string(kTlsVersionNames[static_cast<std::size_t>(tls.min_version)]));
}

// A hash is a secret, too: who has it can guess passwords at home.
std::string users_text(const Users& users) {
  std::string text;
  for (const auto& [name, hash] : users) {
    text += fmt::format("{}{} = \"<secret>\"", text.empty() ? "" : ", ", quoted(name));
  }
  return fmt::format("basic_auth_users = {{{}}}\n", text.empty() ? "" : " " + text + " ");
}

void write_web(Writer& out, const Web& web) {
  out.table("[web]");
  out.key("listen", web.listen);
  out.key("enable_lifecycle", web.enable_lifecycle);
  out.key("max_concurrent_scrapes", web.max_concurrent_scrapes);
  out.key("max_connections", web.max_connections);
  out.key("max_connections_per_address", web.max_connections_per_address);
  out.key("auth_exempt_paths", web.auth_exempt_paths);
  out.line(users_text(web.basic_auth_users));
  out.key("basic_auth_users_file", web.basic_auth_users_file);
  if (web.tls_server_config) {
    write_tls(out, *web.tls_server_config);
  } else {
    out.line("tls_server_config = {}\n");
  }
}

void write_poll(Writer& out, const Poll& poll) {
  out.key("interval", poll.interval);
  out.key("max_age", poll.max_age ? duration_text(*poll.max_age) : std::string("auto"));
  out.key("timeout", poll.timeout);
  out.key("discovery_interval", poll.discovery_interval);
  out.key("max_in_flight", poll.max_in_flight);
  out.key("quota_reserve", poll.quota_reserve);
  out.key("max_body", size_text(poll.max_body));
}

std::string_view key_name(KeySource::Kind kind) {
  switch (kind) {
    case KeySource::Kind::file:
      return "api_key_file";
    case KeySource::Kind::env:
      return "api_key_env";
    case KeySource::Kind::credential:
      return "api_key_credential";
  }
  return "";
}

void write_cluster(Writer& out, const Cluster& cluster) {
  out.table("[cluster]");
  out.key("etcd", cluster.etcd);
  out.key("name", cluster.name);
  out.key("member", cluster.member);
  out.key("url", cluster.url);
  out.key("lease_ttl", cluster.lease_ttl);
  out.key("username", cluster.username);
  out.key("password_file", cluster.password_file);
  out.key("ca_file", cluster.ca_file);
  out.key("cert_file", cluster.cert_file);
  out.key("key_file", cluster.key_file);
}

void write_account(Writer& out, const Account& account) {
  out.table("[[accounts]]");
  out.key("name", account.name);
  out.key("provider", account.provider);
  out.key(key_name(account.key.kind), account.key.name);
  if (!account.endpoints.empty()) out.key("endpoints", account.endpoints);
  out.key("quota_group", account.quota_group);
  out.key("allow_overlap", account.allow_overlap);
  write_poll(out, account.poll);
  for (const auto& [name, value] : account.settings) out.key(name, value);
}

}  // namespace

std::string to_toml(const Config& config) {
  Writer out;
  write_web(out, config.web);
  out.table("[poll]");
  write_poll(out, config.poll);
  out.table("[limits]");
  out.key("workers_per_endpoint", config.limits.workers_per_endpoint);
  out.key("workers_per_account", config.limits.workers_per_account);
  out.key("workers_total", config.limits.workers_total);
  out.table("[series]");
  out.key("workers", config.series.workers);
  out.key(
      "worker_status",
      std::string(kWorkerStatusSeriesNames[static_cast<std::size_t>(config.series.worker_status)]));
  out.key("image_label", config.series.image_label);
  out.table("[log]");
  out.key("level", std::string(kLogLevelNames[static_cast<std::size_t>(config.log.level)]));
  out.key("format", std::string(kLogFormatNames[static_cast<std::size_t>(config.log.format)]));
  if (config.cluster) write_cluster(out, *config.cluster);
  for (const auto& account : config.accounts) write_account(out, account);
  return out.take();
}

}  // namespace serverless::config
