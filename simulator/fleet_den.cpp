#include <fmt/format.h>

#include <array>

#include "simulator/fleet.hpp"
#include "simulator/hash.hpp"

namespace simulator {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

enum class Role {
  active,
  idle,
  provisioning,
  failed,
  stopped,
  unheard_of,
  local,
  silent,
  fast_clock,
  intermittent
};

constexpr std::array kRoles{Role::active,     Role::idle,        Role::provisioning, Role::failed,
                            Role::stopped,    Role::unheard_of,  Role::local,        Role::silent,
                            Role::fast_clock, Role::intermittent};

constexpr std::array<std::string_view, 10> kNames{"Cloud \xe2\x80\x94 Anna",
                                                  "Anna \"Ops\" \xc3\x85\nx",
                                                  "new",
                                                  "Cloud \xe2\x80\x94 bj\xc3\xb6rn",
                                                  "Cloud \xe2\x80\x94 Li",
                                                  "research\\eu",
                                                  "laptop",
                                                  "Cloud \xe2\x80\x94 Omar",
                                                  "Cloud \xe2\x80\x94 Anna",
                                                  "nightly \xf0\x9f\x8c\x99"};

/// A TypeID: 26 digits of lower-case base 32 in Crockford's alphabet.
std::string type_id(std::string_view prefix, std::uint64_t high, std::uint64_t low) {
  std::string id = fmt::format("{}_01", prefix);
  for (unsigned i = 0; i < 24; ++i) {
    const std::uint64_t bits = i < 12 ? high >> (5 * i) : low >> (5 * (i - 12));
    id += "0123456789abcdefghjkmnpqrstvwxyz"[bits & 31U];
  }
  return id;
}

// Daytona sandboxes report every 300 s while they run.
constexpr milliseconds kBeat = seconds{300};

/// The worker's last beat at `now`; each worker has its own rhythm.
Time last_beat(std::uint64_t key, Time now, Time born) {
  const milliseconds shift{between(hash_of({key, 30}), 0, kBeat.count() - 1)};
  const milliseconds since = ((now - born + shift) % kBeat + kBeat) % kBeat;
  return now - since;
}

}  // namespace

DenWorker Fleet::den_worker(std::size_t ordinal, Time now) const {
  const std::uint64_t worker_key = key(Api::den, 3, ordinal);
  const Role role = kRoles[ordinal % kRoles.size()];
  const Time beat = last_beat(worker_key, now, shape_.born);
  const milliseconds jitter{between(hash_of({worker_key, 31}), 1'000, 55'000)};

  DenWorker worker;
  worker.id = type_id("wrk", worker_key, mix(worker_key));
  worker.name = ordinal < kNames.size() ? std::string(kNames[ordinal])
                                        : fmt::format("Cloud \xe2\x80\x94 member {}", ordinal);
  worker.status = "healthy";
  worker.created = shape_.born - hours{96} - minutes{17} * static_cast<std::int64_t>(ordinal);
  worker.updated = beat + milliseconds{17};
  worker.heartbeat = beat;
  worker.has_instance = true;
  switch (role) {
    case Role::active:
      worker.active = beat - jitter;
      break;
    case Role::idle:
      worker.active = shape_.born - minutes{12};
      break;
    case Role::provisioning:
      worker.status = "provisioning";
      worker.heartbeat.reset();
      worker.updated = worker.created;
      worker.has_instance = false;
      break;
    case Role::failed:
      worker.status = "failed";
      worker.heartbeat = shape_.born - hours{2};
      worker.updated = shape_.born - hours{1};
      break;
    case Role::stopped:
      worker.status = "stopped";
      worker.heartbeat = shape_.born - hours{60};
      worker.active = shape_.born - hours{61};
      worker.updated = shape_.born - hours{59};
      break;
    case Role::unheard_of:
      worker.status = "suspended";
      break;
    case Role::local:
      worker.local = true;
      worker.heartbeat.reset();
      worker.updated = worker.created;
      worker.has_instance = false;
      break;
    case Role::silent:
      worker.heartbeat = shape_.born - minutes{40};
      worker.active = shape_.born - minutes{44};
      worker.updated = *worker.heartbeat + milliseconds{17};
      break;
    case Role::fast_clock:
      worker.heartbeat = beat + minutes{20};
      worker.active = beat + minutes{20} - jitter;
      break;
    case Role::intermittent: {
      // Half an hour of work, then half an hour of rest, during which the stamp stands still.
      const milliseconds into = ((now - shape_.born) % minutes{60} + minutes{60}) % minutes{60};
      const Time worked_until = into < minutes{30} ? now : now - into + minutes{30};
      worker.active = last_beat(worker_key, worked_until, shape_.born) - jitter;
      break;
    }
  }
  return worker;
}

std::optional<DenWorker> View::den(std::size_t ordinal) const {
  DenWorker worker = fleet->den_worker(ordinal, now);
  if (controls->removed_workers.contains(worker.id)) return std::nullopt;
  const auto chosen = controls->statuses.find(worker.id);
  if (chosen != controls->statuses.end()) worker.status = chosen->second;
  return worker;
}

}  // namespace simulator
