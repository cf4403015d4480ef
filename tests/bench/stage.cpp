#include "tests/bench/stage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/bench/meter.hpp"

namespace bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

// With the room to catch up that daemon/plan.cpp leaves.
constexpr milliseconds kVastGap{1155};
constexpr seconds kDefaultInterval{30};
constexpr milliseconds kShortest{3000};
constexpr milliseconds kEachRequest{7};
constexpr seconds kPatience{300};
// Who has not polled everything by then cannot carry that size.
constexpr seconds kAnswerTime{120};

std::string vast_key(std::size_t account) { return fmt::format("vast-key-{}", account); }

std::string ask(const std::string& method, const std::string& url, const std::string& key = "") {
  std::vector<std::string> headers{"User-Agent: bench/1.0"};
  if (!key.empty()) headers.push_back("Authorization: Bearer " + key);
  const auto reply = e2e::request(method, url, kAnswerTime, "", headers);
  if (reply.status != 200) {
    throw std::runtime_error(fmt::format("{}: {} {}", url, reply.status, reply.error));
  }
  return reply.body;
}

std::vector<std::string> simulator_command(const Fleet& fleet, std::size_t accounts,
                                           const std::vector<std::string>& more) {
  std::vector<std::string> command{e2e::simulator_path(),
                                   "--exit-with-parent",
                                   "--no-rate-limits",
                                   "--endpoints",
                                   std::to_string(fleet.runpod()),
                                   "--workers",
                                   std::to_string(fleet.workers_each),
                                   "--key",
                                   "demo-key"};
  for (std::size_t i = 0; i < accounts; ++i) {
    command.insert(command.end(), {"--key", vast_key(i)});
  }
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

std::string word_once_written(e2e::Process& process, const std::string& name,
                              std::string_view mark) {
  std::string word;
  e2e::eventually(
      [&] {
        word = e2e::word_after(process.out() + process.err(), mark);
        return !word.empty() || process.exit_code();
      },
      e2e::kPatience, milliseconds{5});
  if (word.empty()) throw std::runtime_error(name + " does not listen: " + process.err());
  return word;
}

// ---- the exporter

std::string account_text(const Scene& scene, const std::string& name, const std::string& provider,
                         const std::string& key, const std::vector<std::string>& endpoints) {
  const auto key_file = scene.directory / (name + ".key");
  e2e::write_file(key_file, key);
  fs::permissions(key_file, fs::perms::owner_read | fs::perms::owner_write);
  std::string text =
      fmt::format("\n[[accounts]]\nname = \"{}\"\nprovider = \"{}\"\napi_key_file = \"{}\"\n", name,
                  provider, key_file.string());
  if (!endpoints.empty()) {
    text += fmt::format("endpoints = [\"{}\"]\n", fmt::join(endpoints, "\", \""));
  }
  return text;
}

// Per-worker series as the peers have them; no instances, and no worker group, whose lists would be
// read a second time.
std::string config_text(const Scene& scene, milliseconds interval) {
  const std::string& url = scene.simulator->url();
  std::string text = fmt::format(
      "[web]\nlisten = [\"127.0.0.1:0\"]\n\n[poll]\ninterval = \"{}ms\"\n"
      "discovery_interval = \"24h\"\nmax_age = \"24h\"\n\n[limits]\nworkers_per_endpoint = 0\n"
      "workers_total = 0\n\n[series]\nworker_status = \"{}\"\n",
      interval.count(), scene.worker_status);
  text += account_text(scene, "bench", "runpod", "demo-key", {}) +
          fmt::format("api_url = \"{0}/runpod-api\"\nqueue_url = \"{0}/runpod-queue\"\n", url);
  const auto ids = scene.simulator->vast_ids(scene.fleet.vast());
  const std::size_t accounts = vast_accounts(scene.fleet, scene.interval);
  for (std::size_t i = 0; i < accounts; ++i) {
    std::vector<std::string> own;
    for (std::size_t at = i; at < ids.size(); at += accounts) own.push_back(ids[at]);
    text += account_text(scene, fmt::format("vast-{}", i), "vast", vast_key(i), own) +
            fmt::format(
                "api_url = \"{0}/vast-console\"\nautoscaler_url = \"{0}/vast-run\"\n"
                "max_in_flight = 1\njoin_instances = false\ngroups = [\"1\"]\n",
                url);
  }
  return text;
}

fs::path config_file(const Scene& scene) { return scene.directory / "config.toml"; }

fs::path write_config(const Scene& scene, milliseconds interval) {
  e2e::write_file(config_file(scene), config_text(scene, interval));
  return config_file(scene);
}

class Exporter final : public Contender {
 public:
  explicit Exporter(const Scene& scene)
      : Contender(scene.directory, "exporter",
                  {e2e::exporter_path(), "--config", write_config(scene, scene.interval).string()},
                  {}, "event=listening address="),
        scene_(scene) {}

  void await_first_poll() override {
    if (!e2e::eventually([&] { return e2e::get(url_ + "/-/ready").status == 200; }, kPatience)) {
      throw std::runtime_error("the exporter is not ready: " + process_.err());
    }
  }

  // First polls stand in no slot.
  void await_pace() override { std::this_thread::sleep_for(scene_.interval); }

  // Polls are spread over the interval: what one interval takes, once each slot has its turn in it.
  duration<double> poll() override {
    const auto requests = scene_.simulator->requests();
    const auto begun = cpu_of(id());
    std::this_thread::sleep_for(scene_.interval);
    const auto took = cpu_of(id()) - begun;
    const auto asked = scene_.simulator->requests() - requests;
    const double polls = static_cast<double>(asked) / static_cast<double>(scene_.fleet.requests());
    if (polls < 0.5 || polls > 1.5) {
      throw std::runtime_error(fmt::format("{:.2f} polls of everything in an interval", polls));
    }
    return took / polls;
  }

  // What was due soon by the old interval is still asked for.
  void rest() override {
    reload(kNever);
    std::size_t asked = 0;
    const bool rests = e2e::eventually(
        [&] {
          const auto before = std::exchange(asked, scene_.simulator->requests());
          return asked == before;
        },
        2 * scene_.interval + kPatience, milliseconds{500});
    if (!rests) throw std::runtime_error("the exporter does not rest");
  }

  void reload(milliseconds interval) {
    write_config(scene_, interval);
    const auto before = reloads();
    process_.signal(SIGHUP);
    if (!e2e::eventually([&] { return reloads() > before; }, kPatience)) {
      throw std::runtime_error("the exporter does not reload: " + process_.err());
    }
    settle(id());
  }

 private:
  [[nodiscard]] std::size_t reloads() const {
    const auto log = process_.err();
    std::size_t count = 0;
    for (auto at = log.find("reloaded"); at != std::string::npos; at = log.find("reloaded", at + 1))
      ++count;
    return count;
  }

  Scene scene_;
};

// ---- the others

class Peer final : public Contender {
 public:
  Peer(const Scene& scene, const std::string& name, const std::string& program,
       const std::string& way)
      : Contender(scene.directory, name,
                  {program, "--simulator", scene.simulator->url(), "--fleet",
                   (scene.directory / "fleet").string(), "--publish", way},
                  {}, "listening ") {}

  void await_first_poll() override { (void)poll(); }

  duration<double> poll() override {
    const auto begun = cpu_of(id());
    (void)ask("GET", url_ + "/poll");
    settle(id());
    return cpu_of(id()) - begun;
  }
};

void write_fleet(const Scene& scene) {
  std::string text;
  for (const auto& id : scene.simulator->runpod_ids()) text += "runpod " + id + "\n";
  for (const auto& id : scene.simulator->vast_ids(scene.fleet.vast())) text += "vast " + id + "\n";
  e2e::write_file(scene.directory / "fleet", text);
}

}  // namespace

