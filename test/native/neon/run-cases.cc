#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "checksum/checksum.h"
#include "gf8/gf8.h"

// Runs the ARM kernels on the cases of a file, for a machine (or an emulator) without Node: test/native/neon.test.ts makes
// them with the TypeScript implementations and compiles this. A case is a sequence of little-endian 32-bit words and of bytes:
//   0 evaluate  data, points, stripes, the points, the input, the expected fragments
//   1 combine   rows, columns, chunks, step, the matrix, the sources, the expected targets (zeroes between their chunks)
//   2 weak      length, state, the data, the expected word
//   3 crc32c    the same
// All buffers are one byte off alignment. Prints the number of cases; 1 at the first that differs.

namespace {

class Reader {
 public:
  explicit Reader(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

  bool done() const { return at_ == bytes_.size(); }

  uint32_t word() {
    const uint8_t* p = take(4);
    return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
  }

  const uint8_t* take(size_t length) {
    if (bytes_.size() - at_ < length) {
      std::fprintf(stderr, "the cases end early\n");
      std::exit(2);
    }
    const uint8_t* from = bytes_.data() + at_;
    at_ += length;
    return from;
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t at_ = 0;
};

// Bytes with a guard on either side, which nothing may write to.
class Guarded {
 public:
  explicit Guarded(size_t length) : bytes_(length + 2 * kGuard, kMark), length_(length) {
    std::memset(data(), 0, length);
  }
  Guarded(const uint8_t* from, size_t length) : Guarded(length) { std::memcpy(data(), from, length); }

  uint8_t* data() { return bytes_.data() + kGuard; }

  bool intact() const {
    for (size_t i = 0; i < kGuard; i++) {
      if (bytes_[i] != kMark || bytes_[kGuard + length_ + i] != kMark) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kGuard = 129;
  static constexpr uint8_t kMark = 0xa5;
  std::vector<uint8_t> bytes_;
  size_t length_;
};

bool evaluate(Reader& reader) {
  const size_t data = reader.word(), count = reader.word(), stripes = reader.word();
  const uint8_t* points = reader.take(count);
  const size_t length = data * stripes * glfs::kChunk;
  Guarded input(reader.take(length), length);
  std::vector<Guarded> fragments(count, Guarded(stripes * glfs::kChunk));
  std::vector<uint8_t*> targets;
  for (auto& fragment : fragments) targets.push_back(fragment.data());
  const glfs::Evaluation job{data, input.data(), count, points, targets.data()};
  // In two parts, as threads do it.
  glfs::evaluate_neon(job, 0, stripes / 2);
  glfs::evaluate_neon(job, stripes / 2, stripes - stripes / 2);
  bool same = input.intact();
  for (auto& fragment : fragments) {
    const uint8_t* expected = reader.take(stripes * glfs::kChunk);
    same = same && fragment.intact() && std::memcmp(fragment.data(), expected, stripes * glfs::kChunk) == 0;
  }
  return same;
}

bool combine(Reader& reader) {
  const size_t rows = reader.word(), columns = reader.word(), chunks = reader.word(), step = reader.word();
  const uint8_t* matrix = reader.take(rows * columns);
  std::vector<Guarded> inputs;
  for (size_t i = 0; i < columns; i++) inputs.emplace_back(reader.take(chunks * glfs::kChunk), chunks * glfs::kChunk);
  std::vector<const uint8_t*> sources;
  for (auto& input : inputs) sources.push_back(input.data());
  const size_t length = (chunks - 1) * step + glfs::kChunk;
  std::vector<Guarded> outputs(rows, Guarded(length));
  std::vector<uint8_t*> targets;
  for (auto& output : outputs) targets.push_back(output.data());
  const glfs::Combination job{rows, columns, matrix, sources.data(), targets.data(), step};
  glfs::combine_neon(job, 0, chunks / 2);
  glfs::combine_neon(job, chunks / 2, chunks - chunks / 2);
  bool same = true;
  for (auto& output : outputs) {
    const uint8_t* expected = reader.take(length);
    same = same && output.intact() && std::memcmp(output.data(), expected, length) == 0;
  }
  return same;
}

bool checksum(Reader& reader, glfs::Checksum first, glfs::Checksum second) {
  const size_t length = reader.word();
  const uint32_t state = reader.word();
  Guarded data(reader.take(length), length);
  const uint32_t expected = reader.word();
  return first(state, data.data(), length) == expected && second(state, data.data(), length) == expected;
}

bool run(Reader& reader) {
  switch (reader.word()) {
    case 0:
      return evaluate(reader);
    case 1:
      return combine(reader);
    case 2:
      return checksum(reader, glfs::weak_neon, glfs::weak_scalar);
    case 3:
      return checksum(reader, glfs::crc32c_armv8, glfs::crc32c_scalar);
    default:
      return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream file(argc > 1 ? argv[1] : "", std::ios::binary);
  Reader reader(std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {}));
  unsigned cases = 0;
  for (; !reader.done(); cases++) {
    if (!run(reader)) {
      std::fprintf(stderr, "case %u differs\n", cases);
      return 1;
    }
  }
  std::printf("%u\n", cases);
  return 0;
}
