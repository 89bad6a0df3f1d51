#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "syscalls/arguments.h"
#include "syscalls/error.h"
#include "syscalls/syscalls.h"

namespace glfs {

namespace {

/**
 * linux_dirent64, packed as the kernel writes it:
 *   0 u64 d_ino   8 s64 d_off   16 u16 d_reclen   18 u8 d_type   19 d_name, NUL-terminated
 */
struct Record {
  uint64_t ino;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  const char* name;

  explicit Record(const char* at) : type(static_cast<uint8_t>(at[18])), name(at + 19) {
    std::memcpy(&ino, at, sizeof ino);
    std::memcpy(&offset, at + 8, sizeof offset);
    std::memcpy(&length, at + 16, sizeof length);
  }
};

constexpr size_t kSmallest = 1024;
constexpr size_t kLargest = 65536;
constexpr size_t kTypical = 40;

}  // namespace

Napi::Value Readdir(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "getdents64");
  const auto descriptor = arguments.descriptor();
  const auto start = arguments.big();
  const auto limit = arguments.small();
  const auto env = info.Env();
  if (!arguments.ok()) return env.Undefined();

  if (Retry([&] { return lseek(descriptor, start, SEEK_SET); }) == -1) return Fail(env, "lseek");
  const auto most = static_cast<uint32_t>(std::max(limit, 1));
  alignas(8) char buffer[kLargest];
  const size_t size = std::clamp(most * kTypical, kSmallest, kLargest);
  auto entries = Napi::Array::New(env);
  uint32_t count = 0;
  while (count < most) {
    const auto got = Retry([&] { return syscall(SYS_getdents64, descriptor, buffer, size); });
    // ENOENT: the directory itself was removed, which readdir(3) calls its end.
    if (got == 0 || (got == -1 && (errno == ENOENT || count > 0))) break;
    if (got == -1) return Fail(env, "getdents64");
    for (const char* at = buffer; at < buffer + got && count < most;) {
      const Record record(at);
      auto entry = Napi::Object::New(env);
      entry.Set("name", Napi::Buffer<char>::Copy(env, record.name, std::strlen(record.name)));
      entry.Set("ino", Napi::BigInt::New(env, record.ino));
      entry.Set("offset", Napi::BigInt::New(env, record.offset));
      entry.Set("type", Napi::Number::New(env, record.type));
      entries.Set(count++, entry);
      at += record.length;
    }
  }
  return entries;
}

}  // namespace glfs
