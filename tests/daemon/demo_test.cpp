#include "daemon/demo.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collectors/registry.hpp"
#include "config/load.hpp"

namespace serverless::daemon {
namespace {

TEST(Demo, HasAnAccountOfEachProviderAndAsksTheSimulatorOnly) {
  const std::string simulator = "http://127.0.0.1:4711/";
  const auto config = config::load(demo_config("http://127.0.0.1:4711"), "demo", provider_specs());
  ASSERT_TRUE(config.has_value()) << to_string(config.error().at(0));
  std::vector<std::string> shown;
  for (const auto& account : config->accounts) {
    shown.push_back(account.provider);
    for (const auto& key : find_provider(account.provider)->keys) {
      if (key.type != config::KeySpec::Type::url) continue;
      const auto& url = account.setting<std::string>(key.name);
      EXPECT_TRUE(url.starts_with(simulator))
          << account.provider << ": " << key.name << ": " << url;
    }
  }
  std::vector<std::string> known;
  for (const auto& provider : providers()) known.emplace_back(provider.name);
  EXPECT_EQ(shown, known) << "kUrls of daemon/demo.cpp and the table of providers";
}

}  // namespace
}  // namespace serverless::daemon
