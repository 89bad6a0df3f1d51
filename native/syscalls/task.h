#pragma once

#include <napi.h>

#include <cerrno>
#include <functional>
#include <utility>

#include "syscalls/error.h"

namespace glfs {

/**
 * A system call on a thread of the pool. The promise becomes its result, or undefined where `counts` is false; -1 rejects
 * it with what errno says.
 */
class Task : public Napi::AsyncWorker {
 public:
  using Call = std::function<int64_t()>;

  static Napi::Value Start(Napi::Env env, const char* syscall, bool counts, Call call) {
    napi_deferred deferred = nullptr;
    napi_value promise = nullptr;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return env.Undefined();
    (new Task(env, deferred, syscall, counts, std::move(call)))->Queue();
    return Napi::Value(env, promise);
  }

 protected:
  void Execute() override {
    result_ = Retry(call_);
    if (result_ == -1) number_ = errno;
  }

  // The plain calls of Node-API: a worker thread that is being ended can no longer run JavaScript, and that is no error.
  void OnOK() override {
    const auto env = Env();
    if (number_ != 0) {
      napi_reject_deferred(env, deferred_, SystemError(env, number_, syscall_).Value());
      return;
    }
    const Napi::Value value = counts_ ? Napi::Number::New(env, static_cast<double>(result_)) : env.Undefined();
    napi_resolve_deferred(env, deferred_, value);
  }

 private:
  Task(Napi::Env env, napi_deferred deferred, const char* syscall, bool counts, Call call)
      : Napi::AsyncWorker(env, syscall),
        deferred_(deferred),
        syscall_(syscall),
        counts_(counts),
        call_(std::move(call)) {}

  const napi_deferred deferred_;
  const char* const syscall_;
  const bool counts_;
  const Call call_;
  int64_t result_ = 0;
  int number_ = 0;
};

}  // namespace glfs
