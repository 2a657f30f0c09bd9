#include "addon.h"

#include <memory>

#include "arguments.h"
#include "error.h"
#include "open_path.h"
#include "read_pages.h"
#include "session_object.h"
#include "symbol_events.h"
#include "sys.h"
#include "table_object.h"

namespace hostflame {
namespace {

Napi::Value JsPossibleCpus(const Napi::CallbackInfo& info) {
  const int cpus = PossibleCpus();
  if (cpus < 0) Throw(info.Env(), {cpus, "read the possible CPUs", ""});
  return Napi::Number::New(info.Env(), cpus);
}

Napi::Value JsEnableProgramStats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto fd = std::make_shared<UniqueFd>();
  if (const int error = EnableProgramStats(fd.get())) {
    Throw(env, {error, "enable BPF statistics", ""});
    return env.Undefined();
  }
  return Napi::Function::New(env, [fd](const Napi::CallbackInfo&) { fd->Reset(); });
}

Napi::Value JsWithPath(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const int root = static_cast<int>(arguments.Uint32(0));
  const std::string path = arguments.String(1);
  const bool cross_mounts = arguments.Boolean(2);
  const Napi::Function use = arguments.Function(3);
  if (!arguments.ok()) return env.Undefined();
  UniqueFd fd;
  if (const int error = OpenPath(root, path, cross_mounts, &fd)) {
    Throw(env, {error, "open a path in a root", ""});
    return env.Undefined();
  }
  return use.Call({Napi::Number::New(env, fd.get())});
}

Napi::Value JsWatchKernelSymbols(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::vector<uint32_t> cpus = arguments.Uint32s(0);
  if (!arguments.ok()) return env.Undefined();
  auto events = std::make_shared<SymbolEvents>();
  for (const uint32_t cpu : cpus) {
    if (const Failure failure = events->Open(cpu)) {
      Throw(env, failure);
      return env.Undefined();
    }
  }
  // Undefined once it was told to end, which lets go of the rings.
  return Napi::Function::New(env, [events](const Napi::CallbackInfo& call) mutable -> Napi::Value {
    if (call[0].IsBoolean() && call[0].As<Napi::Boolean>().Value()) events.reset();
    if (!events) return call.Env().Undefined();
    std::vector<uint8_t> records;
    events->Drain(&records);
    return Napi::Buffer<uint8_t>::Copy(call.Env(), records.data(), records.size());
  });
}

Napi::Value JsReadPages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = static_cast<int>(arguments.Uint32(0));
  std::vector<double> numbers = arguments.Doubles(1);
  const Bytes into = arguments.Bytes(2);
  if (!arguments.ok()) return env.Undefined();
  if (into.size != numbers.size() * kPageBytes) {
    Napi::RangeError::New(env, "expected room for each page").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return ReadPages(env, fd, std::move(numbers), info[2].As<Napi::Uint8Array>());
}

void JsTrimMemory(const Napi::CallbackInfo&) { TrimMemory(); }

void JsUnmapCode(const Napi::CallbackInfo&) { UnmapCode(); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ReturnFreedMemory();
  auto* addon = new Addon();
  env.SetInstanceData(addon);
  addon->session = Napi::Persistent(SessionObject::Define(env));
  addon->table = Napi::Persistent(TableObject::Define(env));
  exports.Set("abiFingerprint", Napi::String::New(env, ABI_FINGERPRINT));
  exports.Set("createSession", Napi::Function::New<SessionObject::Create>(env, "createSession"));
  exports.Set("possibleCpus", Napi::Function::New<JsPossibleCpus>(env, "possibleCpus"));
  exports.Set("enableProgramStats", Napi::Function::New<JsEnableProgramStats>(env, "enableProgramStats"));
  exports.Set("withPath", Napi::Function::New<JsWithPath>(env, "withPath"));
  exports.Set("watchKernelSymbols", Napi::Function::New<JsWatchKernelSymbols>(env, "watchKernelSymbols"));
  exports.Set("readPages", Napi::Function::New<JsReadPages>(env, "readPages"));
  exports.Set("trimMemory", Napi::Function::New<JsTrimMemory>(env, "trimMemory"));
  exports.Set("unmapCode", Napi::Function::New<JsUnmapCode>(env, "unmapCode"));
  return exports;
}

}  // namespace
}  // namespace hostflame

NAPI_MODULE_INIT() { return Napi::RegisterModule(env, exports, hostflame::Init); }
