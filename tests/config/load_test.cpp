#include "config/load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <tuple>

#include "tests/config/specs.hpp"

namespace serverless::config {
namespace {

using namespace std::chrono_literals;
using Settings = std::map<std::string, Setting, std::less<>>;
namespace fs = std::filesystem;

const fs::path kInvalid = fs::path(SOURCE_DIR) / "tests/fixtures/config/invalid";

constexpr std::string_view kOneAccount = R"(
[[accounts]]
name = "prod"
provider = "runpod"
api_key_file = "/etc/key"
)";

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

Config load_good(std::string_view text) {
  const auto config = load(text, "test.toml", specs());
  if (config) return *config;
  for (const auto& problem : config.error()) ADD_FAILURE() << to_string(problem);
  return {};
}

std::string problems_of(std::string_view text, std::string_view file = "test.toml") {
  const auto config = load(text, file, specs());
  if (config) return "";
  std::string lines;
  for (const auto& problem : config.error()) lines += to_string(problem) + "\n";
  return lines;
}

Account prod() {
  return {.name = "prod",
          .provider = "runpod",
          .key = {.kind = KeySource::Kind::file, .name = "/etc/key"},
          .settings = {{"api_url", std::string("https://api.runpod.io")},
                       {"queue_url", std::string("https://api.runpod.ai")}}};
}

// Every mistake has its file, and beside it what is said of it, word for word.
TEST(Load, EveryMistakeIsReportedWordForWord) {
  std::size_t fixtures = 0;
  for (const auto& file : fs::directory_iterator(kInvalid)) {
    const auto path = file.path();
    if (path.extension() == ".txt") {
      EXPECT_TRUE(fs::exists(fs::path(path).replace_extension(".toml"))) << path;
      continue;
    }
    ++fixtures;
    const auto wanted = read_file(fs::path(path).replace_extension(".txt"));
    EXPECT_FALSE(wanted.empty()) << path;
    EXPECT_EQ(problems_of(read_file(path), path.filename().string()), wanted) << path;
  }
  EXPECT_GT(fixtures, 0u);
}

// All fixtures that put a key in the wrong place use this one.
TEST(Load, NoMessageRepeatsAKey) {
  for (const auto& file : fs::directory_iterator(kInvalid)) {
    if (file.path().extension() != ".toml") continue;
    const auto said = problems_of(read_file(file.path()));
    EXPECT_EQ(said.find("KEYKEY"), std::string::npos) << said;
    EXPECT_EQ(said.find("70617373"), std::string::npos) << said;
  }
}

TEST(Load, MistakesComeInTheOrderOfTheText) {
  const auto said = load(read_file(kInvalid / "everything-at-once.toml"), "f", specs()).error();
  EXPECT_GT(said.size(), 5u);
  EXPECT_TRUE(std::is_sorted(said.begin(), said.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  }));
}

TEST(Load, WhatIsNotWrittenHasItsDefault) {
  EXPECT_EQ(load_good(kOneAccount), (Config{.accounts = {prod()}}));
}

