#include "daemon/workers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <tuple>

#include "daemon/derived.hpp"

namespace serverless::daemon {
namespace {

using Sort = WorkerQuery::Sort;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view wanted) {
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

bool mentions(const FoundWorker& found, std::string_view wanted) {
  const auto& worker = found.worker->reported;
  const auto* instance = instance_of(*found.worker, *found.endpoint);
  for (const std::string_view text : std::initializer_list<std::string_view>{
           worker.id, worker.name, worker.native_status, worker.gpu_type, worker.location,
           worker.version, worker.image, worker.kind, found.worker->group_id,
           found.endpoint->info.id, found.endpoint->info.name, found.account->state.name,
           instance == nullptr ? std::string_view{} : instance->gpu_type,
           instance == nullptr ? std::string_view{} : instance->location}) {
    if (contains(text, wanted)) return true;
  }
  return false;
}

// 0: look here first.
int rank(const FoundWorker& found) {
  if (!found.status_known) return 2;
  switch (found.worker->status) {
    case Status::unhealthy:
      return 0;
    case Status::unknown:
      return 1;
    case Status::throttled:
      return 3;
    case Status::initializing:
      return 5;
    case Status::running:
    case Status::active:
      return 6;
    case Status::idle:
      return 7;
    case Status::stopped:
      return 8;
  }
  return 9;
}

// A healthy worker that is not what it should be comes after those that fail.
int badness(const FoundWorker& found) {
  const int own = rank(found);
  return is_stale(found.worker->staleness) ? std::min(own, 4) : own;
}

bool before(const FoundWorker& one, const FoundWorker& other, Sort by) {
  const WorkerState& worker = *one.worker;
  const WorkerState& next = *other.worker;
  switch (by) {
    case Sort::none:
      return false;
    case Sort::worst:
      return badness(one) < badness(other);
    case Sort::worker:
      return worker.reported.id < next.reported.id;
    case Sort::endpoint:
      return std::tie(one.account->state.name, one.endpoint->info.id) <
             std::tie(other.account->state.name, other.endpoint->info.id);
    case Sort::status:
      return rank(one) < rank(other);
    case Sort::since:
      return worker.status_since < next.status_since;
    case Sort::load:
      return worker.reported.cur_load < next.reported.cur_load;
  }
  return false;
}

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& words,
                                    std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (word.empty() || found == words.end()) return std::nullopt;
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace

tl::expected<bool, std::string> take_argument(WorkerQuery& query, const std::string& name,
                                              const std::string& value) {
  const auto refuse = [&](const std::string& expected) {
    return tl::make_unexpected(fmt::format("{}: expected {}, not '{}'\n", name, expected, value));
  };
  constexpr std::array kTexts{std::pair{std::string_view("provider"), &WorkerQuery::provider},
                              std::pair{std::string_view("account"), &WorkerQuery::account},
                              std::pair{std::string_view("endpoint"), &WorkerQuery::endpoint},
                              std::pair{std::string_view("text"), &WorkerQuery::text}};
  for (const auto& [text, field] : kTexts) {
    if (text != name) continue;
    query.*field = value;
    return true;
  }
  const bool known = name == "status" || name == "stale" || name == "sort" || name == "order";
  // A form sends its empty fields, too.
  if (!known || value.empty()) return known;
  if (name == "status") {
    const auto status = index_of(kStatusNames, value);
    if (!status) return refuse(fmt::format("one of {}", fmt::join(kStatusNames, ", ")));
    query.status = static_cast<Status>(*status);
  } else if (name == "sort") {
    const auto sort = index_of(kSortNames, value);
    if (!sort) {
      return refuse(
          fmt::format("one of {}", fmt::join(kSortNames.begin() + 1, kSortNames.end(), ", ")));
    }
    query.sort = static_cast<Sort>(*sort);
  } else if (name == "stale") {
    if (value != "true" && value != "false") return refuse("true or false");
    query.stale = value == "true";
  } else {
    if (value != "asc" && value != "desc") return refuse("asc or desc");
    query.descending = value == "desc";
  }
  return true;
}

std::vector<FoundWorker> find_workers(const Pages& pages, const WorkerQuery& query, Mono now) {
  std::vector<FoundWorker> found;
  for (const auto& account : pages) {
    if (!query.account.empty() && query.account != account->state.name) continue;
    if (!query.provider.empty() && query.provider != account->state.provider->label) continue;
    for (const auto& [id, endpoint] : account->state.endpoints) {
      if (!query.endpoint.empty() && query.endpoint != id) continue;
      if (!is_served(*endpoint, bit(Source::workers), false, now)) continue;
      const bool status_known = is_served(*endpoint, bit(Source::workers), true, now);
      if (query.status && !status_known) continue;
      for (const auto& worker : endpoint->workers) {
        if (query.status && *query.status != worker.status) continue;
        const bool told = worker.staleness != Staleness::unknown;
        if (query.stale && (!told || *query.stale != is_stale(worker.staleness))) continue;
        const FoundWorker one{.account = account.get(),
                              .endpoint = endpoint.get(),
                              .worker = &worker,
                              .status_known = status_known};
        if (query.text.empty() || mentions(one, query.text)) found.push_back(one);
      }
    }
  }
  if (query.sort == Sort::none) return found;
  std::stable_sort(found.begin(), found.end(), [&](const FoundWorker& a, const FoundWorker& b) {
    return query.descending ? before(b, a, query.sort) : before(a, b, query.sort);
  });
  return found;
}

}  // namespace serverless::daemon
