// Three exporters that divide one account through a real etcd: each endpoint is polled by one and
// on one page, whoever comes, goes, dies, sleeps or cannot reach etcd.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base64.hpp"
#include "daemon/deflate.hpp"
#include "tests/e2e/e2e_fixture.hpp"
#include "tests/e2e/etcd_fixture.hpp"

namespace e2e {
namespace {

constexpr std::size_t kMembers = 3;
constexpr std::size_t kEndpoints = 300;
constexpr seconds kInterval{10};
constexpr seconds kTimeout{3};
constexpr seconds kLease{5};
constexpr std::size_t kMostInFlight = 8;

std::set<std::string> endpoints_of(const Page& page) {
  std::set<std::string> found;
  for (const auto* sample : page.find("serverless_endpoint_fresh", {{"source", "workers"}})) {
    found.insert(sample->label("endpoint_id"));
  }
  return found;
}

// By endpoint: how often its workers' list was asked for.
std::map<std::string, double> polls_counted(const Page& page) {
  std::map<std::string, double> counts;
  for (const auto* sample : page.find("serverless_polls_total", {{"source", "workers"}})) {
    counts[sample->label("endpoint_id")] = sample->value;
  }
  return counts;
}

// A poll of one endpoint: the workers' list or the queue's view.
struct PolledAt {
  double time = 0;
  std::int64_t member = 0;
};
using Polls = std::map<std::string, std::vector<PolledAt>>;

Polls polls_of(const Simulator& simulator, double from = 0) {
  Polls polls;
  for (const auto& request : simulator.requests()) {
    if (request.endpoint.empty() || request.time < from) continue;
    polls[request.api + " " + request.endpoint].push_back(
        {.time = request.time, .member = request.key.value_or(-1)});
  }
  return polls;
}

// The longest time that a target had no poll, from `from` until `until`.
double longest_gap(const Polls& polls, double from, double until) {
  double longest = 0;
  for (const auto& [target, times] : polls) {
    double last = 0;
    for (const auto& poll : times) {
      if (last > 0 && poll.time >= from && last <= until) {
        longest = std::max(longest, poll.time - last);
      }
      last = poll.time;
    }
    if (last < until) longest = std::max(longest, until - last);
  }
  return longest;
}

class Cluster : public E2e {
 protected:
  explicit Cluster(std::size_t endpoints = kEndpoints) : endpoints_(endpoints) {
    std::vector<std::string> options{"--endpoints", std::to_string(endpoints), "--workers",
                                     "2",           "--no-rate-limits",        "--planted-secret",
                                     kPlanted};
    for (std::size_t i = 0; i < kMembers; ++i) {
      options.insert(options.end(), {"--key", key(i)});
    }
    simulator_ = std::make_unique<Simulator>(workspace_, options);
    etcd_ = std::make_unique<EtcdServers>(etcd_directory());
    members_.resize(kMembers);
  }

  [[nodiscard]] std::filesystem::path etcd_directory(const std::string& name = "etcd") const {
    auto directory = workspace_.path() / name;
    std::filesystem::create_directory(directory);
    return directory;
  }

  static std::string key(std::size_t member) { return fmt::format("member+{}/key", member); }

  [[nodiscard]] std::string config_of(std::size_t member, std::string_view more) const {
    const auto file = workspace_.file(fmt::format("key{}", member), key(member));
    return fmt::format(
               "[poll]\ninterval = \"{}s\"\ntimeout = \"{}s\"\nmax_in_flight = {}\n"
               "discovery_interval = \"20s\"\n",
               kInterval.count(), kTimeout.count(), kMostInFlight) +
           std::string(more) + simulator_->account("prod", "runpod", file.string());
  }

