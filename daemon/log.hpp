#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "config/config.hpp"

// The only door to spdlog. One line an event: `event key=value key=value`.
namespace serverless::daemon::log {

using Field = std::pair<std::string_view, std::string>;
using Fields = std::initializer_list<Field>;

/// Call once, before the first thread starts. Lines go to standard error.
void start(const config::Log& options);

/// Threads: any. The format stays what it was at the start.
void set_level(config::LogLevel level);

void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warn(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});

/// The part of a line that is ours, in the given form. Pure.
std::string format(config::LogFormat form, std::string_view event, Fields fields);

}  // namespace serverless::daemon::log