TEST(Load, EveryKeyIsRead) {
  const auto config = load_good(R"(
[web]
listen = ["[::1]:1", "unix:/run/x.sock"]
enable_lifecycle = true
max_concurrent_scrapes = 2
max_connections = 100
max_connections_per_address = 9
auth_exempt_paths = ["/metrics"]
basic_auth_users_file = "/users"
[web.basic_auth_users]
me = "$2y$10$abcdefghijklmnopqrstuuR0aAtPRbUz2ZbQ5kY3iY7S1z1l3Fv0e"
[web.tls_server_config]
cert_file = "/c"
key_file = "/k"
client_ca_file = "/a"
client_auth_type = "VerifyClientCertIfGiven"
min_version = "TLS13"
[poll]
interval = "1m"
max_age = "3m"
timeout = "1500ms"
discovery_interval = "1h30m"
max_in_flight = 3
max_body = "64KB"
[limits]
workers_per_endpoint = 0
workers_per_account = 5
workers_total = 6
[series]
workers = false
worker_status = "active"
image_label = true
[log]
level = "debug"
format = "json"
[cluster]
etcd = ["https://10.0.0.1:2379/", "http://[::1]:2379"]
name = "eu-1"
member = "exporter.0"
url = "http://exporter-0.example:10042/a/"
lease_ttl = "10m"
username = "root"
password_file = "/p"
ca_file = "/a"
cert_file = "/c"
key_file = "/k"
)" + std::string(kOneAccount));
  auto account = prod();
  account.poll = {.interval = 1min,
                  .max_age = 3min,
                  .timeout = 1500ms,
                  .discovery_interval = 90min,
                  .max_in_flight = 3,
                  .max_body = 64'000};
  const Tls tls{.cert_file = "/c",
                .key_file = "/k",
                .client_ca_file = "/a",
                .client_auth_type = ClientAuth::VerifyClientCertIfGiven,
                .min_version = TlsVersion::TLS13};
  const Users users{{"me", Secret("$2y$10$abcdefghijklmnopqrstuuR0aAtPRbUz2ZbQ5kY3iY7S1z1l3Fv0e")}};
  const Cluster cluster{.etcd = {"https://10.0.0.1:2379", "http://[::1]:2379"},
                        .name = "eu-1",
                        .member = "exporter.0",
                        .url = "http://exporter-0.example:10042/a",
                        .lease_ttl = 10min,
                        .username = "root",
                        .password_file = "/p",
                        .ca_file = "/a",
                        .cert_file = "/c",
                        .key_file = "/k"};
  EXPECT_EQ(config, (Config{.cluster = cluster,
                            .web = {.listen = {"[::1]:1", "unix:/run/x.sock"},
                                    .enable_lifecycle = true,
                                    .auth_exempt_paths = {"/metrics"},
                                    .max_concurrent_scrapes = 2,
                                    .max_connections = 100,
                                    .max_connections_per_address = 9,
                                    .tls_server_config = tls,
                                    .basic_auth_users = users,
                                    .basic_auth_users_file = "/users"},
                            .poll = account.poll,
                            .limits = {0, 5, 6},
                            .series = {false, WorkerStatusSeries::active, true},
                            .log = {LogLevel::debug, LogFormat::json},
                            .accounts = {account}}));
}

TEST(Load, AClusterNeedsItsServersOnly) {
  const auto config = load_good("[cluster]\netcd = [\"https://a\"]\n" + std::string(kOneAccount));
  EXPECT_EQ(config.cluster, (Cluster{.etcd = {"https://a"}, .name = "default", .lease_ttl = 15s}));
}

TEST(Load, AnAccountOverridesPollKeyByKey) {
  const auto config = load_good(R"(
[poll]
max_age = "10m"
max_in_flight = 2
[[accounts]]
name = "prod"
provider = "runpod"
api_key_file = "/etc/key"
interval = "2m"
max_age = "auto"
timeout = "1m"
discovery_interval = "10m"
max_body = 2048
)");
  auto account = prod();
  account.poll = {.interval = 2min,
                  .max_age = std::nullopt,
                  .timeout = 1min,
                  .discovery_interval = 10min,
                  .max_in_flight = 2,
                  .max_body = 2048};
  EXPECT_EQ(config.accounts, std::vector{account});
}

TEST(Load, ATimeoutThatIsNotWrittenIsAtMostTheInterval) {
  const auto config = load_good(std::string(kOneAccount) + "interval = \"5s\"\n");
  EXPECT_EQ(config.poll.timeout, 10s);
  EXPECT_EQ(config.accounts.at(0).poll.timeout, 5s);
}

TEST(Load, AKeyComesFromAFileAVariableOrACredential) {
  const auto config = load_good(R"(
[[accounts]]
name = "a"
provider = "runpod"
api_key_file = "/etc/key"
[[accounts]]
name = "b"
provider = "runpod"
api_key_env = "RUNPOD_API_KEY"
[[accounts]]
name = "c"
provider = "runpod"
api_key_credential = "runpod.key"
)");
  EXPECT_EQ(config.accounts.at(0).key, (KeySource{KeySource::Kind::file, "/etc/key"}));
  EXPECT_EQ(config.accounts.at(1).key, (KeySource{KeySource::Kind::env, "RUNPOD_API_KEY"}));
  EXPECT_EQ(config.accounts.at(2).key, (KeySource{KeySource::Kind::credential, "runpod.key"}));
}

TEST(Load, AProvidersOwnKeysAreRead) {
  const auto config = load_good(R"(
[[accounts]]
name = "v"
provider = "vast"
api_key_file = "/etc/key"
endpoints = [123, "456"]
quota_group = "team"
api_url = "http://127.0.0.1:8080//"
groups = [7, "eight"]
join_instances = false
)");
  const Account account{.name = "v",
                        .provider = "vast",
                        .key = {.kind = KeySource::Kind::file, .name = "/etc/key"},
                        .endpoints = {"123", "456"},
                        .quota_group = "team",
                        .settings = {{"api_url", std::string("http://127.0.0.1:8080")},
                                     {"autoscaler_url", std::string("https://run.vast.ai")},
                                     {"groups", std::vector<std::string>{"7", "eight"}},
                                     {"join_instances", false}}};
  EXPECT_EQ(config, (Config{.accounts = {account}}));
}

TEST(Load, AKeyWithoutAFallbackOfItsTypeIsEmpty) {
  const std::array keys{KeySpec{.name = "text", .type = KeySpec::Type::text},
                        KeySpec{.name = "list", .type = KeySpec::Type::list},
                        KeySpec{.name = "flag", .type = KeySpec::Type::boolean, .fallback = "x"}};
  const std::array<ProviderSpec, 1> bare{{{.name = "runpod", .keys = keys}}};
  EXPECT_EQ(
      load(kOneAccount, "test.toml", bare).value().accounts.at(0).settings,
      (Settings{{"text", std::string{}}, {"list", std::vector<std::string>{}}, {"flag", false}}));
}

TEST(Load, AnOverlapIsAllowedWhereBothSaySo) {
  constexpr std::string_view kTwo = R"(
[[accounts]]
name = "a"
provider = "runpod"
api_key_file = "/etc/key"
allow_overlap = true
[[accounts]]
name = "b"
provider = "runpod"
api_key_file = "/etc/key"
allow_overlap = true
)";
  EXPECT_EQ(load_good(kTwo).accounts.size(), 2u);
}

TEST(Load, AProblemWithoutAPlaceNamesTheFileOnly) {
  EXPECT_EQ(problems_of(""), "test.toml: no account: add at least one [[accounts]] table\n");
}

TEST(Load, BytesThatAreNoTextAreAProblem) {
  EXPECT_EQ(problems_of("a = \"\xff\""),
            "test.toml:1:5: not valid TOML: Encountered invalid utf-8 sequence\n");
}

TEST(Load, ALineEndInASyntaxErrorIsNotRepeated) {
  EXPECT_EQ(problems_of("workers = tru\n"),
            "test.toml:1:14: not valid TOML: Error while parsing boolean: expected 'true', saw "
            "'tru '\n");
}

TEST(Load, EndlessNestingIsAProblem) {
  EXPECT_NE(problems_of("a = " + std::string(100'000, '[')), "");
}

TEST(Load, ALongKeyIsNotRepeated) {
  const auto said = problems_of(std::string(kOneAccount) + std::string(40, 'K') + " = 1\n");
  EXPECT_EQ(said.substr(0, said.find(';')),
            "test.toml:6:1: unknown key of 40 bytes in [[accounts]]");
}

}  // namespace
}  // namespace serverless::config
