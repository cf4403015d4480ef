// Against a real etcd. What no etcd says is told by a server of a few lines.

#include "daemon/etcd.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/daemon/tiny_server_fixture.hpp"
#include "tests/e2e/etcd_fixture.hpp"
#include "tests/e2e/workspace_fixture.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using e2e::EtcdServers;
using e2e::eventually;
using std::chrono::steady_clock;

using Keys = std::vector<std::string>;

constexpr const char* kIsolated = "IN_A_NETWORK_OF_ITS_OWN";
constexpr const char* kPassword = "p\"a\\ss\twört{}";

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

Keys keys_of(const Result<std::vector<Etcd::KeyValue>>& found) {
  EXPECT_TRUE(found) << found.error().detail;
  Keys keys;
  if (found) {
    for (const auto& each : *found) keys.push_back(each.key);
  }
  return keys;
}

// "reason: detail", or nothing.
template <typename T>
std::string error_of(const Result<T>& result) {
  if (result) return "";
  return fmt::format("{}: {}", name(result.error().reason), result.error().detail);
}

template <typename T>
std::string reason_of(const Result<T>& result) {
  return result ? "" : std::string(name(result.error().reason));
}

constexpr const char* kGone = "gone: etcdserver: requested lease not found";
constexpr const char* kFull = "provider: etcdserver: mvcc: database space exceeded";

// As long as a call may take: what the machine is slow at comes on top.
constexpr auto kAtMost = Etcd::kPatience + 1s * e2e::kSlowness;

class EtcdTest : public testing::Test {
 protected:
  [[nodiscard]] config::Cluster cluster(std::vector<std::string> urls) const {
    return {.etcd = std::move(urls)};
  }
  [[nodiscard]] config::Cluster cluster_of(const EtcdServers& servers) const {
    return cluster(servers.urls());
  }
  // As a user of whom etcd asks for a password.
  [[nodiscard]] config::Cluster user_of(const EtcdServers& servers,
                                        const std::string& password) const {
    auto as = cluster_of(servers);
    as.username = "me";
    as.password_file = workspace_.file("password", password + "\n").string();
    return as;
  }

  // How long it took.
  template <typename Work>
  static auto time_of(const Work& work) {
    const auto begin = steady_clock::now();
    work();
    return steady_clock::now() - begin;
  }

  // Many at once, so that etcd puts them down together.
  void put_all(Etcd& etcd, const Keys& keys, std::string_view value) {
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (auto at = next++; at < keys.size(); at = next++) {
          const auto done = etcd.put(keys[at], value, 0, {});
          EXPECT_TRUE(done) << done.error().detail;
        }
      });
    }
  }

  e2e::Workspace workspace_{};
  Pulses pulses_{};
  CurlHttp http_{"serverless_exporter/test", pulses_};
};

TEST_F(EtcdTest, WhatIsPutIsThereUntilItIsRemoved) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  EXPECT_EQ(etcd.get("a", {}), std::nullopt);
  ASSERT_TRUE(etcd.put("a", "1", 0, {}));
  const auto first = etcd.get("a", {});
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(**first, (Etcd::KeyValue{.key = "a",
                                     .value = "1",
                                     .create_revision = (*first)->create_revision,
                                     .mod_revision = (*first)->create_revision}));
  ASSERT_TRUE(etcd.put("a", "2", 0, {}));
  EXPECT_EQ(etcd.get("a", {}), (Etcd::KeyValue{.key = "a",
                                               .value = "2",
                                               .create_revision = (*first)->create_revision,
                                               .mod_revision = (*first)->create_revision + 1}));
  ASSERT_TRUE(etcd.remove("a", {}));
  EXPECT_EQ(etcd.get("a", {}), std::nullopt);
  EXPECT_TRUE(etcd.remove("a", {})) << "it is gone already";
}