  void start(std::size_t member) {
    const auto cluster =
        fmt::format("[cluster]\netcd = [\"{}\"]\nmember = \"member{}\"\nlease_ttl = \"{}s\"\n{}",
                    etcd_->url(), member, lease_.count(), more_(member));
    members_[member] = std::make_unique<Exporter>(
        workspace_,
        exporter_options(config_of(member, cluster), fmt::format("member{}_{}", member, starts_)),
        fmt::format("member{}_{}", member, starts_));
    ++starts_;
  }

  void start_all() {
    for (std::size_t i = 0; i < kMembers; ++i) start(i);
    ASSERT_TRUE(eventually([&] { return is_shared(kMembers); }, kPatience * 2)) << shares();
  }

  // All endpoints are on pages, each once, and so many members have some.
  [[nodiscard]] bool is_shared(std::size_t among) const {
    std::size_t total = 0;
    std::size_t having = 0;
    std::set<std::string> all;
    for (const auto& member : members_) {
      if (!member) continue;
      const auto own = endpoints_of(member->page());
      total += own.size();
      having += own.empty() ? 0 : 1;
      all.insert(own.begin(), own.end());
    }
    return total == endpoints_ && all.size() == endpoints_ && having == among;
  }

  [[nodiscard]] std::string shares() const {
    std::string text;
    for (const auto& member : members_) {
      text += member ? fmt::format("{} ", endpoints_of(member->page()).size()) : "- ";
    }
    return text;
  }

  // Scrapes all pages in turn. An endpoint that is on one page, then on another, then on the first
  // again was on both in between.
  class Watcher {
   public:
    explicit Watcher(const Cluster& test) : test_(test) {}
    void look() {
      for (std::size_t i = 0; i < kMembers; ++i) {
        const auto& member = test_.members_[i];
        if (!member || paused.contains(i)) continue;
        const auto reply = get(member->url() + "/metrics");
        if (reply.status != 200) continue;
        for (const auto& id : endpoints_of(Page::parse(reply.body))) {
          auto& seen = last_[id];
          if (seen.size() >= 2 && seen.back() != i && seen[seen.size() - 2] == i) twins.insert(id);
          if (seen.empty() || seen.back() != i) seen.push_back(i);
        }
      }
    }
    std::set<std::size_t> paused{};
    std::set<std::string> twins{};

   private:
    const Cluster& test_;
    std::map<std::string, std::vector<std::size_t>> last_{};
  };

