#include "daemon/forecast.hpp"

#include <gtest/gtest.h>

#include "collectors/registry.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

config::Account account(const std::string& provider, std::vector<std::string> endpoints = {}) {
  config::Account account{.name = "prod", .provider = provider, .endpoints = std::move(endpoints)};
  for (const auto& key : find_provider(provider)->keys) {
    account.settings.emplace(key.name, key.fallback);
  }
  return account;
}

std::string forecast_of(const config::Account& account, std::uint32_t sharers = 1) {
  const auto& provider = *find_provider(account.provider);
  return forecast(account, provider, sharers, share_of(account, provider, Members{}));
}

std::string forecast_of_shard(const config::Account& account, std::uint32_t ordinal,
                              std::uint32_t count) {
  const auto& provider = *find_provider(account.provider);
  const auto share = share_of(account, provider, static_shards(ordinal, count));
  return forecast(account, provider, share.askers, share);
}

TEST(Forecast, TellsTheCallsOfNamedEndpoints) {
  EXPECT_EQ(
      forecast_of(account("runpod", {"a", "b"})),
      "account prod (runpod): 2 endpoints\n"
      "  queue      health                 every   30s  4 a minute, 240 an hour, 5760 a day\n"
      "  control    list_billing           every    5m  0.2 a minute, 12 an hour, 288 a day\n"
      "  control    list_endpoints         every    5m  0.2 a minute, 12 an hour, 288 a day\n"
      "  control    list_workers           every   30s  4 a minute, 240 an hour, 5760 a day\n");
}

TEST(Forecast, TellsWhatEachDiscoveredEndpointAdds) {
  EXPECT_EQ(
      forecast_of(account("vast")),
      "account prod (vast): discovers its endpoints\n"
      "  console    list_endpoints         every    5m  0.2 a minute, 12 an hour, 288 a day\n"
      "  autoscaler get_endpoint_workers   every   30s  2 a minute, 120 an hour, 2880 a day, "
      "for each endpoint\n"
      "  console    list_instances         every   30s  2 a minute, 120 an hour, 2880 a day\n");
}

TEST(Forecast, WarnsWhereTheProviderAllowsLess) {
  EXPECT_EQ(forecast_of(account("den")),
            "account prod (den): 1 endpoint\n"
            "  control    list_workers           every   65s  0.9231 a minute, 55.38 an hour, "
            "1329.2 a day\n"
            "  warning: list_workers is polled every 65s instead of every 30s: the provider's "
            "documented limits allow no more\n");
}

TEST(Forecast, AQuotaThatIsSharedIsDivided) {
  std::vector<std::string> endpoints;
  for (int i = 0; i < 20; ++i) endpoints.push_back(std::to_string(i));
  const auto text = forecast_of(account("vast", endpoints), 2);
  // Twenty endpoints at 1.1 s, another account in between, and room to catch up.
  EXPECT_NE(text.find("get_endpoint_workers   every 46.09s"), std::string::npos) << text;
}

TEST(Forecast, AShardTellsItsOwnCallsAndWhatIsDividedAmongAll) {
  EXPECT_EQ(
      forecast_of_shard(account("runpod", {"a", "b", "c", "d", "e", "f"}), 1, 3),
      "account prod (runpod): 4 of 6 endpoints\n"
      "  queue      health                 every   30s  8 a minute, 480 an hour, 11520 a day\n"
      "  control    list_billing           every   15m  0.06667 a minute, 4 an hour, 96 a day\n"
      "  warning: list_billing is polled every 15m instead of every 5m: the provider's documented "
      "limits allow no more to each of 3 that share them\n"
      "  control    list_endpoints         every    5m  0.2 a minute, 12 an hour, 288 a day\n"
      "  control    list_workers           every   30s  8 a minute, 480 an hour, 11520 a day\n");
  const auto text = forecast_of_shard(account("runpod"), 1, 3);
  EXPECT_TRUE(
      text.starts_with("account prod (runpod): discovers its endpoints, and polls about "
                       "one in 3\n"))
      << text;
}

TEST(Forecast, AnAccountThatStaysWholeIsOneShardsAndCostsTheOthersNothing) {
  int owners = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto text = forecast_of_shard(account("den"), i, 3);
    if (text == "account prod (den): another shard's\n") continue;
    EXPECT_EQ(text, forecast_of(account("den")));
    ++owners;
  }
  EXPECT_EQ(owners, 1);
}

}  // namespace
}  // namespace serverless::daemon
