// Clients that mean harm, from other addresses than the scraper's: none of its scrapes fails. Some
// seconds of them here; ./dev hostile has a minute, and looks at the clock.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <map>
#include <random>
#include <sstream>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMiB = 1024 * 1024;
// What 512 connections and 40 answers may take, and what the allocator keeps.
constexpr double kBound = 64 * kMiB;

enum class Kind : std::uint8_t { reads_slowly, writes_slowly, babbles, boasts, floods };

// Each has addresses of its own: where the many hold every place of one, nobody else comes in
// there.
struct Gang {
  Kind kind{};
  std::string_view name{};
  std::size_t members = 0;
  std::vector<std::string> addresses{};
  std::vector<std::string> refusals{};  // What we must have sent some of it away for.
  std::vector<std::string> answers{};   // What some of it must have heard.
};

const std::array kGangs{
    Gang{.kind = Kind::reads_slowly,
         .name = "read slowly",
         .members = 500,
         .addresses = {"127.0.0.2", "127.0.0.3"},
         .refusals = {"too_many_from_address", "too_many_answers"}},
    Gang{.kind = Kind::writes_slowly,
         .name = "write slowly",
         .members = 500,
         .addresses = {"127.0.0.4", "127.0.0.5"},
         .refusals = {"too_many_from_address", "too_slow"}},
    Gang{.kind = Kind::babbles,
         .name = "babble",
         .members = 40,
         .addresses = {"127.0.0.6"},
         .answers = {"200", "404"}},  // Noise may be a request, too.
    Gang{.kind = Kind::boasts,
         .name = "boast",
         .members = 40,
         .addresses = {"127.0.0.7"},
         .refusals = {"too_large"},
         .answers = {"431"}},
    Gang{.kind = Kind::floods,
         .name = "flood",
         .members = 48,
         .addresses = {"127.0.0.8", "127.0.0.9"},
         .answers = {"200"}},
};

// One that comes again and again.
class Villain {
 public:
  Villain(const Gang& gang, std::size_t number, int port)
      : gang_(&gang), address_(gang.addresses[number % gang.addresses.size()]), port_(port) {}
  ~Villain() { leave(); }
  Villain(Villain&& other) noexcept
      : gang_(other.gang_),
        address_(std::move(other.address_)),
        port_(other.port_),
        socket_(std::exchange(other.socket_, -1)) {}
  Villain& operator=(Villain&&) = delete;

