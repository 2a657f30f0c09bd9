#pragma once

#include <napi.h>

namespace hostflame {

// What one environment (the main thread, or a worker) has of this addon. Kept as its instance data and freed with it;
// the addon has no other state.
struct Addon {
  Napi::FunctionReference session;
  Napi::FunctionReference table;

  static Addon& Of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
};

}  // namespace hostflame
