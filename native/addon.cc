#include <napi.h>

#include "dispatch.h"
#include "gf8/jobs.h"
#ifdef GLFS_SYSCALLS
#include "syscalls/syscalls.h"
#endif

// What JavaScript sees: { kernels: { scalar: { weak, crc32c, evaluate ... }, avx2: { ... } }, syscalls: { getxattr, ... } }, the best
// kernel last. Which of them is used is decided there. Checksums take (data: Uint8Array, state: number) and return a
// number, what erasure coding takes is in gf8/jobs.h; the system calls are there on Linux only, and src/syscalls.ts says what each takes.

namespace {

Napi::Value Run(const Napi::CallbackInfo& info) {
  const auto checksum = reinterpret_cast<glfs::Checksum>(info.Data());
  if (info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsNumber() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    Napi::TypeError::New(info.Env(), "(data: Uint8Array, state: number) is expected").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  const auto data = info[0].As<Napi::Uint8Array>();
  const uint32_t state = info[1].As<Napi::Number>().Uint32Value();
  return Napi::Number::New(info.Env(), checksum(state, data.Data(), data.ByteLength()));
}

Napi::Function Function(Napi::Env env, glfs::Checksum checksum, const char* name) {
  return Napi::Function::New(env, Run, name, reinterpret_cast<void*>(checksum));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto all = Napi::Object::New(env);
  for (const auto& kernel : glfs::kernels()) {
    auto one = Napi::Object::New(env);
    one.Set("weak", Function(env, kernel.weak, "weak"));
    one.Set("crc32c", Function(env, kernel.crc32c, "crc32c"));
    glfs::AddErasure(env, one, kernel.evaluate, kernel.combine);
    all.Set(kernel.name, one);
  }
  exports.Set("kernels", all);
#ifdef GLFS_SYSCALLS
  exports.Set("syscalls", glfs::SystemCalls(env));
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(glfs_native, Init)