Simulator::Simulator(const fs::path& directory, const Fleet& fleet, std::size_t accounts,
                     const std::vector<std::string>& more)
    : process_(directory, "simulator", simulator_command(fleet, accounts, more)),
      url_(word_once_written(process_, "the simulator", "listening ")) {}

std::string Simulator::admin(const std::string& method, const std::string& what) const {
  return ask(method, url_ + "/admin/" + what);
}

std::size_t Simulator::requests() const {
  const e2e::Json stats(admin("GET", "stats"));
  std::size_t count = 0;
  for (const auto row : stats.array("/stats")) {
    const auto route = row["route"].get_string().value();
    if (route.ends_with("/workers") || route.ends_with("/health") ||
        route == "/get_endpoint_workers/") {
      count += row["count"].get_uint64().value();
    }
  }
  return count;
}

std::vector<std::string> Simulator::runpod_ids() const {
  const e2e::Json list(ask("GET", url_ + "/runpod-api/v2/serverless", "demo-key"));
  std::vector<std::string> ids;
  for (const auto row : list.array("/endpoints")) ids.emplace_back(row["id"].get_string().value());
  return ids;
}

std::vector<std::string> Simulator::vast_ids(std::size_t most) const {
  const e2e::Json list(ask("GET", url_ + "/vast-console/api/v0/endptjobs/", "demo-key"));
  std::vector<std::string> ids;
  for (const auto row : list.array("/results")) {
    if (ids.size() == most) break;
    ids.push_back(std::to_string(row["id"].get_int64().value()));
  }
  return ids;
}

Contender::Contender(const fs::path& directory, const std::string& name,
                     const std::vector<std::string>& command,
                     const std::vector<std::string>& environment, std::string_view mark)
    : process_(directory, name, command, environment),
      url_(word_once_written(process_, name, mark)) {
  if (!url_.starts_with("http://")) url_ = "http://" + url_;
}

milliseconds interval_for(const Fleet& fleet) {
  return std::max<milliseconds>(kShortest, kEachRequest * static_cast<long>(fleet.requests()));
}

std::string speed_for(milliseconds interval) {
  return fmt::format("{:.3f}", duration<double>(kDefaultInterval) / interval);
}

std::size_t vast_accounts(const Fleet& fleet, milliseconds interval) {
  const auto each = static_cast<std::size_t>(std::max<long>(1, interval / kVastGap));
  return (fleet.vast() + each - 1) / each;
}

std::unique_ptr<Contender> start_exporter(const Scene& scene) {
  return std::make_unique<Exporter>(scene);
}

void set_interval(Contender& exporter, const Scene&, milliseconds interval) {
  dynamic_cast<Exporter&>(exporter).reload(interval);
}

std::unique_ptr<Contender> start_prometheus_cpp(const Scene& scene, const std::string& way) {
  write_fleet(scene);
  return std::make_unique<Peer>(scene, "prometheus-cpp-" + way, BINARY_DIR "/prometheus_cpp_peer",
                                way);
}

std::string go_program() { return BINARY_DIR "/go_peer"; }

std::unique_ptr<Contender> start_go(const Scene& scene, const std::string& way) {
  write_fleet(scene);
  return std::make_unique<Peer>(scene, "go-" + way, go_program(), way);
}

}  // namespace bench
