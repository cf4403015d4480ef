#include "daemon/demo.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace serverless::daemon {
namespace {

constexpr const char* kKeyVariable = "SERVERLESS_DEMO_KEY";
constexpr const char* kKey = "demo-key";
constexpr std::string_view kGreeting = "listening ";

/// Where the simulator has what a key of a provider names. What a provider has stands together.
struct Url {
  std::string_view provider{};
  std::string_view key{};
  std::string_view path{};
};

constexpr std::array kUrls{
    Url{"runpod", "api_url", "/runpod-api"},
    Url{"runpod", "queue_url", "/runpod-queue"},
    Url{"runpod-v1", "api_url", "/runpod-rest/v1"},
    Url{"runpod-v1", "queue_url", "/runpod-queue"},
    Url{"vast", "api_url", "/vast-console"},
    Url{"vast", "autoscaler_url", "/vast-run"},
    Url{"den", "api_url", "/den"},
};

std::string sibling() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const auto path = self.parent_path() / "serverless_simulator";
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(fmt::format("--demo needs {}, which is not there", path.string()));
  }
  return path.string();
}

std::string read_line(int descriptor) {
  std::string line;
  char c = 0;
  while (read(descriptor, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

}  // namespace

Demo::Demo() {
  std::string program = sibling();
  std::string parent = "--exit-with-parent";
  std::array<int, 2> pipe_ends{};
  if (pipe(pipe_ends.data()) != 0) throw std::runtime_error(std::strerror(errno));

  // The child must not inherit the signals that this process waits for.
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t none{};
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[1]);
  std::array<char*, 3> arguments{program.data(), parent.data(), nullptr};
  const int code =
      posix_spawn(&child_, program.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(pipe_ends[1]);
  const std::string line = code == 0 ? read_line(pipe_ends[0]) : "";
  close(pipe_ends[0]);
  if (!line.starts_with(kGreeting)) {
    throw std::runtime_error(fmt::format("{} did not start", program));
  }
  url_ = line.substr(kGreeting.size());
  setenv(kKeyVariable, kKey, 1);
}

Demo::~Demo() {
  if (child_ <= 0) return;
  kill(child_, SIGTERM);
  waitpid(child_, nullptr, 0);
}

std::string Demo::config_text() const { return demo_config(url_); }

std::string demo_config(std::string_view url) {
  std::string text = "[poll]\ninterval = \"5s\"\ndiscovery_interval = \"1m\"\n";
  std::string_view last;
  for (const auto& row : kUrls) {
    if (row.provider != std::exchange(last, row.provider)) {
      text += fmt::format(
          "\n[[accounts]]\nname = \"{0}-demo\"\nprovider = \"{0}\"\napi_key_env = \"{1}\"\n",
          row.provider, kKeyVariable);
    }
    text += fmt::format("{} = \"{}{}\"\n", row.key, url, row.path);
  }
  return text;
}

}  // namespace serverless::daemon
