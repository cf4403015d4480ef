#include "daemon/listen.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace serverless::daemon {
namespace {

class Listen : public testing::Test {
 protected:
  Listen() {
    std::string pattern = testing::TempDir() + "listen_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory");
    directory_ = pattern;
  }
  ~Listen() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ + "/socket"; }

  std::string directory_{};
};

std::string complaint(const std::string& address) {
  try {
    const Socket socket = listen_on(address).at(0);
    close(socket.descriptor);
    return "no complaint";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST_F(Listen, TellsThePortThatItGot) {
  const Socket socket = listen_on("127.0.0.1:0").at(0);
  EXPECT_GE(socket.descriptor, 0);
  EXPECT_TRUE(socket.address.starts_with("127.0.0.1:"));
  EXPECT_NE(socket.address, "127.0.0.1:0");
  close(socket.descriptor);
}

TEST_F(Listen, APortInUseIsNamed) {
  const Socket socket = listen_on("127.0.0.1:0").at(0);
  EXPECT_EQ(complaint(socket.address),
            "cannot listen on " + socket.address + ": Address already in use");
  close(socket.descriptor);
}

TEST_F(Listen, WhatIsNoAddressIsNamed) {
  EXPECT_EQ(complaint("localhost"), "cannot listen on localhost: expected host:port");
  EXPECT_EQ(complaint("127.0.0.1:http-of-nobody"),
            "cannot listen on 127.0.0.1:http-of-nobody: Servname not supported for ai_socktype");
}

TEST_F(Listen, AUnixSocketIsWhereItWasAskedFor) {
  const Socket socket = listen_on("unix:" + path()).at(0);
  EXPECT_EQ(socket.address, "unix:" + path());
  EXPECT_TRUE(std::filesystem::is_socket(path()));
  close(socket.descriptor);
}

TEST_F(Listen, ALeftOverUnixSocketIsReplaced) {
  close(listen_on("unix:" + path()).at(0).descriptor);
  ASSERT_TRUE(std::filesystem::is_socket(path()));
  EXPECT_EQ(complaint("unix:" + path()), "no complaint");
}

TEST_F(Listen, AUnixSocketThatSomebodyAnswersOnIsLeftAlone) {
  const Socket socket = listen_on("unix:" + path()).at(0);
  EXPECT_EQ(complaint("unix:" + path()),
            "cannot listen on unix:" + path() + ": somebody answers there");
  EXPECT_TRUE(std::filesystem::is_socket(path()));
  close(socket.descriptor);
}

TEST_F(Listen, AFileThatIsNoSocketIsNeverRemoved) {
  std::ofstream(path()) << "precious";
  EXPECT_EQ(complaint("unix:" + path()),
            "cannot listen on unix:" + path() + ": Address already in use");
  std::string text;
  std::ifstream(path()) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(Listen, APathThatDoesNotFitIsNamed) {
  const std::string address = "unix:/" + std::string(200, 'x');
  EXPECT_EQ(complaint(address), "cannot listen on " + address + ": the path is too long");
}

TEST_F(Listen, ADirectoryThatIsNotThereIsNamed) {
  EXPECT_EQ(complaint("unix:" + directory_ + "/none/socket"),
            "cannot listen on unix:" + directory_ + "/none/socket: No such file or directory");
}

TEST_F(Listen, WithoutSystemdThereIsNoSocketOfIts) {
  EXPECT_EQ(complaint("systemd"),
            "cannot listen on systemd: it passed no socket; is there a .socket unit?");
}

}  // namespace
}  // namespace serverless::daemon
