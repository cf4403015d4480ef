#include "config/write.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "config/load.hpp"
#include "tests/config/specs.hpp"

namespace serverless::config {
namespace {

// Every key, and nothing at its default.
constexpr std::string_view kOther = R"([web]
listen = ["[::1]:1", "unix:/run/a \"quoted\" \\ name"]
enable_lifecycle = true
max_concurrent_scrapes = 7
max_connections = 8
max_connections_per_address = 9
auth_exempt_paths = ["/metrics"]
basic_auth_users = {}
basic_auth_users_file = "/etc/users"

[web.tls_server_config]
cert_file = "/c"
key_file = "/k"
client_ca_file = "/a"
client_auth_type = "RequireAndVerifyClientCert"
min_version = "TLS13"

[poll]
interval = "1m1s"
max_age = "5m"
timeout = "1s500ms"
discovery_interval = "1h"
max_in_flight = 3
quota_reserve = 0.35
max_body = "1500KiB"

[limits]
workers_per_endpoint = 1
workers_per_account = 2
workers_total = 3

[series]
workers = false
worker_status = "active"
image_label = true

[log]
level = "warn"
format = "json"

[cluster]
etcd = ["https://a:2379", "https://b:2379"]
name = "eu"
member = "one"
url = "http://one.example"
lease_ttl = "20s"
username = "me"
password_file = "/p"
ca_file = "/a"
cert_file = "/c"
key_file = "/k"

[[accounts]]
name = "one"
provider = "vast"
api_key_file = "/etc/vast key"
endpoints = ["1", "2"]
quota_group = "shared"
allow_overlap = true
interval = "2m"
max_age = "auto"
timeout = "2s"
discovery_interval = "2h"
max_in_flight = 4
quota_reserve = 0
max_body = "1MiB"
api_url = "https://vast.example"
autoscaler_url = "http://127.0.0.1:1/run"
groups = ["g1", "g2"]
join_instances = false

[[accounts]]
name = "other"
provider = "den"
api_key_env = "DEN_KEY"
interval = "66s"
organization = "acme"
local_workers = true
name_label = true

[[accounts]]
name = "third"
provider = "runpod"
api_key_credential = "runpod"
)";

Config load_or_fail(std::string_view text) {
  const auto config = load(text, "test.toml", specs());
  if (config) return *config;
  std::string problems;
  for (const auto& problem : config.error()) problems += to_string(problem) + "\n";
  ADD_FAILURE() << problems << text;
  return {};
}

// "key" of each line "key = value", commented out or not.
std::set<std::string> keys_of(const std::string& text) {
  std::set<std::string> keys;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) line.erase(0, 2);
    const auto end = line.find(" = ");
    if (end != std::string::npos && line.find(' ') == end) keys.insert(line.substr(0, end));
  }
  return keys;
}

TEST(ToToml, ReadsBackAsTheSameConfiguration) {
  const auto other = load_or_fail(kOther);
  EXPECT_EQ(load_or_fail(to_toml(other)), other);
  EXPECT_EQ(to_toml(load_or_fail(to_toml(other))), to_toml(other));
}

TEST(ToToml, HasEveryKeyOfTheExample) {
  std::ifstream file(SOURCE_DIR "/config/example.toml");
  const std::string example((std::istreambuf_iterator<char>(file)), {});
  auto expected = keys_of(example);
  ASSERT_GT(expected.size(), 30U);
  std::set<std::string> missing;
  for (const auto& key : expected) {
    const bool there = keys_of(to_toml(load_or_fail(kOther))).contains(key);
    if (!there && key != "tls_server_config") missing.insert(key);
  }
  EXPECT_EQ(missing, std::set<std::string>{});
}

TEST(ToToml, WhoIsInNoClusterHasNoSuchTable) {
  EXPECT_EQ(to_toml(Config{}).find("cluster"), std::string::npos);
}

TEST(ToToml, AHashIsNotTold) {
  Config config;
  config.web.basic_auth_users = {{"a", Secret("$2y$hunter2")}, {"b", Secret("$2y$hunter3")}};
  const auto text = to_toml(config);
  EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
  EXPECT_NE(text.find("basic_auth_users = { \"a\" = \"<secret>\", \"b\" = \"<secret>\" }\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("tls_server_config = {}\n"), std::string::npos) << text;
}

TEST(ToToml, AUserInAUrlIsNotTold) {
  Config config;
  config.cluster = {.etcd = {"https://me:hunter2@etcd.example:2379"},
                    .url = "http://hunter2@one.example/"};
  config.accounts.push_back({.name = "a", .provider = "x"});
  config.accounts[0].settings["api_url"] = std::string("https://me:hunter2@h.example/p@th");
  config.accounts[0].settings["more"] =
      std::vector<std::string>{"https://a@b:hunter2@h.example", "plain@text"};
  const auto text = to_toml(config);
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_NE(text.find("etcd = [\"https://<secret>@etcd.example:2379\"]\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("url = \"http://<secret>@one.example/\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("api_url = \"https://<secret>@h.example/p@th\"\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("more = [\"https://<secret>@h.example\", \"plain@text\"]\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace serverless::config
