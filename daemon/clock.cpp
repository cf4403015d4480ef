#include "daemon/clock.hpp"

#include <ctime>

namespace serverless::daemon {

Now read_clock() {
  timespec since_boot{};
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return {.mono = Mono{std::chrono::seconds{since_boot.tv_sec} +
                       std::chrono::nanoseconds{since_boot.tv_nsec}},
          .wall = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

}  // namespace serverless::daemon
