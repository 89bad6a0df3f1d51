#pragma once

#include "gf8/chunk.h"
#include "gf8/repeat.h"

namespace glfs {

// A matrix is a list of steps for an interpreter whose state is registers: the sums of one row, or of two where there are
// registers for them, so that both share the loads. A step is the product with one constant, so the jump to it costs little
// beside its work, and the sequence is the same for every stripe: it is predicted.
template <class Lanes>
class Combiner {
 public:
  static void run(const Combination& job, size_t first, size_t count) {
    alignas(kPlane) uint8_t copy[kMaxData * kChunk];
    bool staged = job.columns > kWays;
    for (size_t column = 0; column < job.columns; column++) {
      staged = staged || (job.rows >= kRows * Lanes::kWorthStaging && !is_aligned<Lanes>(job.sources[column]));
    }
    Step steps[kMaxFragments * (kMaxData + 1) + 1];
    compile(job, staged ? copy : nullptr, steps);
    const size_t step = job.step;
    for (size_t at = first; at < first + count; at++) {
      if (staged) {
        for (size_t column = 0; column < job.columns; column++) {
          stage<Lanes>(copy + column * kChunk, job.sources[column] + at * kChunk, kChunk);
        }
      }
      const size_t from = staged ? 0 : at * kChunk;
      for (size_t piece = 0; piece < kPlane; piece += Lanes::kBytes) {
        interpret(steps, from + piece, at * step + piece);
      }
    }
  }

 private:
  // Rows in work at the same time.
  static constexpr size_t kRows = Lanes::kPairs ? 2 : 1;

  // Codes from 0: load a chunk and add its product to the first sum; from kSecond: add that of the same chunk to the second.
  static constexpr unsigned kSecond = 256;
  static constexpr unsigned kStoreFirst = 512;
  static constexpr unsigned kStoreSecond = 513;
  static constexpr unsigned kStop = 514;

  struct Step {
    unsigned code;
    uint8_t* data;
  };

  static void compile(const Combination& job, uint8_t* copy, Step* step) {
    for (size_t row = 0; row < job.rows; row += kRows) {
      const bool both = kRows == 2 && row + 1 < job.rows;
      const uint8_t* factors = job.matrix + row * job.columns;
      for (size_t column = 0; column < job.columns; column++) {
        uint8_t* source = copy != nullptr ? copy + column * kChunk : const_cast<uint8_t*>(job.sources[column]);
        *step++ = {factors[column], source};
        if (both) *step++ = {kSecond + factors[job.columns + column], source};
      }
      *step++ = {kStoreFirst, job.targets[row]};
      if (both) *step++ = {kStoreSecond, job.targets[row + 1]};
    }
    *step = {kStop, nullptr};
  }

#define GLFS_FIRST(n)                \
  case n:                            \
    value.load(step->data + from);   \
    first.template add<n>(value);    \
    break;
#define GLFS_SECOND(n)                                               \
  case kSecond + n:                                                  \
    if constexpr (kRows == 2) second.template add<n>(value);         \
    break;

  static void interpret(const Step* step, size_t from, size_t to) {
    Chunk<Lanes> first, second, value;
    first.clear();
    second.clear();
    value.clear();
    for (;; step++) {
      switch (step->code) {
        GLFS_REPEAT_256(GLFS_FIRST)
        GLFS_REPEAT_256(GLFS_SECOND)
        case kStoreFirst:
          first.store(step->data + to);
          first.clear();
          break;
        case kStoreSecond:
          second.store(step->data + to);
          second.clear();
          break;
        case kStop:
          return;
        default:
          GLFS_UNREACHABLE();
      }
    }
  }

#undef GLFS_FIRST
#undef GLFS_SECOND
};

}  // namespace glfs
