#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "simulator/world.hpp"

struct MHD_Connection;
struct MHD_Daemon;

namespace simulator {

/// Serves a world over HTTP/1.1, a thread for each connection, so that a reply that hangs holds
/// up nobody else. What hangs ends when the client leaves, after ten minutes, or when the server
/// goes.
class Server {
 public:
  /// @param listen "127.0.0.1:0" or "[::1]:0".
  /// @throws std::runtime_error when the address cannot be had.
  Server(World& world, std::string_view listen);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "http://127.0.0.1:34567".
  [[nodiscard]] const std::string& url() const { return url_; }

  World& world() { return world_; }
  /// Waits. @return false when the server stops or the client has gone.
  [[nodiscard]] bool wait(int client, std::chrono::duration<double> time) const;
  /// Writes as fast as the client reads. @return false when the server stops or the client has
  /// gone.
  [[nodiscard]] bool write(int client, std::string_view bytes) const;
  /// At most 256 replies may be held back at a time. @return false when there are that many.
  bool hold();
  void release();

 private:
  struct StopEvent {
    StopEvent();
    ~StopEvent();
    StopEvent(const StopEvent&) = delete;
    StopEvent& operator=(const StopEvent&) = delete;
    int descriptor = -1;
  };
  struct Stop {
    void operator()(MHD_Daemon* daemon) const;
  };

  World& world_;
  StopEvent stop_{};
  std::atomic<int> held_ = 0;
  std::string url_{};
  std::unique_ptr<MHD_Daemon, Stop> daemon_;  // Last: its threads use what stands above.
};

}  // namespace simulator
