#pragma once

#include <napi.h>

namespace glfs {

/** The calls of `Syscalls` in src/syscalls.ts, as an object. */
Napi::Object SystemCalls(Napi::Env env);

// xattr.cc
Napi::Value Getxattr(const Napi::CallbackInfo& info);
Napi::Value Setxattr(const Napi::CallbackInfo& info);
Napi::Value Removexattr(const Napi::CallbackInfo& info);
Napi::Value Listxattr(const Napi::CallbackInfo& info);

// files.cc
Napi::Value Mknod(const Napi::CallbackInfo& info);
Napi::Value Fallocate(const Napi::CallbackInfo& info);
Napi::Value Seek(const Napi::CallbackInfo& info);
Napi::Value CopyFileRange(const Napi::CallbackInfo& info);
Napi::Value Utimens(const Napi::CallbackInfo& info);
Napi::Value LinkDescriptor(const Napi::CallbackInfo& info);

// directory.cc
Napi::Value Readdir(const Napi::CallbackInfo& info);

}  // namespace glfs