  std::size_t endpoints_;
  std::unique_ptr<Simulator> simulator_{};
  std::unique_ptr<EtcdServers> etcd_{};
  std::vector<std::unique_ptr<Exporter>> members_{};
  seconds lease_ = kLease;
  /// Further lines of the table.
  std::function<std::string(std::size_t)> more_ = [](std::size_t) { return std::string{}; };
  int starts_ = 0;
};

TEST_F(Cluster, ThreePollEachEndpointOnceAndTogetherAsOftenAsOneAlone) {
  start_all();
  Simulator apart(
      workspace_,
      simulated({"--endpoints", std::to_string(kEndpoints), "--workers", "2", "--no-rate-limits"}),
      "simulator_apart");
  const Exporter alone(
      workspace_,
      exporter_options(fmt::format("[poll]\ninterval = \"{}s\"\ndiscovery_interval = \"20s\"\n",
                                   kInterval.count()) +
                           apart.account("prod", "runpod", key_file_),
                       "alone"),
      "alone");
  ASSERT_TRUE(
      alone.shows([](const Page& page) { return endpoints_of(page).size() == kEndpoints; }));
  // The first round is over, the slots are kept.
  throughout(
      kInterval * 2, [] {}, seconds{1});
  const double from = unix_now();
  Watcher watcher(*this);
  throughout(
      kInterval * 3, [&] { watcher.look(); }, milliseconds{500});
  const double until = unix_now();

  const auto count = [&](const Simulator& simulator) {
    const auto requests = simulator.requests();
    return std::count_if(requests.begin(), requests.end(), [&](const auto& request) {
      return request.time >= from && request.time < until;
    });
  };
  const auto polls = polls_of(*simulator_, from);
  EXPECT_EQ(polls.size(), 2 * kEndpoints) << "workers and queues";
  std::size_t shared = 0;
  for (const auto& [target, times] : polls) {
    std::set<std::int64_t> askers;
    for (const auto& poll : times) askers.insert(poll.member);
    shared += askers.size() > 1 ? 1 : 0;
  }
  EXPECT_EQ(shared, 0U);
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
  const auto together = static_cast<double>(count(*simulator_));
  const auto single = static_cast<double>(count(apart));
  std::printf("requests in %.1f s: three members %.0f, one alone %.0f; shares %s\n", until - from,
              together, single, shares().c_str());
  EXPECT_NEAR(together / single, 1.0, 0.02);
}

TEST_F(Cluster, WhatADeadMemberPolledIsPolledAgainWithinItsLeaseAndAnInterval) {
  start_all();
  throughout(
      kInterval, [] {}, seconds{1});
  Watcher watcher(*this);
  const double killed = unix_now();
  members_[1]->process().signal(SIGKILL);
  ASSERT_EQ(members_[1]->process().wait(), 128 + SIGKILL);
  members_[1].reset();
  EXPECT_TRUE(eventually(
      [&] {
        watcher.look();
        return is_shared(2);
      },
      kPatience * 2))
      << shares();
  throughout(
      kInterval, [&] { watcher.look(); }, milliseconds{500});
  double again = 0;
  for (const auto& [target, times] : polls_of(*simulator_, killed)) {
    again = std::max(again, times.front().time - killed);
  }
  std::printf("all polled again %.1f s after a kill -9 (lease %ld s, interval %ld s)\n", again,
              static_cast<long>(kLease.count()), static_cast<long>(kInterval.count()));
  EXPECT_EQ(polls_of(*simulator_, killed).size(), 2 * kEndpoints);
  EXPECT_LE(again, static_cast<double>((kLease + kInterval).count()));
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
}

TEST_F(Cluster, WhoLeavesHandsOverWithoutAGapOrATwin) {
  start_all();
  throughout(
      kInterval, [] {}, seconds{1});
  Watcher watcher(*this);
  const auto counted = polls_counted(members_[2]->page());
  EXPECT_GE(counted.size(), kEndpoints / 6);
  const double left = unix_now();
  members_[2]->process().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] {
    watcher.look();
    return members_[2]->process().exit_code() == 0;
  }));
  EXPECT_NE(members_[2]->process().err().find("cluster_left "), std::string::npos);
  members_[2].reset();
  throughout(
      kInterval * 2, [&] { watcher.look(); }, milliseconds{500});
  EXPECT_TRUE(is_shared(2)) << shares();
  // What was counted is counted on.
  auto later = polls_counted(members_[0]->page());
  later.merge(polls_counted(members_[1]->page()));
  for (const auto& [id, count] : counted) EXPECT_GT(later[id], count) << id;
  const double gap = longest_gap(polls_of(*simulator_), left, unix_now());
  std::printf("longest time without a poll around a SIGTERM: %.1f s (interval %ld s)\n", gap,
              static_cast<long>(kInterval.count()));
  EXPECT_LE(gap, static_cast<double>((kInterval + kTimeout).count()));
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
}

TEST_F(Cluster, WhoSleptLongerThanItsLeaseStartsNothingBeforeItIsAMemberAgain) {
  start_all();
  Watcher watcher(*this);
  watcher.paused.insert(0);
  members_[0]->process().signal(SIGSTOP);
  EXPECT_TRUE(eventually(
      [&] {
        watcher.look();
        return endpoints_of(members_[1]->page()).size() +
                   endpoints_of(members_[2]->page()).size() ==
               kEndpoints;
      },
      kPatience * 2));
  // It cannot become a member again meanwhile.
  etcd_->pause();
  const double woken = unix_now();
  members_[0]->process().signal(SIGCONT);
  watcher.paused.clear();
  throughout(milliseconds{1200}, [&] { watcher.look(); });
  const double until = unix_now();
  EXPECT_EQ(endpoints_of(members_[0]->page()).size(), 0U);
  etcd_->resume();
  std::size_t started = 0;
  for (const auto& request : simulator_->requests()) {
    if (request.key == 0 && request.time >= woken && request.time <= until) ++started;
  }
  std::printf("requests of a member that slept %ld s over its lease: %zu\n",
              static_cast<long>(kLease.count()), started);
  EXPECT_LE(started, kMostInFlight);
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
  EXPECT_TRUE(eventually([&] { return is_shared(kMembers); }, kPatience * 2)) << shares();
}

