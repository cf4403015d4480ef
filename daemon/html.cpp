#include "daemon/html.hpp"

#include <fmt/format.h>

#include "collectors/http.hpp"

namespace serverless::daemon {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string isolate(std::string_view text) {
  return text.empty() ? "" : "<bdi>" + escape_html(text) + "</bdi>";
}

std::string with_argument(std::string url, std::string_view name, std::string_view value) {
  if (value.empty()) return url;
  url += url.find('?') == std::string::npos ? '?' : '&';
  return url + std::string(name) + "=" + http::url_encode(value);
}

std::string link(const std::string& url, std::string_view text) {
  return fmt::format(R"(<a href="{}">{}</a>)", escape_html(url), text);
}

std::string swatch(std::string_view status) {
  return fmt::format(R"(<svg class="swatch {}" viewBox="0 0 1 1" aria-hidden="true"><rect )"
                     R"(width="1" height="1"/></svg>)",
                     status);
}

}  // namespace serverless::daemon
