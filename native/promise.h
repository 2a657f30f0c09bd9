#pragma once

#include <napi.h>

#include <utility>

namespace hostflame {

// A promise for JavaScript, settled once. Napi::Promise::Deferred leaves its members unset where the promise cannot be
// made, which is so from the moment that somebody terminates this worker: another thread does, in the middle of a call.
class Promise {
 public:
  explicit Promise(Napi::Env env) : env_(env) {
    if (napi_create_promise(env, &deferred_, &value_) != napi_ok) deferred_ = nullptr;
  }

  // Within the call that made it. Empty, which JavaScript sees as undefined, where there is no JavaScript to run.
  Napi::Value Value() const { return deferred_ ? Napi::Value(env_, value_) : Napi::Value(); }
  void Resolve(napi_value value) { Settle(napi_resolve_deferred, value); }
  void Reject(napi_value reason) { Settle(napi_reject_deferred, reason); }

 private:
  // Fails only where nobody can hear of it any more.
  void Settle(napi_status (*settle)(napi_env, napi_deferred, napi_value), napi_value value) {
    if (deferred_ && value) settle(env_, std::exchange(deferred_, nullptr), value);
  }

  Napi::Env env_;
  napi_deferred deferred_ = nullptr;
  napi_value value_ = nullptr;
};

}  // namespace hostflame
