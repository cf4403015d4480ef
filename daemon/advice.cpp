#include "daemon/advice.hpp"

#include <array>

namespace serverless::daemon {
namespace {

struct Entry {
  Reason reason{};
  Advice advice{};
};

// In the order of the enumerators.
constexpr std::array<Entry, kReasonCount> kAdvice{{
    {Reason::timeout,
     {"The provider did not answer in time.",
      "Look at the provider's status page; if it is well, raise the timeout."}},
    {Reason::dns,
     {"The name of the API could not be resolved.", "Check this machine's DNS and the URL."}},
    {Reason::connect,
     {"No connection to the API.", "Check the route, the firewall and the URL from this machine."}},
    {Reason::tls,
     {"The API's certificate is not trusted, or TLS failed.",
      "Check this machine's clock, its ca-certificates, and any proxy on the way."}},
    {Reason::auth,
     {"The key is not accepted.",
      "Write a key that may read this into the account's key file: it is read again by itself."}},
    {Reason::forbidden,
     {"The key is valid and may not read this.",
      "Give the key the permission to read, or use another key."}},
    {Reason::not_found,
     {"The provider does not know this.",
      "Check the ids in the configuration: the endpoint may have been deleted."}},
    {Reason::gone,
     {"The provider has retired this API.", "Look for a newer version of serverless_exporter."}},
    {Reason::rate_limited,
     {"The provider asks us to come less often; we wait as long as it says.",
      "Nothing at first. If it goes on, raise the interval, or find who else uses the key."}},
    {Reason::client_error,
     {"The provider refused the request.",
      "Check the account's settings; if they are right, report it as a bug."}},
    {Reason::server_error,
     {"The provider failed on its own side.",
      "Look at the provider's status page; polling goes on by itself."}},
    {Reason::too_large,
     {"The answer is larger than is read.",
      "Raise max_body, or watch fewer endpoints with this account."}},
    {Reason::parse,
     {"The answer is not JSON: perhaps a proxy or an error page.",
      "Check the URL and what stands between this machine and the API."}},
    {Reason::schema,
     {"The answer is JSON, but not what the API documents.",
      "The API may have changed: look for a newer version of serverless_exporter."}},
    {Reason::provider,
     {"The provider answered with an error of its own.",
      "Read its words below; look at the provider's console."}},
    {Reason::not_ready,
     {"The endpoint has not started yet.",
      "Wait; if it lasts, look at the endpoint in the provider's console."}},
    {Reason::internal,
     {"A bug of serverless_exporter.", "Please report it with the lines of the log."}},
}};

constexpr bool stands_in_order() {
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    if (kAdvice[i].reason != static_cast<Reason>(i)) return false;
  }
  return true;
}
static_assert(stands_in_order());

}  // namespace

Advice advice(Reason reason) { return kAdvice[static_cast<std::size_t>(reason)].advice; }

}  // namespace serverless::daemon
