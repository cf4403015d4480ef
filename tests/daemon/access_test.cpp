#include "daemon/access.hpp"

#include <crypt.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "daemon/users.hpp"

namespace serverless::daemon {
namespace {

using Ruling = Access::Ruling;
using Verdict = Access::Verdict;

// Of the least cost that is accepted.
config::Secret bcrypt(const std::string& password) {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  crypt_gensalt_rn("$2b$", 6, nullptr, 0, setting.data(), setting.size());
  crypt_data work{};
  return config::Secret(crypt_r(password.c_str(), setting.data(), &work));
}

Verdict compare(Access& access, const Login& login) {
  std::promise<Verdict> told;
  access.compare(login, "127.0.0.1", [&](Verdict verdict) { told.set_value(verdict); });
  return told.get_future().get();
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    std::string pattern = testing::TempDir() + "access_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory");
    directory_ = pattern;
  }
  ~AccessTest() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name + ".new") << text;
    std::filesystem::rename(directory_ + "/" + name + ".new", directory_ + "/" + name);
    return directory_ + "/" + name;
  }
  static Admission admission(const config::Web& web) { return read_admission(web).value(); }

  std::string directory_{};
  SelfMetrics self_{};
};

TEST_F(AccessTest, WithoutUsersEverybodyMayComeIn) {
  const Access access({}, {}, self_);
  EXPECT_EQ(access.judge("/metrics", std::nullopt), Ruling::pass);
  EXPECT_EQ(access.tls(), nullptr);
}

TEST_F(AccessTest, APasswordIsComparedOnceAndThenKnown) {
  const config::Web web{.basic_auth_users = {{"me", bcrypt("right")}}};
  Access access(web, admission(web), self_);
  EXPECT_EQ(access.judge("/-/healthy", std::nullopt), Ruling::pass);
  EXPECT_EQ(access.judge("/metrics", std::nullopt), Ruling::missing);
  EXPECT_EQ(access.judge("/metrics", Login{"me", "right"}), Ruling::unknown);
  EXPECT_EQ(compare(access, {"me", "right"}), Verdict::right);
  EXPECT_EQ(access.judge("/metrics", Login{"me", "right"}), Ruling::pass);
  for (const auto& wrong :
       {Login{"me", "wrong"}, Login{"me", ""}, Login{"you", "right"}, Login{"", ""}}) {
    EXPECT_EQ(compare(access, wrong), Verdict::wrong);
    EXPECT_EQ(access.judge("/metrics", wrong), Ruling::unknown) << "is not remembered";
  }
}

// CVE-2022-46146: a cache that joins user, hash and password without telling where each ends takes
// one login for another, and a hash that somebody read for a password.
TEST_F(AccessTest, NoOtherLoginPassesForOneThatIsKnown) {
  const auto hash = bcrypt("right");
  const config::Web web{.basic_auth_users = {{"me", hash}}};
  Access access(web, admission(web), self_);
  ASSERT_EQ(compare(access, {"me", "right"}), Verdict::right);
  const auto& text = hash.reveal();
  for (const auto& login :
       {Login{"mer", "ight"}, Login{"m", "eright"}, Login{"me" + text, "right"},
        Login{"me", text + "right"}, Login{"me", text}, Login{"me2:", "right"}}) {
    EXPECT_EQ(access.judge("/metrics", login), Ruling::unknown);
    EXPECT_EQ(compare(access, login), Verdict::wrong);
  }
}

TEST_F(AccessTest, AnotherHashForgetsWhatWasKnown) {
  config::Web web{.basic_auth_users = {{"me", bcrypt("right")}}};
  Access access(web, admission(web), self_);
  ASSERT_EQ(compare(access, {"me", "right"}), Verdict::right);
  access.replace(web, admission(web));
  EXPECT_EQ(access.judge("/metrics", Login{"me", "right"}), Ruling::pass) << "nothing changed";
  web.basic_auth_users = {{"me", bcrypt("other")}};
  access.replace(web, admission(web));
  EXPECT_EQ(compare(access, {"me", "right"}), Verdict::wrong);
}

TEST_F(AccessTest, WhoAsksMuchGetsNoMoreThanItsPlaces) {
  const config::Web web{.basic_auth_users = {{"me", bcrypt("right")}}};
  std::mutex mutex;
  std::map<Verdict, std::size_t> told;
  Access access(web, admission(web), self_);  // Ends first: it still tells what it has compared.
  const auto note = [&](Verdict verdict) {
    const std::lock_guard lock(mutex);
    ++told[verdict];
  };
  constexpr std::size_t kAsked = 1000;
  for (std::size_t i = 0; i < kAsked; ++i) access.compare({"me", "wrong"}, "127.0.0.2", note);
  EXPECT_EQ(compare(access, {"me", "right"}), Verdict::right) << "from another address";
  const std::lock_guard lock(mutex);
  EXPECT_GT(told[Verdict::crowded], kAsked / 2);
  EXPECT_EQ(told[Verdict::right], 0U);
}

