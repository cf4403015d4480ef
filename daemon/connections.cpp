#include "daemon/connections.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace serverless::daemon {

void Connections::set_limits(ConnectionLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

bool Connections::admits(const std::string& address) {
  {
    const std::lock_guard lock(mutex_);
    // A proxy on this machine is one address for everybody; who reaches a unix socket was let in.
    if (address == kUnixAddress) return true;
    const auto there = std::count_if(all_.begin(), all_.end(), [&](const auto& entry) {
      return !entry.second.gone && entry.second.address == address;
    });
    if (there < limits_.per_address) return true;
  }
  tell({{Refusal::too_many_from_address, address}});
  return false;
}

Connections::Id Connections::enter(const std::string& address, Mono now,
                                   std::function<void()> cut) {
  Told told;
  Id id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_++;
    all_.emplace(id, Connection{.address = address,
                                .since = now,
                                .deadline = now + limits_.request_time,
                                .cut = std::move(cut)});
    const auto here = std::count_if(all_.begin(), all_.end(),
                                    [](const auto& entry) { return !entry.second.gone; });
    if (here > limits_.connections) {
      if (auto* other = longest(false)) end(*other, Refusal::pushed_out, told);
    }
  }
  tell(told);
  return id;
}

void Connections::leave(Id id) {
  const std::lock_guard lock(mutex_);
  all_.erase(id);
}

void Connections::asks(Id id, Mono now) {
  put(id, Phase::asks, now, &ConnectionLimits::request_time);
}
void Connections::hears(Id id, Mono now) {
  put(id, Phase::reads, now, &ConnectionLimits::answer_time);
}
void Connections::rests(Id id, Mono now) {
  put(id, Phase::rests, now, &ConnectionLimits::idle_time);
}

void Connections::waits(Id id) {
  const std::lock_guard lock(mutex_);
  auto& connection = all_.at(id);
  connection.phase = Phase::waits;
  connection.deadline = Mono::max();
  connection.turn = false;
}

bool Connections::reads(Id id, Mono now) {
  Told told;
  bool room = true;
  hears(id, now);
  {
    const std::lock_guard lock(mutex_);
    const auto turns = counts(true);
    std::size_t taken = 0;
    for (const auto& [address, count] : turns) taken += count;
    auto& own = all_.at(id);
    if (taken >= limits_.answers) {
      auto* other = longest(true);
      const auto mine = turns.find(own.address);
      const std::size_t had = mine == turns.end() ? 0 : mine->second;
      // Two that have as many each must not push each other out in turn.
      room = other != nullptr &&
             (turns.at(other->address) >= had + 2 || now - other->since >= limits_.prompt_time);
      if (room) end(*other, Refusal::pushed_out, told);
    }
    own.turn = room;
    if (!room) told.emplace_back(Refusal::too_many_answers, own.address);
  }
  tell(told);
  return room;
}

void Connections::refuse(Id id, Refusal why, const std::string& detail) {
  std::string address;
  {
    const std::lock_guard lock(mutex_);
    const auto& connection = all_.at(id);
    if (connection.gone) return;
    address = connection.address;
  }
  tell_(why, address, detail);
}

void Connections::sweep(Mono now) {
  Told told;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, connection] : all_) {
      if (connection.gone || now < connection.deadline) continue;
      // Who has nothing to say is not at fault.
      if (connection.phase == Phase::rests) {
        connection.gone = true;
        connection.cut();
      } else {
        end(connection, Refusal::too_slow, told);
      }
    }
  }
  tell(told);
}

std::size_t Connections::size() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

void Connections::put(Id id, Phase phase, Mono since, Time time) {
  const std::lock_guard lock(mutex_);
  auto& connection = all_.at(id);
  connection.phase = phase;
  connection.since = since;
  connection.deadline = since + limits_.*time;
  connection.turn = false;
}

void Connections::end(Connection& connection, Refusal why, Told& told) {
  connection.gone = true;
  connection.turn = false;
  connection.cut();
  told.emplace_back(why, connection.address);
}

std::map<std::string, std::size_t> Connections::counts(bool turns) const {
  std::map<std::string, std::size_t> result;
  for (const auto& [id, connection] : all_) {
    if (!connection.gone && (connection.turn || !turns)) ++result[connection.address];
  }
  return result;
}

// Of the address that has most: one that rests, or else the one that has been at it for longest.
// Who waits for us is spared.
Connections::Connection* Connections::longest(bool turns) {
  const auto by_address = counts(turns);
  Connection* best = nullptr;
  const auto rank = [&](const Connection& connection) {
    return std::tuple(by_address.at(connection.address), connection.phase == Phase::rests,
                      -connection.since.time_since_epoch());
  };
  for (auto& [id, connection] : all_) {
    if (connection.gone || connection.phase == Phase::waits || (turns && !connection.turn))
      continue;
    if (best == nullptr || rank(connection) > rank(*best)) best = &connection;
  }
  return best;
}

void Connections::tell(const Told& told) const {
  for (const auto& [why, address] : told) tell_(why, address, "");
}

}  // namespace serverless::daemon
