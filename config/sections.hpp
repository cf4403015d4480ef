#pragma once

#include <optional>

#include "config/config.hpp"
#include "config/table.hpp"

namespace serverless::config {

void read_web(Table& table, Web& web);
void read_limits(Table& table, Limits& limits);
void read_series(Table& table, Series& series);
void read_log(Table& table, Log& log);

/// Reads [cluster] where the text has one.
void read_cluster(Table& top, std::optional<Cluster>& into);

/// Reads the keys of [poll], in that table or in an account's. `poll` holds what applies where a
/// key is absent. A timeout that is written here may not exceed the interval; one that is not is
/// lowered to it.
void read_poll(Table& table, Poll& poll);

}  // namespace serverless::config
