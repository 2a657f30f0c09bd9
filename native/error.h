#pragma once

#include <napi.h>

#include <string>

namespace hostflame {

// What went wrong, on its way to the edge, where it becomes the one JavaScript error (NativeError in addon.ts).
struct [[nodiscard]] Failure {
  int error = 0;          // a negative errno; 0: nothing went wrong
  std::string operation;  // what was being done, in words
  std::string log;        // the tail of libbpf's and the verifier's, if they said anything

  explicit operator bool() const { return error != 0; }
};

Napi::Error ToError(Napi::Env env, const Failure& failure);
void Throw(Napi::Env env, const Failure& failure);

}  // namespace hostflame
