#pragma once

#include <simdjson.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/server.hpp"
#include "simulator/world.hpp"

namespace simulator {

/// 2026-11-20T12:00:00Z.
constexpr Time kNoon{std::chrono::milliseconds{1795176000000}};

/// The demo fleet an hour old, standing still at noon, nobody refused for asking too often.
WorldSettings demo_at_noon();

/// The same with `endpoints` endpoints of `workers` workers.
WorldSettings grid_at_noon(std::size_t endpoints, std::size_t workers);

View view_of(const Fleet& fleet, Time now);

/// The JSON of a body; a body that is not JSON throws simdjson_error.
class Json {
 public:
  explicit Json(const std::string& text) : root_(parser_->parse(text)) {}

  [[nodiscard]] simdjson::dom::element operator[](std::string_view pointer) const {
    return root_.at_pointer(pointer).value();
  }
  [[nodiscard]] simdjson::dom::array array(std::string_view pointer) const {
    return (*this)[pointer].get_array().value();
  }
  [[nodiscard]] std::string text(std::string_view pointer) const;
  [[nodiscard]] std::int64_t integer(std::string_view pointer) const {
    return (*this)[pointer].get_int64().value();
  }
  /// The keys of the object there, in their order.
  [[nodiscard]] std::vector<std::string> keys(std::string_view pointer) const;

 private:
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
  simdjson::dom::element root_{};
};

/// A request with a good key and a user agent.
Request get(std::string target);
Request post(std::string target, std::string body = {});

/// What a client of libcurl sees of one exchange.
struct Seen {
  int curl = 0;  ///< CURLcode.
  long status = 0;
  std::string body{};
  std::map<std::string, std::string, std::less<>> headers{};  ///< Names in lower case.
  long connections = 0;                                       ///< New connections that it took.
  std::chrono::duration<double> first_byte{};
};

/// A server of a world, and a client that keeps its connection.
class Wire {
 public:
  explicit Wire(WorldSettings settings = demo_at_noon());
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  [[nodiscard]] const std::string& url() const { return server_->url(); }
  World& world() { return world_; }
  Seen get(const std::string& target, std::chrono::milliseconds timeout = std::chrono::seconds{5});
  Seen post(const std::string& target, const std::string& body = {});
  Seen remove(const std::string& target);
  void stop() { server_.reset(); }

 private:
  Seen perform(const std::string& target, const char* method, const std::string* body,
               std::chrono::milliseconds timeout);

  World world_;
  std::unique_ptr<Server> server_;
  void* curl_ = nullptr;
};

}  // namespace simulator