  void act(std::mt19937& chance) {
    if (socket_ < 0) {
      come();
      return;
    }
    bool alive = true;
    ++acts_;
    switch (gang_->kind) {
      case Kind::reads_slowly:
        if (said_ == 0) alive = say("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        if (said_ > 0) alive = alive && hear(1);
        break;
      case Kind::writes_slowly:
        alive = say(std::string(1, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: b"[said_ % 38])) &&
                hear(1);
        break;
      case Kind::babbles: {
        std::string text;
        for (int i = 0; i < 50; ++i) text += "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
        for (int i = 0; i < 500; ++i) text += static_cast<char>(chance());
        alive = say(text);
        for (int i = 0; i < 10 && alive; ++i) alive = hear(kBlock);
        break;
      }
      case Kind::boasts:
        // One that is read and found too large, and one that is never read whole.
        if (said_ == 0) {
          const std::size_t pad = connections_ % 2 == 0 ? 100000 : 20000;
          alive = say("GET / HTTP/1.1\r\nX-Pad: " + std::string(pad, 'x') + "\r\n\r\n");
        }
        alive = alive && hear(kBlock);
        break;
      case Kind::floods:
        for (const char* path : {"/metrics", "/", "/api/v1/workers", "/metrics"}) {
          alive = alive && say(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
        }
        for (int i = 0; i < 50 && alive; ++i) alive = hear(kBlock);
        break;
    }
    if (!alive) leave();
  }

  [[nodiscard]] const Gang& gang() const { return *gang_; }
  [[nodiscard]] bool connected() const { return socket_ >= 0; }
  [[nodiscard]] std::size_t connections() const { return connections_; }
  [[nodiscard]] std::size_t acts() const { return acts_; }
  [[nodiscard]] const std::map<std::string, int>& heard() const { return heard_; }

 private:
  static constexpr std::size_t kBlock = 16384;

  void come() {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int small = 2048;
    if (gang_->kind != Kind::floods) {
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    }
    sockaddr_in mine{};
    mine.sin_family = AF_INET;
    inet_pton(AF_INET, address_.c_str(), &mine.sin_addr);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    said_ = 0;
    const bool bound = bind(socket_, reinterpret_cast<const sockaddr*>(&mine), sizeof(mine)) == 0;
    const bool coming =
        bound && (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 ||
                  errno == EINPROGRESS);
    ++connections_;
    if (!coming) leave();
  }
  void leave() {
    if (socket_ >= 0) close(std::exchange(socket_, -1));
  }
  bool say(std::string_view text) {
    const auto sent = send(socket_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) said_ += static_cast<std::size_t>(sent);
    return sent >= 0 || errno == EAGAIN;
  }
  // Keeps the statuses of answers; one that two blocks share is lost.
  bool hear(std::size_t bytes) {
    std::array<char, kBlock> block{};
    const auto size = recv(socket_, block.data(), std::min(bytes, block.size()), MSG_DONTWAIT);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    constexpr std::string_view kBegin = "HTTP/1.1 ";
    const std::string_view text(block.data(), static_cast<std::size_t>(size));
    for (auto at = text.find(kBegin); at != std::string_view::npos;
         at = text.find(kBegin, at + 1)) {
      const auto status = text.substr(at + kBegin.size(), 3);
      if (status.size() == 3) ++heard_[std::string(status)];
    }
    return true;
  }

  const Gang* gang_;
  std::string address_;
  int port_;
  int socket_ = -1;
  std::size_t said_ = 0;
  std::size_t connections_ = 0;
  std::size_t acts_ = 0;
  std::map<std::string, int> heard_{};
};

std::vector<Villain> crowd(int port) {
  std::vector<Villain> all;
  for (const auto& gang : kGangs) {
    for (std::size_t i = 0; i < gang.members; ++i) all.emplace_back(gang, i, port);
  }
  return all;
}

// What a gang did and heard.
struct Deeds {
  std::size_t connections = 0;
  std::size_t acts = 0;
  std::map<std::string, int> heard{};
};

Deeds deeds_of(const Gang& gang, const std::vector<Villain>& all) {
  Deeds deeds;
  for (const auto& one : all) {
    if (&one.gang() != &gang) continue;
    deeds.connections += one.connections();
    deeds.acts += one.acts();
    for (const auto& [status, count] : one.heard()) deeds.heard[status] += count;
  }
  return deeds;
}

// Whether the log says that somebody of that address was sent away for that reason.
bool tells(const std::string& log, const std::string& reason, const std::string& address) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("event=client_refused reason=" + reason + " ") != std::string::npos &&
        (line + " ").find(" address=" + address + " ") != std::string::npos) {
      return true;
    }
  }
  return false;
}

double cpu_of_this_thread() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double memory(const Process& process, const std::string& name) {
  std::istringstream lines(read_file(fmt::format("/proc/{}/status", process.id())));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) * 1024;
  }
  return 0;
}

using Crowd = E2e;

