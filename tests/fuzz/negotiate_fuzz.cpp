#include "daemon/negotiate.hpp"
#include "tests/fuzz/expect.hpp"

// What a client says of the page that it wants: a line of Accept, a line of Accept-Encoding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless;
  using namespace serverless::fuzz;
  auto rest = text_of(data, size);
  const auto accept = cut(rest, '\n');
  const auto accept_encoding = cut(rest, '\n');
  const auto wish = daemon::negotiate(accept, accept_encoding);
  if (!wish) {
    expect(!accept_encoding.empty(), "who asks for nothing is served");
    return 0;
  }
  const std::string_view type = wish->content_type;
  expect(is_one_line(type) && type.size() < 128, "a content type is one of ours", type);
  expect(type.starts_with(wish->format == daemon::Format::openmetrics
                              ? "application/openmetrics-text; version="
                              : "text/plain; version="),
         "a content type says the format", type);
  expect(!wish->gzip || accept_encoding.find_first_of("*gG") != std::string_view::npos,
         "gzip is for who accepts it", accept_encoding);
  return 0;
}
