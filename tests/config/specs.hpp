#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace serverless::config {

inline std::optional<std::string> check_organization(std::string_view value) {
  if (value.size() <= 20) return std::nullopt;
  return "expected at most 20 characters";
}

inline KeySpec url_key(std::string_view name, std::string_view fallback) {
  return {.name = name, .type = KeySpec::Type::url, .fallback = std::string(fallback)};
}

/// Providers with the keys of the four real ones.
inline std::vector<ProviderSpec> specs() {
  using Type = KeySpec::Type;
  static const std::array kRunpod{url_key("api_url", "https://api.runpod.io"),
                                  url_key("queue_url", "https://api.runpod.ai")};
  static const std::array kRunpodV1{url_key("api_url", "https://rest.runpod.io/v1"),
                                    url_key("queue_url", "https://api.runpod.ai")};
  static const std::array kVast{
      url_key("api_url", "https://console.vast.ai"),
      url_key("autoscaler_url", "https://run.vast.ai"),
      KeySpec{.name = "groups", .type = Type::list, .fallback = std::vector<std::string>{}},
      KeySpec{.name = "join_instances", .type = Type::boolean, .fallback = true}};
  static const std::array kDen{
      url_key("api_url", "https://api.openworklabs.com"),
      KeySpec{.name = "organization",
              .type = Type::text,
              .fallback = std::string{},
              .check = check_organization},
      KeySpec{.name = "local_workers", .type = Type::boolean, .fallback = false},
      KeySpec{.name = "name_label", .type = Type::boolean, .fallback = false}};
  return {{.name = "runpod", .keys = kRunpod},
          {.name = "runpod-v1", .keys = kRunpodV1},
          {.name = "vast", .keys = kVast},
          {.name = "den", .keys = kDen, .discovers = false}};
}

}  // namespace serverless::config
