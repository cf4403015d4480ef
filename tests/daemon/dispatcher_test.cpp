// One account, whose provider is a server of a few lines.

#include "daemon/dispatcher.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

#include "collectors/registry.hpp"
#include "tests/daemon/tiny_server_fixture.hpp"
#include "tests/e2e/process_fixture.hpp"
#include "tests/fakes/account.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

TEST(Dispatcher, WhatCannotBePassedOnIsAFailedPollAndNotTheEndOfTheProcess) {
  TinyServer provider(always(reply("Content-Type: application/json\r\n", R"({"endpoints":[]})")));
  const auto& row = *find_provider("runpod");
  config::Account named{.name = "prod"};
  named.poll.timeout = 5s;
  named.settings.emplace("api_url", provider.url(""));
  AccountSetup setup{.account = fakes::account(row, named), .provider = &row};
  const Division divided({Members({"a"}, 0)}, true);
  setup.share = share_of(setup.account, row, divided);
  Pulses pulses;
  CurlHttp http("test", pulses);
  Gate gate;
  Store store({});
  std::atomic<int> asked{0};
  const Machinery machinery{.http = http,
                            .gate = gate,
                            .store = store,
                            .pulses = pulses,
                            .lease = store.lease(),
                            .pass_on = [&](const Passed&) {
                              ++asked;
                              throw std::runtime_error("no room");
                            }};
  const Dispatcher dispatcher(std::move(setup), machinery);
  EXPECT_TRUE(e2e::eventually([&] {
    const auto pages = store.current().pages;
    return !pages.empty() &&
           pages.front()->state.failures[static_cast<std::size_t>(Reason::internal)] > 0;
  }));
  EXPECT_GT(asked, 0);
}

}  // namespace
}  // namespace serverless::daemon
