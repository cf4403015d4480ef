#include "tests/chaos/stage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <stdexcept>

namespace chaos {
namespace {

namespace fs = std::filesystem;
using e2e::unix_now;

std::string iso(std::int64_t unix_time) {
  const auto whole = static_cast<std::time_t>(unix_time);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// An address that no other run uses and no client is given as its own: a simulator that is dead for
// a while must find it free again.
std::string own_address(std::size_t index) {
  const auto id = static_cast<unsigned>(getpid());
  return fmt::format("127.{}.{}.{}", 1 + id / 250 % 250, 1 + id % 250, 1 + index);
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

constexpr std::chrono::seconds kAdminTimeout{5};

}  // namespace

Provider::Provider(const fs::path& directory, std::size_t index, const Size& size,
                   std::size_t workers, std::string key)
    : directory_(directory),
      account_(accounts()[index]),
      keys_{std::move(key)},
      listen_(own_address(index) + ":0"),
      seed_(size.seed * 10 + index),
      // The hour in which lives came into full swing is over.
      born_(static_cast<std::int64_t>(unix_now()) - 3600),
      // Den is one endpoint.
      endpoints_(account_.provider == "den" ? 1 : size.endpoints),
      workers_(workers) {}

std::string Provider::shape() const {
  return fmt::format("{} {} {} {}", seed_, born_, endpoints_, workers_);
}

void Provider::start() {
  // Without a --start-time its time is the wall clock's, in every life.
  std::vector<std::string> command{e2e::simulator_path(),
                                   "--exit-with-parent",
                                   "--seed",
                                   std::to_string(seed_),
                                   "--endpoints",
                                   std::to_string(endpoints_),
                                   "--workers",
                                   std::to_string(workers_),
                                   "--born",
                                   iso(born_),
                                   "--runpod-policy",
                                   "minute:30000:60,hour:1800000:3600",
                                   "--listen",
                                   listen_};
  for (const auto& key : keys_) command.insert(command.end(), {"--key", key});
  const std::string name = fmt::format("{}.{}", account_.name, ++life_);
  const std::lock_guard lock(watching_);
  sequence_ = 0;
  process_ = std::make_unique<e2e::Process>(directory_, name, command);
  e2e::eventually(
      [this] {
        url_ = e2e::word_after(process_->out(), "listening ");
        return !url_.empty() || process_->exit_code();
      },
      e2e::kPatience, std::chrono::milliseconds{5});
  if (url_.empty()) throw std::runtime_error("the simulator: " + process_->err());
  listen_ = url_.substr(std::string_view("http://").size());
  up_ = true;
}

void Provider::kill() {
  up_ = false;
  process_->signal(SIGKILL);
  process_->wait();
}

std::optional<std::string> Provider::admin(const std::string& method,
                                           const std::string& what) const {
  if (!up_) return std::nullopt;
  auto reply = e2e::request(method, url_ + "/admin/" + what, kAdminTimeout);
  if (reply.status != 200) return std::nullopt;
  return std::move(reply.body);
}

void Provider::accept(const std::string& key) {
  keys_.insert(key);
  (void)admin("POST", "key?add=" + url_encoded(key));
}

void Provider::refuse(const std::string& key) {
  keys_.erase(key);
  (void)admin("POST", "key?remove=" + url_encoded(key));
}

void Provider::watch(Recorder& recorder) {
  const std::lock_guard lock(watching_);
  const std::string name(account_.name);
  const auto record = [&](const std::string& kind, const std::string& what) {
    const double begun = unix_now();
    auto body = admin("GET", what);
    if (!body) return false;
    recorder.write({kind, name, begun, unix_now(),
                    kind == "truth" ? std::move(*body) : fmt::format("{}\n{}", life_, *body)});
    return true;
  };
  const double begun = unix_now();
  if (!record("truth", fmt::format("truth?api={}", account_.truth))) return;
  record("faults", "faults");
  const auto requests = admin("GET", fmt::format("requests?since={}", sequence_));
  if (!requests) return;
  sequence_ = e2e::Json(*requests)["/last"].get_uint64().value();
  recorder.write({"requests", name, begun, unix_now(), *requests});
  last_read_ = begun;
}

std::vector<std::string> Provider::endpoints() const {
  std::vector<std::string> ids;
  const auto truth = admin("GET", fmt::format("truth?api={}", account_.truth));
  if (!truth) throw std::runtime_error("a simulator tells nothing");
  const e2e::Json all(*truth);
  for (const auto endpoint : all.array(fmt::format("/apis/{}/endpoints", account_.truth))) {
    ids.emplace_back(endpoint["id"].get_string().value());
  }
  return ids;
}

// ---- configuration

double usual_interval(double slow) { return 2 * slow; }
double usual_timeout(double slow) { return slow; }
double usual_max_age(double slow) { return 6 * slow; }
double discovery_interval(double slow) { return 5 * slow; }

std::string Setup::key_file(std::size_t account) const {
  return fmt::format("{}/{}.key", directory, accounts()[account].name);
}

std::string Setup::text() const {
  const auto ms = [](double seconds) { return static_cast<int>(seconds * 1000); };
  // As many requests may be under way as there are targets: what hangs delays only itself.
  std::string out = fmt::format(
      "[web]\nenable_lifecycle = true\n\n[poll]\ninterval = \"{}ms\"\ntimeout = \"{}ms\"\n"
      "max_age = \"{}ms\"\ndiscovery_interval = \"{}ms\"\nmax_in_flight = 64\n"
      "max_body = \"1MiB\"\n\n[series]\nworker_status = \"active\"\n",
      ms(usual_interval(slow)), ms(usual_timeout(slow)), ms(usual_max_age(slow)),
      ms(discovery_interval(slow)));
  for (std::size_t i = 0; i < accounts().size(); ++i) {
    if (!present[i]) continue;
    const auto& account = accounts()[i];
    out += fmt::format(
        "\n[[accounts]]\nname = \"{}\"\nprovider = \"{}\"\napi_key_file = \"{}\"\n"
        "interval = \"{}ms\"\n",
        account.name, account.provider, key_file(i), ms(intervals[i]));
    if (account.provider == "runpod") {
      out +=
          fmt::format("api_url = \"{0}/runpod-api\"\nqueue_url = \"{0}/runpod-queue\"\n", urls[i]);
    } else if (account.provider == "runpod-v1") {
      out += fmt::format("api_url = \"{0}/runpod-rest/v1\"\nqueue_url = \"{0}/runpod-queue\"\n",
                         urls[i]);
      out += fmt::format("endpoints = [\"{}\"]\n", fmt::join(endpoints[i], "\", \""));
    } else if (account.provider == "vast") {
      out += fmt::format("api_url = \"{0}/vast-console\"\nautoscaler_url = \"{0}/vast-run\"\n",
                         urls[i]);
    } else {
      out += fmt::format("api_url = \"{0}/den\"\n", urls[i]);
    }
  }
  return out;
}

// ---- observers

std::string Tail::read() {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(read_));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  text.resize(text.rfind('\n') + 1);  // A line that is not whole is read the next time.
  read_ += text.size();
  return text;
}

std::string memory_of(pid_t process) {
  const std::string status = e2e::read_file(fmt::format("/proc/{}/status", process));
  const auto bytes = [&](std::string_view field) {
    const auto at = status.find(field);
    return at == std::string::npos ? 0UL : std::stoul(status.substr(at + field.size())) * 1024;
  };
  std::error_code error;
  std::size_t descriptors = 0;
  for (fs::directory_iterator at(fmt::format("/proc/{}/fd", process), error), end;
       !error && at != end; at.increment(error)) {
    ++descriptors;
  }
  if (status.empty() || error) return {};
  return fmt::format("{} {} {}", bytes("VmRSS:"), bytes("RssAnon:"), descriptors);
}

}  // namespace chaos
