#include "daemon/cluster.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/clock.hpp"
#include "daemon/handover.hpp"
#include "daemon/log.hpp"
#include "daemon/mailbox.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How often the roll is read: as quickly is a graceful leave noticed. While members do not agree
// yet, somebody's endpoints wait.
constexpr milliseconds kLook{1000};
constexpr milliseconds kLookUnsettled{200};

// Of what members pass on, decoded.
constexpr std::size_t kMostKept = 2 * kMostPassedText;

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unnamed";
  return name.data();
}

std::string join_path(std::string_view a, std::string_view b) { return fmt::format("{}/{}", a, b); }

// What stands before the last '/'.
std::string before_last(std::string_view key) {
  const auto last = key.rfind('/');
  return std::string(key.substr(0, last == std::string_view::npos ? 0 : last));
}

// As etcd got them, of each member no more than it may hand over of an account: the last.
Handed in_their_order(std::vector<Etcd::KeyValue> found, std::string_view prefix) {
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.mod_revision > b.mod_revision; });
  Handed handed;
  std::map<std::string, std::size_t> texts;  // By "ACCOUNT/NAME" of "ACCOUNT/NAME/LEASE.I".
  for (auto& entry : found) {
    const auto whose = before_last(std::string_view(entry.key).substr(prefix.size()));
    if (++texts[whose] > kMostHandoverTexts) continue;
    handed[before_last(whose)].push_back(std::move(entry.value));
  }
  for (auto& [account, all] : handed) std::reverse(all.begin(), all.end());
  return handed;
}

std::size_t size_of(const Passed& passed) {
  std::size_t size = sizeof(passed);
  for (const auto& exchange : passed.exchanges) {
    size += sizeof(exchange) + exchange.url.size() + exchange.response.body.size();
  }
  return size;
}

}  // namespace

milliseconds Cluster::margin(milliseconds ttl) { return std::max(milliseconds{1000}, ttl / 10); }

