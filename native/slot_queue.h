#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "promise.h"
#include "slots.h"

namespace hostflame {

// Changes of slots that JavaScript asked for, made on libuv's pool: one batch at a time, so that they happen in the
// order of the calls, and what is asked for meanwhile goes together in the next.
class SlotQueue {
 public:
  // A promise that settles when the change is made; `made` is called before it resolves. The queue is part of `owner`,
  // which is kept from being collected until then.
  Napi::Value Add(Napi::Env env, Napi::Object owner, UniqueFd tables_fd, SlotChange change,
                  const std::string& operation, std::function<void()> made);

 private:
  friend class SlotWorker;

  struct Asked {
    SlotChange change;
    std::string operation;
    std::function<void()> made;
    Promise promise;
  };

  void Start(Napi::Env env, Napi::Object owner);
  void Finish(Napi::Env env, Napi::Object owner, std::vector<SlotChange> changes);

  std::vector<Asked> waiting_;
  std::vector<Asked> running_;
  UniqueFd tables_fd_;
};

}  // namespace hostflame
