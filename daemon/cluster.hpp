#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "config/config.hpp"
#include "daemon/assignment.hpp"
#include "daemon/cluster_status.hpp"
#include "daemon/etcd.hpp"
#include "daemon/lease.hpp"
#include "daemon/membership.hpp"
#include "daemon/passed.hpp"
#include "daemon/pulses.hpp"

namespace serverless::daemon {

/// What is known of endpoints that go from one member to another, by account: each text as pack()
/// made it.
using Handed = std::map<std::string, std::vector<std::string>>;

/// What a cluster asks of the exporter that is a member of it. Each returns when it is done, and
/// empty when a stop was asked for meanwhile.
struct Host {
  struct Outcome {
    Handed given_up{};
    std::uint64_t endpoints = 0;  ///< That it gave up.
  };
  /// Divides the work so: what is not this member's any more is polled and served no more.
  std::function<std::optional<Outcome>(const Division&, const Handed&, const std::stop_token&)>
      divide;
  /// Tells of what members pass on.
  std::function<void(const std::vector<Passed>&, const std::stop_token&)> tell;
  /// How many endpoints this member has. Any thread.
  std::function<std::uint64_t()> endpoints;
  /// Shows how this member stands. Any thread.
  std::function<void(const ClusterStatus&)> show;
};

/// A member's part in its cluster: keeps its lease, watches who else is there, and divides the work
/// anew when that changes (daemon/membership.hpp). One thread of its own.
///
/// In etcd, below /serverless_exporter/CLUSTER/: members/NAME (MemberRecord), passed/ACCOUNT/TARGET
/// (Passed) with the member's lease, handover/ACCOUNT/NAME/LEASE.I with one of
/// kHandoverLease: what a member gives up twice before anybody takes it stands beside itself.
///
/// Its lease is over for it a margin before it is over for etcd, and counts from when its renewal
/// was sent: so it has stopped before anybody can take its place. While etcd does not answer it
/// goes on with what it has until then. One of which etcd has forgotten something, because it was
/// restored or has lost its data, joins again only when everybody's lease would be over.
class Cluster {
 public:
  static constexpr std::chrono::seconds kHandoverLease{300};
  /// A tenth of the time to live, a second at least.
  static std::chrono::milliseconds margin(std::chrono::milliseconds ttl);

  /// Joins, and goes on trying while it cannot. @param lease  its end is set here.
  Cluster(config::Cluster config, CurlHttp& http, Lease& lease, Pulses& pulses, Host host);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Passes on what this member was told. Any thread.
  void pass_on(Passed passed);

  /// Tells the host once more of all that was passed on: it may have accounts now that it had not
  /// when it was told. Any thread.
  void tell_again();

  /// Ends its thread: nothing is asked of the host any more.
  void stop();
  /// Hands over and goes, within `patience`; whatever is not done by then, the lease's end does.
  /// After stop(), and when nothing is polled or served any more.
  void leave(const Handed& given_up, std::chrono::milliseconds patience);

 private:
  struct Membership {
    Etcd::Lease lease{};
    Mono renewed{};
    MemberRecord record{};  ///< As it stands in etcd.
  };

  void run(const std::stop_token& stop);
  /// @return when to look again.
  std::chrono::milliseconds step(const std::stop_token& stop);
  bool join(const std::stop_token& stop);
  bool renew(const std::stop_token& stop);
  void drop_out(const std::string& why, const std::stop_token& stop);
  void forgotten(const std::string& why, const std::stop_token& stop);
  bool divide(const Standing& next, const std::stop_token& stop);
  bool take_tells_again();
  void tell_all(const std::stop_token& stop);
  bool write(MemberRecord record, const std::stop_token& stop);
  void put_passed(const std::stop_token& stop);
  void hear(const Roll& roll, const std::stop_token& stop);
  std::vector<Passed> read_news(const Roll& roll, const std::stop_token& stop);
  Result<Roll> read_roll(const std::stop_token& stop);
  bool read_passed(const std::stop_token& stop);
  bool take_passed(const std::string& key, const std::string& text);
  Result<Handed> read_handed(const std::stop_token& stop);
  Result<void> put_handed(const Handed& handed, const std::stop_token& stop);
  [[nodiscard]] Mono end_of(const Membership& membership) const;
  void note_answer(const std::string& trouble);
  template <typename Change>
  void note(Change change);

  config::Cluster config_;
  std::string self_;
  std::string prefix_;
  Etcd etcd_;
  Lease& lease_;
  Pulses& pulses_;
  Host host_;

  // The thread's own.
  std::optional<Membership> membership_{};
  std::optional<std::int64_t> old_lease_{};  ///< Not ended yet in etcd, maybe.
  Mono join_at_{};                           ///< Not before.
  Standing standing_{};
  std::map<std::string, Passed> passed_{};        ///< The latest of each, by key.
  std::map<std::string, std::int64_t> passes_{};  ///< When this member asked, by key.
  std::map<std::pair<std::string, std::string>, std::int64_t>
      heard_{};                           ///< When it asked, by member and key.
  std::set<std::string> too_large_{};     ///< Keys of which it was said.
  std::optional<std::string> trouble_{};  ///< Of this step; empty text: none. Empty: not known.

  ClusterStatus status_{};

  std::mutex mutex_{};  ///< Of the next four.
  std::condition_variable_any news_{};
  bool has_news_ = false;
  bool tells_again_ = false;
  std::map<std::string, Passed> outbox_{};  ///< By key: the latest will do.
  std::jthread thread_{};                   // Last: ends before what it uses.
};

}  // namespace serverless::daemon
