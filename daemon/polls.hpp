#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "daemon/assemble.hpp"
#include "daemon/stream.hpp"
#include "daemon/workers.hpp"

namespace serverless::daemon {

/// The last polls of every target, as text for people. Takes the arguments provider, account,
/// endpoint; what polls a whole account is told with each of its endpoints.
/// @return what is wrong with the arguments, for the client.
tl::expected<Stream, std::string> polls_text(Pages pages, Arguments arguments, Now now);

/// A text from outside in which nothing acts on what stands around it: control characters and those
/// that change the direction of writing are written as \u{...}. Pure.
std::string visible(std::string_view text);

}  // namespace serverless::daemon