TEST_F(EtcdTest, EveryByteComesBack) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  const auto bytes = every_byte();
  for (const std::string& value : {bytes, std::string()}) {
    ASSERT_TRUE(etcd.put(bytes, value, 0, {}));
    const auto found = etcd.get(bytes, {});
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->key, bytes);
    EXPECT_EQ((*found)->value, value);
  }
}

TEST_F(EtcdTest, ANewKeyIsPutOnceOnly) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  const auto lease = etcd.grant(60s, {});
  ASSERT_TRUE(lease);
  EXPECT_EQ(etcd.put_new("a", "mine", lease->id, {}), true);
  EXPECT_EQ(etcd.put_new("a", "theirs", 0, {}), false);
  EXPECT_EQ(etcd.put_new("a", "mine", lease->id, {}), false);
  const auto found = etcd.get("a", {});
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->value, "mine");
  EXPECT_EQ((*found)->lease, lease->id);
  ASSERT_TRUE(etcd.remove("a", {}));
  EXPECT_EQ(etcd.put_new("a", "theirs", 0, {}), true);
}

TEST_F(EtcdTest, ALeaseLivesOnWhileItIsKeptAndGoesWithItsKeys) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  const auto lease = etcd.grant(2s, {});
  ASSERT_TRUE(lease) << lease.error().detail;
  EXPECT_EQ(lease->ttl, 2s);
  ASSERT_TRUE(etcd.put("a", "1", lease->id, {}));
  ASSERT_TRUE(etcd.put("b", "1", lease->id, {}));
  ASSERT_TRUE(etcd.put("c", "1", 0, {}));
  const auto until = steady_clock::now() + 5s;
  while (steady_clock::now() < until) {
    EXPECT_EQ(etcd.keep_alive(lease->id, {}), 2s);
    EXPECT_EQ(keys_of(etcd.range("", {})), (Keys{"a", "b", "c"}));
    std::this_thread::sleep_for(200ms);
  }
  const auto last = steady_clock::now();
  ASSERT_TRUE(eventually([&] { return keys_of(etcd.range("", {})) == Keys{"c"}; }));
  EXPECT_GE(steady_clock::now() - last, 1s);
  EXPECT_EQ(error_of(etcd.keep_alive(lease->id, {})), kGone);
  EXPECT_EQ(error_of(etcd.put("a", "1", lease->id, {})), kGone);
  EXPECT_EQ(error_of(etcd.put_new("a", "1", lease->id, {})), kGone);
  EXPECT_TRUE(etcd.revoke(lease->id, {}));
}

TEST_F(EtcdTest, ALeaseThatIsRevokedGoesAtOnceWithItsKeys) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  const auto lease = etcd.grant(600s, {});
  ASSERT_TRUE(lease);
  ASSERT_TRUE(etcd.put("a", "1", lease->id, {}));
  ASSERT_TRUE(etcd.put("b", "1", 0, {}));
  EXPECT_TRUE(etcd.revoke(lease->id, {}));
  EXPECT_EQ(keys_of(etcd.range("", {})), Keys{"b"});
  EXPECT_EQ(reason_of(etcd.keep_alive(lease->id, {})), "gone");
}

TEST_F(EtcdTest, ARangeHasAllKeysThatBeginSoInTheirOrder) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  Keys keys;
  for (int i = 0; i < 3000; ++i) keys.push_back(fmt::format("/m/{:04}", (i * 1237) % 3000));
  put_all(etcd, keys, "value");
  put_all(etcd, {"/l/0", "/m", "/m.", "/m0", "/n/0"}, "");
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys_of(etcd.range("/m/", {})), keys);
  EXPECT_EQ(keys_of(etcd.range("/m/0", {})), Keys(keys.begin(), keys.begin() + 1000));
  EXPECT_EQ(keys_of(etcd.range("/m/2999", {})), Keys{"/m/2999"});
  EXPECT_EQ(keys_of(etcd.range("/o", {})), Keys{});
  const auto all = keys_of(etcd.range("", {}));
  EXPECT_EQ(all.size(), keys.size() + 5);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
}

