#pragma once

#include <functional>
#include <memory>
#include <mutex>

struct MHD_Connection;

namespace serverless::daemon {

/// Wakes a listener: MHD_resume_connection() does not where somebody else's thread serves.
/// Threads: any may ring; the listener's hears.
class Bell {
 public:
  /// @throw std::runtime_error where there is no descriptor left.
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  /// Readable while it rings.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  void ring() const;
  void hush() const;

 private:
  int descriptor_;
};

/// A request that waits for another thread. It may outlive its listener.
class Waiting {
 public:
  /// What the listener's thread does next. @return whether the connection lives on.
  using Next = std::function<bool()>;

  /// Leaves the connection alone until somebody tells how to go on. On the listener's thread.
  Waiting(std::shared_ptr<const Bell> bell, MHD_Connection* connection);

  /// Only the first call counts. Threads: any.
  /// @param next  empty: not at all.
  void go_on(Next next);

  /// What go_on() was given. On the listener's thread.
  [[nodiscard]] Next take();

 private:
  std::mutex mutex_{};
  std::shared_ptr<const Bell> bell_;
  MHD_Connection* connection_;  ///< Null: it does not wait any more.
  Next next_{};
};

}  // namespace serverless::daemon
