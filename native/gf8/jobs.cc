#include "gf8/jobs.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace glfs {

namespace {

// So many bytes of input are one piece of work for a thread: long beside the way to it, short for who waits behind it.
constexpr size_t kBatch = 512 * 1024;

/** What a job works on, checked; pointers stay valid as long as the arguments are alive. */
struct Job {
  std::vector<const uint8_t*> sources;
  std::vector<uint8_t*> targets;
  std::vector<uint8_t> factors;
  size_t step = 0;
  // Stripes, or chunks of a source, and the bytes of input that one of them has.
  size_t count = 0;
  size_t stripe = 0;
  std::function<void(const Job& job, size_t first, size_t count)> run;
};

struct Bytes {
  uint8_t* data;
  size_t length;
};

// The plain calls of Node-API: one for each buffer instead of five, where a short job is done in a microsecond.
bool Take(napi_env env, napi_value value, Bytes& bytes) {
  napi_typedarray_type type;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &bytes.length, &data, nullptr, nullptr) != napi_ok) return false;
  bytes.data = static_cast<uint8_t*>(data);
  return type == napi_uint8_array;
}

bool TakeAll(napi_env env, napi_value value, size_t most, std::vector<Bytes>& all) {
  uint32_t length = 0;
  if (napi_get_array_length(env, value, &length) != napi_ok || length == 0 || length > most) return false;
  all.resize(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element = nullptr;
    if (napi_get_element(env, value, i, &element) != napi_ok || !Take(env, element, all[i])) return false;
  }
  return true;
}

// (data: Uint8Array, points: Uint8Array, fragments: Uint8Array[])
bool ReadEvaluation(const Napi::CallbackInfo& info, Job& job) {
  Bytes data, points;
  std::vector<Bytes> fragments;
  const auto env = info.Env();
  if (!Take(env, info[0], data) || !Take(env, info[1], points)) return false;
  if (!TakeAll(env, info[2], kMaxFragments, fragments)) return false;
  const size_t length = fragments[0].length;
  if (points.length != fragments.size() || length == 0 || length % kChunk != 0 || data.length % length != 0) return false;
  const size_t coefficients = data.length / length;
  if (coefficients == 0 || coefficients > kMaxData) return false;
  job.targets.reserve(fragments.size());
  for (size_t i = 0; i < points.length; i++) {
    if (points.data[i] == 0 || points.data[i] > kMaxFragments || fragments[i].length != length) return false;
    job.targets.push_back(fragments[i].data);
  }
  job.factors.assign(points.data, points.data + points.length);
  job.sources.push_back(data.data);
  job.count = length / kChunk;
  job.stripe = coefficients * kChunk;
  return true;
}

// (matrix: Uint8Array, sources: Uint8Array[], targets: Uint8Array[], step: number)
bool ReadCombination(const Napi::CallbackInfo& info, Job& job) {
  Bytes matrix;
  std::vector<Bytes> sources, targets;
  const auto env = info.Env();
  if (!Take(env, info[0], matrix) || !TakeAll(env, info[1], kMaxData, sources)) return false;
  if (!TakeAll(env, info[2], kMaxFragments, targets)) return false;
  if (!info[3].IsNumber() || matrix.length != sources.size() * targets.size()) return false;
  job.step = info[3].As<Napi::Number>().Uint32Value();
  const size_t length = sources[0].length;
  if (length == 0 || length % kChunk != 0 || job.step < kChunk) return false;
  job.count = length / kChunk;
  for (const auto& source : sources) {
    if (source.length != length) return false;
    job.sources.push_back(source.data);
  }
  for (const auto& target : targets) {
    if (target.length < (job.count - 1) * job.step + kChunk) return false;
    job.targets.push_back(target.data);
  }
  job.factors.assign(matrix.data, matrix.data + matrix.length);
  job.stripe = sources.size() * kChunk;
  return true;
}

/** One batch of a job on a thread of the pool; the last one that is done settles the promise. */
class Batch : public Napi::AsyncWorker {
 public:
  struct Shared {
    Job job;
    napi_deferred deferred;
    // Keeps them alive.
    Napi::ObjectReference buffers;
    size_t left;
  };

