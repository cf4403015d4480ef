#include "daemon/server_newcomers.hpp"

#include <microhttpd.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "daemon/tls.hpp"

namespace serverless::daemon {

Newcomers::Newcomers() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::runtime_error("no epoll");
}

Newcomers::~Newcomers() { close(epoll_); }

void Newcomers::enter(MHD_Connection* connection, const Client& client) {
  all_.emplace(client.descriptor, Newcomer{.connection = connection, .client = &client});
}

void Newcomers::leave(const Client& client) { all_.erase(client.descriptor); }

void Newcomers::go_on() {
  if (all_.empty()) return;
  std::vector<epoll_event> said(all_.size());
  const int count = epoll_wait(epoll_, said.data(), static_cast<int>(said.size()), 0);
  said.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  std::set<std::string_view> addresses;
  for (const auto& event : said) {
    auto& newcomer = all_.at(event.data.fd);
    // Who was cut off leaves at once, and what it said before is not worth a signature.
    const bool cut = (event.events & EPOLLHUP) != 0;
    if (cut) Tls::hang_up(newcomer.client->session);
    if (cut || addresses.insert(newcomer.client->address).second) wake(newcomer);
  }
}

// The manual of libmicrohttpd calls it safe to suspend a connection from some of its callbacks
// only. Between two rounds nothing of a connection is under way either, and who is gone has left.
void Newcomers::rest() {
  for (auto& [descriptor, newcomer] : all_) {
    if (newcomer.rests || Tls::holds_more(newcomer.client->session)) continue;
    epoll_event wanted{.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = descriptor}};
    // Who cannot be watched is left to libmicrohttpd.
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &wanted) != 0) continue;
    MHD_suspend_connection(newcomer.connection);
    newcomer.rests = true;
  }
}

void Newcomers::end() {
  for (auto& [descriptor, newcomer] : all_) {
    if (newcomer.rests) wake(newcomer);
  }
}

void Newcomers::wake(Newcomer& newcomer) const {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, newcomer.client->descriptor, nullptr);
  MHD_resume_connection(newcomer.connection);
  newcomer.rests = false;
}

}  // namespace serverless::daemon
