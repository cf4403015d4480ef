#include "daemon/server_exchange.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "daemon/clock.hpp"
#include "daemon/log.hpp"
#include "daemon/server_answer.hpp"
#include "daemon/server_request.hpp"

namespace serverless::daemon {
namespace {

// Where the end of what a client says came together with its request libmicrohttpd overlooks it,
// and would wait for another for as long as a client may rest. To shut what is shut tells it anew;
// what was said before is still read.
void repeat_end(int descriptor) {
  pollfd state{.fd = descriptor, .events = POLLRDHUP, .revents = 0};
  if (poll(&state, 1, 0) == 1 && (state.revents & POLLRDHUP) != 0) shutdown(descriptor, SHUT_RD);
}

HttpReply unauthorized() {
  auto reply = text_reply(401, "unauthorized\n");
  reply.headers.emplace_back("WWW-Authenticate",
                             "Basic realm=\"serverless_exporter\", charset=\"UTF-8\"");
  return reply;
}

}  // namespace

Exchange::Exchange(Desk& desk, MHD_Connection* connection, std::size_t uri)
    : desk_(desk), connection_(connection), client_(client_of(connection)), uri_(uri) {
  desk_.connections.asks(client_.id, read_clock().mono);
  ++desk_.exchanges;
}

Exchange::~Exchange() {
  --desk_.exchanges;
  if (waiting_) desk_.waiting.erase(waiting_);
  repeat_end(client_.descriptor);
  desk_.connections.rests(client_.id, read_clock().mono);
}

bool Exchange::proceed(const char* method, const char* path, std::size_t& body) {
  if (!std::exchange(begun_, true)) {
    auto refused = too_large(connection_, uri_);
    return !refused || refuse(Refusal::too_large, std::move(*refused));
  }
  if (body > 0) {
    body_ += std::exchange(body, 0);
    return body_ <= kMostBody;
  }
  if (waiting_) return go_on();
  return admit(request_of(connection_, method, path));
}

bool Exchange::admit(const HttpRequest& request) {
  const auto login = login_of(connection_);
  switch (desk_.access.judge(request.path, login)) {
    case Access::Ruling::pass:
      return answer(request);
    case Access::Ruling::missing:
      return refuse(Refusal::no_password, unauthorized());
    case Access::Ruling::unknown:
      break;
  }
  const auto waiting = wait();
  desk_.access.compare(*login, client_.address, [=, this](Access::Verdict verdict) {
    waiting->go_on([=, this] {
      switch (verdict) {
        case Access::Verdict::right:
          return answer(request);
        case Access::Verdict::wrong:
          return refuse(Refusal::wrong_password, unauthorized());
        case Access::Verdict::crowded:
          break;
      }
      auto reply = text_reply(503, "too many passwords wait to be compared\n");
      reply.headers.emplace_back("Retry-After", "1");
      return refuse(Refusal::too_many_logins, std::move(reply));
    });
  });
  return true;
}

bool Exchange::answer(HttpRequest request) {
  request.crowded = !desk_.connections.reads(client_.id, read_clock().mono);
  HttpReply reply;
  try {
    reply = desk_.handler(request);
  } catch (const std::exception& error) {
    log::error("request_failed", {{"path", request.path}, {"detail", error.what()}});
    reply = text_reply(500, "internal error\n");
  }
  if (!reply.later) return send(connection_, std::move(reply));
  const auto waiting = wait();
  reply.later([waiting, this](const HttpReply& with) {
    waiting->go_on([this, with] {
      desk_.connections.hears(client_.id, read_clock().mono);
      return send(connection_, with);
    });
  });
  return true;
}

bool Exchange::refuse(Refusal why, HttpReply reply) {
  desk_.connections.refuse(client_.id, why);
  desk_.connections.hears(client_.id, read_clock().mono);
  return send(connection_, std::move(reply));
}

std::shared_ptr<Waiting> Exchange::wait() {
  desk_.connections.waits(client_.id);
  waiting_ = std::make_shared<Waiting>(desk_.bell, connection_);
  desk_.waiting.insert(waiting_);
  return waiting_;
}

bool Exchange::go_on() {
  const auto waiting = std::exchange(waiting_, nullptr);
  desk_.waiting.erase(waiting);
  const auto next = waiting->take();
  return next && next();
}

}  // namespace serverless::daemon
