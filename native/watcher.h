#pragma once

#include <napi.h>

#include "uv.h"

namespace hostflame {

// Calls a JavaScript function on the event loop whenever a descriptor is readable. Made with Start; frees itself once
// libuv has let go of its handle, after Stop or when the environment (the process or a worker) ends, whichever is
// first.
class Watcher {
 public:
  // A negative errno on failure. `fd` stays open until Stop. *watcher becomes null when it stops.
  static int Start(Napi::Env env, int fd, Napi::Function listener, Watcher** watcher);
  // Stops at once: the listener is not called again.
  void Stop();

 private:
  Watcher(Napi::Env env, Napi::Function listener, Watcher** owner);
  ~Watcher() = default;

  void Call();
  void Closed();

  Napi::Env env_;
  Watcher** owner_;
  Napi::FunctionReference listener_;
  Napi::AsyncContext context_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_s* handle_ = nullptr;
};

}  // namespace hostflame