TEST_F(EtcdTest, ARangeMayEndWithTheLastOfAllBytes) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  const std::string last("\xFF\xFF");
  put_all(etcd, {"a", "a\xFF", "a\xFF" + last, "b", "\xFF", last, last + "z"}, "");
  EXPECT_EQ(keys_of(etcd.range("a\xFF", {})), (Keys{"a\xFF", "a\xFF" + last}));
  EXPECT_EQ(keys_of(etcd.range(last, {})), (Keys{last, last + "z"}));
}

// One writes the first key and then the last one, again and again.
TEST_F(EtcdTest, ARangeOfSeveralPagesIsOfOneMoment) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  Keys keys;
  for (int i = 0; i < 2500; ++i) keys.push_back(fmt::format("{:04}", i));
  put_all(etcd, keys, "0");
  std::atomic<int> written{0};
  const std::jthread writer([&](const std::stop_token& stop) {
    for (int n = 1; !stop.stop_requested(); ++n) {
      ASSERT_TRUE(etcd.put(keys.front(), std::to_string(n), 0, {}));
      ASSERT_TRUE(etcd.put(keys.back(), std::to_string(n), 0, {}));
      written = n;
    }
  });
  for (int i = 0; i < 20; ++i) {
    const auto found = etcd.range("", {});
    ASSERT_EQ(keys_of(found), keys);
    const auto first = std::stoi(found->front().value);
    const auto last = std::stoi(found->back().value);
    EXPECT_TRUE(first == last || first == last + 1) << first << " " << last;
  }
  EXPECT_GT(written, 20) << "nothing changed meanwhile";
}

// The moment of the first page is forgotten before the last one is asked for.
TEST_F(EtcdTest, ARangeBeginsAnewWhereItsMomentIsForgotten) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  Keys keys;
  for (int i = 0; i < 2500; ++i) keys.push_back(fmt::format("{:04}", i));
  put_all(etcd, keys, "0");
  // The first page is that of now, and what comes between it and the second is held up.
  std::atomic<int> pages{0};
  const auto through = [&](const std::string& request) {
    const auto body = request.substr(request.find("\r\n\r\n") + 4);
    if (++pages == 2) {
      EXPECT_TRUE(etcd.put("0000", "1", 0, {}));
      const auto now = etcd.get("0000", {});
      servers.ctl({"compact", std::to_string((*now)->mod_revision)});
    }
    const auto answer =
        http_.send({.method = "POST", .url = servers.url() + "/v3/kv/range", .body = body}, {},
                   {.timeout = 10s, .max_body = 1 << 24}, {});
    return reply("", answer->body, answer->status == 200 ? "200 OK" : "400 Bad Request");
  };
  TinyServer slow(through);
  Etcd behind(cluster({slow.url("")}), http_);
  const auto found = behind.range("", {});
  ASSERT_EQ(keys_of(found), keys);
  EXPECT_EQ(found->front().value, "1");
  EXPECT_EQ(pages, 5);
}

TEST_F(EtcdTest, ARangeOfLargeValuesIsReadInSmallerPages) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  Keys keys;
  for (char c = 'a'; c < 'h'; ++c) keys.emplace_back(1, c);
  const std::string large(1'000'000, '\x01');
  put_all(etcd, keys, large);
  const auto found = etcd.range("", {});
  ASSERT_EQ(keys_of(found), keys);
  for (const auto& each : *found) EXPECT_EQ(each.value, large) << each.key;
}

TEST_F(EtcdTest, ARangeIsReadUpToItsBound) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  const Keys keys{"a", "b"};
  put_all(etcd, keys, std::string(10, 'x'));
  EXPECT_EQ(keys_of(etcd.range("", {}, 22)), keys);
  EXPECT_EQ(error_of(etcd.range("", {}, 21)), "too_large: below  are more than 21 bytes");
}