TEST_F(Crowd, NoScrapeFailsForAThousandHostileClients) {
  const char* wanted = std::getenv("HOSTILE_SECONDS");
  const seconds duration{wanted == nullptr ? 14 : std::stoi(wanted)};
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const Simulator simulator(
      workspace_, simulated({"--endpoints", "20", "--workers", "50", "--no-rate-limits"}));
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"10s\"\n" +
                                                 simulator.account("r", "runpod", key_file_)));
  ASSERT_TRUE(exporter.shows([](const Page& page) {
    return page.find("serverless_endpoint_ready_workers").size() == 20;
  }));
  const int port = std::stoi(exporter.url().substr(exporter.url().rfind(':') + 1));
  const double used = memory(exporter.process(), "VmRSS");

  auto all = crowd(port);
  std::size_t most = 0;
  double their_cpu = 0;
  std::jthread villains([&](const std::stop_token& stop) {
    std::mt19937 chance(42);
    std::size_t next = 0;
    // Each acts once a second, and who floods fifty times.
    while (!stop.stop_requested()) {
      for (std::size_t i = 0; i < all.size() / 50; ++i) all[next++ % all.size()].act(chance);
      for (auto& one : all) {
        if (one.gang().kind == Kind::floods) one.act(chance);
      }
      most = std::max(
          most, static_cast<std::size_t>(std::count_if(
                    all.begin(), all.end(), [](const auto& one) { return one.connected(); })));
      std::this_thread::sleep_for(milliseconds{20});
    }
    their_cpu = cpu_of_this_thread();
  });

  std::vector<double> times;
  int failed = 0;
  const auto end = Clock::now() + duration;
  for (auto next = Clock::now(); next < end; next += seconds{1}) {
    std::this_thread::sleep_until(next);
    const auto begin = Clock::now();
    const auto reply = request("GET", exporter.url() + "/metrics", seconds{20 * kSlowness}, "",
                               {"Accept-Encoding: gzip"});
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    if (reply.status != 200 || !reply.error.empty()) ++failed;
  }
  const double more = memory(exporter.process(), "VmHWM") - used;
  const Page page = exporter.page();
  villains.request_stop();
  villains.join();
  std::sort(times.begin(), times.end());
  const auto quantile = [&](double q) {
    return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1) + 0.5)];
  };
  fmt::print(
      "{} hostile connections at most, {} scrapes, {} failed; p50 {:.1f} ms, p99 {:.1f} ms, "
      "longest {:.1f} ms; {:.1f} MiB more than before, of {:.0f}\n",
      most, times.size(), failed, quantile(0.5), quantile(0.99), times.back(), more / kMiB,
      kBound / kMiB);
  fmt::print("processor time: {:.1f} s of ours, {:.1f} s of theirs\n",
             page.value("process_cpu_seconds_total").value_or(0), their_cpu);
  for (const auto* refusal : page.find("serverless_exporter_web_refusals_total")) {
    fmt::print("refused: {} {}\n", refusal->label("reason"), refusal->value);
  }
  EXPECT_EQ(failed, 0);
  // Whose answers make room is not for sure: of the address that has most just then.
  EXPECT_GT(page.value("serverless_exporter_web_refusals_total", {{"reason", "pushed_out"}}), 0);
  EXPECT_GT(most, 1000U);
  exporter.stop();
  const auto log = exporter.process().err();
  for (const auto& gang : kGangs) {
    const auto deeds = deeds_of(gang, all);
    fmt::print("{} {}: {} connections, {} acts, heard", gang.members, gang.name, deeds.connections,
               deeds.acts);
    for (const auto& [status, count] : deeds.heard) fmt::print(" {} of {}", count, status);
    fmt::print("\n");
    for (const auto& reason : gang.refusals) {
      EXPECT_GT(page.value("serverless_exporter_web_refusals_total", {{"reason", reason}}), 0)
          << reason;
      EXPECT_TRUE(
          std::any_of(gang.addresses.begin(), gang.addresses.end(),
                      [&](const std::string& address) { return tells(log, reason, address); }))
          << gang.name << ": " << reason;
    }
    for (const auto& status : gang.answers) {
      EXPECT_TRUE(deeds.heard.contains(status)) << gang.name << ": " << status;
    }
  }
  // The sanitizers keep what was freed.
  EXPECT_TRUE(kSlowness > 1 || more < kBound);
  if (wanted != nullptr) {
    EXPECT_LT(quantile(0.99), 250);
  }
}

}  // namespace
}  // namespace e2e
