#include "daemon/assemble.hpp"

#include <algorithm>
#include <utility>

namespace serverless::daemon {
namespace {

std::string base_labels(const AccountState& account, const EndpointState& endpoint) {
  return label_text({{"provider", account.provider->label},
                     {"account", account.name},
                     {"endpoint_id", endpoint.info.id}});
}

void write_fresh(const AccountState& account, const EndpointState& endpoint, Mono now,
                 Samples& out) {
  const std::string base = base_labels(account, endpoint);
  out.set_base(base);
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    if (!endpoint.sources[i]) continue;
    out.add({{"source", kSourceNames[i]}}, is_fresh(*endpoint.sources[i], now) ? 1 : 0);
  }
}

void write_withheld(const AccountState& account, const EndpointState& endpoint,
                    const Withheld& withheld, Samples& out) {
  const std::string base = base_labels(account, endpoint);
  out.set_base(base);
  const auto found = withheld.find({account.name, endpoint.info.id});
  for (const Limit limit : {Limit::endpoint, Limit::account, Limit::total}) {
    const bool is = found != withheld.end() && found->second == limit;
    out.add({{"limit", name(limit)}}, is ? static_cast<double>(endpoint.workers.size()) : 0);
  }
}

// Made once: a header never changes.
std::shared_ptr<const Piece> header_piece(std::size_t row, Format format) {
  static const auto make = [](Format of) {
    std::vector<std::shared_ptr<const Piece>> pieces;
    for (const Row& each : rows()) {
      pieces.push_back(std::make_shared<const Piece>(deflate(family_header(each, of))));
    }
    return pieces;
  };
  static const auto kText = make(Format::text);
  static const auto kOpenMetrics = make(Format::openmetrics);
  return (format == Format::text ? kText : kOpenMetrics)[row];
}

// The blocks of one run, read family by family.
class Cursor {
 public:
  explicit Cursor(std::shared_ptr<const Run> run) : run_(std::move(run)) { look(); }

  /// The block of that row; null where the run has none. Rows come in their
  /// order, though not all of them.
  const Block* take(std::size_t row) {
    while (row_ < row) step();
    return row_ == row ? &run_->blocks[at_] : nullptr;
  }

 private:
  void step() {
    ++at_;
    look();
  }
  void look() { row_ = at_ < run_->blocks.size() ? run_->blocks[at_].row : rows().size(); }

  std::shared_ptr<const Run> run_;
  std::size_t at_ = 0;
  std::size_t row_ = 0;  ///< Of the block: every run is asked for every row.
};

class Assembler {
 public:
  Assembler(const Pages& pages, const Withheld& withheld, Now now, Format format,
            const Selection& selection)
      : withheld_(withheld), now_(now), selection_(selection) {
    page_.format = format;
    for (const auto& account : pages) {
      if (!selection.has_provider(account->state.provider->label)) continue;
      pages_.push_back(account);
      auto& cursors = cursors_.emplace_back();
      for (const Part part : kParts) {
        for (const auto& run : account->runs[static_cast<std::size_t>(part)]) {
          cursors[static_cast<std::size_t>(part)].emplace_back(choose(*account, part, run));
        }
      }
      own_.push_back(render(account->state));
    }
  }

  Page run() {
    for (std::size_t row = 0; row < rows().size(); ++row) {
      if (selection_.has_family(rows()[row].name)) write_row(row);
    }
    return std::move(page_);
  }

 private:
  // What of a run may be served. One that holds something else is made anew without it: the
  // dispatcher does so, too, a moment after an expiry, but a scrape may be the first to see it.
  std::shared_ptr<const Run> choose(const AccountPage& account, Part part,
                                    const std::shared_ptr<const Run>& run) const {
    const bool may_be_withheld = part == Part::workers && !withheld_.empty();
    if (!may_be_withheld && run->expires >= now_.mono) return run;
    std::vector<EndpointPointer> allowed = run->endpoints;
    if (may_be_withheld) {
      std::erase_if(allowed, [&](const EndpointPointer& endpoint) {
        return withheld_.contains({account.state.name, endpoint->info.id});
      });
    }
    if (allowed.size() == run->endpoints.size() && run->expires >= now_.mono) return run;
    return make_run(std::move(allowed), part, account.state.name, account.context, now_);
  }

  void write_row(std::size_t index) {
    const Row& row = rows()[index];
    if (row.name != family_) {
      family_ = row.name;
      header_written_ = false;
    }
    if (const auto part = part_of(row)) {
      for (auto& cursors : cursors_) write_runs(index, cursors[static_cast<std::size_t>(*part)]);
    } else if (std::holds_alternative<AccountRead>(row.read)) {
      for (const auto& lines : own_) write_own(index, lines);
    } else {
      write_live(row);
    }
  }

  void write_runs(std::size_t row, std::vector<Cursor>& cursors) {
    for (auto& cursor : cursors) {
      const Block* block = cursor.take(row);
      if (block == nullptr) continue;
      write_header(row);
      page_.append(block->piece);
      page_.series += block->series;
    }
  }

