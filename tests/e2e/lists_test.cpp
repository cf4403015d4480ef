// Lists that lose something: once is a hiccup, twice is believed.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

class Lists : public E2e {
 protected:
  /// Endpoints stay through one empty list and go with the second.
  void lose_endpoints(const std::string& provider, const std::string& api, const std::string& path);
};

void Lists::lose_endpoints(const std::string& provider, const std::string& api,
                           const std::string& path) {
  const Simulator simulator(workspace_, simulated({"--frozen", "--no-rate-limits"}));
  Exporter exporter(workspace_,
                    exporter_options("[poll]\ninterval = \"3s\"\ndiscovery_interval = \"3s\"\n" +
                                     simulator.account("a", provider, key_file_)));
  const auto endpoints = [](const Page& page) {
    return page.value("serverless_account_endpoints").value_or(0);
  };
  const auto count = static_cast<double>(simulator.endpoints(provider).size());
  ASSERT_TRUE(exporter.shows([&](const Page& page) {
    return endpoints(page) == count && page.has("serverless_endpoint_workers");
  }));
  const auto lists = [&] {
    const auto requests = simulator.requests();
    return std::count_if(requests.begin(), requests.end(), [&](const auto& request) {
      return request.api == api && request.path.substr(0, request.path.find('?')).ends_with(path);
    });
  };

  simulator.fault(fmt::format("kind=empty_list&api={}&path={}&count=1", api, path));
  const auto before = lists();
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(endpoints(exporter.page()), count);
    return lists() >= before + 3;
  }));
  EXPECT_EQ(exporter.page().value("serverless_account_endpoints_removed_total"), 0);

  simulator.fault(fmt::format("kind=empty_list&api={}&path={}", api, path));
  EXPECT_TRUE(exporter.shows([&](const Page& page) {
    return endpoints(page) == 0 && !page.has("serverless_endpoint_workers") &&
           !page.has("serverless_endpoint_fresh") &&
           page.value("serverless_account_endpoints_removed_total") == count;
  }));
  simulator.clear_faults();
  EXPECT_TRUE(exporter.shows([&](const Page& page) {
    return endpoints(page) == count && page.has("serverless_endpoint_workers");
  }));
  exporter.stop();
}

TEST_F(Lists, RunpodsEndpointsStayThroughOneEmptyListAndGoWithTheSecond) {
  lose_endpoints("runpod", "runpod-api", "/v2/serverless");
}

TEST_F(Lists, RunpodV1sEndpointsStayThroughOneEmptyListAndGoWithTheSecond) {
  lose_endpoints("runpod-v1", "runpod-rest", "/v1/endpoints");
}

TEST_F(Lists, VastsEndpointsStayThroughOneEmptyListAndGoWithTheSecond) {
  lose_endpoints("vast", "vast-console", "/api/v0/endptjobs/");
}

TEST_F(Lists, AConfiguredEndpointThatIsNotThereStaysWithAReason) {
  const Simulator simulator(workspace_, simulated({"--frozen", "--no-rate-limits"}));
  const auto id = simulator.endpoints("runpod").at(0);
  Exporter exporter(workspace_,
                    exporter_options("[poll]\ninterval = \"1s\"\ndiscovery_interval = \"1s\"\n"
                                     "max_age = \"3s\"\n" +
                                     simulator.account("a", "runpod", key_file_,
                                                       fmt::format("endpoints = [\"{}\"]\n", id))));
  ASSERT_TRUE(
      exporter.shows([](const Page& page) { return page.has("serverless_endpoint_workers"); }));
  simulator.admin("POST", "remove_endpoint?id=" + id);
  EXPECT_TRUE(exporter.shows([](const Page& page) {
    return !page.has("serverless_endpoint_workers") &&
           page.value("serverless_endpoint_fresh", {{"source", "workers"}}) == 0 &&
           page.value("serverless_endpoint_fresh", {{"source", "catalog"}}) == 0 &&
           page.value("serverless_poll_failures_total",
                      {{"source", "catalog"}, {"reason", "not_found"}})
                   .value_or(0) >= 1;
  }));
  EXPECT_EQ(exporter.page().value("serverless_account_endpoints"), 1);
  simulator.admin("POST", "restore_endpoint?id=" + id);
  EXPECT_TRUE(
      exporter.shows([](const Page& page) { return page.has("serverless_endpoint_workers"); }));
  exporter.stop();
}

