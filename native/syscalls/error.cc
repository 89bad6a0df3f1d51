#include "syscalls/error.h"

#include <cctype>
#include <cstring>

namespace glfs {

namespace {

struct Name {
  int number;
  const char* code;
};

#define NAME(code) {code, #code}
// What the calls of this folder are documented to fail with, and what file systems add to that.
constexpr Name kNames[] = {
    NAME(E2BIG),        NAME(EACCES),  NAME(EAGAIN),  NAME(EBADF),     NAME(EBUSY),   NAME(EDQUOT),
    NAME(EEXIST),       NAME(EFAULT),  NAME(EFBIG),   NAME(EINTR),     NAME(EINVAL),  NAME(EIO),
    NAME(EISDIR),       NAME(ELOOP),   NAME(EMFILE),  NAME(EMLINK),    NAME(ENAMETOOLONG),
    NAME(ENFILE),       NAME(ENODATA), NAME(ENODEV),  NAME(ENOENT),    NAME(ENOMEM),  NAME(ENOSPC),
    NAME(ENOSYS),       NAME(ENOTCONN), NAME(ENOTDIR), NAME(ENOTEMPTY), NAME(ENOTSUP), NAME(ENOTTY),
    NAME(ENXIO),        NAME(EOVERFLOW), NAME(EPERM), NAME(EPIPE),     NAME(ERANGE),  NAME(EROFS),
    NAME(ESPIPE),       NAME(ESTALE),  NAME(ETIMEDOUT), NAME(ETXTBSY), NAME(EXDEV),
};
#undef NAME

const char* CodeOf(int number) {
  for (const auto& name : kNames)
    if (name.number == number) return name.code;
  return "UNKNOWN";
}

// strerror_r comes in two kinds: GNU's returns the text, POSIX's fills the buffer.
[[maybe_unused]] const char* Text(const char* text, const char*) { return text; }
[[maybe_unused]] const char* Text(int, const char* buffer) { return buffer; }

}  // namespace

Napi::Error SystemError(Napi::Env env, int number, const char* syscall, const std::string& path) {
  char buffer[128] = "";
  std::string text = Text(strerror_r(number, buffer, sizeof buffer), buffer);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  const char* code = CodeOf(number);
  std::string message = std::string(code) + ": " + text + ", " + syscall;
  if (!path.empty()) message += " '" + path + "'";
  auto error = Napi::Error::New(env, message);
  error.Set("errno", Napi::Number::New(env, -number));
  error.Set("code", Napi::String::New(env, code));
  error.Set("syscall", Napi::String::New(env, syscall));
  if (!path.empty()) error.Set("path", Napi::String::New(env, path));
  return error;
}

Napi::Value Fail(Napi::Env env, const char* syscall, const std::string& path) {
  SystemError(env, errno, syscall, path).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace glfs
