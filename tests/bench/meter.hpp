#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// What is measured of a program, and whether the machine let it be measured.
namespace bench {

/// User and system time of all threads, ended ones too. @throw std::runtime_error when it is gone.
std::chrono::duration<double> cpu_of(pid_t process);

/// Waits until the program takes no more CPU: a garbage collector may go on after an answer.
void settle(pid_t process);

struct Memory {
  double peak_mb = 0;       ///< Largest resident memory so far, 10^6 bytes.
  double anonymous_mb = 0;  ///< Now, without what is mapped from files.
};
Memory memory_of(pid_t process);

/// What else the machine did between begin() and end().
struct Disturbance {
  double foreign_cores = 0;  ///< Processors busy with what is not of this benchmark, on average.
  double stolen_cores = 0;   ///< Taken by the hypervisor.
  double waiting_ratio = 1;  ///< Wall over CPU time of a loop that should never wait.
  double slowness = 1;       ///< Time of a fixed loop over the fastest of the run.
};

/// Watches the machine. One thread.
class Watch {
 public:
  void begin(const std::vector<pid_t>& ours);
  Disturbance end();

 private:
  struct Count {
    double wall_s = 0;
    double busy_s = 0;  ///< Of all processors.
    double stolen_s = 0;
    double ours_s = 0;
  };
  Count count() const;

  std::vector<pid_t> ours_{};
  Count before_{};
  double fastest_s_ = 0;
};

/// Why figures taken under such disturbance are not to be trusted; empty: they are.
std::string why_not(const Disturbance& disturbance);

/// What a table with these doubts is worth; a sentence for its foot.
std::string verdict(const std::vector<std::string>& doubts);

}  // namespace bench
