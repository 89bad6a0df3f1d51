#pragma once

#include <array>

#include "gf8/chunk.h"

namespace glfs {

// Horner's rule for one or two points at once: the sums never leave the registers, and two points share the loads.
template <class Lanes>
class Evaluator {
 public:
  static void run(const Evaluation& job, size_t first, size_t count) {
    Group groups[kMaxFragments];
    const size_t length = group(job, groups);
    const size_t stripe = job.data * kChunk;
    const bool staged = length >= Lanes::kWorthStaging && !is_aligned<Lanes>(job.input);
    // The next stripe is copied before the work on one: what was just stored is slow to load.
    alignas(kPlane) uint8_t copies[2][kMaxData * kChunk];
    const size_t data = job.data;
    const uint8_t* const start = job.input;
    if (staged && count > 0) stage<Lanes>(copies[first % 2], start + first * stripe, stripe);
    for (size_t at = first; at < first + count; at++) {
      const uint8_t* input = start + at * stripe;
      if (staged) {
        if (at + 1 < first + count) stage<Lanes>(copies[(at + 1) % 2], input + stripe, stripe);
        input = copies[at % 2];
      }
      for (size_t piece = 0; piece < kPlane; piece += Lanes::kBytes) {
        for (size_t i = 0; i < length; i++) {
          const Group& one = groups[i];
          one.evaluate(input + piece, data, one.first + at * kChunk + piece, one.second + at * kChunk + piece);
        }
      }
    }
  }

 private:
  using Value = Chunk<Lanes>;
  using EvaluateGroup = void (*)(const uint8_t* input, size_t data, uint8_t* first, uint8_t* second);

  struct Group {
    EvaluateGroup evaluate;
    uint8_t* first;
    uint8_t* second;
  };

  template <int Point>
  static void one(const uint8_t* input, size_t data, uint8_t* first, uint8_t*) {
    Value sum;
    sum.load(input);
    for (size_t i = 1; i < data; i++) {
      Value next;
      next.load(input + i * kChunk);
      sum.template shift<Point>(next);
    }
    sum.store(first);
  }

  template <int Point>
  static void two(const uint8_t* input, size_t data, uint8_t* first, uint8_t* second) {
    Value a, b;
    a.load(input);
    b.load(input);
    for (size_t i = 1; i < data; i++) {
      Value next;
      next.load(input + i * kChunk);
      a.template shift<Point>(next);
      b.template shift<Point + 1>(next);
    }
    a.store(first);
    b.store(second);
  }

  template <size_t... I>
  static constexpr std::array<EvaluateGroup, sizeof...(I)> ones(std::index_sequence<I...>) {
    return {one<int{I} + 1>...};
  }

  template <size_t... I>
  static constexpr std::array<EvaluateGroup, sizeof...(I)> twos(std::index_sequence<I...>) {
    return {two<2 * int{I} + 1>...};
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
};

}  // namespace glfs
