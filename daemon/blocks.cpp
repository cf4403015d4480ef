#include "daemon/blocks.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace serverless::daemon {
namespace {

// In lines of a row with one line for each worker. Blocks of fewer than 100 lines compress worse,
// and a block is made anew as a whole.
constexpr std::size_t kLight = 64;
constexpr std::size_t kHeavy = 100;
// An endpoint's own rows have a few lines each, and there are many of them: four endpoints a run.
constexpr std::size_t kEndpointWeight = 25;

std::size_t weight_of(const EndpointState& endpoint, Part part) {
  return part == Part::workers ? endpoint.workers.size() + 1 : kEndpointWeight;
}

std::shared_ptr<const Piece> compress(const std::string& text, const Block* before) {
  if (before != nullptr && is_of(*before->piece, text)) return before->piece;
  return std::make_shared<const Piece>(deflate(text));
}

const Block* find_block(const Run* run, std::size_t row) {
  if (run == nullptr) return nullptr;
  const auto found =
      std::lower_bound(run->blocks.begin(), run->blocks.end(), row,
                       [](const Block& block, std::size_t wanted) { return block.row < wanted; });
  return found == run->blocks.end() || found->row != row ? nullptr : &*found;
}

bool same_lines(const std::vector<EndpointPointer>& one, const std::vector<EndpointPointer>& other,
                Part part) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [part](const EndpointPointer& a, const EndpointPointer& b) {
                      return says_the_same(*a, *b, part);
                    });
}

std::string_view first_id(const Run& run) { return run.endpoints.front()->info.id; }
std::string_view last_id(const Run& run) { return run.endpoints.back()->info.id; }

}  // namespace

std::shared_ptr<const Run> make_run(std::vector<EndpointPointer> endpoints, Part part,
                                    const std::string& account, const Context& context, Now now,
                                    const Run* before) {
  auto run = std::make_shared<Run>();
  for (const auto& lines : render(endpoints, part, account, context, now)) {
    run->expires = std::min(run->expires, lines.expires);
    run->blocks.push_back({.row = lines.row,
                           .series = lines.series,
                           .piece = compress(lines.text, find_block(before, lines.row))});
  }
  run->endpoints = std::move(endpoints);
  return run;
}

Runs make_runs(const Runs& before, const FlatMap<EndpointPointer>& endpoints, Part part,
               const std::string& account, const Context& context, Now now) {
  Runs runs;
  runs.reserve(before.size());
  auto end = before.begin();
  const auto ended_at = [&](const std::string& id) {
    while (end != before.end() && last_id(**end) < id) ++end;
    return end != before.end() && last_id(**end) == id;
  };
  auto old = before.begin();
  std::vector<EndpointPointer> members;
  std::size_t weight = 0;
  const auto close = [&] {
    while (old != before.end() && first_id(**old) < members.front()->info.id) ++old;
    const bool known = old != before.end() && first_id(**old) == members.front()->info.id;
    const Run* const known_as = known ? old->get() : nullptr;
    if (known && known_as->expires >= now.mono && same_lines(known_as->endpoints, members, part)) {
      runs.push_back(*old);
    } else {
      runs.push_back(make_run(std::move(members), part, account, context, now, known_as));
    }
    members.clear();
    weight = 0;
  };
  for (const auto& [id, endpoint] : endpoints) {
    members.push_back(endpoint);
    weight += weight_of(*endpoint, part);
    if (weight >= kHeavy || (weight >= kLight && ended_at(id))) close();
  }
  if (!members.empty()) close();
  return runs;
}

}  // namespace serverless::daemon
