#include "daemon/access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "daemon/clock.hpp"
#include "daemon/log.hpp"
#include "daemon/users.hpp"

namespace serverless::daemon {
namespace {

using Users = tl::expected<config::Users, std::string>;

Users read_users(const config::Web& web) {
  auto users = web.basic_auth_users;
  const auto& path = web.basic_auth_users_file;
  if (path.empty()) return users;
  const auto say = [&](const std::string& why) {
    return fmt::format("basic_auth_users_file {}: {}", path, why);
  };
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(say("cannot be read: " + text.error()));
  auto more = parse_users(*text);
  if (!more) return tl::make_unexpected(say(more.error()));
  for (auto& [name, hash] : *more) {
    if (!users.emplace(name, std::move(hash)).second) {
      return tl::make_unexpected(say("a user of it stands in basic_auth_users, too"));
    }
  }
  return users;
}

std::string_view label_of(Access::Part part) { return part == Access::Part::tls ? "tls" : "users"; }

std::vector<std::string> files_of(const config::Web& web, Access::Part part) {
  std::vector<std::string> files;
  if (part == Access::Part::users) {
    files = {web.basic_auth_users_file};
  } else if (web.tls_server_config) {
    const auto& tls = *web.tls_server_config;
    files = {tls.cert_file, tls.key_file, tls.client_ca_file};
  }
  std::erase(files, "");
  return files;
}

FileStamps stamps_of(const std::vector<std::string>& files) {
  FileStamps stamps;
  for (const auto& file : files) stamps.push_back(stamp_of(file));
  return stamps;
}

}  // namespace

tl::expected<Admission, std::vector<std::string>> read_admission(const config::Web& web) {
  Admission admission{.tls_files = stamps_of(files_of(web, Access::Part::tls)),
                      .user_files = stamps_of(files_of(web, Access::Part::users))};
  std::vector<std::string> wrong;
  if (auto users = read_users(web)) {
    admission.users = std::move(*users);
  } else {
    wrong.push_back(users.error());
  }
  if (web.tls_server_config) {
    if (auto tls = Tls::load(*web.tls_server_config)) {
      admission.tls = std::move(*tls);
    } else {
      wrong.push_back(tls.error());
    }
  }
  if (!wrong.empty()) return tl::make_unexpected(std::move(wrong));
  return admission;
}

Access::Access(config::Web web, Admission admission, SelfMetrics& self)
    : self_(self), web_(std::move(web)), admission_(std::move(admission)) {
  start_watching();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Access::~Access() {
  thread_.request_stop();
  thread_.join();
}

void Access::replace(config::Web web, Admission admission) {
  const std::lock_guard lock(mutex_);
  if (admission.users != admission_.users) {
    known_.clear();
    oldest_.clear();
  }
  web_ = std::move(web);
  admission_ = std::move(admission);
  start_watching();
}

std::shared_ptr<const Tls> Access::tls() const {
  const std::lock_guard lock(mutex_);
  return admission_.tls;
}

Access::Ruling Access::judge(std::string_view path, const std::optional<Login>& login) const {
  const std::lock_guard lock(mutex_);
  const auto& exempt = web_.auth_exempt_paths;
  if (admission_.users.empty() || std::find(exempt.begin(), exempt.end(), path) != exempt.end()) {
    return Ruling::pass;
  }
  if (!login) return Ruling::missing;
  return known_.contains(name_of(*login)) ? Ruling::pass : Ruling::unknown;
}

void Access::compare(Login login, const std::string& address,
                     const std::function<void(Verdict)>& tell) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.push(address, {.login = std::move(login), .tell = tell})) {
      wake_.notify_one();
      return;
    }
  }
  tell(Verdict::crowded);
}

void Access::run(const std::stop_token& stop) {
  auto next_look = read_clock().mono + kLook;
  while (!stop.stop_requested()) {
    std::optional<Job> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, next_look - read_clock().mono, [this] { return !jobs_.empty(); });
      job = jobs_.pop();
    }
    if (job) verify(*job);
    // Who guesses passwords without a pause must not keep files from being read.
    if (read_clock().mono < next_look) continue;
    look(Part::tls);
    look(Part::users);
    next_look = read_clock().mono + kLook;
  }
}

void Access::verify(const Job& job) {
  std::string hash;
  bool exists = false;
  {
    const std::lock_guard lock(mutex_);
    hash = hash_for(admission_.users, job.login.user);
    exists = admission_.users.contains(job.login.user);
  }
  // The same work whether or not there is such a user.
  const bool right = matches(job.login.password, hash) && exists;
  if (right) {
    const std::lock_guard lock(mutex_);
    // Named with the hash that it was compared with: another hash, another name.
    const auto name = hash_.of({job.login.user, job.login.password, hash});
    if (known_.insert(name).second) oldest_.push_back(name);
    if (oldest_.size() > kMostKnown) {
      known_.erase(oldest_.front());
      oldest_.pop_front();
    }
  }
  job.tell(right ? Verdict::right : Verdict::wrong);
}

// Two looks in a row must see the same: a certificate and its key are not replaced at once.
void Access::look(Part part) {
  config::Web web;
  {
    const std::lock_guard lock(mutex_);
    auto& watched = part == Part::tls ? tls_files_ : user_files_;
    const auto stamps = stamps_of(watched.files);
    const bool still = std::exchange(watched.seen, stamps) == stamps;
    // What cannot be read is tried again: a mode that is mended leaves no stamp.
    if (!still || (stamps == watched.read && watched.complaint.empty())) return;
    watched.read = stamps;
    web = web_;
  }
  std::string wrong;
  Admission read;
  if (part == Part::tls) {
    auto tls = Tls::load(*web.tls_server_config);
    if (tls) read.tls = std::move(*tls);
    if (!tls) wrong = tls.error();
  } else {
    auto users = read_users(web);
    if (users) read.users = std::move(*users);
    if (!users) wrong = users.error();
  }
  {
    const std::lock_guard lock(mutex_);
    // Another configuration came meanwhile, and read its files itself.
    if (!(web == web_)) return;
    auto& watched = part == Part::tls ? tls_files_ : user_files_;
    if (!wrong.empty() && std::exchange(watched.complaint, wrong) == wrong) return;
    watched.complaint = wrong;
    self_.note_files(label_of(part), wrong.empty());
    if (wrong.empty() && part == Part::tls) {
      self_.note_certificate(read.tls->not_after());
      admission_.tls = std::move(read.tls);
    }
    if (wrong.empty() && part == Part::users) {
      admission_.users = std::move(read.users);
      known_.clear();
      oldest_.clear();
    }
  }
  if (wrong.empty()) {
    log::info(part == Part::tls ? "certificate_changed" : "users_changed");
  } else {
    log::error("web_files_unreadable", {{"detail", wrong}});
  }
}

void Access::start_watching() {
  self_.note_certificate(admission_.tls ? std::optional(admission_.tls->not_after())
                                        : std::nullopt);
  tls_files_ = {.files = files_of(web_, Part::tls),
                .read = admission_.tls_files,
                .seen = admission_.tls_files};
  user_files_ = {.files = files_of(web_, Part::users),
                 .read = admission_.user_files,
                 .seen = admission_.user_files};
  for (const auto part : {Part::tls, Part::users}) self_.note_files(label_of(part), true);
}

KeyedHash::Digest Access::name_of(const Login& login) const {
  return hash_.of({login.user, login.password, hash_for(admission_.users, login.user)});
}

}  // namespace serverless::daemon