TEST_F(Cluster, WithoutEtcdMembersGoOnUntilTheirLeasesEndAndComeBackWithIt) {
  lease_ = seconds{12};
  start_all();
  etcd_->kill();
  // Shorter than what is left of any lease at least.
  const auto sum = [&] {
    std::size_t total = 0;
    for (const auto& member : members_) total += endpoints_of(member->page()).size();
    return total;
  };
  throughout(
      seconds{2}, [&] { EXPECT_EQ(sum(), kEndpoints); }, milliseconds{500});
  etcd_->start();
  throughout(
      lease_ + seconds{5}, [&] { EXPECT_EQ(sum(), kEndpoints); }, milliseconds{500});
  etcd_->kill();
  EXPECT_TRUE(eventually([&] { return sum() == 0; }, lease_ + seconds{5})) << shares();
  for (const auto& member : members_) {
    EXPECT_EQ(get(member->url() + "/-/healthy").status, 200);
    // The page is empty at once, and who said so looks once a second.
    EXPECT_TRUE(eventually([&] {
      return member->process().err().find("cluster_lease_over") != std::string::npos;
    })) << member->process().err();
  }
  const double over = unix_now();
  throughout(
      seconds{3}, [] {}, seconds{1});
  EXPECT_EQ(polls_of(*simulator_, over + 0.5).size(), 0U);
  etcd_->start();
  EXPECT_TRUE(eventually([&] { return is_shared(kMembers); }, kPatience * 2)) << shares();
}

TEST_F(Cluster, ASlowEtcdCostsNobodyItsPlace) {
  lease_ = seconds{10};
  start_all();
  Watcher watcher(*this);
  // Less than after what it would believe that it is no leader any more.
  for (int i = 0; i < 10; ++i) {
    etcd_->pause();
    throughout(
        milliseconds{600}, [&] { watcher.look(); }, milliseconds{250});
    etcd_->resume();
    throughout(
        milliseconds{400}, [&] { watcher.look(); }, milliseconds{250});
    EXPECT_TRUE(is_shared(kMembers)) << shares();
  }
  for (const auto& member : members_) {
    EXPECT_EQ(member->process().err().find("cluster_lease_over"), std::string::npos);
  }
  EXPECT_EQ(watcher.twins, std::set<std::string>{});
}

