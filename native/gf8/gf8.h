#pragma once

#include <cstddef>
#include <cstdint>

// Erasure coding over GF(2^8) with the polynomial 0x11D, bit-sliced: a chunk is 512 field elements in eight planes of 64
// bytes, plane p holds bit p of each. A stripe is one chunk for each of the `data` coefficients, highest power first.
namespace glfs {

constexpr size_t kPlane = 64;
constexpr size_t kChunk = 8 * kPlane;
constexpr size_t kMaxData = 16;
constexpr size_t kMaxFragments = 31;

// Fragments of whole stripes: fragments[i] gets the value of each stripe's polynomial at points[i] (1 to 31).
struct Evaluation {
  size_t data;
  const uint8_t* input;
  size_t count;
  const uint8_t* points;
  uint8_t* const* fragments;
};

// Row r of the matrix (rows x columns) times the chunks at one place of all sources makes a chunk of targets[r].
struct Combination {
  size_t rows;
  size_t columns;
  const uint8_t* matrix;
  const uint8_t* const* sources;
  uint8_t* const* targets;
  // From one chunk of a target to its next.
  size_t step;
};

// Both work on the stripes, or the chunks of a source, from `first` on: `count` of them. They keep no state: parts of one
// job may run on several threads. Pointers need no alignment; what is read and what is written do not overlap.
using Evaluate = void (*)(const Evaluation& job, size_t first, size_t count);
using Combine = void (*)(const Combination& job, size_t first, size_t count);

void evaluate_scalar(const Evaluation& job, size_t first, size_t count);
void evaluate_avx2(const Evaluation& job, size_t first, size_t count);
void evaluate_avx512(const Evaluation& job, size_t first, size_t count);
void evaluate_neon(const Evaluation& job, size_t first, size_t count);

void combine_scalar(const Combination& job, size_t first, size_t count);
void combine_avx2(const Combination& job, size_t first, size_t count);
void combine_avx512(const Combination& job, size_t first, size_t count);
void combine_neon(const Combination& job, size_t first, size_t count);

}  // namespace glfs
