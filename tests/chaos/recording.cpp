#include "tests/chaos/recording.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <vector>

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

std::optional<std::string> gunzipped(const std::string& body) {
  constexpr int kGzip = 15 + 16;
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return std::nullopt;
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  std::string in = body;
  std::string out;
  std::vector<char> room(kBuffer);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(room.data(), room.size() - stream.avail_out);
    // A body may have several members one after another.
    if (state == Z_STREAM_END && stream.avail_in > 0) state = inflateReset(&stream);
  }
  if (state != Z_STREAM_END) return std::nullopt;
  return out;
}

}  // namespace chaos
