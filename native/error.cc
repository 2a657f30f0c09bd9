#include "error.h"

#include <cstring>

namespace hostflame {
namespace {

// The kernel's own, for "this map type cannot do that"; user space's headers do not have it.
constexpr int kErrorNotSupported = 524;

std::string Name(int error) {
  if (error == kErrorNotSupported) return "ENOTSUPP";
  const char* name = strerrorname_np(error);
  return name ? name : "E" + std::to_string(error);
}

std::string Sentence(int error) {
  if (error == kErrorNotSupported) return "Operation not supported by this kernel";
  const char* description = strerrordesc_np(error);
  return description ? description : "Unknown error";
}

}  // namespace

Napi::Error ToError(Napi::Env env, const Failure& failure) {
  const int error = -failure.error;
  const std::string code = Name(error);
  Napi::Error exception = Napi::Error::New(env, failure.operation + ": " + Sentence(error) + " (" + code + ")");
  exception.Set("name", Napi::String::New(env, "NativeError"));
  exception.Set("code", Napi::String::New(env, code));
  exception.Set("operation", Napi::String::New(env, failure.operation));
  exception.Set("log", Napi::String::New(env, failure.log));
  return exception;
}

void Throw(Napi::Env env, const Failure& failure) { ToError(env, failure).ThrowAsJavaScriptException(); }

}  // namespace hostflame
