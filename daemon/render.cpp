#include "daemon/render.hpp"

#include <utility>

namespace serverless::daemon {
namespace {

// Until when what rests on these sources may be served; nothing if one of them never answered.
std::optional<Mono> expiry(const EndpointState& state, Needs needs) {
  Mono expires = Mono::max();
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    if ((needs & bit(static_cast<Source>(i))) == 0) continue;
    const auto& source = state.sources[i];
    if (!source || !source->good) return std::nullopt;
    expires = std::min(expires, source->good->mono + source->max_age);
  }
  return expires;
}

// The base labels, once a worker: escaping them for each of forty rows would be most of the work.
struct Labels {
  std::string endpoint{};
  std::vector<std::string> workers{};
  std::vector<std::string> sources{};
};

Labels label_sets(const EndpointState& state, const std::string& account, const Context& context) {
  Labels labels;
  labels.endpoint = label_text({{"provider", context.provider->label},
                                {"account", account},
                                {"endpoint_id", state.info.id}});
  if (context.series.workers) {
    labels.workers.reserve(state.workers.size());
    for (const auto& worker : state.workers) {
      labels.workers.push_back(labels.endpoint + "," +
                               label_text({{"worker_id", worker.reported.id}}));
    }
  }
  for (const auto source : kSourceNames) {
    labels.sources.push_back(labels.endpoint + "," + label_text({{"source", source}}));
  }
  return labels;
}

class EndpointRenderer {
 public:
  EndpointRenderer(const EndpointState& state, const std::string& account, const Context& context)
      : state_(state), context_(context), labels_(label_sets(state, account, context)) {}

  void operator()(const Live&, Samples&) const {}
  void operator()(AccountRead, Samples&) const {}
  void operator()(EndpointRead read, Samples& out) const {
    out.set_base(labels_.endpoint);
    read(state_, context_, out);
  }
  void operator()(WorkerRead read, Samples& out) const {
    for (std::size_t i = 0; i < labels_.workers.size(); ++i) {
      out.set_base(labels_.workers[i]);
      read(state_.workers[i], state_, context_, out);
    }
  }
  void operator()(SourceRead read, Samples& out) const {
    for (std::size_t i = 0; i < kSourceCount; ++i) {
      if (!state_.sources[i]) continue;
      out.set_base(labels_.sources[i]);
      read(*state_.sources[i], static_cast<Source>(i), out);
    }
  }

 private:
  const EndpointState& state_;
  const Context& context_;
  Labels labels_;
};

void escape_help(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

std::vector<Block> render(const EndpointState& state, const std::string& account,
                          const Context& context) {
  const EndpointRenderer renderer(state, account, context);
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < rows().size(); ++i) {
    const Row& row = rows()[i];
    const auto needs = static_cast<Needs>(
        row.needs | (row.by_status && state.queue_used ? bit(Source::queue) : Needs{0}));
    const auto expires = expiry(state, needs);
    if (!expires) continue;
    Block block{.row = i, .of_workers = std::holds_alternative<WorkerRead>(row.read)};
    Samples samples(row.name, block.text);
    samples.expire_at(*expires);
    std::visit([&](const auto& read) { renderer(read, samples); }, row.read);
    if (samples.count() == 0) continue;
    block.series = samples.count();
    block.expires = samples.expires();
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::vector<Block> render(const AccountState& account) {
  const std::string base =
      label_text({{"provider", account.provider->label}, {"account", account.name}});
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < rows().size(); ++i) {
    const Row& row = rows()[i];
    const auto* read = std::get_if<AccountRead>(&row.read);
    if (read == nullptr) continue;
    Block block{.row = i};
    Samples samples(row.name, block.text);
    samples.set_base(base);
    (*read)(account, samples);
    if (samples.count() == 0) continue;
    block.series = samples.count();
    block.expires = samples.expires();
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::string family_header(const Row& row) {
  std::string out = "# HELP ";
  out += row.name;
  out += ' ';
  escape_help(out, row.help);
  if (row.needs != 0) out += " Cached: at most serverless_poll_max_age_seconds old.";
  out += "\n# TYPE ";
  out += row.name;
  out += ' ';
  out += name(row.type);
  out += '\n';
  return out;
}

}  // namespace serverless::daemon
