#include "daemon/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

namespace serverless::daemon::log {
namespace {

// Set by start(), before the first thread; read-only afterwards.
config::LogFormat g_format = config::LogFormat::logfmt;

spdlog::level::level_enum level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug:
      return spdlog::level::debug;
    case config::LogLevel::info:
      return spdlog::level::info;
    case config::LogLevel::warn:
      return spdlog::level::warn;
    case config::LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c != 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

void write(spdlog::level::level_enum level, std::string_view event, Fields fields) {
  if (!spdlog::should_log(level)) return;
  spdlog::log(level, "{}", format(g_format, event, fields));
}

}  // namespace

std::string format(config::LogFormat form, std::string_view event, Fields fields) {
  if (form == config::LogFormat::json) {
    std::string out = "\"event\":" + quoted(event);
    for (const auto& [key, value] : fields) out += fmt::format(",\"{}\":{}", key, quoted(value));
    return out;
  }
  std::string out = "event=" + std::string(event);
  for (const auto& [key, value] : fields) {
    out += fmt::format(" {}={}", key, is_plain(value) ? value : quoted(value));
  }
  return out;
}

void start(const config::Log& options) {
  g_format = options.format;
  auto logger = std::make_shared<spdlog::logger>("serverless_exporter",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(level_of(options.level));
  logger->set_pattern(options.format == config::LogFormat::json
                          ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                          : "ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
                      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

void set_level(config::LogLevel level) { spdlog::default_logger_raw()->set_level(level_of(level)); }

void debug(std::string_view event, Fields fields) { write(spdlog::level::debug, event, fields); }
void info(std::string_view event, Fields fields) { write(spdlog::level::info, event, fields); }
void warn(std::string_view event, Fields fields) { write(spdlog::level::warn, event, fields); }
void error(std::string_view event, Fields fields) { write(spdlog::level::err, event, fields); }

}  // namespace serverless::daemon::log