TEST_F(Lists, InstancesOnManyPagesPriceTheWorkersAllTheSame) {
  // 201 instances are nine pages, which may be asked for one a second.
  const Simulator simulator(workspace_,
                            simulated({"--endpoints", "2", "--workers", "100", "--frozen"}));
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"1s\"\nmax_age = \"3s\"\n" +
                                                 simulator.account("a", "vast", key_file_)));
  EXPECT_TRUE(exporter.shows([](const Page& page) {
    return page.find("serverless_worker_cost_dollars_per_hour").size() > 100;
  })) << "the walk through the pages takes longer than its own max age, so that no price is ever "
         "served";
  exporter.stop();
}

TEST_F(Lists, SlowDensLostOrganisationIsBelievedTheSecondTime) {
  struct Account {
    std::string name{};
    std::unique_ptr<Simulator> simulator{};
  };
  std::vector<Account> accounts;
  std::string config;
  for (const std::string name : {"good", "once", "gone", "down"}) {
    accounts.push_back(
        {name, std::make_unique<Simulator>(workspace_, simulated({"--frozen"}), name)});
    config += accounts.back().simulator->account(name, "den", key_file_,
                                                 name == "down" ? "max_age = \"1s\"\n" : "");
  }
  Exporter exporter(workspace_, exporter_options(config));
  const auto workers = [](const Page& page, const std::string& account) {
    return page.sum("serverless_endpoint_workers", {{"account", account}});
  };
  const auto polls = [](const Page& page, const std::string& account) {
    return page.value("serverless_polls_total", {{"account", account}}).value_or(0);
  };
  ASSERT_TRUE(exporter.shows([&](const Page& page) {
    return std::all_of(accounts.begin(), accounts.end(), [&](const Account& account) {
      return workers(page, account.name).value_or(0) > 0;
    });
  }));
  const auto there = workers(exporter.page(), "good");
  accounts[1].simulator->fault("kind=empty_list&count=1");
  accounts[2].simulator->fault("kind=empty_list");
  accounts[3].simulator->fault("kind=status");

  // No age that was asked for can be less than two intervals.
  EXPECT_EQ(exporter.page().value("serverless_poll_max_age_seconds", {{"account", "down"}}), 130);
  EXPECT_TRUE(eventually(
      [&] {
        const Page page = exporter.page();
        for (const std::string account : {"good", "once", "gone", "down"}) {
          if (polls(page, account) <= 2 && account != "down") {
            EXPECT_EQ(workers(page, account), there)
                << account << ", poll " << polls(page, account);
          }
        }
        return polls(page, "gone") >= 3 || HasFailure();
      },
      seconds{150}, seconds{1}));
  EXPECT_TRUE(exporter.shows([&](const Page& page) {
    return workers(page, "gone") == 0 && workers(page, "once") == there &&
           workers(page, "good") == there && !workers(page, "down") &&
           page.value("serverless_endpoint_fresh", {{"account", "gone"}}) == 1 &&
           page.value("serverless_endpoint_fresh", {{"account", "down"}}) == 0;
  }));
  const Page page = exporter.page();
  EXPECT_EQ(page.value("serverless_endpoint_workers_disappeared_total", {{"account", "gone"}}),
            there);
  EXPECT_EQ(page.value("serverless_endpoint_workers_disappeared_total", {{"account", "once"}}), 0);
  EXPECT_EQ(page.value("serverless_endpoint_workers_appeared_total", {{"account", "once"}}), 0);
  for (const auto& account : accounts) {
    double last = 0;
    for (const auto& request : account.simulator->requests()) {
      EXPECT_GE(request.time - last, 65 - 0.1) << account.name;
      last = request.time;
    }
  }
  exporter.stop();
}

}  // namespace
}  // namespace e2e