  Batch(Napi::Env env, std::shared_ptr<Shared> shared, size_t first, size_t count)
      : Napi::AsyncWorker(env, "glfs.gf8"), shared_(std::move(shared)), first_(first), count_(count) {}

 protected:
  void Execute() override { shared_->job.run(shared_->job, first_, count_); }

  // The plain call of Node-API: a worker thread that is being ended can no longer run JavaScript, and that is no error.
  void OnOK() override {
    if (--shared_->left == 0) napi_resolve_deferred(Env(), shared_->deferred, Env().Undefined());
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const size_t first_;
  const size_t count_;
};

/** All buffers among the arguments: the lists that hold them are the caller's to change. */
Napi::Array Buffers(const Napi::CallbackInfo& info) {
  auto all = Napi::Array::New(info.Env());
  for (size_t i = 0; i < info.Length(); i++) {
    if (!info[i].IsArray()) {
      all.Set(all.Length(), info[i]);
      continue;
    }
    const auto list = info[i].As<Napi::Array>();
    for (uint32_t at = 0; at < list.Length(); at++) all.Set(all.Length(), list.Get(at));
  }
  return all;
}

Napi::Value RunThreaded(const Napi::CallbackInfo& info, Job job) {
  const auto env = info.Env();
  auto shared = std::make_shared<Batch::Shared>();
  napi_value promise = nullptr;
  if (napi_create_promise(env, &shared->deferred, &promise) != napi_ok) return env.Undefined();
  shared->buffers = Napi::Persistent(Buffers(info).As<Napi::Object>());
  shared->job = std::move(job);
  const size_t count = shared->job.count;
  const size_t batch = std::max<size_t>(1, kBatch / shared->job.stripe);
  shared->left = (count + batch - 1) / batch;
  for (size_t first = 0; first < count; first += batch) {
    (new Batch(env, shared, first, std::min(batch, count - first)))->Queue();
  }
  return Napi::Value(env, promise);
}

template <bool kThreaded>
Napi::Value Start(const Napi::CallbackInfo& info, Job job) {
  if (kThreaded) return RunThreaded(info, std::move(job));
  job.run(job, 0, job.count);
  return info.Env().Undefined();
}

Napi::Value Refuse(const Napi::CallbackInfo& info, const char* expected) {
  Napi::TypeError::New(info.Env(), expected).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

template <bool kThreaded>
Napi::Value EvaluateCall(const Napi::CallbackInfo& info) {
  Job job;
  if (!ReadEvaluation(info, job)) return Refuse(info, "whole stripes, points and a buffer for each are expected");
  const auto evaluate = reinterpret_cast<Evaluate>(info.Data());
  job.run = [evaluate](const Job& self, size_t first, size_t count) {
    evaluate({self.stripe / kChunk, self.sources[0], self.targets.size(), self.factors.data(), self.targets.data()}, first,
             count);
  };
  return Start<kThreaded>(info, std::move(job));
}

template <bool kThreaded>
Napi::Value CombineCall(const Napi::CallbackInfo& info) {
  Job job;
  if (!ReadCombination(info, job)) return Refuse(info, "a matrix, whole chunks and room for the results are expected");
  const auto combine = reinterpret_cast<Combine>(info.Data());
  job.run = [combine](const Job& self, size_t first, size_t count) {
    combine({self.targets.size(), self.sources.size(), self.factors.data(), self.sources.data(), self.targets.data(),
             self.step},
            first, count);
  };
  return Start<kThreaded>(info, std::move(job));
}

}  // namespace

void AddErasure(Napi::Env env, Napi::Object kernel, Evaluate evaluate, Combine combine) {
  const auto add = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&), void* data) {
    kernel.Set(name, Napi::Function::New(env, call, name, data));
  };
  add("evaluate", EvaluateCall<false>, reinterpret_cast<void*>(evaluate));
  add("evaluateThreaded", EvaluateCall<true>, reinterpret_cast<void*>(evaluate));
  add("combine", CombineCall<false>, reinterpret_cast<void*>(combine));
  add("combineThreaded", CombineCall<true>, reinterpret_cast<void*>(combine));
}

}  // namespace glfs
