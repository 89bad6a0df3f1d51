/*
 * ISA-L's matrix multiplication over GF(2^8), for bench/gf8.ts, which compiles this file:
 *     isal LEVEL COLUMNS ROWS LENGTH OFFSET MILLISECONDS MATRIX
 * multiplies COLUMNS sources of LENGTH bytes with the matrix (hexadecimal, row by row) to ROWS targets, again and again in
 * slices of about 2 ms, and prints the best slice: bytes of the sources in a second. LEVEL is `avx2` for ISA-L's own AVX2
 * entry point, `best` for the one that chooses (AVX-512 where the CPU has it). Buffers begin OFFSET bytes behind a page's beginning.
 * The first bytes are checked against gf_mul.
 */
#define _POSIX_C_SOURCE 200809L
#include <isa-l/erasure_code.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX = 32, PAGE = 4096, CHECKED = 256, SLICE_NS = 2000000 };

typedef void (*encode_fn)(int len, int k, int rows, unsigned char *tables, unsigned char **data, unsigned char **coding);

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void allocate(unsigned char **buffers, int count, int length, int offset) {
  for (int i = 0; i < count; i++) {
    if (posix_memalign((void **)&buffers[i], PAGE, (size_t)(length + offset)) != 0) exit(2);
    buffers[i] += offset;
  }
}

static void check(int columns, int rows, const unsigned char *matrix, unsigned char **data, unsigned char **coding) {
  for (int row = 0; row < rows; row++)
    for (int at = 0; at < CHECKED; at++) {
      unsigned char sum = 0;
      for (int column = 0; column < columns; column++)
        sum ^= gf_mul(matrix[row * columns + column], data[column][at]);
      if (sum != coding[row][at]) {
        fprintf(stderr, "row %d, byte %d: %d instead of %d\n", row, at, coding[row][at], sum);
        exit(3);
      }
    }
}

int main(int argc, char **argv) {
  if (argc != 8) return 1;
  const encode_fn encode = strcmp(argv[1], "avx2") == 0 ? (encode_fn)ec_encode_data_avx2 : (encode_fn)ec_encode_data;
  const int columns = atoi(argv[2]), rows = atoi(argv[3]), length = atoi(argv[4]), offset = atoi(argv[5]);
  const double patience = atof(argv[6]) * 1e6;
  unsigned char matrix[MAX * MAX], tables[MAX * MAX * 32];
  unsigned char *data[MAX], *coding[MAX];
  if (columns > MAX || rows > MAX || length < CHECKED || offset < 0) return 1;
  for (int i = 0; i < rows * columns; i++)
    if (sscanf(argv[7] + 2 * i, "%2hhx", &matrix[i]) != 1) return 1;
  allocate(data, columns, length, offset);
  allocate(coding, rows, length, offset);
  unsigned state = 1;
  for (int i = 0; i < columns; i++)
    for (int at = 0; at < length; at++) {
      state = state * 1103515245u + 12345u;
      data[i][at] = (unsigned char)(state >> 24);
    }
  for (int i = 0; i < rows; i++) memset(coding[i], 0, (size_t)length);

  ec_init_tables(columns, rows, matrix, tables);
  encode(length, columns, rows, tables, data, coding);
  check(columns, rows, matrix, data, coding);

  double best = 0;
  const double end = now() + patience;
  do {
    long calls = 0;
    const double start = now();
    double elapsed;
    do {
      encode(length, columns, rows, tables, data, coding);
      calls++;
      elapsed = now() - start;
    } while (elapsed < SLICE_NS);
    const double rate = (double)calls * columns * length / elapsed * 1e9;
    if (rate > best) best = rate;
  } while (now() < end);
  printf("%.0f\n", best);
  return 0;
}
