#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "gf8/programs.h"

// The product with a constant, as straight-line code: what programs.h says of the constant, unrolled by the compiler.
namespace glfs {

#if defined(__GNUC__)
#define GLFS_INLINE inline __attribute__((always_inline))
#define GLFS_UNREACHABLE() __builtin_unreachable()
#else
#define GLFS_INLINE __forceinline
#define GLFS_UNREACHABLE() __assume(0)
#endif

// `Lanes` is what one level of instructions has: the type `Planes` (a piece of a plane), sum of two and of three.
template <class Lanes, int Factor>
struct Product {
  using Planes = typename Lanes::Planes;
  static constexpr Program kProgram = kPrograms[Factor];

  // sum += Factor * value, both of eight planes.
  static GLFS_INLINE void add(Planes (&sum)[8], const Planes (&value)[8]) {
    Planes nodes[kNodes] = {value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7]};
    temporaries(nodes, std::make_index_sequence<kTemporaries>());
    sums(sum, nodes, std::make_index_sequence<8>());
  }

 private:
  template <size_t... I>
  static GLFS_INLINE void temporaries(Planes (&nodes)[kNodes], std::index_sequence<I...>) {
    (temporary<I>(nodes), ...);
  }

  template <size_t I>
  static GLFS_INLINE void temporary(Planes (&nodes)[kNodes]) {
    constexpr unsigned a = operand(kProgram.temporaries[I], 0);
    constexpr unsigned b = operand(kProgram.temporaries[I], 1);
    constexpr unsigned c = operand(kProgram.temporaries[I], 2);
    if constexpr (a != kNone && c == kNone) nodes[8 + I] = Lanes::sum(nodes[a], nodes[b]);
    if constexpr (c != kNone) nodes[8 + I] = Lanes::sum(nodes[a], nodes[b], nodes[c]);
  }

  template <size_t... I>
  static GLFS_INLINE void sums(Planes (&sum)[8], const Planes (&nodes)[kNodes], std::index_sequence<I...>) {
    (plane<I>(sum[I], nodes), ...);
  }

  template <size_t I>
  static GLFS_INLINE void plane(Planes& sum, const Planes (&nodes)[kNodes]) {
    constexpr unsigned a = operand(kProgram.planes[I], 0);
    constexpr unsigned b = operand(kProgram.planes[I], 1);
    if constexpr (a != kNone && b == kNone) sum = Lanes::sum(sum, nodes[a]);
    if constexpr (b != kNone) sum = Lanes::sum(sum, nodes[a], nodes[b]);
  }
};

}  // namespace glfs
