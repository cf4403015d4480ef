#pragma once

#include <cstdint>
#include <initializer_list>

namespace simulator {

/// One round of splitmix64: every input bit moves every output bit.
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

/// The fleet's only source of variety. Equal parts give an equal number on every machine, for
/// ever: recorded pages and test seeds depend on it.
constexpr std::uint64_t hash_of(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t hash = 0;
  for (const std::uint64_t part : parts) hash = mix(hash ^ part);
  return hash;
}

/// 0 <= result < 1.
constexpr double fraction(std::uint64_t hash) {
  return static_cast<double>(hash >> 11U) * 0x1.0p-53;
}

/// low <= result <= high.
constexpr std::int64_t between(std::uint64_t hash, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(high - low + 1));
}

}  // namespace simulator
