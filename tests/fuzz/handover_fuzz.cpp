#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/assemble.hpp"
#include "daemon/deflate.hpp"
#include "daemon/handover.hpp"
#include "daemon/reconcile.hpp"
#include "daemon/status_page.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/fuzz/page.hpp"

namespace serverless::fuzz {
namespace {

using namespace std::chrono_literals;
using daemon::AccountState;
using daemon::Heirlooms;

// When tests/fuzz/corpus/handover was packed, less what it was under way.
constexpr Now kNow{.mono = Mono{100h}, .wall = Time{1785931205s}};
constexpr daemon::Pace kPace{.interval = 30s, .max_age = 90s};

const Provider& provider() { return *find_provider("den"); }

daemon::Pace pace_of(const Target&, Source) { return kPace; }

std::set<std::string> ids_of(const Heirlooms& heirlooms) {
  std::set<std::string> ids;
  for (const auto& [id, heirloom] : heirlooms) ids.insert(id);
  return ids;
}

// What was believed can be handed on.
Heirlooms handed_on(const Heirlooms& heirlooms) {
  AccountState account{.provider = &provider()};
  account = daemon::take_over(std::move(account), heirlooms);
  const auto packed = daemon::pack(account, ids_of(heirlooms), kNow);
  expect(packed.endpoints == heirlooms.size(), "as much can be packed as was read");
  Heirlooms again;
  for (const auto& text : packed.texts) {
    expect(text.size() <= daemon::kMostHandoverBytes, "a text is as short as it must be");
    auto part = daemon::unpack(text, provider(), kNow);
    expect(part.has_value(), "what was packed is believed", part ? "" : part.error());
    again.merge(*part);
  }
  expect(ids_of(again) == ids_of(heirlooms), "what was packed is all there");
  return again;
}

// Ages may have been at their bound at first; after that nothing changes any more.
void check_handing_on(const Heirlooms& heirlooms) {
  const auto once = handed_on(heirlooms);
  for (const auto& [id, heirloom] : handed_on(once)) {
    expect(*once.at(id).state == *heirloom.state, "what was packed is as it was");
  }
}

// What a provider may call something.
bool is_id(const std::string& id) { return !id.empty() && id.size() <= kMaxIdBytes && is_utf8(id); }

// One good answer to each source of each endpoint.
void poll_all(AccountState& account, Now now) {
  const auto answer = [&](const std::string& id, Source source, Result<Report> report) {
    Observation observation{
        .target = {.operation = "poll", .endpoint_id = id, .supplies = {source}},
        .sent = now,
        .landed = now};
    observation.poll.answers.push_back(
        {.endpoint_id = id, .source = source, .result = std::move(report)});
    daemon::apply(account, observation, pace_of);
  };
  for (const auto& [id, endpoint] : AccountState(account).endpoints) {
    // The workers that it had, all in another status.
    WorkersReport report{.lifecycle_only = endpoint->workers_report.lifecycle_only};
    std::set<std::string> listed;
    for (const auto& worker : endpoint->workers) {
      if (!is_id(worker.reported.id) || !listed.insert(worker.reported.id).second) continue;
      report.workers.push_back({.id = worker.reported.id,
                                .native_status = "failed",
                                .status = Status::active,
                                .staleness = Staleness::current,
                                .last_heartbeat = now.wall});
    }
    answer(id, Source::queue, QueueReport{.jobs_in_progress = 0, .jobs_completed = 1});
    answer(id, Source::workers, std::move(report));
    answer(id, Source::groups, fail(Reason::not_ready, "told so"));
    answer(id, Source::queue, QueueReport{.jobs_in_progress = 0, .jobs_completed = 0});
  }
}

void check_page_of(const AccountState& account, Now now) {
  const daemon::Context context{.provider = &provider()};
  const daemon::Pages pages{
      std::make_shared<daemon::AccountPage>(daemon::make_page(account, context, now))};
  check_html(daemon::status_page(pages, {.version = "0"}, now));
  const auto whole = daemon::assemble(pages, {}, now);
  expect(check_page(whole.text()) == whole.series, "a page has as many series as it says");
}

// A member goes on from what it was told, as from its own.
void check_going_on(const Heirlooms& heirlooms) {
  AccountState account = daemon::initial_account("fuzz", provider(), {}, true);
  account = daemon::take_over(std::move(account), heirlooms);
  Observation discovery{
      .target = {.operation = "list", .supplies = {Source::catalog}}, .sent = kNow, .landed = kNow};
  auto& listing = discovery.poll.listing.emplace();
  for (const auto& id : ids_of(heirlooms)) {
    if (is_id(id)) listing.push_back(id);
  }
  daemon::apply(account, discovery, pace_of);
  check_page_of(account, kNow);
  for (int round = 0; round < 4; ++round) {
    const auto later = round * 30s;
    const Now now{.mono = kNow.mono + later, .wall = kNow.wall + later};
    poll_all(account, now);
    check_page_of(account, now);
  }
  for (auto& [id, endpoint] : account.endpoints) {
    endpoint = std::make_shared<const daemon::EndpointState>(
        daemon::settle(*endpoint, {.mono = kNow.mono + 10min, .wall = kNow.wall + 10min}));
  }
}

void check(std::string_view text) {
  const auto heirlooms = daemon::unpack(text, provider(), kNow);
  if (!heirlooms) {
    expect(is_one_line(heirlooms.error()) && heirlooms.error().size() < 200,
           "a refusal is a short line", heirlooms.error());
    return;
  }
  check_handing_on(*heirlooms);
  check_going_on(*heirlooms);
}

}  // namespace
}  // namespace serverless::fuzz

// What another member of a cluster left in a store that others may write to: as it is and, since
// hardly any bytes are gzip, as a text's content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless;
  const auto input = fuzz::text_of(data, size);
  fuzz::check(input);
  fuzz::check(daemon::gzip(input));
  return 0;
}
