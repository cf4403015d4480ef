#include "daemon/exposure.hpp"

#include <fmt/format.h>

#include "config/form.hpp"

namespace serverless::daemon {

std::vector<Exposure> exposures(const config::Web& web) {
  const auto& tls = web.tls_server_config;
  const bool users = !web.basic_auth_users.empty() || !web.basic_auth_users_file.empty();
  const bool known =
      users || (tls && tls->client_auth_type == config::ClientAuth::RequireAndVerifyClientCert);
  std::string what;
  if (!tls && users) what = "passwords travel in the clear: there is no TLS";
  if (!tls && !users) what = "whoever reaches it reads all: there is neither TLS nor a password";
  if (tls && !known) what = "whoever reaches it reads all: there is no authentication";
  std::vector<Exposure> found;
  if (what.empty()) return found;
  for (const auto& address : web.listen) {
    if (!config::is_local_address(address)) found.push_back({.address = address, .what = what});
  }
  return found;
}

std::string exposure_text(const config::Web& web) {
  std::string text;
  for (const auto& [address, what] : exposures(web)) {
    text += fmt::format("warning: {} can be reached from other machines, and {}\n", address, what);
  }
  return text;
}

}  // namespace serverless::daemon
