#include "daemon/membership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace serverless::daemon {
namespace {

Members members_of(const Roll& roll, const std::string& self) {
  std::vector<std::string> names;
  std::size_t position = roll.size();
  for (const auto& member : roll) {
    if (member.name == self) position = names.size();
    names.push_back(member.name);
  }
  return position < roll.size() ? Members(std::move(names), position) : Members::nobody();
}

}  // namespace

std::string encode(const MemberRecord& record) {
  const nlohmann::json json{{"name", record.name},
                            {"url", record.url},
                            {"acked", record.acked},
                            {"endpoints", record.endpoints},
                            {"passed", record.passed}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

tl::expected<MemberRecord, std::string> decode_member(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    return MemberRecord{.name = json.at("name"),
                        .url = json.at("url"),
                        .acked = json.at("acked"),
                        .endpoints = json.at("endpoints"),
                        .passed = json.at("passed")};
  } catch (const nlohmann::json::exception&) {
    return tl::make_unexpected("it is no record of a member");
  }
}

std::string as_name(std::string text) {
  const auto is_other = [](char c) {
    return !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
           c != '.' && c != '_' && c != '-';
  };
  std::replace_if(text.begin(), text.end(), is_other, '-');
  return text;
}

std::string view_of(const Roll& roll) {
  std::string text;
  for (const auto& member : roll) text += fmt::format("{} {},", member.name, member.since);
  return fmt::format("{:016x}", hash_of({text, "", ""}));
}

Standing follow(Standing standing, const Roll& roll, const std::string& self) {
  auto view = view_of(roll);
  if (view != standing.view) {
    standing.views.push_back(members_of(roll, self));
    standing.view = std::move(view);
    standing.settled = false;
  }
  // Everybody, this one among them: what it gave up it has given up when that stands in its record.
  standing.settled =
      standing.settled || std::all_of(roll.begin(), roll.end(), [&](const MemberRecord& member) {
        return member.acked == standing.view;
      });
  if (standing.settled) standing.views = {standing.views.back()};
  return standing;
}

std::optional<std::string> own_acknowledgement(const Roll& roll, const std::string& self,
                                               const std::string& known, const Standing& standing) {
  const auto own = std::find_if(roll.begin(), roll.end(),
                                [&](const MemberRecord& member) { return member.name == self; });
  if (own == roll.end()) return known;
  if (own->acked != known && own->acked != standing.view) return std::nullopt;
  return own->acked;
}

}  // namespace serverless::daemon
