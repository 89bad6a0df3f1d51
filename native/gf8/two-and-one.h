#pragma once

#include <cstring>

#include "gf8/chunk.h"

namespace glfs {

// The code 2+1: two chunks and all that is made of them fit into 32 registers, so each is loaded once. The general way loads a
// chunk for every second result, which shows where two products a result are all there is to compute.
template <class Lanes>
class TwoAndOne {
 public:
  // False where the job is another one.
  static bool evaluate(const Evaluation& job, size_t first, size_t count) {
    static constexpr uint8_t kPoints[] = {1, 2, 3};
    if (!Lanes::kPairs || job.data != 2 || job.count != 3 || std::memcmp(job.points, kPoints, 3) != 0) return false;
    // Out of the job: what is stored might overlap it for all that the compiler knows.
    const uint8_t* const input = job.input;
    uint8_t* const fragments[] = {job.fragments[0], job.fragments[1], job.fragments[2]};
    for (size_t at = first; at < first + count; at++) {
      for (size_t piece = 0; piece < kPlane; piece += Lanes::kBytes) {
        const size_t from = at * 2 * kChunk + piece;
        const size_t to = at * kChunk + piece;
        Value high, low;
        high.load(input + from);
        low.load(input + from + kChunk);
        Value sum(low);
        sum.template add<1>(high);
        sum.store(fragments[0] + to);
        low.template add<2>(high);
        low.store(fragments[1] + to);
        low.template add<1>(high);
        low.store(fragments[2] + to);
      }
    }
    return true;
  }

  // False where the job is another one.
  static bool combine(const Combination& job, size_t first, size_t count) {
    if (!Lanes::kPairs || job.rows != 2 || job.columns != 2) return false;
    return decode<0xf4, 1>(job, first, count) || decode<0x8e, 1>(job, first, count) || decode<1, 2>(job, first, count);
  }

 private:
  using Value = Chunk<Lanes>;

  // From the values at two points the line through them: its slope is their sum times `Inverse`, 1 / (Point + other point),
  // and what is left of the first value without the slope times `Point` is the rest.
  template <int Inverse, int Point>
  static bool decode(const Combination& job, size_t first, size_t count) {
    static_assert(Point == 1 || Inverse == 1, "the product of both is a byte");
    static constexpr int kLast = Inverse * Point;
    static constexpr uint8_t kMatrix[] = {Inverse, Inverse, kLast ^ 1, kLast};
    if (std::memcmp(job.matrix, kMatrix, sizeof kMatrix) != 0) return false;
    const uint8_t* const sources[] = {job.sources[0], job.sources[1]};
    uint8_t* const targets[] = {job.targets[0], job.targets[1]};
    const size_t step = job.step;
    for (size_t at = first; at < first + count; at++) {
      for (size_t piece = 0; piece < kPlane; piece += Lanes::kBytes) {
        const size_t from = at * kChunk + piece;
        const size_t to = at * step + piece;
        Value low, sum;
        low.load(sources[0] + from);
        sum.load(sources[1] + from);
        sum.template add<1>(low);
        Value high;
        high.clear();
        high.template add<Inverse>(sum);
        high.store(targets[0] + to);
        low.template add<Point>(high);
        low.store(targets[1] + to);
      }
    }
    return true;
  }
};

}  // namespace glfs
