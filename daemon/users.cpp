#include "daemon/users.hpp"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "config/form.hpp"

namespace serverless::daemon {
namespace {

// "$2y$12$" and 22 characters of salt; 31 of the hash follow.
constexpr std::size_t kSettings = 29;
constexpr std::size_t kHash = 60;
constexpr std::size_t kCostAt = 4;

std::string_view cost_of(const config::Secret& hash) {
  return std::string_view(hash.reveal()).substr(kCostAt, 2);
}

std::optional<std::string> read_line(std::string_view line, config::Users& users) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return "expected \"name:bcrypt hash\"";
  const auto name = line.substr(0, colon);
  if (!config::is_user(name)) return "expected a name of 1 to 64 printable characters";
  if (auto wrong = config::wrong_bcrypt(line.substr(colon + 1))) return wrong;
  const bool is_new =
      users.emplace(std::string(name), config::Secret(std::string(line.substr(colon + 1)))).second;
  if (!is_new) return "another line has the same name";
  return std::nullopt;
}

}  // namespace

tl::expected<config::Users, std::string> parse_users(std::string_view text) {
  config::Users users;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (const auto wrong = read_line(line, users)) {
      return tl::make_unexpected(fmt::format("line {}: {}", number, *wrong));
    }
  }
  if (users.empty()) return tl::make_unexpected(std::string("it names no user"));
  return users;
}

std::string hash_for(const config::Users& users, std::string_view name) {
  const auto found = users.find(name);
  if (found != users.end()) return found->second.reveal();
  const auto slowest = std::max_element(
      users.begin(), users.end(),
      [](const auto& a, const auto& b) { return cost_of(a.second) < cost_of(b.second); });
  if (slowest == users.end()) return {};
  return slowest->second.reveal().substr(0, kSettings) + std::string(kHash - kSettings, '.');
}

bool matches(const std::string& password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();
  const char* made = crypt_r(password.c_str(), hash.c_str(), work.get());
  if (made == nullptr || hash.size() != kHash || std::strlen(made) != kHash) return false;
  // As long for every hash.
  unsigned differs = 0;
  for (std::size_t i = 0; i < kHash; ++i) {
    differs |= static_cast<unsigned char>(made[i]) ^ static_cast<unsigned char>(hash[i]);
  }
  return differs == 0;
}

}  // namespace serverless::daemon
