#pragma once

// Cases of a switch for every constant: case(0) case(1) ... case(255).
#define GLFS_REPEAT_4(one, n) one(n) one((n) + 1) one((n) + 2) one((n) + 3)
#define GLFS_REPEAT_16(one, n) \
  GLFS_REPEAT_4(one, n) GLFS_REPEAT_4(one, (n) + 4) GLFS_REPEAT_4(one, (n) + 8) GLFS_REPEAT_4(one, (n) + 12)
#define GLFS_REPEAT_64(one, n) \
  GLFS_REPEAT_16(one, n) GLFS_REPEAT_16(one, (n) + 16) GLFS_REPEAT_16(one, (n) + 32) GLFS_REPEAT_16(one, (n) + 48)
#define GLFS_REPEAT_256(one) \
  GLFS_REPEAT_64(one, 0) GLFS_REPEAT_64(one, 64) GLFS_REPEAT_64(one, 128) GLFS_REPEAT_64(one, 192)
