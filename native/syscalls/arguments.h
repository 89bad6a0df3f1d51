#pragma once

#include <napi.h>

#include <cstdint>
#include <ctime>
#include <string>

namespace glfs {

/** A path, or an open descriptor where `descriptor` is not negative. */
struct Place {
  std::string path;
  int descriptor = -1;
  bool open = false;
};

/**
 * The arguments of a call, taken in their order. After the first one that is wrong a JavaScript exception is pending, `ok`
 * is false, and what else is taken means nothing: check once, before the system is called.
 */
class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, const char* syscall) : info_(info), syscall_(syscall) {}

  bool ok() const { return ok_; }

  Place place();
  int descriptor();
  /** Bytes for a system call that wants them NUL-terminated: EINVAL where there is a NUL among them. */
  std::string text();
  /** The bytes themselves, valid during the call. */
  Napi::Uint8Array bytes();
  /** A safe integer. */
  int64_t integer();
  /** A safe integer that fits into 32 bits. */
  int32_t small();
  /** A bigint of 64 bits. */
  int64_t big();
  uint64_t unsignedBig();
  /** Nanoseconds since the epoch as a bigint; undefined is UTIME_OMIT. */
  timespec time();

 private:
  Napi::Value next() { return info_[at_++]; }
  void wrong(const char* expected);

  const Napi::CallbackInfo& info_;
  const char* const syscall_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace glfs
