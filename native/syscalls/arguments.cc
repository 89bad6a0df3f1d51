#include "syscalls/arguments.h"

#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <limits>

#include "syscalls/error.h"

namespace glfs {

namespace {

constexpr double kSafe = 9007199254740991.0;

bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

bool IsInteger(const Napi::Value& value, double limit) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  return std::trunc(number) == number && std::fabs(number) <= limit;
}

}  // namespace

void Arguments::wrong(const char* expected) {
  if (!ok_) return;
  ok_ = false;
  const auto text = std::string(syscall_) + ": argument " + std::to_string(at_) + " must be " + expected;
  Napi::TypeError::New(info_.Env(), text).ThrowAsJavaScriptException();
}

Place Arguments::place() {
  Place place;
  const auto value = info_[at_];
  place.open = value.IsNumber();
  if (place.open) {
    place.descriptor = descriptor();
  } else if (IsBytes(value)) {
    place.path = text();
  } else {
    next();
    wrong("a path (Uint8Array) or a descriptor");
  }
  return place;
}

int Arguments::descriptor() {
  const auto value = next();
  if (IsInteger(value, std::numeric_limits<int32_t>::max())) return value.As<Napi::Number>().Int32Value();
  wrong("a descriptor");
  return -1;
}

std::string Arguments::text() {
  const auto value = next();
  if (!IsBytes(value)) {
    wrong("a Uint8Array");
    return {};
  }
  const auto bytes = value.As<Napi::Uint8Array>();
  std::string text(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  if (text.find('\0') != std::string::npos && ok_) {
    ok_ = false;
    SystemError(info_.Env(), EINVAL, syscall_).ThrowAsJavaScriptException();
  }
  return text;
}

Napi::Uint8Array Arguments::bytes() {
  const auto value = next();
  if (IsBytes(value)) return value.As<Napi::Uint8Array>();
  wrong("a Uint8Array");
  return {};
}

int64_t Arguments::integer() {
  const auto value = next();
  if (IsInteger(value, kSafe)) return value.As<Napi::Number>().Int64Value();
  wrong("a safe integer");
  return 0;
}

int32_t Arguments::small() {
  const auto value = next();
  if (IsInteger(value, std::numeric_limits<int32_t>::max())) return value.As<Napi::Number>().Int32Value();
  wrong("an integer of 32 bits");
  return 0;
}

int64_t Arguments::big() {
  const auto value = next();
  bool lossless = false;
  const int64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Int64Value(&lossless) : 0;
  if (!lossless) wrong("a bigint of 64 bits");
  return number;
}

uint64_t Arguments::unsignedBig() {
  const auto value = next();
  bool lossless = false;
  const uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) wrong("an unsigned bigint of 64 bits");
  return number;
}

timespec Arguments::time() {
  constexpr __int128 second = 1000000000;
  const auto value = next();
  timespec time{0, UTIME_OMIT};
  if (value.IsUndefined()) return time;
  int negative = 0;
  // Times of 64-bit seconds need more than 64 bits of nanoseconds.
  size_t count = 2;
  uint64_t words[2] = {0, 0};
  const bool known = value.IsBigInt() &&
                     napi_get_value_bigint_words(info_.Env(), value, &negative, &count, words) == napi_ok;
  if (!known || count > 2 || words[1] >= (uint64_t{1} << 29)) {
    wrong("nanoseconds since the epoch (bigint) or undefined");
    return time;
  }
  __int128 nanoseconds = (static_cast<__int128>(words[1]) << 64) | words[0];
  if (negative != 0) nanoseconds = -nanoseconds;
  __int128 seconds = nanoseconds / second;
  if (nanoseconds % second < 0) seconds--;
  time.tv_sec = static_cast<time_t>(seconds);
  time.tv_nsec = static_cast<long>(nanoseconds - seconds * second);
  return time;
}

}  // namespace glfs
