#include "daemon/keys.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace serverless::daemon {
namespace {

using config::KeySource;
using Kind = config::KeySource::Kind;

TEST(WithoutKey, NeitherTheKeyNorTheBeginningOfOneThatWasCutOffIsLeft) {
  const config::Secret key{"rpa_0123456789ABCDEF"};
  EXPECT_EQ(without_key("bad key rpa_0123456789ABCDEF: rpa_0123456789ABCDEF!", key),
            "bad key (the key): (the key)!");
  EXPECT_EQ(without_key("no such key: rpa_0123456789A", key), "no such key: (the key)");
  EXPECT_EQ(without_key("rpa_0123rpa_0123456789ABCDEF", key), "(the key)(the key)");
  EXPECT_EQ(without_key("a key begins with rpa_", key), "a key begins with rpa_");
  EXPECT_EQ(without_key("nothing", config::Secret{}), "nothing");
  EXPECT_EQ(without_key("a short one: kkk", config::Secret{"kkk"}), "a short one: (the key)");
}

class Keys : public testing::Test {
 protected:
  Keys() {
    std::string pattern = testing::TempDir() + "keys_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory");
    directory_ = pattern;
  }
  ~Keys() override {
    std::filesystem::remove_all(directory_);
    unsetenv("SERVERLESS_TEST_KEY");
    unsetenv("CREDENTIALS_DIRECTORY");
  }

  std::string write(const std::string& text) {
    std::ofstream(path(), std::ios::binary) << text;
    return path();
  }
  [[nodiscard]] std::string path() const { return directory_ + "/key"; }

  std::string directory_{};
};

std::string complaint(const KeySource& source) {
  const auto key = read_key(source);
  return key ? "no complaint" : key.error();
}

TEST_F(Keys, AFileHoldsTheKey) {
  const auto key = read_key({.kind = Kind::file, .name = write("rpa_123")});
  ASSERT_TRUE(key);
  EXPECT_EQ(key->reveal(), "rpa_123");
}

TEST_F(Keys, WhiteSpaceAroundItIsCut) {
  const auto key = read_key({.kind = Kind::file, .name = write(" \trpa_123\r\n\n")});
  ASSERT_TRUE(key);
  EXPECT_EQ(key->reveal(), "rpa_123");
}

TEST_F(Keys, AFileIsReadAnewEachTime) {
  const KeySource source{.kind = Kind::file, .name = write("old")};
  EXPECT_EQ(read_key(source)->reveal(), "old");
  write("new");
  EXPECT_EQ(read_key(source)->reveal(), "new");
}

TEST_F(Keys, AVariableHoldsTheKey) {
  setenv("SERVERLESS_TEST_KEY", "rpa_123\n", 1);
  EXPECT_EQ(read_key({.kind = Kind::env, .name = "SERVERLESS_TEST_KEY"})->reveal(), "rpa_123");
}

TEST_F(Keys, ACredentialIsAFileInSystemdsDirectory) {
  write("rpa_123\n");
  setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
  EXPECT_EQ(read_key({.kind = Kind::credential, .name = "key"})->reveal(), "rpa_123");
}

TEST_F(Keys, WhatIsMissingIsNamed) {
  EXPECT_EQ(complaint({.kind = Kind::file, .name = path()}),
            "cannot read " + path() + ": No such file or directory");
  EXPECT_EQ(complaint({.kind = Kind::env, .name = "SERVERLESS_TEST_KEY"}),
            "the environment has no variable SERVERLESS_TEST_KEY");
  EXPECT_EQ(complaint({.kind = Kind::credential, .name = "key"}),
            "no credential key: $CREDENTIALS_DIRECTORY is not set; does the unit have "
            "LoadCredential=?");
  setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
  EXPECT_EQ(complaint({.kind = Kind::credential, .name = "key"}),
            "cannot read " + path() + ": No such file or directory");
}