Cluster::Cluster(config::Cluster config, CurlHttp& http, Lease& lease, Pulses& pulses, Host host)
    : config_(std::move(config)),
      self_(config_.member.empty() ? as_name(host_name()) : config_.member),
      prefix_("/serverless_exporter/" + config_.name + "/"),
      etcd_(config_, http),
      lease_(lease),
      pulses_(pulses),
      host_(std::move(host)) {
  status_.cluster = config_.name;
  status_.self = self_;
  lease_.set_end(Mono{});
  host_.show(status_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Cluster::~Cluster() { stop(); }

void Cluster::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

template <typename Change>
void Cluster::note(Change change) {
  const auto before = status_;
  change(status_);
  if (!(status_ == before)) host_.show(status_);
}

void Cluster::pass_on(Passed passed) {
  {
    const std::lock_guard lock(mutex_);
    outbox_[join_path(passed.account, passed.target)] = std::move(passed);
    has_news_ = true;
  }
  news_.notify_all();
}

void Cluster::tell_again() {
  {
    const std::lock_guard lock(mutex_);
    tells_again_ = true;
    has_news_ = true;
  }
  news_.notify_all();
}

void Cluster::run(const std::stop_token& stop) {
  const Pulse pulse(pulses_, "cluster", read_clock().mono);
  while (!stop.stop_requested()) {
    pulse.beat(read_clock().mono);
    trouble_.reset();
    const auto pause = step(stop);
    if (trouble_ && !stop.stop_requested()) note_answer(*trouble_);
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, stop, pause, [this] { return has_news_; });
    has_news_ = false;
  }
}

// Each trouble is told once, and its end.
void Cluster::note_answer(const std::string& trouble) {
  std::string before;
  note([&](ClusterStatus& status) {
    before = std::exchange(status.trouble, trouble);
    status.engine_up = trouble.empty();
  });
  if (before == trouble) return;
  if (trouble.empty()) {
    log::info("cluster_engine_up", {{"cluster", config_.name}});
  } else {
    log::warn("cluster_engine_trouble", {{"cluster", config_.name}, {"detail", trouble}});
  }
}

Mono Cluster::end_of(const Membership& membership) const {
  const milliseconds ttl = membership.lease.ttl;
  return membership.renewed + ttl - margin(ttl);
}

milliseconds Cluster::step(const std::stop_token& stop) {
  if (!membership_ && (read_clock().mono < join_at_ || !join(stop))) return kLook;
  if (read_clock().mono >= membership_->renewed + membership_->lease.ttl / 3 && !renew(stop)) {
    if (membership_ && read_clock().mono >= end_of(*membership_)) {
      drop_out("it could not be renewed in time", stop);
    }
    return kLook;
  }
  put_passed(stop);
  const auto roll = read_roll(stop);
  if (!roll) {
    trouble_ = roll.error().detail;
    return kLook;
  }
  if (!trouble_) trouble_ = "";
  auto acked = own_acknowledgement(*roll, self_, membership_->record.acked, standing_);
  if (!acked) {
    forgotten("etcd does not know what this member wrote", stop);
    return kLook;
  }
  membership_->record.acked = std::move(*acked);
  const auto next = follow(standing_, *roll, self_);
  if (next.views != standing_.views && !divide(next, stop)) return kLook;
  standing_ = next;
  if (take_tells_again()) tell_all(stop);
  hear(*roll, stop);
  note([&](ClusterStatus& status) {
    status.settled = standing_.settled;
    status.members.clear();
    for (const auto& member : *roll) {
      status.members.push_back({.name = member.name,
                                .url = member.url,
                                .in_step = member.acked == standing_.view,
                                .endpoints = member.endpoints});
    }
  });
  MemberRecord record = membership_->record;
  record.acked = standing_.view;
  record.endpoints = host_.endpoints();
  record.passed = passes_;
  if (!write(std::move(record), stop)) return kLook;
  return standing_.settled ? kLook : kLookUnsettled;
}

bool Cluster::join(const std::stop_token& stop) {
  if (old_lease_) {
    if (const auto ended = etcd_.revoke(*old_lease_, stop); !ended) {
      trouble_ = ended.error().detail;
      return false;
    }
    old_lease_.reset();
  }
  const Mono sent = read_clock().mono;
  const auto lease = etcd_.grant(std::chrono::ceil<seconds>(config_.lease_ttl), stop);
  if (!lease) {
    trouble_ = lease.error().detail;
    return false;
  }
  old_lease_ = lease->id;
  MemberRecord record{.name = self_, .url = config_.url};
  const auto put =
      etcd_.put_new(prefix_ + join_path("members", self_), encode(record), lease->id, stop);
  if (!put || !*put) {
    trouble_ =
        !put ? put.error().detail
             : fmt::format("another member is called {}, or was and its lease is not over", self_);
    return false;
  }
  old_lease_.reset();
  trouble_ = "";
  standing_ = {};
  passes_.clear();
  membership_ = Membership{.lease = *lease, .renewed = sent, .record = std::move(record)};
  lease_.set_end(end_of(*membership_));
  note([&](ClusterStatus& status) {
    status.joined = true;
    status.renewed = sent;
    status.lease_end = end_of(*membership_);
  });
  log::info("cluster_joined", {{"cluster", config_.name},
                               {"member", self_},
                               {"lease_ttl", fmt::format("{}s", lease->ttl.count())}});
  return true;
}

bool Cluster::renew(const std::stop_token& stop) {
  const Mono sent = read_clock().mono;
  // Over for us is over, whatever etcd says: what was ours may have been given up already.
  if (lease_.is_over(sent)) {
    drop_out("it could not be renewed in time", stop);
    return false;
  }
  const auto ttl = etcd_.keep_alive(membership_->lease.id, stop);
  if (!ttl) {
    if (ttl.error().reason == Reason::gone) {
      forgotten("etcd does not know it any more", stop);
    } else {
      trouble_ = ttl.error().detail;
    }
    return false;
  }
  membership_->renewed = sent;
  membership_->lease.ttl = *ttl;
  lease_.set_end(end_of(*membership_));
  note([&](ClusterStatus& status) {
    status.renewed = sent;
    status.lease_end = end_of(*membership_);
  });
  return true;
}

void Cluster::drop_out(const std::string& why, const std::stop_token& stop) {
  lease_.set_end(Mono{});
  log::error("cluster_lease_over", {{"cluster", config_.name}, {"member", self_}, {"detail", why}});
  old_lease_ = membership_->lease.id;
  membership_.reset();
  standing_ = {};
  note([&](ClusterStatus& status) {
    status.joined = false;
    status.settled = false;
    status.lease_end.reset();
  });
  // What it knew is old by the time that it is a member again.
  host_.divide({{Members::nobody()}, true}, {}, stop);
}

// Its time was not over: so etcd may have forgotten the leases of others, too, who still poll.
void Cluster::forgotten(const std::string& why, const std::stop_token& stop) {
  join_at_ = read_clock().mono + membership_->lease.ttl;
  drop_out(why, stop);
}

bool Cluster::divide(const Standing& next, const std::stop_token& stop) {
  Result<Handed> handed;
  if (next.settled) handed = read_handed(stop);
  if (!handed && handed.error().reason != Reason::timeout &&
      handed.error().reason != Reason::too_large) {
    trouble_ = handed.error().detail;
    return false;
  }
  if (next.settled && !read_passed(stop)) return false;
  if (!handed) {
    // Else nobody would take anything until what was handed over is gone.
    log::warn("nothing_taken_over", {{"cluster", config_.name}, {"detail", handed.error().detail}});
    handed = Handed{};
  }
  const auto outcome = host_.divide({next.views, true}, *handed, stop);
  if (!outcome) return false;
  note([&](ClusterStatus& status) { status.given_up += outcome->endpoints; });
  tell_all(stop);
  // Who takes them over counts from nothing, if this fails.
  if (const auto put = put_handed(outcome->given_up, stop); !put) trouble_ = put.error().detail;
  log::info("cluster_divided", {{"cluster", config_.name},
                                {"members", std::to_string(next.views.back().size())},
                                {"settled", next.settled ? "true" : "false"}});
  return true;
}

bool Cluster::take_tells_again() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tells_again_, false);
}

