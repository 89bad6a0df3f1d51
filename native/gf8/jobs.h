#pragma once

#include <napi.h>

#include "gf8/gf8.h"

namespace glfs {

// Adds { evaluate, evaluateThreaded, combine, combineThreaded } to what JavaScript sees of a kernel: src/native.ts says what
// they take. The threaded ones return promises.
void AddErasure(Napi::Env env, Napi::Object kernel, Evaluate evaluate, Combine combine);

}  // namespace glfs
