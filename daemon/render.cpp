#include "daemon/render.hpp"

#include <utility>

#include "daemon/derived.hpp"

namespace serverless::daemon {

static_assert(kMaxIdBytes <= kMaxLabelBytes, "an id that is cut names two series");

namespace {

// Label sets, end to end: a string for each of a million workers would cost more than what is in
// it.
class LabelSets {
 public:
  void add(std::string_view base, const Label& label) {
    text_ += base;
    text_ += ',';
    append_label(text_, label);
    ends_.push_back(text_.size());
  }
  void reserve(std::size_t sets, std::size_t bytes) {
    ends_.reserve(sets);
    text_.reserve(sets * bytes);
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }

 private:
  std::string text_{};
  std::vector<std::size_t> ends_{};
};

// The base labels, once a worker: escaping them for each of forty rows would be most of the work.
struct Labels {
  std::string endpoint{};
  LabelSets workers{};
  LabelSets sources{};
};

Labels label_sets(const EndpointState& state, Part part, const std::string& account,
                  const Context& context) {
  constexpr std::size_t kUsualWorkerLabel = 48;
  Labels labels;
  labels.endpoint = label_text({{"provider", context.provider->label},
                                {"account", account},
                                {"endpoint_id", state.info.id}});
  if (part == Part::workers && context.series.workers) {
    labels.workers.reserve(state.workers.size(), labels.endpoint.size() + kUsualWorkerLabel);
    for (const auto& worker : state.workers) {
      labels.workers.add(labels.endpoint, {"worker_id", worker.reported.id});
    }
  }
  if (part == Part::workers) return labels;
  for (const auto source : kSourceNames) labels.sources.add(labels.endpoint, {"source", source});
  return labels;
}

class EndpointRenderer {
 public:
  EndpointRenderer(const EndpointState& state, Part part, const std::string& account,
                   const Context& context)
      : state_(state), context_(context), labels_(label_sets(state, part, account, context)) {
    instances_.reserve(labels_.workers.size());
    for (std::size_t i = 0; i < labels_.workers.size(); ++i) {
      instances_.push_back(instance_of(state.workers[i], state));
    }
  }

  // Adds the lines of a row, unless they have expired.
  void write(const Row& row, Now now, Samples& out) const {
    const auto expires = served_until(state_, row.needs, row.by_status);
    if (!expires || *expires < now.mono) return;
    const auto before = out.count();
    std::visit([&](const auto& read) { (*this)(read, out); }, row.read);
    if (out.count() > before) out.expire_at(*expires);
  }

  void operator()(const Live&, Samples&) const {}
  void operator()(AccountRead, Samples&) const {}
  void operator()(EndpointRead read, Samples& out) const {
    out.set_base(labels_.endpoint);
    read(state_, context_, out);
  }
  void operator()(WorkerRead read, Samples& out) const {
    for (std::size_t i = 0; i < labels_.workers.size(); ++i) {
      out.set_base(labels_.workers[i]);
      read(state_.workers[i], instances_[i], context_, out);
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
  std::vector<const Instance*> instances_{};  ///< By worker; null where none is known.
};

// OpenMetrics calls a counter's family by its name without the ending of its samples.
std::string_view family_name(const Row& row, Format format) {
  auto name = row.name;
  const bool cut = format == Format::openmetrics && row.type == MetricType::counter;
  if (cut && name.ends_with("_total")) name.remove_suffix(6);
  return name;
}

void escape_help(std::string& out, std::string_view text, Format format) {
  for (const char c : text) {
    if (c == '"' && format == Format::openmetrics) {
      out += "\\\"";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

std::optional<Mono> served_until(const EndpointState& state, Needs needs, bool by_status) {
  if (by_status && state.queue_used) needs = static_cast<Needs>(needs | bit(Source::queue));
  Mono expires = Mono::max();
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    if ((needs & bit(static_cast<Source>(i))) == 0) continue;
    const auto& source = state.sources[i];
    if (!source || !source->good) return std::nullopt;
    expires = std::min(expires, source->good->mono + source->max_age);
  }
  return expires;
}

std::optional<Part> part_of(const Row& row) {
  if (std::holds_alternative<WorkerRead>(row.read)) return Part::workers;
  const bool own = std::holds_alternative<EndpointRead>(row.read) ||
                   std::holds_alternative<SourceRead>(row.read);
  return own ? std::optional(Part::endpoint) : std::nullopt;
}

bool says_the_same(const EndpointState& one, const EndpointState& other, Part part) {
  if (&one == &other) return true;
  if (part != Part::workers) return false;
  const auto expires = [](const EndpointState& state, Source source) {
    return served_until(state, bit(source), false);
  };
  return one.info.id == other.info.id && one.workers.shares(other.workers) &&
         one.instances == other.instances && one.queue_used == other.queue_used &&
         expires(one, Source::workers) == expires(other, Source::workers) &&
         expires(one, Source::instances) == expires(other, Source::instances) &&
         (!one.queue_used || expires(one, Source::queue) == expires(other, Source::queue));
}

std::vector<Lines> render(std::span<const std::shared_ptr<const EndpointState>> endpoints,
                          Part part, const std::string& account, const Context& context, Now now) {
  std::vector<EndpointRenderer> renderers;
  renderers.reserve(endpoints.size());
  for (const auto& endpoint : endpoints) renderers.emplace_back(*endpoint, part, account, context);
  std::vector<Lines> all;
  std::string text;  // Of one row after the other: a text that grows anew is copied many times.
  for (std::size_t i = 0; i < rows().size(); ++i) {
    const Row& row = rows()[i];
    if (part_of(row) != part) continue;
    text.clear();
    Samples samples(row.name, text);
    for (const auto& renderer : renderers) renderer.write(row, now, samples);
    if (samples.count() == 0) continue;
    all.push_back(
        {.row = i, .expires = samples.expires(), .series = samples.count(), .text = text});
  }
  return all;
}

std::vector<Lines> render(const AccountState& account) {
  const std::string base =
      label_text({{"provider", account.provider->label}, {"account", account.name}});
  std::vector<Lines> all;
  for (std::size_t i = 0; i < rows().size(); ++i) {
    const Row& row = rows()[i];
    const auto* read = std::get_if<AccountRead>(&row.read);
    if (read == nullptr) continue;
    Lines lines{.row = i};
    Samples samples(row.name, lines.text);
    samples.set_base(base);
    (*read)(account, samples);
    if (samples.count() == 0) continue;
    lines.series = samples.count();
    lines.expires = samples.expires();
    all.push_back(std::move(lines));
  }
  return all;
}

std::string family_header(const Row& row, Format format) {
  const auto name_of = family_name(row, format);
  std::string out = "# HELP ";
  out += name_of;
  out += ' ';
  escape_help(out, row.help, format);
  if (row.needs != 0) out += " Cached: at most serverless_poll_max_age_seconds old.";
  out += "\n# TYPE ";
  out += name_of;
  out += ' ';
  out += name(row.type);
  out += '\n';
  return out;
}

}  // namespace serverless::daemon
