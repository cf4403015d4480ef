// Members in network namespaces of their own, each with a link to etcd, one to the provider and one
// to whoever reads its page: links are cut.

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"
#include "tests/e2e/etcd_fixture.hpp"

namespace e2e {
namespace {

constexpr std::size_t kMembers = 3;
constexpr std::size_t kEndpoints = 60;
constexpr seconds kInterval{5};
constexpr seconds kTimeout{2};
constexpr seconds kLease{5};
constexpr int kEtcdPort = 2379;
constexpr int kProviderPort = 8080;
constexpr int kPagePort = 10042;

enum class Link : std::uint8_t { etcd = 77, provider = 78, page = 79 };

void check(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

void write_to(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::system_error(errno, std::generic_category(), path);
  }
  close(file);
}

// This test's process has a network and mounts of its own from here on. It need not be root.
void go_apart() {
  const auto user = geteuid();
  const auto group = getegid();
  if (user != 0) {
    check(unshare(CLONE_NEWUSER), "a namespace of users");
    write_to("/proc/self/setgroups", "deny");
    write_to("/proc/self/uid_map", fmt::format("0 {} 1", user));
    write_to("/proc/self/gid_map", fmt::format("0 {} 1", group));
  }
  check(unshare(CLONE_NEWNET | CLONE_NEWNS), "namespaces of networks and mounts");
  check(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mounts of its own");
  check(mount("none", "/run", "tmpfs", 0, nullptr), "ip's directory of namespaces");
}

class Partition : public E2e {
 protected:
  Partition() {
    go_apart();
    run("ip link set lo up");
    simulator_ = std::make_unique<Simulator>(
        workspace_, simulated({"--endpoints", std::to_string(kEndpoints), "--workers", "2",
                               "--no-rate-limits"}));
    std::filesystem::create_directory(workspace_.path() / "etcd");
    etcd_ = std::make_unique<EtcdServers>(workspace_.path() / "etcd");
    for (std::size_t i = 0; i < kMembers; ++i) connect(i);
  }

  // Run by a shell, to its end; it must succeed.
  void run(const std::string& command) {
    Process process(workspace_.outputs(), fmt::format("run{}", runs_++),
                    {"/bin/sh", "-ec", command});
    if (process.wait() != 0) throw std::runtime_error(command + ": " + process.err());
  }

  static std::string outside(std::size_t member, Link link) {
    return fmt::format("10.{}.{}.1", static_cast<int>(link), member);
  }
  static std::string inside(std::size_t member, Link link) {
    return fmt::format("10.{}.{}.2", static_cast<int>(link), member);
  }
  static std::string name(std::size_t member, Link link) {
    return fmt::format("l{}m{}", static_cast<int>(link), member);
  }

  void connect(std::size_t member) {
    run(fmt::format("ip netns add m{0} && ip -n m{0} link set lo up", member));
    for (const auto link : {Link::etcd, Link::provider, Link::page}) {
      run(
          fmt::format("ip link add {0} type veth peer name x{0} netns m{1} && "
                      "ip addr add {2}/24 dev {0} && ip link set {0} up && "
                      "ip -n m{1} addr add {3}/24 dev x{0} && ip -n m{1} link set x{0} up",
                      name(member, link), member, outside(member, link), inside(member, link)));
    }
    // Plain HTTP is for loopback only: a forwarder at each end of a link, and the link between
    // them.
    forward(member, Link::etcd, kEtcdPort, etcd_->url());
    forward(member, Link::provider, kProviderPort, simulator_->url());
  }

  void forward(std::size_t member, Link link, int port, const std::string& url) {
    const auto listen = [&](const std::string& address) {
      return fmt::format("TCP-LISTEN:{},bind={},fork,reuseaddr", port, address);
    };
    forwarders_.push_back(std::make_unique<Process>(
        workspace_.outputs(), fmt::format("outside{}", forwarders_.size()),
        std::vector<std::string>{"/usr/bin/socat", listen(outside(member, link)),
                                 "TCP:" + url.substr(7)}));
    forwarders_.push_back(std::make_unique<Process>(
        workspace_.outputs(), fmt::format("inside{}", forwarders_.size()),
        std::vector<std::string>{"/usr/bin/ip", "netns", "exec", fmt::format("m{}", member),
                                 "/usr/bin/socat", listen("127.0.0.1"),
                                 fmt::format("TCP:{}:{}", outside(member, link), port)}));
  }

  // Nothing that is sent arrives any more, either way, and nobody is told.
  void cut(std::size_t member, Link link) {
    run(fmt::format("ip -n m{} route replace blackhole {}/32", member, outside(member, link)));
    run(fmt::format("ip route replace blackhole {}/32", inside(member, link)));
  }
  void mend(std::size_t member, Link link) {
    run(fmt::format("ip -n m{} route del blackhole {}/32", member, outside(member, link)));
    run(fmt::format("ip route del blackhole {}/32", inside(member, link)));
  }

  void start(std::size_t member) {
    const auto config = fmt::format(
        "[web]\nlisten = [\"{}:{}\"]\n[cluster]\netcd = [\"http://127.0.0.1:{}\"]\n"
        "member = \"member{}\"\nlease_ttl = \"{}s\"\n[poll]\ninterval = \"{}s\"\ntimeout = "
        "\"{}s\"\ndiscovery_interval = \"20s\"\n[[accounts]]\nname = \"prod\"\nprovider = "
        "\"runpod\"\napi_key_file = \"{}\"\napi_url = \"http://127.0.0.1:{}/runpod-api\"\n"
        "queue_url = \"http://127.0.0.1:{}/runpod-queue\"\n",
        inside(member, Link::page), kPagePort, kEtcdPort, member, kLease.count(), kInterval.count(),
        kTimeout.count(), key_file_, kProviderPort, kProviderPort);
    const auto file = workspace_.file(fmt::format("member{}.toml", member), config);
    members_.push_back(std::make_unique<Process>(
        workspace_.outputs(), fmt::format("member{}", member),
        std::vector<std::string>{"/usr/bin/ip", "netns", "exec", fmt::format("m{}", member),
                                 exporter_path(), "--config", file.string()}));
  }

  [[nodiscard]] std::set<std::string> endpoints(std::size_t member) const {
    const auto reply =
        get(fmt::format("http://{}:{}/metrics", inside(member, Link::page), kPagePort));
    std::set<std::string> found;
    if (reply.status != 200) return found;
    const auto page = Page::parse(reply.body);
    for (const auto* sample : page.find("serverless_endpoint_fresh", {{"source", "workers"}})) {
      found.insert(sample->label("endpoint_id"));
    }
    return found;
  }
  [[nodiscard]] bool are_fresh(std::size_t member) const {
    const auto page = Page::parse(
        get(fmt::format("http://{}:{}/metrics", inside(member, Link::page), kPagePort)).body);
    const auto samples = page.find("serverless_endpoint_fresh", {{"source", "workers"}});
    return std::all_of(samples.begin(), samples.end(),
                       [](const auto* sample) { return sample->value == 1; });
  }

  // All endpoints, each on one page, of these members only.
  [[nodiscard]] bool is_shared(const std::set<std::size_t>& among) const {
    std::set<std::string> all;
    std::size_t total = 0;
    for (std::size_t i = 0; i < kMembers; ++i) {
      const auto own = endpoints(i);
      if (own.empty() == among.contains(i)) return false;
      total += own.size();
      all.insert(own.begin(), own.end());
    }
    return total == kEndpoints && all.size() == kEndpoints;
  }

  std::unique_ptr<Simulator> simulator_{};
  std::unique_ptr<EtcdServers> etcd_{};
  std::vector<std::unique_ptr<Process>> forwarders_{};
  std::vector<std::unique_ptr<Process>> members_{};
  int runs_ = 0;
};

TEST_F(Partition, WhoIsCutOffFromEtcdGivesUpBeforeAnyoneTakesAndComesBack) {
  for (std::size_t i = 0; i < kMembers; ++i) start(i);
  ASSERT_TRUE(eventually([&] { return is_shared({0, 1, 2}); }, kPatience * 2));
  const auto had = endpoints(1);
  const double cut_off = unix_now();
  cut(1, Link::etcd);
  // What it had is never on its page and on another's. Its own is read last: it may give up in
  // between, and takes nothing.
  double gone = 0;
  EXPECT_TRUE(eventually(
      [&] {
        auto others = endpoints(0);
        others.merge(endpoints(2));
        const auto own = endpoints(1);
        if (own.empty() && gone == 0) gone = unix_now();
        for (const auto& id : own) EXPECT_FALSE(others.contains(id)) << id;
        return others.size() == kEndpoints;
      },
      kPatience));
  std::printf("cut off from etcd: given up after %.1f s, taken over after %.1f s (lease %ld s)\n",
              gone - cut_off, unix_now() - cut_off, static_cast<long>(kLease.count()));
  EXPECT_TRUE(is_shared({0, 2}));
  mend(1, Link::etcd);
  EXPECT_TRUE(eventually([&] { return is_shared({0, 1, 2}); }));
  EXPECT_EQ(endpoints(1), had);
}

// It is alive and has its place. That its data are old is for its pages to say.
TEST_F(Partition, WhoIsCutOffFromTheProviderKeepsItsPlaceAndSaysThatItsDataAreOld) {
  for (std::size_t i = 0; i < kMembers; ++i) start(i);
  ASSERT_TRUE(eventually([&] { return is_shared({0, 1, 2}); }, kPatience * 2));
  cut(2, Link::provider);
  EXPECT_TRUE(eventually(
      [&] {
        EXPECT_TRUE(is_shared({0, 1, 2}));
        const auto page = Page::parse(
            get(fmt::format("http://{}:{}/metrics", inside(2, Link::page), kPagePort)).body);
        const auto samples = page.find("serverless_poll_success", {{"source", "workers"}});
        return !samples.empty() &&
               std::all_of(samples.begin(), samples.end(),
                           [](const auto* sample) { return sample->value == 0; });
      },
      kPatience * 2, seconds{1}));
  EXPECT_TRUE(are_fresh(0));
  EXPECT_TRUE(are_fresh(1));
  mend(2, Link::provider);
  EXPECT_TRUE(eventually([&] { return are_fresh(2) && is_shared({0, 1, 2}); }, kPatience * 2));
}

}  // namespace
}  // namespace e2e
