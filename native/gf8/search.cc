// Not part of the addon: finds the programs of programs.h and prints its table but for the row of 0, in about half an hour.
//   g++ -std=c++17 -O3 -o search native/gf8/search.cc && ./search
//
// A product with a constant is eight sums of the value's planes. With some sums as temporaries, each of two or three that
// are there before it, every one of the eight has to become a temporary, a plane, or the sum of two such: then adding it costs one
// instruction that sums three. So the fewest temporaries are the fewest instructions. All sets of one temporary, of two, and so on
// are tried; the last one is not guessed but follows from a plane that still lacks it. Among the sets of the least size the one
// with the fewest sums of two wins, as far as the search goes on after the first.

#include <bitset>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int kMostTemporaries = 6;
// So many nodes of the search are visited once a first set is found.
constexpr long kPatience = 300000;

uint8_t multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1) {
    if (b & 1) product ^= a;
    a <<= 1;
    if (a & 0x100) a ^= 0x11d;
  }
  return static_cast<uint8_t>(product);
}

// Sums are sets of planes, one bit each. `two` and `three` are the sums of up to so many nodes.
struct Nodes {
  std::vector<uint8_t> list;
  std::bitset<256> in, two, three;

  Nodes() {
    two[0] = true;
    for (int plane = 0; plane < 8; plane++) add(static_cast<uint8_t>(1 << plane));
  }

  void add(uint8_t sum) {
    in[sum] = true;
    for (int other = 0; other < 256; other++) {
      if (two[other]) three[other ^ sum] = true;
    }
    for (const uint8_t node : list) two[node ^ sum] = true;
    two[sum] = true;
    three |= two;
    list.push_back(sum);
  }
};

class Search {
 public:
  explicit Search(unsigned factor) {
    for (unsigned from = 0; from < 8; from++) {
      const uint8_t product = multiply(factor, 1u << from);
      for (unsigned to = 0; to < 8; to++) rows_[to] |= static_cast<uint8_t>((product >> to & 1) << from);
    }
    for (int size = 0; size <= kMostTemporaries && !found(); size++) visit(Nodes(), size);
  }

  bool found() const { return fewest_ < kNone; }

  void print() const {
    printf("    {{");
    for (size_t i = 8; i < 8 + kMostTemporaries; i++) {
      printf("%s0x%x", i == 8 ? "" : ", ", i < best_.size() ? operands(best_[i], i, false) : 0xfff);
    }
    printf("}, {");
    for (int row = 0; row < 8; row++) {
      printf("%s0x%x", row == 0 ? "" : ", ", operands(rows_[row], best_.size(), true));
    }
    printf("}},\n");
  }

 private:
  static constexpr int kNone = 1000;

  bool visit(const Nodes& nodes, int left) {
    if (ended_) return false;
    if (left > 0 && found() && ++visited_ > kPatience) {
      ended_ = true;
      return true;
    }
    std::vector<uint8_t> open;
    for (const uint8_t row : rows_) {
      if (!nodes.two[row]) open.push_back(row);
    }
    if (open.empty()) return keep(nodes);
    if (left == 0) return false;
    if (left == 1) return last(nodes, open);
    bool any = false;
    for (int sum = 1; sum < 256; sum++) {
      if (!nodes.three[sum] || nodes.in[sum] || tried_before(nodes, sum)) continue;
      Nodes more = nodes;
      more.add(static_cast<uint8_t>(sum));
      if (visit(more, left - 1)) any = true;
    }
    return any;
  }

  bool last(const Nodes& nodes, const std::vector<uint8_t>& open) {
    bool any = false;
    for (size_t i = 0; i <= nodes.list.size(); i++) {
      const uint8_t sum = i == 0 ? open[0] : open[0] ^ nodes.list[i - 1];
      if (sum == 0 || nodes.in[sum] || !nodes.three[sum]) continue;
      bool enough = true;
      for (const uint8_t row : open) enough = enough && (row == sum || nodes.in[row ^ sum] || row == open[0]);
      if (!enough) continue;
      Nodes more = nodes;
      more.add(sum);
      any = keep(more) || any;
    }
    return any;
  }

  // Temporaries that do not need each other come by rising value only.
  static bool tried_before(const Nodes& nodes, int sum) {
    const size_t before = nodes.list.size() - 1;
    if (nodes.list.size() <= 8 || sum > nodes.list[before]) return false;
    for (size_t a = 0; a < before; a++) {
      for (size_t b = a + 1; b < before; b++) {
        const int rest = sum ^ nodes.list[a] ^ nodes.list[b];
        if (rest == 0 || (rest != nodes.list[before] && nodes.in[rest])) return true;
      }
    }
    return false;
  }

  bool keep(const Nodes& nodes) {
    int sums = 0;
    Nodes there;
    for (size_t i = 8; i < nodes.list.size(); i++) {
      sums += there.two[nodes.list[i]] ? 1 : 2;
      there.add(nodes.list[i]);
    }
    for (const uint8_t row : rows_) sums += nodes.in[row] ? 1 : 2;
    if (sums < fewest_) {
      fewest_ = sums;
      best_ = nodes.list;
    }
    return true;
  }

  // Operands of a sum among the first `count` nodes, as programs.h has them: one or two for a plane, two or three for a temporary.
  unsigned operands(uint8_t sum, size_t count, bool plane) const {
    for (unsigned a = 0; plane && a < count; a++) {
      if (best_[a] == sum) return 0xf0 | a;
    }
    for (unsigned a = 0; a < count; a++) {
      for (unsigned b = a + 1; b < count; b++) {
        if ((best_[a] ^ best_[b]) == sum) return (plane ? 0u : 0xf00u) | b << 4 | a;
      }
    }
    for (unsigned a = 0; a < count; a++) {
      for (unsigned b = a + 1; b < count; b++) {
        for (unsigned c = b + 1; c < count; c++) {
          if ((best_[a] ^ best_[b] ^ best_[c]) == sum) return c << 8 | b << 4 | a;
        }
      }
    }
    return 0xfff;
  }

  uint8_t rows_[8] = {};
  std::vector<uint8_t> best_;
  int fewest_ = kNone;
  long visited_ = 0;
  bool ended_ = false;
};

}  // namespace

// A range of constants may be given, to share the work among processes.
int main(int count, char** arguments) {
  const int first = count > 2 ? std::atoi(arguments[1]) : 1;
  const int last = count > 2 ? std::atoi(arguments[2]) : 255;
  for (int factor = first; factor <= last; factor++) {
    const Search search(static_cast<unsigned>(factor));
    if (!search.found()) return 1;
    search.print();
    fflush(stdout);
  }
}
