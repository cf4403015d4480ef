#include "tests/chaos/recording.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <stdexcept>

namespace chaos {
namespace {

constexpr unsigned kBuffer = 256 * 1024;
constexpr std::size_t kLongestLine = 256;

}  // namespace

// The least compression: the driver must not take the processor from what it watches.
Recorder::Recorder(const std::string& path) : file_(gzopen(path.c_str(), "wb1")) {
  if (!file_) throw std::runtime_error("cannot write " + path);
  gzbuffer(file_.get(), kBuffer);
}

void Recorder::write(const Record& record) {
  const std::string head = fmt::format("{} {} {:.4f} {:.4f} {}\n", record.kind, record.name,
                                       record.begun, record.ended, record.body.size());
  const std::lock_guard lock(mutex_);
  const std::string end = "\n";
  for (const auto* part : {&head, &record.body, &end}) {
    const auto size = static_cast<unsigned>(part->size());
    if (size > 0 && gzwrite(file_.get(), part->data(), size) != static_cast<int>(size)) {
      throw std::runtime_error("the recording cannot be written");
    }
  }
}

void Recorder::close() {
  const std::lock_guard lock(mutex_);
  if (gzclose(file_.release()) != Z_OK) throw std::runtime_error("the recording was cut off");
}

Player::Player(const std::string& path) : file_(gzopen(path.c_str(), "rb")) {
  if (!file_) throw std::runtime_error("cannot read " + path);
  gzbuffer(file_.get(), kBuffer);
}

std::optional<Record> Player::next() {
  std::array<char, kLongestLine> line{};
  if (gzgets(file_.get(), line.data(), static_cast<int>(line.size())) == nullptr) {
    if (gzeof(file_.get()) != 0) return std::nullopt;
    throw std::runtime_error("the recording is damaged");
  }
  Record record;
  std::array<char, 64> kind{};
  std::array<char, 64> name{};
  std::size_t size = 0;
  if (std::sscanf(line.data(), "%63s %63s %lf %lf %zu", kind.data(), name.data(), &record.begun,
                  &record.ended, &size) != 5) {
    throw std::runtime_error("not a recording");
  }
  record.kind = kind.data();
  record.name = name.data();
  record.body.resize(size + 1);
  if (gzread(file_.get(), record.body.data(), static_cast<unsigned>(size + 1)) !=
      static_cast<int>(size + 1)) {
    throw std::runtime_error("the recording ends too early");
  }
  record.body.pop_back();
  return record;
}

}  // namespace chaos