TEST_F(AccessTest, UsersOfAFileAreReadAgainAndABadFileChangesNothing) {
  const auto path = file("users", "me:" + bcrypt("right").reveal() + "\n");
  const config::Web web{.basic_auth_users_file = path};
  Access access(web, admission(web), self_);
  ASSERT_EQ(compare(access, {"me", "right"}), Verdict::right);
  file("users", "you:" + bcrypt("other").reveal() + "\n");
  while (compare(access, {"you", "other"}) != Verdict::right) {
  }
  EXPECT_EQ(access.judge("/metrics", Login{"me", "right"}), Ruling::unknown);
  const auto tells = [this](const char* line) {
    return self_.text(Format::text).text.find(line) != std::string::npos;
  };
  const auto* failed = "serverless_exporter_web_reload_failures_total{part=\"users\"} 1\n";
  const auto* readable = "serverless_exporter_web_last_reload_successful{part=\"users\"} 1\n";
  const auto* unreadable = "serverless_exporter_web_last_reload_successful{part=\"users\"} 0\n";
  EXPECT_TRUE(tells(readable));
  file("users", "you:other\n");
  while (!tells(failed)) std::this_thread::yield();
  EXPECT_TRUE(tells(unreadable));
  EXPECT_TRUE(tells("serverless_exporter_web_last_reload_successful{part=\"tls\"} 1\n"));
  EXPECT_EQ(compare(access, {"you", "other"}), Verdict::right);
  file("users", "me:" + bcrypt("third").reveal() + "\n");
  while (!tells(readable)) std::this_thread::yield();
  EXPECT_TRUE(tells(failed));
  EXPECT_EQ(compare(access, {"me", "third"}), Verdict::right);
}

TEST_F(AccessTest, WhatIsWrongWithTheFilesIsSaidOfEach) {
  const auto bad = file("bad", "no PEM");
  const config::Web web{.tls_server_config = config::Tls{.cert_file = bad, .key_file = bad},
                        .basic_auth_users_file = directory_ + "/gone"};
  EXPECT_EQ(
      read_admission(web).error(),
      (std::vector{
          fmt::format("basic_auth_users_file {}/gone: cannot be read: No such file "
                      "or directory",
                      directory_),
          fmt::format("cert_file {0} and key_file {0}: no certificate, or no key, in PEM", bad)}));
}

TEST(Users, AreReadAsHtpasswdWritesThem) {
  const std::string hash = bcrypt("x").reveal();
  const auto users = parse_users("# who\n\nme:" + hash + "\r\nyou:" + hash);
  EXPECT_EQ(users.value(),
            (config::Users{{"me", config::Secret(hash)}, {"you", config::Secret(hash)}}));
  EXPECT_EQ(parse_users("").error(), "it names no user");
  EXPECT_EQ(parse_users("me:" + hash + "\nme:" + hash).error(),
            "line 2: another line has the same name");
  EXPECT_EQ(parse_users("me").error(), "line 1: expected \"name:bcrypt hash\"");
  EXPECT_EQ(parse_users("\nme:secret").error(),
            "line 2: expected a bcrypt hash, as `htpasswd -nB NAME` prints it: \"$2y$...\"");
}

TEST(Users, WhoDoesNotExistCostsAsMuchAsTheMostCostly) {
  const std::string cheap = "$2y$06$abcdefghijklmnopqrstuuR0aAtPRbUz2ZbQ5kY3iY7S1z1l3Fv0e";
  const std::string dear = "$2y$12$abcdefghijklmnopqrstuuR0aAtPRbUz2ZbQ5kY3iY7S1z1l3Fv0e";
  const config::Users users{{"a", config::Secret(cheap)}, {"b", config::Secret(dear)}};
  EXPECT_EQ(hash_for(users, "a"), cheap);
  EXPECT_EQ(hash_for(users, "c"), dear.substr(0, 29) + std::string(31, '.'));
}

TEST(Users, AHashMatchesItsPasswordOnly) {
  // Of "U*U", from the tests of crypt_blowfish.
  const std::string hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  EXPECT_TRUE(matches("U*U", hash));
  EXPECT_FALSE(matches("U*V", hash));
  EXPECT_FALSE(matches("U*U", ""));
  EXPECT_FALSE(matches("U*U", hash.substr(0, 29)));
}

TEST(FairQueue, AddressesTakeTurns) {
  FairQueue<int> queue(4, 3);
  EXPECT_TRUE(queue.push("a", 1));
  EXPECT_TRUE(queue.push("a", 2));
  EXPECT_TRUE(queue.push("a", 3));
  EXPECT_FALSE(queue.push("a", 4)) << "as many as one may";
  EXPECT_TRUE(queue.push("b", 5));
  EXPECT_FALSE(queue.push("c", 6)) << "as many as all may";
  std::vector<int> order;
  while (const auto job = queue.pop()) order.push_back(*job);
  EXPECT_EQ(order, (std::vector{1, 5, 2, 3}));
  EXPECT_TRUE(queue.empty());
}

TEST(KeyedHash, TellsWhereATextEndsAndIsOfThisProcess) {
  const KeyedHash hash;
  EXPECT_EQ(hash.of({"a", "b"}), hash.of({"a", "b"}));
  EXPECT_NE(hash.of({"ab", ""}), hash.of({"a", "b"}));
  EXPECT_NE(hash.of({"a", "1:b"}), hash.of({"a", "", "b"}));
  EXPECT_NE(hash.of({"a"}), KeyedHash().of({"a"}));
}

}  // namespace
}  // namespace serverless::daemon