void Cluster::tell_all(const std::stop_token& stop) {
  std::vector<Passed> known;
  for (const auto& [key, passed] : passed_) known.push_back(passed);
  host_.tell(known, stop);
}

bool Cluster::write(MemberRecord record, const std::stop_token& stop) {
  auto& known = membership_->record;
  if (record == known) return true;
  const auto put =
      etcd_.put(prefix_ + join_path("members", self_), encode(record), membership_->lease.id, stop);
  if (put) {
    known = std::move(record);
    return true;
  }
  trouble_ = put.error().detail;
  return false;
}

// What is too large to be passed on is known to none of the others: to be told, and to be seen by
// its age on their pages.
void Cluster::put_passed(const std::stop_token& stop) {
  std::map<std::string, Passed> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(outbox_);
  }
  while (!ready.empty()) {
    auto next = ready.extract(ready.begin());
    const auto& key = next.key();
    const auto text = encode(next.mapped());
    const auto put =
        text ? etcd_.put(prefix_ + join_path("passed", key), *text, membership_->lease.id, stop)
             : fail(Reason::too_large, "there is too much of it");
    if (!put && put.error().reason == Reason::too_large) {
      if (too_large_.insert(key).second) {
        log::warn("too_large_to_pass_on",
                  {{"cluster", config_.name}, {"key", key}, {"detail", put.error().detail}});
      }
      continue;
    }
    if (!put) {
      trouble_ = put.error().detail;
      ready.insert(std::move(next));
      break;
    }
    too_large_.erase(key);
    passes_[key] = next.mapped().sent.time_since_epoch().count();
    passed_[key] = std::move(next.mapped());
  }
  const std::lock_guard lock(mutex_);
  outbox_.merge(ready);
}

// Of all members, as etcd has them.
bool Cluster::read_passed(const std::stop_token& stop) {
  const auto prefix = prefix_ + "passed/";
  const auto found = etcd_.range(prefix, stop);
  if (!found) {
    trouble_ = found.error().detail;
    return false;
  }
  for (const auto& entry : *found) take_passed(entry.key.substr(prefix.size()), entry.value);
  return true;
}