TEST_F(EtcdTest, ALeaseHasAnIdAndATimeThatCanBe) {
  const auto granted = [this](const std::string& body) {
    TinyServer server(always(reply("", body)));
    return Etcd(cluster({server.url("")}), http_).grant(5s, {});
  };
  for (const std::string body : {"{}", R"({"ID":"7"})", R"({"TTL":"5"})", R"({"ID":"7","TTL":"0"})",
                                 R"({"ID":"7","TTL":"-5"})"}) {
    EXPECT_EQ(reason_of(granted(body)), "schema") << body;
  }
  EXPECT_EQ(granted(R"({"ID":"7","TTL":"9223372036854775807"})"),
            (Etcd::Lease{.id = 7, .ttl = 24h * 366}));
}

TEST_F(EtcdTest, AValueThatEtcdDoesNotTakeIsRefusedInItsWords) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  EXPECT_EQ(error_of(etcd.put("a", std::string(1'700'000, 'a'), 0, {})),
            "too_large: etcdserver: request is too large");
}

TEST_F(EtcdTest, AFullEtcdSaysSoAndIsReadAllTheSame) {
  EtcdServers servers(workspace_.path(), {.quota_bytes = 500'000});
  Etcd etcd(cluster_of(servers), http_);
  const auto lease = etcd.grant(60s, {});
  ASSERT_TRUE(lease);
  ASSERT_TRUE(etcd.put("/m/a", "1", lease->id, {}));
  ASSERT_TRUE(eventually(
      [&] { return error_of(etcd.put("/waste", std::string(100'000, 'a'), 0, {})) == kFull; }));
  EXPECT_EQ(error_of(etcd.put_new("/m/b", "1", 0, {})), kFull);
  EXPECT_EQ(error_of(etcd.grant(60s, {})), kFull);
  EXPECT_EQ(keys_of(etcd.range("/m/", {})), Keys{"/m/a"});
  // Who is a member stays one, and may leave.
  EXPECT_EQ(etcd.keep_alive(lease->id, {}), 60s);
  EXPECT_TRUE(etcd.revoke(lease->id, {}));
  EXPECT_EQ(keys_of(etcd.range("/m/", {})), Keys{});
}

TEST_F(EtcdTest, AUserHasWhatItMay) {
  EtcdServers servers(workspace_.path());
  servers.let_in("me", kPassword, "/m/");
  Etcd etcd(user_of(servers, kPassword), http_);
  const auto lease = etcd.grant(60s, {});
  ASSERT_TRUE(lease) << lease.error().detail;
  EXPECT_TRUE(etcd.put("/m/a", "1", lease->id, {}));
  EXPECT_EQ(etcd.put_new("/m/b", "1", lease->id, {}), true);
  EXPECT_EQ(etcd.keep_alive(lease->id, {}), 60s);
  EXPECT_EQ(keys_of(etcd.range("/m/", {})), (Keys{"/m/a", "/m/b"}));
  EXPECT_TRUE(etcd.remove("/m/b", {}));
  EXPECT_TRUE(etcd.revoke(lease->id, {}));

  const auto* const forbidden = "forbidden: etcdserver: permission denied";
  EXPECT_EQ(error_of(etcd.put("/n/a", "1", 0, {})), forbidden);
  EXPECT_EQ(error_of(etcd.put_new("/n/a", "1", 0, {})), forbidden);
  EXPECT_EQ(error_of(etcd.get("/n/a", {})), forbidden);
  EXPECT_EQ(error_of(etcd.range("/", {})), forbidden);
  EXPECT_EQ(error_of(etcd.remove("/n/a", {})), forbidden);
}

TEST_F(EtcdTest, AWrongPasswordIsAuthAndARightOneIsReadFromTheFileWithoutARestart) {
  EtcdServers servers(workspace_.path());
  servers.let_in("me", kPassword, "/m/");
  auto as = user_of(servers, "wrong-password");
  Etcd etcd(as, http_);
  const auto* const wrong = "auth: etcdserver: authentication failed, invalid user ID or password";
  EXPECT_EQ(error_of(etcd.range("/m/", {})), wrong);
  EXPECT_EQ(error_of(etcd.grant(60s, {})), wrong);
  workspace_.file("password", kPassword);
  EXPECT_EQ(keys_of(etcd.range("/m/", {})), Keys{});

  as.password_file = "/nowhere/password";
  EXPECT_EQ(error_of(Etcd(as, http_).range("/m/", {})),
            "auth: cannot read /nowhere/password: No such file or directory");
  as.username = as.password_file = "";
  EXPECT_EQ(error_of(Etcd(as, http_).range("/m/", {})), "auth: etcdserver: user name is empty");
}

TEST_F(EtcdTest, AnEtcdThatAsksForNoPasswordIsGivenNone) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(user_of(servers, kPassword), http_);
  EXPECT_TRUE(etcd.put("/m/a", "1", 0, {}));
  // From now on it does.
  servers.let_in("me", kPassword, "/m/");
  EXPECT_EQ(keys_of(etcd.range("/m/", {})), Keys{"/m/a"});
}

TEST_F(EtcdTest, ATokenThatEtcdForgotIsRenewedWithoutAWord) {
  EtcdServers servers(workspace_.path());
  servers.let_in("me", kPassword, "/m/");
  Etcd etcd(user_of(servers, kPassword), http_);
  ASSERT_TRUE(etcd.put("/m/a", "1", 0, {}));
  servers.ctl({"auth", "disable"});
  servers.ctl({"auth", "enable"});
  EXPECT_TRUE(etcd.put("/m/a", "2", 0, {}));
}

TEST_F(EtcdTest, ATokenThatRanOutIsRenewedWithoutAWord) {
  EtcdServers servers(workspace_.path(), {.token_ttl = 1s});
  servers.let_in("me", kPassword, "/m/");
  Etcd etcd(user_of(servers, kPassword), http_);
  ASSERT_TRUE(etcd.put("/m/a", "1", 0, {}));
  const auto forgotten = [&] {
    return servers.process().err().find("deleted a simple token\",\"user-name\":\"me\"") !=
           std::string::npos;
  };
  ASSERT_TRUE(eventually(forgotten)) << servers.process().err();
  EXPECT_TRUE(etcd.put("/m/a", "2", 0, {}));
}

TEST_F(EtcdTest, WhoCannotBeReachedIsConnectAndTheNextServerIsAsked) {
  EtcdServers one(workspace_.path());
  const auto dead = one.url();
  one.kill();
  const auto error = error_of(Etcd(cluster({dead}), http_).range("", {}));
  EXPECT_EQ(error, "connect: " + dead + ": Couldn't connect to server");

  TinyServer last(always(reply("", "{}")));
  Etcd etcd(cluster({dead, "https://nowhere.invalid", last.url("")}), http_);
  EXPECT_TRUE(etcd.put("a", "1", 0, {}));
  EXPECT_TRUE(etcd.put("b", "1", 0, {}));
  EXPECT_EQ(last.requests().size(), 2U);
}

// Two that know nothing of each other: their keys tell who was asked.
TEST_F(EtcdTest, TheServerThatAnsweredIsAskedUntilItDoesNot) {
  const auto directory = [this](const std::string& name) {
    std::filesystem::create_directory(workspace_.path() / name);
    return workspace_.path() / name;
  };
  EtcdServers one(directory("one"));
  EtcdServers other(directory("other"));
  Etcd etcd(cluster({one.url(), other.url()}), http_);
  ASSERT_TRUE(etcd.put("a", "1", 0, {}));
  one.pause();
  EXPECT_TRUE(etcd.put("b", "1", 0, {}));
  one.resume();
  EXPECT_TRUE(etcd.put("c", "1", 0, {}));
  other.kill();
  EXPECT_TRUE(etcd.put("d", "1", 0, {}));
  other.start();
  EXPECT_TRUE(etcd.put("e", "1", 0, {}));
  // What was asked of it while it stood still it may have done later.
  const auto of_one = keys_of(Etcd(cluster_of(one), http_).range("", {}));
  EXPECT_TRUE(of_one == (Keys{"a", "d", "e"}) || of_one == (Keys{"a", "b", "d", "e"}))
      << testing::PrintToString(of_one);
  EXPECT_EQ(keys_of(Etcd(cluster_of(other), http_).range("", {})), (Keys{"b", "c"}));
}

TEST_F(EtcdTest, AnEtcdThatStandsStillIsATimeoutWithinThePatience) {
  EtcdServers servers(workspace_.path());
  Etcd etcd(cluster_of(servers), http_);
  ASSERT_TRUE(etcd.put("a", "1", 0, {}));
  servers.pause();
  std::string error;
  const auto time = time_of([&] { error = error_of(etcd.range("", {})); });
  EXPECT_EQ(error, "timeout: " + servers.url() + ": Timeout was reached");
  EXPECT_GE(time, Etcd::kPatience - 100ms);
  EXPECT_LT(time, kAtMost);
  servers.resume();
  EXPECT_TRUE(eventually([&] { return etcd.range("", {}).has_value(); }));
}

TEST_F(EtcdTest, AStopEndsACallAtOnce) {
  EtcdServers servers(workspace_.path());
  servers.pause();
  Etcd etcd(cluster({servers.url(), servers.url()}), http_);
  std::stop_source stop;
  auto call = std::async(std::launch::async, [&] { return etcd.range("", stop.get_token()); });
  EXPECT_EQ(call.wait_for(200ms), std::future_status::timeout) << "nothing was under way";
  const auto time = time_of([&] {
    stop.request_stop();
    EXPECT_EQ(error_of(call.get()), "internal: stopping");
  });
  EXPECT_LT(time, 500ms * e2e::kSlowness);
}

TEST_F(EtcdTest, OfThreeServersOneMayBeLostAndNoAnswerIsOfAMinority) {
  EtcdServers servers(workspace_.path(), {.members = 3});
  Etcd etcd(cluster_of(servers), http_);
  const auto lease = etcd.grant(60s, {});
  ASSERT_TRUE(lease);
  ASSERT_TRUE(etcd.put("a", "1", lease->id, {}));
  servers.kill(0);
  // Where it led, the others take a second or two to agree on another.
  EXPECT_TRUE(eventually([&] { return etcd.put("a", "2", lease->id, {}).has_value(); }));
  EXPECT_TRUE(eventually([&] { return etcd.keep_alive(lease->id, {}).has_value(); }));
  servers.kill(1);
  for (int i = 0; i < 2; ++i) {
    const auto time = time_of([&] { EXPECT_FALSE(etcd.range("", {})); });
    EXPECT_LT(time, kAtMost);
  }
  servers.start(0);
  EXPECT_TRUE(eventually([&] { return keys_of(etcd.range("", {})) == Keys{"a"}; }));
}

TEST_F(EtcdTest, TlsIsByTheAuthorityThatIsNamedAndNoOther) {
  const e2e::Authority ours(workspace_.path(), "ours");
  const e2e::Authority theirs(workspace_.path(), "theirs");
  EtcdServers servers(workspace_.path(), {.authority = &ours});
  auto as = cluster_of(servers);
  as.ca_file = ours.file();
  EXPECT_TRUE(Etcd(as, http_).put("a", "1", 0, {}));
  as.ca_file = theirs.file();
  EXPECT_EQ(error_of(Etcd(as, http_).put("a", "1", 0, {})),
            "tls: " + servers.url() + ": SSL peer certificate or SSH remote key was not OK");
  as.ca_file = "";
  EXPECT_EQ(reason_of(Etcd(as, http_).put("a", "1", 0, {})), "tls");
  as.ca_file = "/nowhere/ca";
  EXPECT_EQ(reason_of(Etcd(as, http_).put("a", "1", 0, {})), "tls");
}

TEST_F(EtcdTest, AnAuthorityThatIsReplacedIsLookedAtWithTheNextHandshake) {
  const e2e::Authority ours(workspace_.path(), "ours");
  const e2e::Authority theirs(workspace_.path(), "theirs");
  EtcdServers servers(workspace_.path(), {.authority = &ours});
  auto as = cluster_of(servers);
  as.ca_file = workspace_.file("ca", e2e::read_file(theirs.file())).string();
  Etcd etcd(as, http_);
  EXPECT_EQ(reason_of(etcd.put("a", "1", 0, {})), "tls");
  workspace_.file("ca", e2e::read_file(ours.file()));
  EXPECT_TRUE(etcd.put("a", "1", 0, {}));
}

TEST_F(EtcdTest, ACertificateIsShownWhereEtcdAsksForOne) {
  const e2e::Authority ours(workspace_.path(), "ours");
  const e2e::Authority theirs(workspace_.path(), "theirs");
  EtcdServers servers(workspace_.path(), {.authority = &ours, .asks_for_certificates = true});
  servers.let_in("me", kPassword, "/m/");
  auto as = user_of(servers, kPassword);
  as.ca_file = ours.file();
  const auto with = [&](const e2e::Certificate& mine) {
    as.cert_file = mine.cert;
    as.key_file = mine.key;
    return error_of(Etcd(as, http_).put("/m/a", "1", 0, {}));
  };
  EXPECT_EQ(with(ours.issue_nameless("client")), "");
  // etcd ends the connection when the client has said all that it has to say.
  EXPECT_THAT(with({}), testing::StartsWith("connect: "));
  EXPECT_THAT(with(theirs.issue("stranger")), testing::StartsWith("connect: "));
  EXPECT_EQ(with({.cert = "/nowhere/cert", .key = "/nowhere/key"}),
            "tls: " + servers.url() + ": Problem with the local SSL certificate");
  // Its gateway would not look at the name, and refuses it lest somebody thinks that it does.
  EXPECT_EQ(with(ours.issue("me")),
            "client_error: HTTP 400: CommonName of client sending a request against gateway will "
            "be ignored and not used as expected");
}

// Requests share a connection by TLS, and TCP sends again what was not acknowledged ever more
// seldom: after seven seconds without a network the next time is five seconds away.
TEST_F(EtcdTest, TheFirstCallAfterAPartitionGoesThrough) {
  if (std::getenv(kIsolated) == nullptr) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    e2e::Process isolated(
        workspace_.path(), "isolated",
        {"/usr/bin/unshare", "--user", "--map-root-user", "--net", "--", BINARY_DIR "/daemon_tests",
         fmt::format("--gtest_filter={}.{}", test->test_suite_name(), test->name())},
        {std::string(kIsolated) + "=1"});
    EXPECT_EQ(isolated.wait(60s * e2e::kSlowness), 0) << isolated.out() << isolated.err();
    return;
  }
  ASSERT_EQ(std::system("ip link set lo up"), 0);
  const e2e::Authority ours(workspace_.path(), "ours");
  EtcdServers servers(workspace_.path(), {.authority = &ours});
  auto as = cluster_of(servers);
  as.ca_file = ours.file();
  Etcd etcd(as, http_);
  ASSERT_TRUE(etcd.put("a", "1", 0, {}));
  ASSERT_EQ(std::system("ip link set lo down"), 0);
  const auto until = steady_clock::now() + 7s;
  while (steady_clock::now() < until) EXPECT_EQ(reason_of(etcd.put("a", "1", 0, {})), "timeout");
  ASSERT_EQ(std::system("ip link set lo up"), 0);
  EXPECT_EQ(error_of(etcd.put("a", "1", 0, {})), "");
}

// Its name went through, and its server stood still before it said so: the other one has it
// already.
TEST_F(EtcdTest, WhatAnEarlierServerPutUnheardIsOurs) {
  EtcdServers servers(workspace_.path());
  const auto swallow = [&](const std::string& request) {
    const auto body = request.substr(request.find("\r\n\r\n") + 4);
    EXPECT_TRUE(http_.send({.method = "POST", .url = servers.url() + "/v3/kv/txn", .body = body},
                           {}, {.timeout = 10s, .max_body = 4096}, {}));
    return std::string();
  };
  TinyServer deaf(swallow);
  Etcd direct(cluster_of(servers), http_);
  const auto lease = direct.grant(60s, {});
  ASSERT_TRUE(lease);
  EXPECT_EQ(Etcd(cluster({deaf.url(""), servers.url()}), http_).put_new("a", "1", lease->id, {}),
            true);
  EXPECT_EQ(deaf.requests().size(), 1U);
  // Another's is not.
  EXPECT_EQ(Etcd(cluster({deaf.url(""), servers.url()}), http_).put_new("a", "2", lease->id, {}),
            false);
  EXPECT_EQ(Etcd(cluster({deaf.url(""), servers.url()}), http_).put_new("a", "1", 0, {}), false);
}

TEST_F(EtcdTest, WhoHasNoLeaderIsPassedOverAndToldInItsWordsWhereThereIsNoOther) {
  const std::string words = R"({"error":"etcdserver: no leader","message":"etcdserver: no leader",)"
                            R"("code":14})";
  TinyServer leaderless(always(reply("", words, "503 Service Unavailable")));
  TinyServer good(always(reply("", R"({"header":{"revision":"7"}})")));
  EXPECT_EQ(error_of(Etcd(cluster({leaderless.url("")}), http_).put("a", "1", 0, {})),
            "provider: etcdserver: no leader");
  EXPECT_TRUE(Etcd(cluster({leaderless.url(""), good.url("")}), http_).put("a", "1", 0, {}));
  // A stream says so in a good answer.
  TinyServer stream(always(reply("", R"({"error":{"grpc_code":14,"http_code":503,"message":)"
                                     R"("etcdserver: no leader","http_status":"Unavailable"}})"
                                     "\n")));
  EXPECT_EQ(error_of(Etcd(cluster({stream.url("")}), http_).keep_alive(1, {})),
            "provider: etcdserver: no leader");
  EXPECT_EQ(good.requests().size(), 1U);
}

TEST_F(EtcdTest, WhatIsNoAnswerOfEtcdsIsNoAnswer) {
  const auto asked = [this](const std::string& answer) {
    TinyServer server(always(answer));
    return reason_of(Etcd(cluster({server.url("")}), http_).range("", {}));
  };
  EXPECT_EQ(asked(reply("", "Not Found", "404 Not Found")), "not_found");
  EXPECT_EQ(asked(reply("", "<html>", "502 Bad Gateway")), "server_error");
  EXPECT_EQ(asked(reply("", "<html>")), "parse");
  for (const std::string body :
       {"[]", "1", R"({"header":1})", R"({"header":{"revision":"x"}})", R"({"more":"true"})",
        R"({"more":true})", R"({"kvs":[1]})", R"({"kvs":[{"key":"a"}]})", R"({"kvs":[{"key":1}]})",
        R"({"kvs":[{"key":"YQ==","lease":"1 "}]})", R"({"kvs":[{"key":"YQ==","lease":""}]})",
        R"({"kvs":[{"key":"YQ==","lease":"9223372036854775808"}]})"}) {
    EXPECT_EQ(asked(reply("", body)), "schema") << body;
  }
  EXPECT_EQ(asked(reply("", std::string(8'000'000, ' ') + "{}")), "too_large");
}

}  // namespace
}  // namespace serverless::daemon
