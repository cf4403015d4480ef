#include "simulator/provider.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace simulator {

std::span<const Provider> providers() {
  // One a line.
  // clang-format off
  static const std::array kProviders{
      runpod_api(),
      runpod_queue(),
      runpod_rest(),
      vast_console(),
      vast_run(),
      den(),
  };
  // clang-format on
  return kProviders;
}

const Provider* find_provider(std::string_view host) {
  const auto found = std::ranges::find(providers(), host, &Provider::host);
  return found == providers().end() ? nullptr : &*found;
}

Reply json(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

Request request_to(std::string method, std::string target) {
  Request request;
  request.method = std::move(method);
  const std::string_view whole = target;
  const std::size_t question = whole.find('?');
  std::string_view path = whole.substr(0, question);
  if (question != std::string_view::npos) request.query = parse_query(whole.substr(question + 1));
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  request.host = path.substr(0, slash);
  request.path = slash == std::string_view::npos ? "/" : url_decoded(path.substr(slash));
  request.target = std::move(target);
  return request;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
    if (!segment.empty()) segments.push_back(segment);
  }
  return segments;
}

std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme)) return {};
  return authorization.substr(kScheme.size());
}

std::string body_field(const Request& request, std::string_view name) {
  if (request.body.empty()) return {};
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(request.body).at_key(name).get(element) != simdjson::SUCCESS) return {};
  std::string_view text;
  if (element.get(text) == simdjson::SUCCESS) return std::string(text);
  std::int64_t number = 0;
  if (element.get(number) == simdjson::SUCCESS) return std::to_string(number);
  return {};
}

std::string endpoint_named_by(const Request& request) {
  if (request.host == "vast-run") return body_field(request, "id");
  const auto segments = segments_of(request.path);
  if (request.host == "runpod-queue" && segments.size() >= 2) return std::string(segments[1]);
  if (request.host.starts_with("runpod") && segments.size() >= 3 && segments[1] != "billing") {
    return std::string(segments[2]);
  }
  return {};
}

}  // namespace simulator
