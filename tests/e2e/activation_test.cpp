#include <fmt/format.h>

#include <csignal>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Activation = E2e;

// systemd-socket-activate binds, and starts the program with the first connection.
TEST_F(Activation, ServesOnEverySocketThatSystemdPassedAndKeepsThemOverAReload) {
  const Simulator simulator(workspace_, simulated({"--endpoints", "1"}));
  const auto account = simulator.account("v", "vast", key_file_);
  const auto config =
      workspace_.file("config.toml", "[web]\nlisten = [\"systemd\"]\n" + account).string();
  const int port = free_port();
  const auto path = (workspace_.path() / "socket").string();
  Process process(workspace_.outputs(), "activated",
                  {"/usr/bin/systemd-socket-activate", "-l", fmt::format("127.0.0.1:{}", port),
                   "-l", path, exporter_path(), "--config", config});
  const auto url = fmt::format("http://127.0.0.1:{}", port);
  EXPECT_TRUE(eventually([&] { return get(url + "/-/healthy").status == 200; }));
  const auto local = [&] {
    return request("GET", "http://localhost/-/healthy", seconds{20}, path).status;
  };
  EXPECT_EQ(local(), 200);
  // Said by each listener for itself, and maybe after its first answer.
  const auto says = [&](const std::string& address) {
    return process.err().find("event=listening address=" + address + " ") != std::string::npos;
  };
  EXPECT_TRUE(eventually([&] {
    return says(fmt::format("127.0.0.1:{}", port)) && says("unix:" + path);
  })) << process.err();

  // Without them, and with them again.
  const int other = free_port();
  const auto other_url = fmt::format("http://127.0.0.1:{}", other);
  write_file(config, fmt::format("[web]\nlisten = [\"127.0.0.1:{}\"]\n", other) + account);
  process.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return get(other_url + "/-/healthy").status == 200; }));
  write_file(config, "[web]\nlisten = [\"systemd\"]\n" + account);
  process.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return get(url + "/-/healthy").status == 200; }));
  EXPECT_EQ(local(), 200);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
}

}  // namespace
}  // namespace e2e
