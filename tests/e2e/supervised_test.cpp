// What systemd hears of the exporter, at its own socket.

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Words = std::vector<std::string>;

// The other end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::filesystem::path& path)
      : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    path.string().copy(own.sun_path, sizeof(own.sun_path) - 1);
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0) {
      throw std::runtime_error("cannot listen at " + path.string());
    }
  }
  ~Manager() { close(socket_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // The first lines of all that came since it was asked last.
  Words hear() {
    Words words;
    std::array<char, 4096> text{};
    ssize_t size = 0;
    while ((size = recv(socket_, text.data(), text.size(), 0)) > 0) {
      const std::string said(text.data(), static_cast<std::size_t>(size));
      words.push_back(said.substr(0, said.find('\n')));
    }
    return words;
  }

  // Waits until the watchdog was fed so often.
  [[nodiscard]] bool is_fed(int times = 1) {
    return eventually([&] {
      for (const auto& word : hear()) times -= word == "WATCHDOG=1" ? 1 : 0;
      return times <= 0;
    });
  }

  // Waits until it has heard these and nothing else, beside the watchdog's food.
  [[nodiscard]] bool has_heard(const Words& wanted) {
    return eventually([&] {
      for (auto& word : hear()) {
        if (word != "WATCHDOG=1") heard_.push_back(std::move(word));
      }
      return heard_ == wanted;
    });
  }

 private:
  int socket_;
  Words heard_{};
};

// One thread of a child that does nothing while this lives.
class Frozen {
 public:
  Frozen(pid_t process, const std::string& name) {
    for (const auto& task :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
      if (read_file(task.path() / "comm") != name + "\n") continue;
      if (thread_ != 0) throw std::runtime_error("two threads are called " + name);
      thread_ = std::stoi(task.path().filename().string());
    }
    if (thread_ == 0) throw std::runtime_error("no thread is called " + name);
    if (ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0 ||
        ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0 ||
        waitpid(thread_, nullptr, __WALL) != thread_) {
      throw std::runtime_error("cannot stop " + name);
    }
  }
  ~Frozen() { ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  pid_t thread_ = 0;
};

class Supervised : public E2e {
 protected:
  // Half of it is a loop's patience, and each shows itself every second.
  static constexpr seconds kWatchdog{4 * kSlowness};

  Manager manager_{workspace_.path() / "notify"};
  Simulator simulator_{workspace_, simulated({"--endpoints", "2"})};

  [[nodiscard]] std::vector<std::string> environment() const {
    return {"NOTIFY_SOCKET=" + (workspace_.path() / "notify").string(),
            fmt::format("WATCHDOG_USEC={}", std::chrono::microseconds(kWatchdog).count())};
  }
  [[nodiscard]] std::vector<std::string> options() const {
    return exporter_options("[poll]\ninterval = \"30s\"\ntimeout = \"30s\"\n" +
                            simulator_.account("prod", "runpod", key_file_));
  }
};

TEST_F(Supervised, SystemdIsToldOfEachStep) {
  Exporter exporter(workspace_, options(), "exporter", environment());
  EXPECT_TRUE(manager_.has_heard({"READY=1"}));
  exporter.process().signal(SIGHUP);
  EXPECT_TRUE(manager_.has_heard({"READY=1", "RELOADING=1", "READY=1"}));
  exporter.stop();
  EXPECT_TRUE(manager_.has_heard({"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}));
}

TEST_F(Supervised, TheWatchdogIsFedWhateverTheProvidersDo) {
  simulator_.fault("kind=hang&api=runpod-api");
  simulator_.fault("kind=hang&api=runpod-queue");
  Exporter exporter(workspace_, options(), "exporter", environment());
  // Four times in each of its periods.
  EXPECT_TRUE(manager_.is_fed(6));
  EXPECT_EQ(exporter.process().err().find("loop_stuck"), std::string::npos);
  exporter.stop();
}

TEST_F(Supervised, ALoopThatIsStuckStopsFeedingItUntilItGoesOn) {
  Exporter exporter(workspace_, options(), "exporter", environment());
  struct Loop {
    std::string thread{};
    std::string logged{};
  };
  const std::vector<Loop> loops{{"poll prod", "\"poll prod\""},
                                {"curl", "curl"},
                                {"serve 127.0.0.1", "\"serve " + exporter.address() + "\""}};
  for (const auto& loop : loops) {
    EXPECT_TRUE(manager_.is_fed()) << loop.thread;
    {
      const Frozen frozen(exporter.process().id(), loop.thread);
      EXPECT_TRUE(eventually([&] {
        return exporter.process().err().find("event=loop_stuck loop=" + loop.logged + "\n") !=
               std::string::npos;
      })) << exporter.process().err();
      manager_.hear();
      // Two more turns at least, in which nothing is said.
      throughout(milliseconds{kWatchdog} * 5 / 8,
                 [&] { EXPECT_EQ(manager_.hear(), Words{}) << loop.thread; });
    }
    EXPECT_TRUE(manager_.is_fed()) << loop.thread;
  }
  exporter.stop();
}

}  // namespace
}  // namespace e2e
