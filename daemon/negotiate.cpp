#include "daemon/negotiate.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>
#include <vector>

namespace serverless::daemon {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Splits at a character, but not within a quoted string.
std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == at && !quoted) {
      parts.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  parts.push_back(trim(text.substr(start)));
  return parts;
}

// One member of a list: a media range or a coding, its parameters and its weight.
struct Choice {
  std::string name{};
  std::vector<std::pair<std::string, std::string>> parameters{};
  double q = 1;

  [[nodiscard]] std::string_view parameter(std::string_view key) const {
    for (const auto& [name_of, value] : parameters) {
      if (name_of == key) return value;
    }
    return {};
  }
};

// RFC 9110 12.4.2: 0 to 1 with at most three decimals. @return 0 for what is none: not wanted.
double weight_of(std::string_view text) {
  double q = 0;
  const auto end = text.data() + text.size();
  const bool plain = text.find_first_not_of("0123456789.") == std::string_view::npos;
  const auto result = std::from_chars(text.data(), end, q);
  if (!plain || result.ec != std::errc{} || result.ptr != end) return 0;
  return q >= 0 && q <= 1 ? q : 0;
}

std::vector<Choice> parse(std::string_view header) {
  std::vector<Choice> choices;
  for (const auto member : split(header, ',')) {
    const auto parts = split(member, ';');
    Choice choice{.name = lower(parts.front())};
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto equals = parts[i].find('=');
      if (equals == std::string_view::npos) continue;
      auto key = lower(trim(parts[i].substr(0, equals)));
      auto value = trim(parts[i].substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      if (key == "q") {
        choice.q = weight_of(value);
      } else {
        choice.parameters.emplace_back(std::move(key), value);
      }
    }
    if (!choice.name.empty()) choices.push_back(std::move(choice));
  }
  return choices;
}

struct Offer {
  Format format{};
  std::string_view type{};
  std::string_view version{};
  bool escapes = false;  ///< Its content type says how names are escaped.
};

// In the order of our preference between equal weights.
constexpr std::array kOffers{
    Offer{Format::openmetrics, "application/openmetrics-text", "1.0.0", true},
    Offer{Format::openmetrics, "application/openmetrics-text", "0.0.1", false},
    Offer{Format::text, "text/plain", "1.0.0", true},
    Offer{Format::text, "text/plain", "0.0.4", false},
};
constexpr const Offer& kFallback = kOffers.back();

// A range without a version asks for the oldest one, which every reader of the type knows.
bool names(const Choice& choice, const Offer& offer) {
  if (choice.name != offer.type) return false;
  const auto version = choice.parameter("version");
  if (version.empty()) return &offer == &kFallback || offer.version == "0.0.1";
  return version == offer.version;
}

// Our names need no escaping, so that each scheme of the format's guide is met as it is.
std::string_view escaping_of(const Choice& choice) {
  for (const std::string_view scheme : {"allow-utf-8", "underscores", "dots", "values"}) {
    if (choice.parameter("escaping") == scheme) return scheme;
  }
  return {};
}

std::string content_type(const Offer& offer, const Choice* choice) {
  std::string out(offer.type);
  out += "; version=";
  out += offer.version;
  out += "; charset=utf-8";
  if (const auto escaping = choice == nullptr ? "" : escaping_of(*choice);
      offer.escapes && !escaping.empty()) {
    out += "; escaping=";
    out += escaping;
  }
  return out;
}

// The weight of a coding: its own, or that of "*".
std::optional<double> weight(const std::vector<Choice>& choices, std::string_view coding) {
  std::optional<double> any;
  for (const auto& choice : choices) {
    if (choice.name == coding || (coding == "gzip" && choice.name == "x-gzip")) return choice.q;
    if (choice.name == "*") any = choice.q;
  }
  return any;
}

}  // namespace

std::optional<Wish> negotiate(std::string_view accept, std::string_view accept_encoding) {
  const auto codings = parse(accept_encoding);
  const double gzip = weight(codings, "gzip").value_or(0);
  // Identity is acceptable unless it was excluded.
  const auto identity = weight(codings, "identity");
  const bool plain = !identity || *identity > 0;
  if (gzip <= 0 && !plain) return std::nullopt;
  Wish wish{.gzip = gzip > 0 && (!plain || gzip >= identity.value_or(0))};

  const Offer* best = &kFallback;
  const Choice* asked = nullptr;
  double most = 0;
  const auto ranges = parse(accept);
  for (const auto& offer : kOffers) {
    for (const auto& range : ranges) {
      if (!names(range, offer) || range.q <= most) continue;
      best = &offer;
      asked = &range;
      most = range.q;
    }
  }
  wish.format = best->format;
  wish.content_type = content_type(*best, asked);
  return wish;
}

}  // namespace serverless::daemon
