#include "daemon/store.hpp"

#include <algorithm>

#include "daemon/clock.hpp"

namespace serverless::daemon {

Pages Store::pages() const {
  Pages pages;
  pages.reserve(accounts_.size());
  for (const auto& [name, page] : accounts_) pages.push_back(page);
  return pages;
}

Store::Current Store::current() const {
  if (lease_.is_over(read_clock().mono)) return {};
  const std::lock_guard lock(mutex_);
  return {.pages = pages(), .withheld = withheld_};
}

void Store::publish(std::shared_ptr<const AccountPage> page) {
  {
    const std::lock_guard lock(mutex_);
    accounts_[page->state.name] = std::move(page);
    withheld_ = withhold(withheld_, pages(), limits_);
  }
  published_.notify_all();
}

void Store::remove(const std::string& account) {
  const std::lock_guard lock(mutex_);
  accounts_.erase(account);
  withheld_ = withhold(withheld_, pages(), limits_);
}

void Store::set_limits(config::Limits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  withheld_ = withhold(withheld_, pages(), limits_);
}

bool Store::wait(const std::function<bool(const Pages&)>& done, Mono deadline,
                 const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return published_.wait_for(lock, stop, deadline - read_clock().mono,
                             [&] { return done(pages()); });
}

bool all_tried(const Pages& pages, std::size_t accounts) {
  if (pages.size() < accounts) return false;
  return std::all_of(pages.begin(), pages.end(), [](const auto& account) {
    return account->state.discovered &&
           std::all_of(account->state.endpoints.begin(), account->state.endpoints.end(),
                       [](const auto& entry) {
                         const auto& sources = entry.second->sources;
                         return std::all_of(sources.begin(), sources.end(), [](const auto& source) {
                           return !source || source->last_attempt;
                         });
                       });
  });
}

bool all_good(const Pages& pages, std::size_t accounts) {
  if (!all_tried(pages, accounts)) return false;
  return std::all_of(pages.begin(), pages.end(), [](const auto& account) {
    const auto& failures = account->state.failures;
    return std::all_of(failures.begin(), failures.end(),
                       [](std::uint64_t count) { return count == 0; });
  });
}

}  // namespace serverless::daemon
