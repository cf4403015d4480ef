#include "tests/simulator/simulator_fixture.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>

namespace simulator {
namespace {

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* seen) {
  static_cast<Seen*>(seen)->body.append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* seen) {
  std::string line(data, size * count);
  const std::size_t colon = line.find(": ");
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    static_cast<Seen*>(seen)->headers[name] = line.substr(colon + 2, line.find('\r') - colon - 2);
  }
  return size * count;
}

}  // namespace

WorldSettings demo_at_noon() {
  WorldSettings settings;
  settings.start = kNoon;
  settings.shape.born = kNoon - std::chrono::hours{1};
  settings.frozen = true;
  settings.limits.enforced = false;
  return settings;
}

WorldSettings grid_at_noon(std::size_t endpoints, std::size_t workers) {
  WorldSettings settings = demo_at_noon();
  settings.shape.endpoints = endpoints;
  settings.shape.workers = workers;
  return settings;
}

View view_of(const Fleet& fleet, Time now) {
  return {&fleet, std::make_shared<const Controls>(), now};
}

std::string Json::text(std::string_view pointer) const {
  return std::string((*this)[pointer].get_string().value());
}

std::vector<std::string> Json::keys(std::string_view pointer) const {
  std::vector<std::string> keys;
  const simdjson::dom::object object = (*this)[pointer].get_object().value();
  for (const auto field : object) keys.emplace_back(field.key);
  return keys;
}

Request get(std::string target) {
  Request request = request_to("GET", std::move(target));
  request.authorization = "Bearer demo-key";
  request.user_agent = "test/1";
  return request;
}

Request post(std::string target, std::string body) {
  Request request = request_to("POST", std::move(target));
  request.authorization = "Bearer demo-key";
  request.user_agent = "test/1";
  request.body = std::move(body);
  return request;
}

Wire::Wire(WorldSettings settings)
    : world_(std::move(settings)),
      server_(std::make_unique<Server>(world_, "127.0.0.1:0")),
      curl_(curl_easy_init()) {}

Wire::~Wire() { curl_easy_cleanup(curl_); }

Seen Wire::get(const std::string& target, std::chrono::milliseconds timeout) {
  return perform(target, "GET", nullptr, timeout);
}

Seen Wire::post(const std::string& target, const std::string& body) {
  return perform(target, "POST", &body, std::chrono::seconds{5});
}

Seen Wire::remove(const std::string& target) {
  return perform(target, "DELETE", nullptr, std::chrono::seconds{5});
}

Seen Wire::perform(const std::string& target, const char* method, const std::string* body,
                   std::chrono::milliseconds timeout) {
  Seen seen;
  CURL* curl = curl_;
  curl_easy_reset(curl);
  curl_slist* headers = curl_slist_append(nullptr, "Authorization: Bearer demo-key");
  const std::string address = url() + target;
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "test/1");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &seen);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &seen);
  if (body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->c_str());
  }
  seen.curl = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &seen.status);
  curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &seen.connections);
  double first_byte = 0;
  curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME, &first_byte);
  seen.first_byte = std::chrono::duration<double>{first_byte};
  curl_slist_free_all(headers);
  return seen;
}

}  // namespace simulator
