#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "collectors/http.hpp"

namespace serverless::fakes {

/// A provider made of prepared answers: for each "METHOD url" a queue, each answer given once. Who
/// asks for more gets Reason::internal, so that no test passes by a request that it did not expect.
class FakeHttp final : public http::Client {
 public:
  /// @param route  "GET https://api.example/v1/things"
  void add(const std::string& route, Result<http::Response> answer) {
    const std::lock_guard lock{mutex_};
    answers_[route].push_back(std::move(answer));
  }

  /// A 200 with that body.
  void add(const std::string& route, std::string body) {
    add(route, http::Response{.status = 200, .body = std::move(body)});
  }

  Result<http::Response> send(const http::Request& request) override {
    const std::lock_guard lock{mutex_};
    diary_.push_back(request);
    const auto route = request.method + " " + request.url;
    const auto found = answers_.find(route);
    if (found == answers_.end() || found->second.empty()) {
      return fail(Reason::internal, "nothing prepared for " + route);
    }
    auto answer = std::move(found->second.front());
    found->second.pop_front();
    return answer;
  }

  /// Every request so far, in order.
  [[nodiscard]] std::vector<http::Request> diary() const {
    const std::lock_guard lock{mutex_};
    return diary_;
  }

 private:
  mutable std::mutex mutex_{};
  std::map<std::string, std::deque<Result<http::Response>>> answers_{};
  std::vector<http::Request> diary_{};
};

}  // namespace serverless::fakes