  void write_own(std::size_t row, const std::vector<Lines>& all) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [row](const Lines& lines) { return lines.row == row; });
    if (found == all.end() || found->expires < now_.mono) return;
    write_header(row);
    page_.append(found->text);
    page_.series += found->series;
  }

  void write_live(const Row& row) {
    const bool shows_freshness = row.name == "serverless_endpoint_fresh";
    const bool shows_limits = row.name == "serverless_endpoint_worker_series_withheld";
    if (!shows_freshness && !shows_limits) return;  // The process's own.
    std::string text;
    Samples samples(row.name, text);
    for (const auto& account : pages_) {
      for (const auto& [id, endpoint] : account->state.endpoints) {
        if (shows_freshness) {
          write_fresh(account->state, *endpoint, now_.mono, samples);
        } else {
          write_withheld(account->state, *endpoint, withheld_, samples);
        }
      }
    }
    if (samples.count() == 0) return;
    write_header(static_cast<std::size_t>(&row - rows().data()));
    page_.append(text);
    page_.series += samples.count();
  }

  void write_header(std::size_t row) {
    if (std::exchange(header_written_, true)) return;
    page_.append(header_piece(row, page_.format));
  }

  Pages pages_{};
  const Withheld& withheld_;
  Now now_;
  const Selection& selection_;
  Page page_{};
  std::vector<std::array<std::vector<Cursor>, kParts.size()>> cursors_{};  ///< By account and part.
  std::vector<std::vector<Lines>> own_{};                                  ///< By account.
  std::string_view family_{};
  bool header_written_ = false;
};

// An endpoint's weight in a limit.
struct Weight {
  EndpointKey key{};
  std::uint64_t workers = 0;
};

// Withholds the largest until the others fit. With what was withheld before, less has to fit.
void fit(std::vector<Weight> weights, std::uint64_t limit, Limit kind, const Withheld& before,
         Withheld& out) {
  if (limit == 0) return;
  std::stable_sort(weights.begin(), weights.end(), [](const Weight& a, const Weight& b) {
    return a.workers != b.workers ? a.workers < b.workers : a.key < b.key;
  });
  std::uint64_t sum = 0;
  for (const auto& weight : weights) {
    if (out.contains(weight.key)) continue;
    const auto was = before.find(weight.key);
    const bool returning = was != before.end() && was->second == kind;
    const std::uint64_t room = returning ? limit - (limit + 9) / 10 : limit;
    if (sum + weight.workers > room) {
      out.emplace(weight.key, kind);
    } else {
      sum += weight.workers;
    }
  }
}

bool all_fit(std::span<const std::shared_ptr<const AccountPage>> pages,
             const config::Limits& limits) {
  const auto fits = [](std::uint64_t workers, std::uint64_t limit) {
    return limit == 0 || workers <= limit;
  };
  std::uint64_t total = 0;
  for (const auto& page : pages) {
    std::uint64_t workers = 0;
    for (const auto& [id, endpoint] : page->state.endpoints) {
      if (!fits(endpoint->workers.size(), limits.workers_per_endpoint)) return false;
      workers += endpoint->workers.size();
    }
    if (!fits(workers, limits.workers_per_account)) return false;
    total += workers;
  }
  return fits(total, limits.workers_total);
}

}  // namespace

AccountPage make_page(AccountState state, Context context, Now now, const AccountPage* before) {
  AccountPage page{.state = std::move(state), .context = context};
  for (const Part part : kParts) {
    const auto index = static_cast<std::size_t>(part);
    page.runs[index] = make_runs(before == nullptr ? Runs{} : before->runs[index],
                                 page.state.endpoints, part, page.state.name, context, now);
    for (const auto& run : page.runs[index]) page.expires = std::min(page.expires, run->expires);
  }
  return page;
}

Withheld withhold(const Withheld& before, std::span<const std::shared_ptr<const AccountPage>> pages,
                  const config::Limits& limits) {
  // Nearly always, and this is asked for each page.
  if (before.empty() && all_fit(pages, limits)) return {};
  Withheld out;
  std::vector<Weight> all;
  for (const auto& account : pages) {
    std::vector<Weight> weights;
    for (const auto& [id, endpoint] : account->state.endpoints) {
      weights.push_back({.key = {account->state.name, id}, .workers = endpoint->workers.size()});
      fit({weights.back()}, limits.workers_per_endpoint, Limit::endpoint, before, out);
    }
    fit(weights, limits.workers_per_account, Limit::account, before, out);
    all.insert(all.end(), weights.begin(), weights.end());
  }
  fit(std::move(all), limits.workers_total, Limit::total, before, out);
  return out;
}

void Page::append(std::shared_ptr<const Piece> piece) {
  checksum.append(*piece);
  deflated_bytes += piece->deflated.size();
  pieces.push_back(std::move(piece));
}

void Page::append(std::string_view text) { append(std::make_shared<const Piece>(deflate(text))); }

std::string Page::text() const {
  std::string out;
  out.reserve(checksum.length);
  for (const auto& piece : pieces) out += inflate(*piece);
  return out;
}

std::size_t Page::gzip_bytes() const {
  return gzip_header().size() + deflated_bytes + gzip_end(checksum).size();
}

Page assemble(const Pages& pages, const Withheld& withheld, Now now, Format format,
              const Selection& selection) {
  return Assembler(pages, withheld, now, format, selection).run();
}

void finish(Page& page, std::string_view text, std::size_t series) {
  page.append(text);
  page.series += series;
  if (page.format == Format::openmetrics) page.append("# EOF\n");
}

}  // namespace serverless::daemon
