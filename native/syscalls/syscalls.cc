#include "syscalls/syscalls.h"

namespace glfs {

namespace {

using Binding = Napi::Value (*)(const Napi::CallbackInfo& info);

constexpr struct {
  const char* name;
  Binding binding;
} kBindings[] = {
    {"getxattr", Getxattr},   {"setxattr", Setxattr},   {"removexattr", Removexattr},
    {"listxattr", Listxattr}, {"mknod", Mknod},         {"fallocate", Fallocate},
    {"seek", Seek},           {"copyFileRange", CopyFileRange},
    {"readdir", Readdir},     {"utimens", Utimens},     {"linkDescriptor", LinkDescriptor},
};

}  // namespace

Napi::Object SystemCalls(Napi::Env env) {
  auto calls = Napi::Object::New(env);
  for (const auto& [name, binding] : kBindings) calls.Set(name, Napi::Function::New(env, binding, name));
  return calls;
}

}  // namespace glfs
