#include "daemon/server_waiting.hpp"

#include <microhttpd.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace serverless::daemon {

Bell::Bell() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::runtime_error("no eventfd");
}

Bell::~Bell() { close(descriptor_); }

void Bell::ring() const { static_cast<void>(eventfd_write(descriptor_, 1)); }

void Bell::hush() const {
  eventfd_t rung = 0;
  static_cast<void>(eventfd_read(descriptor_, &rung));
}

Waiting::Waiting(std::shared_ptr<const Bell> bell, MHD_Connection* connection)
    : bell_(std::move(bell)), connection_(connection) {
  MHD_suspend_connection(connection);
}

void Waiting::go_on(Next next) {
  const std::lock_guard lock(mutex_);
  if (connection_ == nullptr) return;
  next_ = std::move(next);
  MHD_resume_connection(std::exchange(connection_, nullptr));
  bell_->ring();
}

Waiting::Next Waiting::take() {
  const std::lock_guard lock(mutex_);
  return std::move(next_);
}

}  // namespace serverless::daemon