TEST_F(Cluster, WithAFullEtcdMembersKeepWhatTheyHaveAndSaySo) {
  etcd_ = nullptr;
  etcd_ = std::make_unique<EtcdServers>(etcd_directory("small"),
                                        EtcdServers::Form{.quota_bytes = 1'000'000});
  start_all();
  const auto file = workspace_.file("filler", std::string(300'000, 'x'));
  const auto fill = [&](int i) {
    Process put(workspace_.outputs(), fmt::format("fill{}", i),
                {"/bin/sh", "-c",
                 fmt::format("ETCDCTL_API=3 etcdctl --endpoints {} put filler{} < {}", etcd_->url(),
                             i, file.string())});
    return put.wait();
  };
  int filled = 0;
  while (fill(filled) == 0 && filled < 50) ++filled;
  ASSERT_LT(filled, 50);
  // Longer than a lease: it is renewed all the time.
  throughout(
      kLease * 2, [&] { EXPECT_TRUE(is_shared(kMembers)) << shares(); }, seconds{1});
  // Who comes now cannot come in, and says why.
  members_[0]->stop();
  members_[0].reset();
  EXPECT_TRUE(eventually([&] { return endpoints_of(members_[1]->page()).size() > 0; }));
  start(0);
  EXPECT_TRUE(eventually([&] {
    return members_[0]->process().err().find("database space exceeded") != std::string::npos;
  })) << members_[0]->process().err();
  EXPECT_EQ(endpoints_of(members_[0]->page()).size(), 0U);
}

TEST_F(Cluster, WhoHasTheWrongPasswordIsNoMemberAndSaysSoWithoutIt) {
  etcd_->let_in("exporter", "right-Password", "/serverless_exporter/default/");
  more_ = [&](std::size_t member) {
    const auto file = workspace_.file(fmt::format("password{}", member),
                                      member == 2 ? "wrong-Password" : "right-Password");
    return fmt::format("username = \"exporter\"\npassword_file = \"{}\"\n", file.string());
  };
  for (std::size_t i = 0; i < kMembers; ++i) start(i);
  EXPECT_TRUE(eventually([&] { return is_shared(2); }, kPatience * 2)) << shares();
  EXPECT_EQ(endpoints_of(members_[2]->page()).size(), 0U);
  const auto log = members_[2]->process().err();
  EXPECT_NE(log.find("cluster_engine_trouble"), std::string::npos) << log;
  EXPECT_NE(log.find("authentication failed"), std::string::npos) << log;
  EXPECT_EQ(find_leaks(workspace_.outputs(), {"wrong-Password", "right-Password"}),
            std::vector<std::string>{});
}

// The same for sanitizers, under which nothing keeps time.
class FewEndpoints : public Cluster {
 protected:
  FewEndpoints() : Cluster(24) { lease_ = seconds{15} * kSlowness; }
};

TEST_F(FewEndpoints, AreSharedHandedOverAndSharedAgain) {
  start(0);
  EXPECT_TRUE(eventually([&] { return is_shared(1); }, kPatience * 2)) << shares();
  start(1);
  EXPECT_TRUE(eventually([&] { return is_shared(2); }, kPatience * 2)) << shares();
  members_[1]->process().signal(SIGHUP);
  EXPECT_TRUE(eventually(
      [&] { return members_[1]->process().err().find("event=reloaded") != std::string::npos; }));
  EXPECT_TRUE(is_shared(2)) << shares();
  members_[0]->stop();
  members_[0].reset();
  EXPECT_TRUE(eventually([&] { return is_shared(1); }, kPatience * 2)) << shares();
  start(2);
  EXPECT_TRUE(eventually([&] { return is_shared(2); }, kPatience * 2)) << shares();
}

// What lists hold of endpoints' env, the keys of the API, the password: whoever reads etcd must not
// have them.
TEST_F(FewEndpoints, LeaveNoSecretInEtcd) {
  const std::string password = "etcd/Password+1";
  etcd_->let_in("exporter", password, "/serverless_exporter/default/");
  more_ = [&](std::size_t) {
    const auto file = workspace_.file("password", password);
    return fmt::format("username = \"exporter\"\npassword_file = \"{}\"\n", file.string());
  };
  int dumped = 0;
  // @return the keys.
  const auto dump = [&] {
    std::string keys;
    const Json all(etcd_->ctl({"get", "--prefix", "/", "--write-out=json"}));
    for (const auto entry : all.array("/kvs")) {
      const auto bytes = [&](const char* name) {
        return serverless::daemon::base64::decode(entry[name].get_string().value()).value();
      };
      const auto value = bytes("value");
      const auto plain = serverless::daemon::gunzip(value, std::size_t{1} << 30);
      workspace_.keep(fmt::format("etcd{}", ++dumped), bytes("key") + '\n' + plain.value_or(value));
      keys += bytes("key") + '\n';
    }
    return keys;
  };
  const auto has = [&](const std::string& word) { return dump().find(word) != std::string::npos; };
  start(0);
  start(1);
  EXPECT_TRUE(eventually([&] { return is_shared(2); }, kPatience * 2)) << shares();
  EXPECT_TRUE(has("/members/member0"));
  EXPECT_TRUE(eventually([&] { return has("/passed/prod/list_billing"); })) << dump();
  EXPECT_TRUE(eventually([&] { return has("/passed/prod/list_endpoints"); })) << dump();
  members_[0]->stop();
  members_[0].reset();
  EXPECT_TRUE(has("/handover/prod/member0/")) << dump();
  std::vector<std::string> secrets{kPlanted, password};
  for (std::size_t i = 0; i < kMembers; ++i) secrets.push_back(key(i));
  EXPECT_EQ(find_leaks(workspace_.outputs(), secrets), std::vector<std::string>{});
}

// Else data that are asked for every five minutes would expire after one and a half wherever they
// are only passed on to; and the bills, of which a member may hear before it hears of endpoints,
// would be missing there for as long.
TEST_F(FewEndpoints, HaveWhatOneMemberAsksForAllAsLongAsThatOneHasIt) {
  simulator_->fault("kind=slow_first_byte&seconds=2.5&path=/v2/serverless&count=1");
  start(0);
  start(1);
  EXPECT_TRUE(eventually([&] { return is_shared(2); }, kPatience * 2)) << shares();
  using Seen = std::set<std::pair<double, double>>;  // Interval and max age, of fresh data.
  const auto seen = [&](std::size_t member, const std::string& source) {
    const auto page = members_[member]->page();
    Seen found;
    for (const auto* fresh : page.find("serverless_endpoint_fresh", {{"source", source}})) {
      const Labels labels{{"endpoint_id", fresh->label("endpoint_id")}, {"source", source}};
      const auto value = [&](const char* name) { return page.value(name, labels).value_or(-1); };
      found.emplace(fresh->value * value("serverless_poll_interval_seconds"),
                    fresh->value * value("serverless_poll_max_age_seconds"));
    }
    return found;
  };
  for (std::size_t member = 0; member < 2; ++member) {
    EXPECT_TRUE(eventually([&] {
      return seen(member, "catalog") == Seen{{20, 90}};
    })) << testing::PrintToString(seen(member, "catalog"));
    EXPECT_TRUE(eventually([&] {
      return seen(member, "billing") == Seen{{300, 900}};
    })) << testing::PrintToString(seen(member, "billing"));
  }
}

// ---- what storage makes of three pages

constexpr const char* kPrometheus = "/usr/bin/prometheus";
constexpr const char* kVictoria = "/usr/bin/victoria-metrics";
constexpr seconds kScrapeInterval{2};

// A minute in `./dev test`; `./dev cluster` asks for more.
seconds storage_time() {
  const char* asked = std::getenv("CLUSTER_SECONDS");
  return seconds{asked == nullptr ? 60 : std::stoi(asked)};
}

class ClusterStorage : public Cluster {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(kPrometheus)) << "install Debian's package prometheus";
    ASSERT_TRUE(std::filesystem::exists(kVictoria)) << "install Debian's package victoria-metrics";
  }

  [[nodiscard]] std::string scrape_config() const {
    std::string targets;
    for (const auto& member : members_) {
      targets += fmt::format("{}'{}'", targets.empty() ? "" : ", ", member->address());
    }
    return fmt::format(
        "global: {{scrape_interval: {0}s, scrape_timeout: {0}s}}\nscrape_configs:\n"
        "- job_name: exporter\n  static_configs: [{{targets: [{1}]}}]\n",
        kScrapeInterval.count(), targets);
  }

  struct Found {
    std::size_t points = 0;  ///< At which there was an answer, one a second.
    double least_endpoints = 0;
    std::size_t twins = 0;  ///< Seconds in a row at most at which an endpoint was there twice.
  };
  static std::vector<double> range(const std::string& base, const std::string& query, double from,
                                   double until) {
    const auto reply =
        get(fmt::format("{}/api/v1/query_range?query={}&start={:.0f}&end={:.0f}&step=1", base,
                        disguises(query).at(1), from, until));
    std::vector<double> values;
    if (reply.status != 200) {
      ADD_FAILURE() << reply.status << ' ' << reply.body;
      return values;
    }
    const Json json(reply.body);
    for (const auto series : json.array("/data/result")) {
      for (const auto point : series["values"].get_array().value()) {
        values.push_back(std::stod(std::string(point.at(1).get_string().value())));
      }
    }
    return values;
  }
  static Found found(const std::string& base, double from, double until) {
    const std::string each =
        R"(count by (provider, account, endpoint_id) (serverless_endpoint_fresh{source="workers"}))";
    Found result;
    std::size_t run = 0;
    for (const double most : range(base, "max(" + each + ")", from, until)) {
      ++result.points;
      run = most > 1 ? run + 1 : 0;
      result.twins = std::max(result.twins, run);
    }
    const auto counts = range(base, "count(" + each + ")", from, until);
    result.least_endpoints = counts.empty() ? 0 : *std::min_element(counts.begin(), counts.end());
    return result;
  }
};

