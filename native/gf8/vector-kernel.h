#pragma once

#include <array>

#include "gf8/gf8.h"
#include "gf8/product.h"

// Both operations for vectors that eight arguments of a function can be passed in: `Lanes` is as in product.h, with `kBytes`.
namespace glfs {

template <class Lanes>
class VectorKernel {
 public:
  static void evaluate(const Evaluation& job, size_t first, size_t count) {
    Group groups[kMaxFragments];
    const size_t length = group(job, groups);
    const size_t stripe = job.data * kChunk;
    for (size_t at = first; at < first + count; at++) {
      const uint8_t* input = job.input + at * stripe;
      for (size_t piece = 0; piece < kPlane; piece += Lanes::kBytes) {
        for (size_t i = 0; i < length; i++) {
          const Group& one = groups[i];
          one.evaluate(input + piece, job.data, one.first + at * kChunk + piece, one.second + at * kChunk + piece);
        }
      }
    }
  }

  static void combine(const Combination& job, size_t first, size_t count) {
    Step steps[kMaxFragments * (kMaxData + 1) + 1];
    Step* end = steps;
    for (size_t row = 0; row < job.rows; row++) {
      for (size_t column = 0; column < job.columns; column++) {
        const uint8_t factor = job.matrix[row * job.columns + column];
        if (factor != 0) *end++ = {kAdders[factor], const_cast<uint8_t*>(job.sources[column])};
      }
      *end++ = {store, job.targets[row]};
    }
    *end = {stop, nullptr};
    const Planes none = Lanes::zero();
    for (size_t at = first; at < first + count; at++) {
      for (size_t piece = 0; piece < kPlane; piece += Lanes::kBytes) {
        steps->run(none, none, none, none, none, none, none, none, steps, at * kChunk + piece, at * job.step + piece);
      }
    }
  }

 private:
  using Planes = typename Lanes::Planes;

  // Written out, here and below: compilers unroll a loop too late to keep the array in registers.
  using All = std::make_index_sequence<8>;

  template <size_t... P>
  static GLFS_INLINE void load(Planes (&planes)[8], const uint8_t* from, std::index_sequence<P...>) {
    ((planes[P] = Lanes::load(from + P * kPlane)), ...);
  }

  template <size_t... P>
  static GLFS_INLINE void save(uint8_t* to, const Planes (&planes)[8], std::index_sequence<P...>) {
    (Lanes::store(to + P * kPlane, planes[P]), ...);
  }

  template <size_t... P>
  static GLFS_INLINE void copy(Planes (&to)[8], const Planes (&from)[8], std::index_sequence<P...>) {
    ((to[P] = from[P]), ...);
  }

  // Horner's rule for one or two points at once: the sums never leave the registers, and two points share the loads.

  using EvaluateGroup = void (*)(const uint8_t* input, size_t data, uint8_t* first, uint8_t* second);

  struct Group {
    EvaluateGroup evaluate;
    uint8_t* first;
    uint8_t* second;
  };

  template <int Point>
  static GLFS_INLINE void horner(Planes (&sum)[8], const Planes (&next)[8]) {
    Planes result[8];
    copy(result, next, All());
    Product<Lanes, Point>::add(result, sum);
    copy(sum, result, All());
  }

  template <int Point>
  static void evaluate_one(const uint8_t* input, size_t data, uint8_t* first, uint8_t*) {
    Planes sum[8];
    load(sum, input, All());
    for (size_t i = 1; i < data; i++) {
      Planes next[8];
      load(next, input + i * kChunk, All());
      horner<Point>(sum, next);
    }
    save(first, sum, All());
  }

  template <int Point>
  static void evaluate_two(const uint8_t* input, size_t data, uint8_t* first, uint8_t* second) {
    Planes a[8], b[8];
    load(a, input, All());
    load(b, input, All());
    for (size_t i = 1; i < data; i++) {
      Planes next[8];
      load(next, input + i * kChunk, All());
      horner<Point>(a, next);
      horner<Point + 1>(b, next);
    }
    save(first, a, All());
    save(second, b, All());
  }

  template <size_t... I>
  static constexpr std::array<EvaluateGroup, sizeof...(I)> ones(std::index_sequence<I...>) {
    return {evaluate_one<int{I} + 1>...};
  }

  template <size_t... I>
  static constexpr std::array<EvaluateGroup, sizeof...(I)> twos(std::index_sequence<I...>) {
    return {evaluate_two<2 * int{I} + 1>...};
  }

  static constexpr auto kOnes = ones(std::make_index_sequence<kMaxFragments>());
  static constexpr auto kTwos = twos(std::make_index_sequence<kMaxFragments / 2>());

  // Points 2 i + 1 and 2 i + 2 go together where they follow one another.
  static size_t group(const Evaluation& job, Group* groups) {
    size_t length = 0;
    for (size_t i = 0; i < job.count; i++) {
      const uint8_t point = job.points[i];
      if (Lanes::kPairs && i + 1 < job.count && point % 2 == 1 && job.points[i + 1] == point + 1) {
        groups[length++] = {kTwos[point / 2], job.fragments[i], job.fragments[i + 1]};
        i++;
      } else {
        groups[length++] = {kOnes[point - 1], job.fragments[i], job.fragments[i]};
      }
    }
    return length;
  }

  // A matrix is a chain of functions that call one another in tail position, so that the sums stay in the registers of the
  // arguments: one function for each constant, one that stores a sum and begins the next.

  struct Step {
    void (*run)(Planes, Planes, Planes, Planes, Planes, Planes, Planes, Planes, const Step* step, size_t from, size_t to);
    uint8_t* data;
  };

  template <int Factor>
  static void add(Planes s0, Planes s1, Planes s2, Planes s3, Planes s4, Planes s5, Planes s6, Planes s7,
                  const Step* step, size_t from, size_t to) {
    Planes sum[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
    Planes value[8];
    load(value, step->data + from, All());
    Product<Lanes, Factor>::add(sum, value);
    step++;
    step->run(sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7], step, from, to);
  }

  static void store(Planes s0, Planes s1, Planes s2, Planes s3, Planes s4, Planes s5, Planes s6, Planes s7,
                    const Step* step, size_t from, size_t to) {
    const Planes sum[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
    save(step->data + to, sum, All());
    const Planes none = Lanes::zero();
    step++;
    step->run(none, none, none, none, none, none, none, none, step, from, to);
  }

  static void stop(Planes, Planes, Planes, Planes, Planes, Planes, Planes, Planes, const Step*, size_t, size_t) {}

  template <size_t... I>
  static constexpr std::array<decltype(Step::run), sizeof...(I)> adders(std::index_sequence<I...>) {
    return {add<int{I}>...};
  }

  static constexpr auto kAdders = adders(std::make_index_sequence<256>());
};

}  // namespace glfs
