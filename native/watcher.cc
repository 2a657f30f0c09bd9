#include "watcher.h"

#include <errno.h>

#include <cstdlib>
#include <utility>

namespace hostflame {
namespace {

uv_handle_s* AsHandle(uv_poll_s* poll) { return reinterpret_cast<uv_handle_s*>(poll); }

}  // namespace

Watcher::Watcher(Napi::Env env, Napi::Function listener, Watcher** owner)
    : env_(env), owner_(owner), listener_(Napi::Persistent(listener)), context_(env, "hostflame.ring") {}

int Watcher::Start(Napi::Env env, int fd, Napi::Function listener, Watcher** watcher) {
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -EINVAL;
  auto* poll = static_cast<uv_poll_s*>(calloc(1, uv_handle_size(kUvPollHandle)));
  if (!poll) return -ENOMEM;
  if (const int error = uv_poll_init(loop, poll, fd)) {
    free(poll);
    return error;
  }
  auto* self = new Watcher(env, listener, watcher);
  self->handle_ = poll;
  uv_handle_set_data(AsHandle(poll), self);
  // The environment waits for this hook before it closes its loop, which must have no handle left.
  const napi_status hooked = napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* data) { static_cast<Watcher*>(data)->Stop(); }, self, &self->hook_);
  const int error = uv_poll_start(poll, kUvReadable, [](uv_poll_s* polled, int, int) {
    static_cast<Watcher*>(uv_handle_get_data(AsHandle(polled)))->Call();
  });
  *watcher = self;
  if (hooked != napi_ok || error) {
    self->Stop();
    return error ? error : -ENOMEM;
  }
  return 0;
}

void Watcher::Stop() {
  if (!owner_) return;
  *std::exchange(owner_, nullptr) = nullptr;
  uv_close(AsHandle(handle_), [](uv_handle_s* closed) { static_cast<Watcher*>(uv_handle_get_data(closed))->Closed(); });
}

void Watcher::Closed() {
  free(handle_);
  if (hook_) napi_remove_async_cleanup_hook(hook_);
  delete this;
}

void Watcher::Call() {
  Napi::HandleScope scope(env_);
  // The listener may stop this watcher; libuv frees nothing before the next turn of its loop.
  listener_.MakeCallback(env_.Global(), {}, context_);
  if (env_.IsExceptionPending()) {
    const Napi::Error exception = env_.GetAndClearPendingException();
    napi_fatal_exception(env_, exception.Value());
  }
}

}  // namespace hostflame