// @return whether it could be read.
bool Cluster::take_passed(const std::string& key, const std::string& text) {
  auto passed = decode_passed(text);
  if (!passed) {
    log::warn("not_heard", {{"cluster", config_.name}, {"key", key}, {"detail", passed.error()}});
    return false;
  }
  std::size_t size = size_of(*passed);
  for (const auto& [other, kept] : passed_) size += other == key ? 0 : other.size() + size_of(kept);
  if (size > kMostKept) {
    log::warn("not_heard", {{"cluster", config_.name},
                            {"key", key},
                            {"detail", "all that is passed on is too large to be kept"}});
    return false;
  }
  passed_[key] = std::move(*passed);
  return true;
}

void Cluster::hear(const Roll& roll, const std::stop_token& stop) {
  std::erase_if(heard_, [&](const auto& entry) {
    return std::none_of(roll.begin(), roll.end(), [&](const MemberRecord& member) {
      return member.name == entry.first.first && member.passed.contains(entry.first.second);
    });
  });
  const auto news = read_news(roll, stop);
  if (!news.empty()) host_.tell(news, stop);
}

// Until etcd does not answer.
std::vector<Passed> Cluster::read_news(const Roll& roll, const std::stop_token& stop) {
  std::vector<Passed> news;
  for (const auto& member : roll) {
    if (member.name == self_) continue;
    for (const auto& [key, sent] : member.passed) {
      const std::pair whose(member.name, key);
      const auto known = heard_.find(whose);
      if (known != heard_.end() && known->second == sent) continue;
      const auto found = etcd_.get(prefix_ + join_path("passed", key), stop);
      if (!found) {
        // Each such call may take as long as a lease can wait for.
        trouble_ = found.error().detail;
        return news;
      }
      if (!*found) continue;
      heard_[whose] = sent;
      if (take_passed(key, (*found)->value)) news.push_back(passed_[key]);
    }
  }
  return news;
}

Result<Roll> Cluster::read_roll(const std::stop_token& stop) {
  const auto found = etcd_.range(prefix_ + "members/", stop);
  if (!found) return tl::make_unexpected(found.error());
  Roll roll;
  for (const auto& entry : *found) {
    auto member = decode_member(entry.value);
    if (!member) return fail(Reason::schema, entry.key + ": " + member.error());
    member->since = entry.create_revision;
    roll.push_back(std::move(*member));
  }
  return roll;
}

Result<Handed> Cluster::read_handed(const std::stop_token& stop) {
  const auto prefix = prefix_ + "handover/";
  auto found = etcd_.range(prefix, stop);
  if (!found) return tl::make_unexpected(found.error());
  return in_their_order(std::move(*found), prefix);
}

Result<void> Cluster::put_handed(const Handed& handed, const std::stop_token& stop) {
  if (handed.empty()) return {};
  const auto lease = etcd_.grant(kHandoverLease, stop);
  if (!lease) return tl::make_unexpected(lease.error());
  for (const auto& [account, texts] : handed) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto key =
          fmt::format("{}handover/{}/{}/{:x}.{}", prefix_, account, self_, lease->id, i);
      if (auto put = etcd_.put(key, texts[i], lease->id, stop); !put) return put;
    }
  }
  return {};
}

void Cluster::leave(const Handed& given_up, milliseconds patience) {
  if (!membership_) return;
  const Mono end = read_clock().mono + patience;
  const auto until = [](Mono then, const auto& work) {
    std::stop_source late;
    const std::jthread timer([&](const std::stop_token& done) {
      Mailbox<bool> never;
      never.take_all(done, then, then);
      if (!done.stop_requested()) late.request_stop();
    });
    return work(late.get_token());
  };
  lease_.set_end(Mono{});
  // What is not handed over is counted from 0; while the lease lives nobody polls at all.
  const auto handed = until(
      end - patience / 3, [&](const std::stop_token& stop) { return put_handed(given_up, stop); });
  const auto ended = until(
      end, [&](const std::stop_token& stop) { return etcd_.revoke(membership_->lease.id, stop); });
  if (handed && ended) {
    log::info("cluster_left", {{"cluster", config_.name}, {"member", self_}});
  } else {
    log::warn("cluster_left_in_haste",
              {{"cluster", config_.name},
               {"member", self_},
               {"detail", (handed ? ended.error() : handed.error()).detail}});
  }
  membership_.reset();
}

}  // namespace serverless::daemon
