#include <sys/xattr.h>

#include <cstring>

#include "syscalls/arguments.h"
#include "syscalls/error.h"
#include "syscalls/syscalls.h"

namespace glfs {

namespace {

// XATTR_SIZE_MAX and XATTR_LIST_MAX of Linux: neither a value nor a list can be longer, so one call is enough.
constexpr size_t kMost = 65536;

}  // namespace

Napi::Value Getxattr(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "getxattr");
  const auto place = arguments.place();
  const auto name = arguments.text();
  if (!arguments.ok()) return info.Env().Undefined();
  char value[kMost];
  const auto length = Retry([&] {
    return place.open ? fgetxattr(place.descriptor, name.c_str(), value, kMost)
                      : lgetxattr(place.path.c_str(), name.c_str(), value, kMost);
  });
  if (length == -1) return Fail(info.Env(), place.open ? "fgetxattr" : "lgetxattr", place.path);
  return Napi::Buffer<char>::Copy(info.Env(), value, static_cast<size_t>(length));
}

Napi::Value Setxattr(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "setxattr");
  const auto place = arguments.place();
  const auto name = arguments.text();
  const auto value = arguments.bytes();
  const auto flags = arguments.small();
  if (!arguments.ok()) return info.Env().Undefined();
  const void* data = value.Data();
  const size_t size = value.ByteLength();
  const auto result = Retry([&] {
    return place.open ? fsetxattr(place.descriptor, name.c_str(), data, size, flags)
                      : lsetxattr(place.path.c_str(), name.c_str(), data, size, flags);
  });
  if (result == -1) return Fail(info.Env(), place.open ? "fsetxattr" : "lsetxattr", place.path);
  return info.Env().Undefined();
}

Napi::Value Removexattr(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "removexattr");
  const auto place = arguments.place();
  const auto name = arguments.text();
  if (!arguments.ok()) return info.Env().Undefined();
  const auto result = Retry([&] {
    return place.open ? fremovexattr(place.descriptor, name.c_str())
                      : lremovexattr(place.path.c_str(), name.c_str());
  });
  if (result == -1) return Fail(info.Env(), place.open ? "fremovexattr" : "lremovexattr", place.path);
  return info.Env().Undefined();
}

Napi::Value Listxattr(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "listxattr");
  const auto place = arguments.place();
  if (!arguments.ok()) return info.Env().Undefined();
  char names[kMost];
  const auto length = Retry([&] {
    return place.open ? flistxattr(place.descriptor, names, kMost)
                      : llistxattr(place.path.c_str(), names, kMost);
  });
  if (length == -1) return Fail(info.Env(), place.open ? "flistxattr" : "llistxattr", place.path);
  auto list = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const char* name = names; name < names + length; name += std::strlen(name) + 1)
    list.Set(count++, Napi::Buffer<char>::Copy(info.Env(), name, std::strlen(name)));
  return list;
}

}  // namespace glfs
