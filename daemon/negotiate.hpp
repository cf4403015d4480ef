#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/render.hpp"

namespace serverless::daemon {

/// How a client wants its page.
struct Wish {
  Format format = Format::text;
  std::string content_type{};
  bool gzip = false;

  bool operator==(const Wish&) const = default;
};

/// Chooses by the headers Accept and Accept-Encoding (RFC 9110 12.5, q-values and all). What is not
/// sent or makes no sense asks for nothing: the text format 0.0.4 is what every scraper reads.
/// @return nothing where no coding that we have is acceptable: 406. Pure.
std::optional<Wish> negotiate(std::string_view accept, std::string_view accept_encoding);

}  // namespace serverless::daemon
