#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/http.hpp"

namespace serverless::fuzz {

/// Reads answers, separated by the byte 0x1E. One is the body of a 200 that was sent at
/// `kSentAt`, so that a recorded body is an answer as it is; or it begins with a line "HTTP 429"
/// and header lines "name: value" up to an empty line. Status 0: no answer came.
std::vector<http::Response> answers_of(std::string_view text);

/// The Date header of an answer that brings none, half an hour into the last hour that
/// tests/fixtures bill.
inline constexpr std::string_view kSentAt = "Sun, 22 Nov 2026 04:30:00 GMT";
inline constexpr Time kSent{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                            std::chrono::minutes{270}};

/// A provider that gives these answers in turn, and over and over. Each request is held to what a
/// key may be sent with: to a place below a configured URL, by a path without ".." in it.
class Answers final : public http::Client {
 public:
  /// @param answers  at least one.
  Answers(std::vector<http::Response> answers, std::vector<std::string> urls)
      : answers_(std::move(answers)), urls_(std::move(urls)) {}

  Result<http::Response> send(const http::Request& request) override;

  /// What was sent since the last call, with the answers.
  struct Sent {
    http::Request request{};
    http::Response response{};
  };
  std::vector<Sent> take_sent();

 private:
  std::vector<http::Response> answers_;
  std::vector<std::string> urls_;
  std::size_t next_ = 0;
  std::vector<Sent> sent_{};
};

}  // namespace serverless::fuzz
