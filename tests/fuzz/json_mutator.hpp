#pragma once

#include <cstddef>
#include <cstdint>

namespace serverless::fuzz {

/// For LLVMFuzzerCustomMutator, where the input holds JSON: half of the time one of its values is
/// replaced by one that is more likely to be mistaken, or a record is repeated. Bytes at random
/// seldom leave a body that is read to its end.
std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed);

}  // namespace serverless::fuzz
