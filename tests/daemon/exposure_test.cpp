#include "daemon/exposure.hpp"

#include <gtest/gtest.h>

namespace serverless::daemon {
namespace {

using config::ClientAuth;

const std::vector<std::string> kEverywhere{"127.0.0.1:1", "[::1]:1",     "localhost:1",
                                           "systemd",     "unix:/run/s", "0.0.0.0:2",
                                           "[::]:3",      "host:4",      "127.0.0.1.example.com:5"};

std::string text(config::Web web) {
  web.listen = kEverywhere;
  return exposure_text(web);
}

TEST(Exposure, EveryAddressThatOthersReachIsNamed) {
  EXPECT_EQ(text({}),
            "warning: 0.0.0.0:2 can be reached from other machines, and whoever reaches it reads "
            "all: there is neither TLS nor a password\n"
            "warning: [::]:3 can be reached from other machines, and whoever reaches it reads all: "
            "there is neither TLS nor a password\n"
            "warning: host:4 can be reached from other machines, and whoever reaches it reads all: "
            "there is neither TLS nor a password\n"
            "warning: 127.0.0.1.example.com:5 can be reached from other machines, and whoever "
            "reaches it reads all: there is neither TLS nor a password\n");
}

TEST(Exposure, BothAreNeeded) {
  const config::Tls tls{.cert_file = "/c", .key_file = "/k"};
  auto mutual = tls;
  mutual.client_auth_type = ClientAuth::RequireAndVerifyClientCert;
  auto pretended = tls;
  pretended.client_auth_type = ClientAuth::RequireAnyClientCert;
  EXPECT_NE(text({.basic_auth_users_file = "/u"}).find("passwords travel in the clear"),
            std::string::npos);
  EXPECT_NE(text({.tls_server_config = tls}).find("there is no authentication"), std::string::npos);
  EXPECT_EQ(text({.tls_server_config = pretended}), text({.tls_server_config = tls}));
  EXPECT_EQ(text({.tls_server_config = mutual}), "");
  EXPECT_EQ(text({.tls_server_config = tls, .basic_auth_users_file = "/u"}), "");
}

}  // namespace
}  // namespace serverless::daemon
