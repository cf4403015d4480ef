#include "daemon/assemble.hpp"

#include <algorithm>

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

// One list of blocks, read family by family.
struct Cursor {
  const std::vector<Block>* blocks = nullptr;
  bool withheld = false;
  std::size_t at = 0;
};

class Assembler {
 public:
  Assembler(Pages pages, const Withheld& withheld, Now now) : withheld_(withheld), now_(now) {
    page_.owners = std::move(pages);
    for (const auto& account : page_.owners) {
      cursors_.push_back({.blocks = &account->blocks});
      for (const auto& endpoint : account->endpoints) {
        const bool hidden = withheld.contains({account->state.name, endpoint->state->info.id});
        cursors_.push_back({.blocks = &endpoint->blocks, .withheld = hidden});
      }
    }
  }

  Page run() {
    for (std::size_t row = 0; row < rows().size(); ++row) write_row(row);
    return std::move(page_);
  }

 private:
  void write_row(std::size_t index) {
    const Row& row = rows()[index];
    if (row.name != family_) {
      family_ = row.name;
      header_written_ = false;
    }
    if (std::holds_alternative<Live>(row.read)) {
      write_live(row);
      return;
    }
    for (auto& cursor : cursors_) {
      const auto& blocks = *cursor.blocks;
      if (cursor.at == blocks.size() || blocks[cursor.at].row != index) continue;
      const Block& block = blocks[cursor.at++];
      if (block.expires < now_.mono || (block.of_workers && cursor.withheld)) continue;
      write(row, block.text, block.series);
    }
  }

  void write_live(const Row& row) {
    std::string text;
    Samples samples(row.name, text);
    for (const auto& account : page_.owners) {
      for (const auto& endpoint : account->endpoints) {
        if (row.name == "serverless_endpoint_fresh") {
          write_fresh(account->state, *endpoint->state, now_.mono, samples);
        } else if (row.name == "serverless_endpoint_worker_series_withheld") {
          write_withheld(account->state, *endpoint->state, withheld_, samples);
        }
      }
    }
    if (samples.count() == 0) return;
    write(row, page_.own_text.emplace_back(std::move(text)), samples.count());
  }

  void write(const Row& row, std::string_view text, std::size_t series) {
    if (!header_written_) {
      header_written_ = true;
      add(page_.own_text.emplace_back(family_header(row)));
    }
    add(text);
    page_.series += series;
  }

  void add(std::string_view text) {
    page_.pieces.push_back(text);
    page_.bytes += text.size();
  }

  const Withheld& withheld_;
  Now now_;
  Page page_{};
  std::vector<Cursor> cursors_{};
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

}  // namespace

Withheld withhold(const Withheld& before, std::span<const std::shared_ptr<const AccountPage>> pages,
                  const config::Limits& limits) {
  Withheld out;
  std::vector<Weight> all;
  for (const auto& account : pages) {
    std::vector<Weight> weights;
    for (const auto& endpoint : account->endpoints) {
      weights.push_back({.key = {account->state.name, endpoint->state->info.id},
                         .workers = endpoint->state->workers.size()});
      fit({weights.back()}, limits.workers_per_endpoint, Limit::endpoint, before, out);
    }
    fit(weights, limits.workers_per_account, Limit::account, before, out);
    all.insert(all.end(), weights.begin(), weights.end());
  }
  fit(std::move(all), limits.workers_total, Limit::total, before, out);
  return out;
}

std::string Page::text() const {
  std::string out;
  out.reserve(bytes);
  for (const auto piece : pieces) out += piece;
  return out;
}

Page assemble(Pages pages, const Withheld& withheld, Now now) {
  return Assembler(std::move(pages), withheld, now).run();
}

void append(Page& page, std::string text, std::size_t series) {
  const auto& kept = page.own_text.emplace_back(std::move(text));
  page.pieces.push_back(kept);
  page.bytes += kept.size();
  page.series += series;
}

}  // namespace serverless::daemon
