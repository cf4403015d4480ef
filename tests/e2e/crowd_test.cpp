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
#include <random>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMiB = 1024 * 1024;
constexpr int kSlowReaders = 500;
constexpr int kSlowWriters = 500;
constexpr int kBabblers = 40;
constexpr int kBoasters = 40;
// What 512 connections and 40 answers may take, and what the allocator keeps.
constexpr double kBound = 64 * kMiB;

// One that comes again and again from one of eight addresses.
class Villain {
 public:
  enum class Kind { reads_slowly, writes_slowly, babbles, boasts };

  Villain(Kind kind, int number, int port) : kind_(kind), number_(number), port_(port) {}
  ~Villain() { leave(); }
  Villain(Villain&& other) noexcept
      : kind_(other.kind_),
        number_(other.number_),
        port_(other.port_),
        socket_(std::exchange(other.socket_, -1)) {}
  Villain& operator=(Villain&&) = delete;

  // Once a second.
  void act(std::mt19937& chance) {
    if (socket_ < 0) {
      come();
      return;
    }
    bool alive = true;
    switch (kind_) {
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
        for (int i = 0; i < 50; ++i) text += "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        for (int i = 0; i < 500; ++i) text += static_cast<char>(chance());
        alive = say(text) && hear(100);
        break;
      }
      case Kind::boasts:
        alive = say("GET / HTTP/1.1\r\nX-Pad: " + std::string(100000, 'x')) && hear(100);
        break;
    }
    if (!alive) leave();
  }

  [[nodiscard]] bool connected() const { return socket_ >= 0; }

 private:
  void come() {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int small = 2048;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    sockaddr_in mine{};
    mine.sin_family = AF_INET;
    inet_pton(AF_INET, fmt::format("127.0.0.{}", 2 + number_ % 8).c_str(), &mine.sin_addr);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    said_ = 0;
    const bool bound = bind(socket_, reinterpret_cast<const sockaddr*>(&mine), sizeof(mine)) == 0;
    const bool coming =
        bound && (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 ||
                  errno == EINPROGRESS);
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
  bool hear(std::size_t bytes) const {
    std::array<char, 100> heard{};
    const auto size = recv(socket_, heard.data(), std::min(bytes, heard.size()), MSG_DONTWAIT);
    return size > 0 || (size < 0 && errno == EAGAIN);
  }

  Kind kind_;
  int number_;
  int port_;
  int socket_ = -1;
  std::size_t said_ = 0;
};

std::vector<Villain> crowd(int port) {
  std::vector<Villain> all;
  const auto add = [&](Villain::Kind kind, int count) {
    for (int i = 0; i < count; ++i) all.emplace_back(kind, i, port);
  };
  add(Villain::Kind::reads_slowly, kSlowReaders);
  add(Villain::Kind::writes_slowly, kSlowWriters);
  add(Villain::Kind::babbles, kBabblers);
  add(Villain::Kind::boasts, kBoasters);
  return all;
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
  const seconds duration{wanted == nullptr ? 6 : std::stoi(wanted)};
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

  std::atomic<std::size_t> most{0};
  std::jthread villains([&](const std::stop_token& stop) {
    auto all = crowd(port);
    std::mt19937 chance(42);
    std::size_t next = 0;
    // Each acts once a second; they take turns.
    while (!stop.stop_requested()) {
      for (std::size_t i = 0; i < all.size() / 50; ++i) all[next++ % all.size()].act(chance);
      most = std::max<std::size_t>(
          most, static_cast<std::size_t>(std::count_if(
                    all.begin(), all.end(), [](const auto& one) { return one.connected(); })));
      std::this_thread::sleep_for(milliseconds{20});
    }
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
  std::sort(times.begin(), times.end());
  const auto quantile = [&](double q) {
    return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1) + 0.5)];
  };
  fmt::print(
      "{} hostile connections at most, {} scrapes, {} failed; p50 {:.1f} ms, p99 {:.1f} ms, "
      "longest {:.1f} ms; {:.1f} MiB more than before, of {:.0f}\n",
      most.load(), times.size(), failed, quantile(0.5), quantile(0.99), times.back(), more / kMiB,
      kBound / kMiB);
  for (const auto* refusal : page.find("serverless_exporter_web_refusals_total")) {
    fmt::print("refused: {} {}\n", refusal->label("reason"), refusal->value);
  }
  EXPECT_EQ(failed, 0);
  EXPECT_GT(most, 400U);
  EXPECT_GT(
      page.value("serverless_exporter_web_refusals_total", {{"reason", "too_many_from_address"}}),
      0);
  // The sanitizers keep what was freed.
  EXPECT_TRUE(kSlowness > 1 || more < kBound);
  if (wanted != nullptr) {
    EXPECT_LT(quantile(0.99), 250);
    EXPECT_GT(page.value("serverless_exporter_web_refusals_total", {{"reason", "too_slow"}}), 0);
  }
  exporter.stop();
}

}  // namespace
}  // namespace e2e
