#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscalls/arguments.h"
#include "syscalls/error.h"
#include "syscalls/syscalls.h"
#include "syscalls/task.h"

namespace glfs {

Napi::Value Mknod(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "mknod");
  const auto path = arguments.text();
  const auto mode = static_cast<mode_t>(arguments.small());
  const auto device = static_cast<dev_t>(arguments.unsignedBig());
  if (!arguments.ok()) return info.Env().Undefined();
  if (Retry([&] { return mknod(path.c_str(), mode, device); }) == -1) return Fail(info.Env(), "mknod", path);
  return info.Env().Undefined();
}

Napi::Value Fallocate(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "fallocate");
  const auto descriptor = arguments.descriptor();
  const auto mode = arguments.small();
  const auto offset = arguments.integer();
  const auto length = arguments.integer();
  if (!arguments.ok()) return info.Env().Undefined();
  return Task::Start(info.Env(), "fallocate", false,
                     [=] { return int64_t{fallocate(descriptor, mode, offset, length)}; });
}

Napi::Value Seek(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "lseek");
  const auto descriptor = arguments.descriptor();
  const auto offset = arguments.integer();
  const auto whence = arguments.small();
  if (!arguments.ok()) return info.Env().Undefined();
  const auto found = Retry([&] { return lseek(descriptor, offset, whence); });
  if (found == -1) return Fail(info.Env(), "lseek");
  return Napi::Number::New(info.Env(), static_cast<double>(found));
}

Napi::Value CopyFileRange(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "copy_file_range");
  const auto source = arguments.descriptor();
  const auto sourceOffset = arguments.integer();
  const auto target = arguments.descriptor();
  const auto targetOffset = arguments.integer();
  const auto length = arguments.integer();
  if (!arguments.ok()) return info.Env().Undefined();
  return Task::Start(info.Env(), "copy_file_range", true, [=] {
    // By number: C libraries differ in whether they have it and in what they make of an old kernel.
    loff_t from = sourceOffset;
    loff_t to = targetOffset;
    return int64_t{syscall(SYS_copy_file_range, source, &from, target, &to, static_cast<size_t>(length), 0)};
  });
}

Napi::Value Utimens(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "utimensat");
  const auto place = arguments.place();
  const timespec times[] = {arguments.time(), arguments.time()};
  if (!arguments.ok()) return info.Env().Undefined();
  const auto result = Retry([&] {
    return place.open ? futimens(place.descriptor, times)
                      : utimensat(AT_FDCWD, place.path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  });
  if (result == -1) return Fail(info.Env(), place.open ? "futimens" : "utimensat", place.path);
  return info.Env().Undefined();
}

Napi::Value LinkDescriptor(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "linkat");
  const auto descriptor = arguments.descriptor();
  const auto path = arguments.text();
  if (!arguments.ok()) return info.Env().Undefined();
  const auto file = "/proc/self/fd/" + std::to_string(descriptor);
  const auto result =
      Retry([&] { return linkat(AT_FDCWD, file.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW); });
  if (result == -1) return Fail(info.Env(), "linkat", path);
  return info.Env().Undefined();
}

}  // namespace glfs
