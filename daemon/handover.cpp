#include "daemon/handover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "daemon/deflate.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;

// The first line of a text, inflated. Any change of what follows it is another number.
constexpr std::string_view kFormat = "serverless_exporter handover ";
constexpr std::string_view kVersion = "1";
static_assert(kStatusCount == 8 && kStalenessNames.size() == 5 && kSourceCount == 6 &&
                  kReasonCount == 17 && kSkipCount == 4,
              "each is written as so many numbers, or as one below it: another version");

// A text that cannot be compressed grows by its frame, and by a few bytes every 64 KiB.
constexpr std::size_t kMostInflated = kMostHandoverBytes - 1024;

// Nothing is older, and no max age longer.
constexpr milliseconds kLongest = std::chrono::days{3660};
constexpr Time kFirst{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr Time kLast{std::chrono::sys_days{std::chrono::year{10000} / 1 / 1}};
// As the collectors have it: so high a double counts exactly.
constexpr std::int64_t kMostCounted = std::int64_t{1} << 53;
constexpr int kMostInARow = 1 << 30;
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

// ---- what travels, in the one order in which it is written and read

void fields(auto& archive, Is<SourceState> auto& source) {
  archive(source.handed, source.failing_since, source.max_age, source.polls, source.failures);
}

void fields(auto& archive, Is<Watched> auto& watched) {
  // Without a stamp nothing has changed.
  archive(watched.stamp);
  if (watched.stamp) archive(watched.changed);
}

void fields(auto& archive, Is<WorkerState> auto& worker) {
  archive(worker.reported.id, worker.reported.native_status, worker.reported.status,
          worker.reported.staleness, worker.status, worker.staleness, worker.status_since,
          worker.change_seen, worker.placed_as, worker.heartbeat, worker.activity);
}

void fields(auto& archive, Is<QueueReport> auto& queue) {
  archive(queue.workers, queue.jobs_in_progress);
}

void fields(auto& archive, Is<GroupsReport::Group> auto& group) {
  archive(group.id, group.workers);
}

void fields(auto& archive, Is<GroupsReport> auto& groups) { archive(groups.groups); }

void fields(auto& archive, Is<JobCounter> auto& counter) { archive(counter.value, counter.fell); }

void fields(auto& archive, Is<Streak> auto& streak) { archive(streak.polls, streak.since); }

void fields(auto& archive, Is<EndpointState> auto& state) {
  archive(state.info.id, state.missing_listings, state.sources);
  archive(state.workers, state.workers_report.summary, state.workers_report.lifecycle_only);
  archive(state.queue, state.groups, state.completed, state.failed, state.retried);
  archive(state.expects_baseline, state.empty_pending, state.workers_news, state.queue_news);
  archive(state.disagreement, state.degradation);
  archive(state.transitions, state.appeared, state.disappeared, state.skipped,
          state.future_timestamps);
}

template <class T, class Archive>
concept HasFields = requires(Archive& archive, T& value) {
  fields(archive, value);
};

// Signed numbers so that small ones of either sign are short.
constexpr std::uint64_t zigzag(std::int64_t value) {
  const auto doubled = static_cast<std::uint64_t>(value) << 1U;
  return value < 0 ? ~doubled : doubled;
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

// ---- writing

class Writer {
 public:
  /// @param now  what moments of the monotonic clock are counted back from.
  explicit Writer(Mono now) : now_(now) {}

  void operator()(const auto&... values) { (put(values), ...); }
  std::string take() { return std::move(out_); }

 private:
  void put(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_ += static_cast<char>((value & 0x7F) | 0x80);
    out_ += static_cast<char>(value);
  }
  void put(bool value) { put(std::uint64_t{value ? 1U : 0U}); }
  void put(int value) { put(static_cast<std::uint64_t>(value)); }
  void put(std::int64_t value) { put(static_cast<std::uint64_t>(value)); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void put(Enum value) { put(static_cast<std::uint64_t>(value)); }
  void put(Time value) { put(zigzag(value.time_since_epoch().count())); }
  void put(milliseconds value) {
    put(static_cast<std::uint64_t>(std::clamp(value, milliseconds{0}, kLongest).count()));
  }
  void put(Mono value) { put(std::chrono::floor<milliseconds>(now_ - value)); }
  void put(const std::string& value) {
    put(std::uint64_t{value.size()});
    out_ += value;
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& values) {
    for (const auto& value : values) put(value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(std::uint64_t{values.size()});
    for (const auto& value : values) put(value);
  }
  void put(const Workers& workers) {
    put(std::uint64_t{workers.size()});
    for (const auto& worker : workers) put(worker);
  }
  template <HasFields<Writer> T>
  void put(const T& value);  // Behind the class: whether T has fields is asked of a whole Writer.

  Mono now_;
  std::string out_{};
};

template <HasFields<Writer> T>
void Writer::put(const T& value) {
  fields(*this, value);
}

// ---- reading: after the first thing that cannot be, nothing more is read

class Reader {
 public:
  explicit Reader(std::string_view text) : length_(text.size()), rest_(text) {}

  void operator()(auto&... values) { (get(values), ...); }
  void count_back_from(Mono now) { now_ = now; }

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool done() const { return !good_ || rest_.empty(); }
  [[nodiscard]] std::size_t position() const { return length_ - rest_.size(); }

 private:
  std::uint64_t number(std::uint64_t most) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; good_; shift += 7) {
      good_ = !rest_.empty() && shift <= 63;
      if (!good_) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      const std::uint64_t bits = byte & 0x7FU;
      good_ = (bits << shift) >> shift == bits;
      value |= bits << shift;
      rest_.remove_prefix(1);
      if (byte < 0x80) {
        good_ = good_ && value <= most;
        break;
      }
    }
    return good_ ? value : 0;
  }
  /// How many elements follow: each takes a byte at least.
  std::size_t size() {
    const auto size = number(kAny);
    good_ = good_ && size <= rest_.size();
    return good_ ? size : 0;
  }

  void get(std::uint64_t& value) { value = number(kAny); }
  void get(bool& value) { value = number(1) == 1; }
  void get(int& value) { value = static_cast<int>(number(kMostInARow)); }
  void get(std::int64_t& value) { value = static_cast<std::int64_t>(number(kMostCounted)); }
  void get(Status& value) { value = static_cast<Status>(number(kStatusCount - 1)); }
  void get(Staleness& value) { value = static_cast<Staleness>(number(kStalenessNames.size() - 1)); }
  void get(Time& value) {
    value = Time{milliseconds{unzigzag(number(kAny))}};
    good_ = good_ && kFirst <= value && value < kLast;
  }
  void get(milliseconds& value) {
    value = milliseconds{static_cast<std::int64_t>(number(std::uint64_t{kLongest.count()}))};
  }
  void get(Mono& value) {
    milliseconds age{0};
    get(age);
    value = now_ - age;
  }
  void get(std::string& value) {
    const auto length = size();
    value = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool has = false;
    get(has);
    if (has) get(value.emplace());
  }
  template <class T, std::size_t N>
  void get(std::array<T, N>& values) {
    for (auto& value : values) get(value);
  }
  template <class T>
  void get(std::vector<T>& values) {
    for (auto left = size(); good_ && left > 0; --left) get(values.emplace_back());
  }
  void get(Workers& workers) {
    std::vector<WorkerState> list;
    auto left = size();
    good_ = good_ && left <= kMostHandoverWorkers - workers_;
    for (workers_ += left; good_ && left > 0; --left) {
      WorkerState worker;
      get(worker);
      // Lists are joined by their order.
      good_ = good_ && (list.empty() || list.back().reported.id <= worker.reported.id);
      list.push_back(std::move(worker));
    }
    workers = std::move(list);
  }
  template <HasFields<Reader> T>
  void get(T& value);

  std::size_t length_;
  std::string_view rest_;
  Mono now_{};
  bool good_ = true;
  std::size_t workers_ = 0;  ///< Of all endpoints.
};

template <HasFields<Reader> T>
void Reader::get(T& value) {
  fields(*this, value);
}

// ---- what of a state the next owner goes on from

EndpointState estate_of(const EndpointState& state) {
  EndpointState estate = state;
  for (auto& source : estate.sources) {
    if (!source) continue;
    source->handed = last_told(*source);
    // Only an error that may escalate is timed, and by its own first.
    if (source->error && !source->error->escalation) source->failing_since.reset();
  }
  return estate;
}

std::shared_ptr<const EndpointState> known(const AccountState& account, const std::string& id,
                                           Mono now) {
  const auto endpoint = account.endpoints.find(id);
  if (endpoint != account.endpoints.end()) return endpoint->second;
  const auto heirloom = account.heirlooms.find(id);
  if (heirloom == account.heirlooms.end() || heirloom->second.until < now) return nullptr;
  return heirloom->second.state;
}

// Fills one text after the other.
class Packer {
 public:
  explicit Packer(std::string head) : head_(std::move(head)) {}

  void add(const std::string& endpoint, std::size_t workers) {
    if (head_.size() + endpoint.size() > kMostInflated || workers > kMostHandoverWorkers) {
      ++packed_.left_out;
      return;
    }
    if (head_.size() + body_.size() + endpoint.size() > kMostInflated ||
        workers_ + workers > kMostHandoverWorkers) {
      close();
    }
    body_ += endpoint;
    workers_ += workers;
    ++endpoints_;
  }

  Packed finish() {
    if (endpoints_ > 0) close();
    return std::move(packed_);
  }

 private:
  void close() {
    auto text = gzip(head_ + body_);
    const bool fits = packed_.texts.size() < kMostHandoverTexts &&
                      bytes_ + text.size() <= kMostHandoverBytesInAll;
    (fits ? packed_.endpoints : packed_.left_out) += endpoints_;
    if (fits) {
      bytes_ += text.size();
      packed_.texts.push_back(std::move(text));
    }
    body_.clear();
    workers_ = 0;
    endpoints_ = 0;
  }

  std::string head_;
  std::string body_{};
  std::size_t workers_ = 0;    // In body_.
  std::size_t endpoints_ = 0;  // In body_.
  std::size_t bytes_ = 0;      // Of the texts.
  Packed packed_{};
};

tl::unexpected<std::string> refuse(std::string why) { return tl::make_unexpected(std::move(why)); }

tl::unexpected<std::string> nonsense(const Reader& reader) {
  return refuse(fmt::format("it makes no sense at byte {} of its content", reader.position()));
}

// What follows the first line, if that is ours.
tl::expected<std::string_view, std::string> body_of(std::string_view text) {
  if (!text.starts_with(kFormat)) return refuse("it is no handover");
  text.remove_prefix(kFormat.size());
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return refuse("it is no handover");
  if (text.substr(0, end) != kVersion) {
    return refuse(fmt::format("another release packed it: this one reads format {}", kVersion));
  }
  return text.substr(end + 1);
}

}  // namespace

Packed pack(const AccountState& account, const std::set<std::string>& endpoint_ids, Now now) {
  Writer head(now.mono);
  head(std::string(account.provider->name), now.wall);
  Packer packer(fmt::format("{}{}\n{}", kFormat, kVersion, head.take()));
  for (const auto& id : endpoint_ids) {
    const auto state = known(account, id, now.mono);
    if (state == nullptr) continue;
    Writer endpoint(now.mono);
    endpoint(estate_of(*state));
    packer.add(endpoint.take(), state->workers.size());
  }
  return packer.finish();
}

tl::expected<Heirlooms, std::string> unpack(std::string_view text, const Provider& provider,
                                            Now now) {
  const auto whole = text.size() > kMostHandoverBytes ? std::nullopt : gunzip(text, kMostInflated);
  if (!whole) return refuse("it is damaged, or too large");
  const auto body = body_of(*whole);
  if (!body) return tl::make_unexpected(body.error());
  Reader reader(*body);
  std::string packed_for;
  Time packed{};
  reader(packed_for, packed);
  if (!reader.good()) return nonsense(reader);
  if (packed_for != provider.name) {
    return refuse(fmt::format("it is of another provider than {}", provider.name));
  }
  const auto under_way = now.wall - packed;
  if (abs(under_way) > kBelievedFor) {
    return refuse(fmt::format("it was packed {} s {}",
                              std::chrono::round<std::chrono::seconds>(abs(under_way)).count(),
                              under_way.count() > 0 ? "ago" : "from now, by our clock"));
  }
  const Mono packed_at = now.mono - std::max(under_way, milliseconds{0});
  reader.count_back_from(packed_at);
  Heirlooms heirlooms;
  while (!reader.done()) {
    EndpointState state;
    reader(state);
    auto id = state.info.id;
    heirlooms.insert_or_assign(
        std::move(id), Heirloom{.state = std::make_shared<const EndpointState>(std::move(state)),
                                .until = packed_at + kBelievedFor});
  }
  if (!reader.good()) return nonsense(reader);
  return heirlooms;
}

}  // namespace serverless::daemon
