#include "config/form.hpp"

#include <gtest/gtest.h>

#include <string>

namespace serverless::config {
namespace {

TEST(Form, ANameIsShortAndPlain) {
  for (const auto* text : {"a", "prod-eu_1.b", "..", "0"}) EXPECT_TRUE(is_name(text)) << text;
  EXPECT_TRUE(is_name(std::string(64, 'a')));
  EXPECT_FALSE(is_name(std::string(65, 'a')));
  for (const auto* text : {"", "a b", "a/b", "\xc3\xa9", "a\n"})
    EXPECT_FALSE(is_name(text)) << text;
}

TEST(Form, AnIdCannotLeaveItsDirectory) {
  for (const auto* text : {"abc123", "17", "a..b"}) EXPECT_TRUE(is_id(text)) << text;
  for (const auto* text : {"", ".", "..", ".a", "../a", "a/b", "a?b", "a%2fb"}) {
    EXPECT_FALSE(is_id(text)) << text;
  }
}

TEST(Form, AVariableIsNamedInCapitals) {
  for (const auto* text : {"RUNPOD_API_KEY", "_", "A1"}) EXPECT_TRUE(is_variable(text)) << text;
  for (const auto* text : {"", "1A", "rpa_ABC", "A-B", "A=B"})
    EXPECT_FALSE(is_variable(text)) << text;
}

TEST(Form, AListenAddressIsHostAndPortOrASocketsPath) {
  for (const auto* text :
       {"127.0.0.1:10042", "0.0.0.0:0", "localhost:65535", "[::1]:10042", "[::]:80",
        "node-1.example.com:9100", "unix:/run/serverless_exporter/http.sock"}) {
    EXPECT_EQ(wrong_listen_address(text), std::nullopt) << text;
  }
}

TEST(Form, AnythingElseIsNoListenAddress) {
  const std::string long_path = "unix:/" + std::string(107, 'a');
  for (const std::string text : {"",
                                 "10042",
                                 ":10042",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:-1",
                                 "127.0.0.1:1 ",
                                 "::1:10042",
                                 "[::1]",
                                 "[::1]10042",
                                 "[::1:10042",
                                 "[127.0.0.1]:1",
                                 "256.0.0.1:1",
                                 "1.2.3:1",
                                 "a..b:1",
                                 "a b:1",
                                 "http://a:1",
                                 "unix:",
                                 "unix:a",
                                 "unix:/",
                                 "unix:relative/path",
                                 long_path.c_str()}) {
    EXPECT_NE(wrong_listen_address(text), std::nullopt) << text;
  }
}

TEST(Form, AUrlIsHttpsAnywhereAndHttpOnThisMachine) {
  for (const auto* text :
       {"https://api.runpod.io", "https://rest.runpod.io/v1", "https://example.com:8443/a/b/",
        "https://[2001:db8::1]:443", "http://localhost", "http://localhost:8080/x",
        "http://127.0.0.1:1", "http://127.255.0.9", "http://[::1]:8080", "http://[0:0::1]"}) {
    EXPECT_EQ(wrong_url(text), std::nullopt) << text;
  }
}

TEST(Form, PlainHttpGoesToNobodyElse) {
  for (const auto* text :
       {"http://api.runpod.io", "http://127.0.0.1.example.com", "http://localhost.example.com",
        "http://127.0.0.1@example.com", "http://example.com/127.0.0.1", "http://0.0.0.0",
        "http://127.1", "http://127.0.0.01", "http://2130706433", "http://[::ffff:127.0.0.1]",
        "http://[::1].example.com", "http://[::]", "http://10.0.0.1", "http://localhost\\.evil"}) {
    EXPECT_NE(wrong_url(text), std::nullopt) << text;
  }
}

TEST(Form, AServerIsHttpsAnywhereAndHttpOnThisMachineWithoutAPath) {
  for (const auto* text :
       {"https://10.0.0.1:2379", "https://etcd.example", "https://[2001:db8::1]/",
        "http://127.0.0.1:2379//", "http://[::1]:2379", "http://localhost"}) {
    EXPECT_EQ(wrong_server(text), std::nullopt) << text;
  }
  for (const auto* text :
       {"", "10.0.0.1:2379", "http://10.0.0.1:2379", "http://localhost.example.com", "https:///",
        "https://a/v3", "https://a//b", "https://me:secret@a", "https://a?b", "https://a:0"}) {
    EXPECT_NE(wrong_server(text), std::nullopt) << text;
  }
}

TEST(Form, ALinkIsOverHttpToAnyHost) {
  for (const auto* text : {"http://exporter-0:10042", "https://exporter.example/eu/0/"}) {
    EXPECT_EQ(wrong_link(text), std::nullopt) << text;
  }
  for (const auto* text :
       {"", "exporter-0:10042", "ftp://a", "javascript://a", "http://me:secret@a", "http://a?b",
        "http://a#b", "http://a b", "http://a\"b"}) {
    EXPECT_NE(wrong_link(text), std::nullopt) << text;
  }
}

TEST(Form, AUrlHasNothingBesidesHostPortAndPath) {
  for (const auto* text : {"",
                           "api.runpod.io",
                           "ftp://a",
                           "HTTPS://a",
                           "https:/a",
                           "https://",
                           "https:///a",
                           "https://user@a",
                           "https://user:pass@a",
                           "https://a?b",
                           "https://a/b?c=d",
                           "https://a#b",
                           "https://a b",
                           "https://a\n",
                           "https://a:0",
                           "https://a:",
                           "https://a:65536",
                           "https://-:x",
                           "https://\xc3\xa9.com",
                           "https://a:1:2",
                           "https://::1"}) {
    EXPECT_NE(wrong_url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace serverless::config