TEST_F(ClusterStorage, HasEachEndpointOnceThroughAHandoverSlow) {
  start_all();
  const auto config = workspace_.file("scrape.yml", scrape_config());
  const auto prometheus_url = fmt::format("http://127.0.0.1:{}", free_port());
  const Process prometheus(
      workspace_.outputs(), "prometheus",
      {kPrometheus, "--config.file=" + config.string(),
       "--web.listen-address=" + prometheus_url.substr(7),
       "--storage.tsdb.path=" + (workspace_.path() / "prometheus_data").string()});
  const auto victoria_url = fmt::format("http://127.0.0.1:{}", free_port());
  const Process victoria(workspace_.outputs(), "victoria",
                         {kVictoria, "-promscrape.config=" + config.string(),
                          "-httpListenAddr=" + victoria_url.substr(7), "-search.latencyOffset=0s",
                          "-storageDataPath=" + (workspace_.path() / "victoria_data").string()});
  const auto whole = [&](const std::string& base) {
    const auto now = unix_now();
    const auto counts =
        range(base, R"(count(serverless_endpoint_fresh{source="workers"}))", now - 5, now);
    return !counts.empty() && counts.back() == static_cast<double>(kEndpoints);
  };
  ASSERT_TRUE(eventually(
      [&] {
        return get(prometheus_url + "/-/ready").status == 200 &&
               get(victoria_url + "/health").status == 200 && whole(prometheus_url) &&
               whole(victoria_url);
      },
      kPatience * 2, seconds{1}));
  const double from = unix_now();
  throughout(
      storage_time() / 2, [] {}, seconds{1});
  members_[0]->stop();
  members_[0].reset();
  throughout(
      storage_time() / 2, [] {}, seconds{1});
  const double until = unix_now() - static_cast<double>(kScrapeInterval.count());
  for (const auto& [name, url] :
       {std::pair("Prometheus", prometheus_url), std::pair("VictoriaMetrics", victoria_url)}) {
    const auto result = found(url, from, until);
    std::printf("%s: %zu s, at least %.0f of %zu endpoints, twice for %zu s at most\n", name,
                result.points, result.least_endpoints, kEndpoints, result.twins);
    EXPECT_GE(result.points, static_cast<std::size_t>(until - from) * 9 / 10);
    // Until the page of whoever gave it up is read again.
    EXPECT_LE(result.twins, static_cast<std::size_t>(kScrapeInterval.count()) + 1);
    EXPECT_GE(result.least_endpoints, kEndpoints * 3 / 5);
  }
}

}  // namespace
}  // namespace e2e
