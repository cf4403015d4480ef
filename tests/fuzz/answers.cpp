#include "tests/fuzz/answers.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

constexpr std::string_view kStatusLine = "HTTP ";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

http::Response answer_of(std::string_view text) {
  http::Response response{.status = 200};
  if (text.starts_with(kStatusLine)) {
    text.remove_prefix(kStatusLine.size());
    const auto status = cut(text, '\n');
    response.status = 0;
    std::from_chars(status.data(), status.data() + status.size(), response.status);
    for (auto line = cut(text, '\n'); !line.empty(); line = cut(text, '\n')) {
      const auto name = lower(cut(line, ':'));
      response.headers.emplace_back(name, line.substr(line.starts_with(' ') ? 1 : 0));
    }
  }
  if (response.header("date").empty()) response.headers.emplace_back("date", kSentAt);
  response.body = text;
  return response;
}

// The segments are what curl and proxies would take a "." or ".." out of.
bool has_dots(std::string_view path) {
  path = path.substr(0, path.find('?'));
  while (!path.empty()) {
    const auto segment = cut(path, '/');
    if (segment == "." || segment == "..") return true;
  }
  return false;
}

bool is_id_body(std::string_view body) {
  constexpr std::string_view kStart = "{\"id\":";
  if (!body.starts_with(kStart) || !body.ends_with('}')) return false;
  body = body.substr(kStart.size(), body.size() - kStart.size() - 1);
  return !body.empty() && body.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::vector<http::Response> answers_of(std::string_view text) {
  std::vector<http::Response> answers;
  do {
    answers.push_back(answer_of(cut(text, '\x1E')));
  } while (!text.empty());
  return answers;
}

Result<http::Response> Answers::send(const http::Request& request) {
  const std::string_view url = request.url;
  const bool ours = std::any_of(urls_.begin(), urls_.end(), [&](const std::string& base) {
    return url.starts_with(base) && url.substr(base.size()).starts_with('/') &&
           !has_dots(url.substr(base.size()));
  });
  const bool plain =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; });
  expect(ours && plain, "a request goes below a URL of the configuration", url);
  expect(request.method == "GET" ? request.body.empty()
                                 : request.method == "POST" && is_id_body(request.body),
         "a request asks for an id and for nothing else", request.body);
  expect(sent_.size() <= 2 * answers_.size() + 64, "the pages of a list come to an end", url);
  const auto& answer = answers_[next_++ % answers_.size()];
  sent_.push_back({request, answer});
  if (answer.status <= 0) return fail(Reason::timeout, "no answer");
  return answer;
}

std::vector<Answers::Sent> Answers::take_sent() { return std::exchange(sent_, {}); }

}  // namespace serverless::fuzz
