#pragma once

#include <napi.h>

#include <cerrno>
#include <string>

namespace glfs {

/** An error shaped as Node's system errors: code, negative errno, syscall, and path where one was given. */
Napi::Error SystemError(Napi::Env env, int number, const char* syscall, const std::string& path = {});

/** Throws the error of `errno`; what the binding returns then. */
Napi::Value Fail(Napi::Env env, const char* syscall, const std::string& path = {});

/** Calls again for as long as signals interrupt the call. */
template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace glfs