TEST_F(Keys, ADirectoryIsNoKey) {
  EXPECT_EQ(complaint({.kind = Kind::file, .name = directory_}),
            "cannot read " + directory_ + ": Is a directory");
}

TEST_F(Keys, AnEmptyOneIsNamed) {
  EXPECT_EQ(complaint({.kind = Kind::file, .name = write("")}),
            "the key in " + path() + " is empty");
  EXPECT_EQ(complaint({.kind = Kind::file, .name = write(" \r\n\t")}),
            "the key in " + path() + " is empty");
  setenv("SERVERLESS_TEST_KEY", "", 1);
  EXPECT_EQ(complaint({.kind = Kind::env, .name = "SERVERLESS_TEST_KEY"}),
            "the key in SERVERLESS_TEST_KEY is empty");
}

TEST_F(Keys, WhatWouldBreakAHeaderIsRefusedWithoutBeingTold) {
  for (const std::string& inside :
       {std::string("\n"), std::string("\r\nHost: evil"), std::string(1, '\0'), std::string("\x7F"),
        std::string(" "), std::string("\t"), std::string("\xC3\xA9")}) {
    const auto said = complaint({.kind = Kind::file, .name = write("SECRET" + inside + "TAIL")});
    EXPECT_EQ(said, "the key in " + path() + " holds a space or a character that no key has");
  }
}

class KeyRotation : public Keys {
 protected:
  Key key_of(const std::string& text) {
    const KeySource source{.kind = Kind::file, .name = write(text)};
    return Key("prod", source, *read_key(source));
  }
  /// The text under another name first, as good tools write: another inode, whatever the time.
  void replace(const std::string& text) {
    std::ofstream(path() + ".new", std::ios::binary) << text;
    std::filesystem::rename(path() + ".new", path());
  }
};

TEST_F(KeyRotation, AFileThatWasReplacedIsReadAgain) {
  auto key = key_of("old");
  EXPECT_EQ(key.current().secret.reveal(), "old");
  EXPECT_EQ(key.current().generation, 0U);
  replace("new");
  EXPECT_EQ(key.current().secret.reveal(), "new");
  EXPECT_EQ(key.current().generation, 1U);
}

TEST_F(KeyRotation, TheSameKeyInANewFileIsNoNewKey) {
  auto key = key_of("old");
  replace("old\n");
  EXPECT_EQ(key.current().generation, 0U);
}

TEST_F(KeyRotation, WhatCannotBeReadLeavesTheOldKey) {
  auto key = key_of("old");
  for (const char* bad : {"", "  \n", "a b"}) {
    replace(bad);
    EXPECT_EQ(key.current().secret.reveal(), "old") << bad;
  }
  std::filesystem::remove(path());
  EXPECT_EQ(key.current().secret.reveal(), "old");
  replace("new");
  EXPECT_EQ(key.current().secret.reveal(), "new");
  EXPECT_EQ(key.current().generation, 1U);
}

TEST_F(KeyRotation, AfterARefusalTheFileIsReadWhateverItsStampSays) {
  auto key = key_of("old");
  const auto before = std::filesystem::last_write_time(path());
  write("new");                                      // The same file, the same size...
  std::filesystem::last_write_time(path(), before);  // ...and the same time.
  EXPECT_EQ(key.current().secret.reveal(), "old");
  key.refused();
  EXPECT_EQ(key.current().secret.reveal(), "new");
}

TEST_F(KeyRotation, AVariableIsReadAgainAfterARefusalOnly) {
  setenv("SERVERLESS_TEST_KEY", "old", 1);
  const KeySource source{.kind = Kind::env, .name = "SERVERLESS_TEST_KEY"};
  Key key("prod", source, *read_key(source));
  setenv("SERVERLESS_TEST_KEY", "new", 1);
  EXPECT_EQ(key.current().secret.reveal(), "old");
  key.refused();
  EXPECT_EQ(key.current().secret.reveal(), "new");
}

}  // namespace
}  // namespace serverless::daemon
