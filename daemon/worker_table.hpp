#pragma once

#include <cstddef>
#include <string>

#include "daemon/workers.hpp"

namespace serverless::daemon {

/// What of the table of workers was asked for.
struct TableQuery {
  WorkerQuery query{};
  std::size_t page = 0;   ///< Which hundred.
  std::string problem{};  ///< What is wrong with an argument. Empty: nothing.
};

/// Takes a query's arguments and `page`; others ask for nothing. Pure.
TableQuery table_query(Arguments arguments);

/// Where the status page shows these workers. Pure.
std::string url_of(const WorkerQuery& query, std::size_t page = 0);

/// The form that filters them. Pure.
std::string filter_form(const WorkerQuery& query);

/// The table, and how many there are. Pure.
/// @param unlisted  endpoints whose workers are not known.
std::string worker_table(const Pages& pages, const TableQuery& asked, std::size_t unlisted,
                         Now now);

}  // namespace serverless::daemon
