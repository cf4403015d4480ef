#pragma once

#include <string>

#include "daemon/cluster_status.hpp"

namespace serverless::daemon {

/// What is worse than anything that the pages tell: that they end, or are none. Empty: nothing.
/// Pure.
std::string cluster_headline(const ClusterStatus& cluster, Mono now);

/// How the cluster stands, as the status page has it: what is not well, then its members. Names and
/// words of others are escaped and isolated, and only URLs of the web are linked to. Pure.
std::string cluster_section(const ClusterStatus& cluster, Mono now);

}  // namespace serverless::daemon
