#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Whether pages of one fleet say the same of its workers: the same series, with the same values,
/// where they are not of the moment. The first page may have families that the others have not.
/// @param pages  who, and the text.
/// @return how many series they share. @throw std::runtime_error naming what differs.
std::size_t agreed_series(const std::vector<std::pair<std::string, std::string>>& pages);

}  // namespace bench
