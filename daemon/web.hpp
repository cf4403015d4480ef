#pragma once

#include <string>

#include "daemon/assemble.hpp"

namespace serverless::daemon {

/// The status page: every account and endpoint with its state, age, next poll, last error. Plain
/// HTML, works without script. Everything that came from outside is escaped. Pure.
std::string status_page(const Pages& pages, const std::string& version, Now now);

/// Text for HTML content and attribute values. Pure.
std::string escape_html(std::string_view text);

}  // namespace serverless::daemon
