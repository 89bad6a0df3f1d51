#pragma once

#include <utility>

#include "gf8/gf8.h"
#include "gf8/product.h"

namespace glfs {

// A chunk's piece of each plane in eight registers. Written out by index sequences: compilers unroll a loop too late to keep
// the array in registers. `Lanes` is as in product.h, with load, store and zero.
template <class Lanes>
struct Chunk {
  using Planes = typename Lanes::Planes;
  using All = std::make_index_sequence<8>;

  Planes planes[8];

  GLFS_INLINE void load(const uint8_t* from) { load(from, All()); }
  GLFS_INLINE void store(uint8_t* to) const { store(to, All()); }
  GLFS_INLINE void clear() { clear(All()); }

  template <int Factor>
  GLFS_INLINE void add(const Chunk& value) {
    Product<Lanes, Factor>::add(planes, value.planes);
  }

  // One step of Horner's rule.
  template <int Point>
  GLFS_INLINE void shift(const Chunk& next) {
    Chunk result(next);
    result.template add<Point>(*this);
    *this = result;
  }

  Chunk() = default;
  GLFS_INLINE Chunk(const Chunk& other) { copy(other, All()); }
  GLFS_INLINE Chunk& operator=(const Chunk& other) {
    copy(other, All());
    return *this;
  }

 private:
  template <size_t... P>
  GLFS_INLINE void load(const uint8_t* from, std::index_sequence<P...>) {
    ((planes[P] = Lanes::load(from + P * kPlane)), ...);
  }

  template <size_t... P>
  GLFS_INLINE void store(uint8_t* to, std::index_sequence<P...>) const {
    (Lanes::store(to + P * kPlane, planes[P]), ...);
  }

  template <size_t... P>
  GLFS_INLINE void clear(std::index_sequence<P...>) {
    ((planes[P] = Lanes::zero()), ...);
  }

  template <size_t... P>
  GLFS_INLINE void copy(const Chunk& other, std::index_sequence<P...>) {
    ((planes[P] = other.planes[P]), ...);
  }
};

// Chunks are copied to an aligned place on the stack where they are read several times and would not be aligned, or would
// all lie in one set of the cache.
template <class Lanes>
GLFS_INLINE void stage(uint8_t* to, const uint8_t* from, size_t bytes) {
  for (size_t i = 0; i < bytes; i += Lanes::kBytes) Lanes::store(to + i, Lanes::load(from + i));
}

// Fragments come at addresses that are equal in their last twelve bits: of more of them than a set of the cache has ways,
// the chunks at one offset throw one another out.
constexpr size_t kWays = 8;

template <class Lanes>
inline bool is_aligned(const uint8_t* data) {
  return reinterpret_cast<uintptr_t>(data) % Lanes::kBytes == 0;
}

}  // namespace glfs
