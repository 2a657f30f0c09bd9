#include "slot_queue.h"

#include <utility>

#include "error.h"

namespace hostflame {

class SlotWorker : public Napi::AsyncWorker {
 public:
  SlotWorker(Napi::Env env, Napi::Object owner, SlotQueue* queue, UniqueFd tables_fd, std::vector<SlotChange> changes)
      : Napi::AsyncWorker(env, "hostflame.slots"),
        owner_(Napi::Persistent(owner)),
        queue_(queue),
        tables_fd_(std::move(tables_fd)),
        changes_(std::move(changes)) {}

 private:
  void Execute() override { ApplySlotChanges(tables_fd_.get(), &changes_); }
  void OnOK() override { queue_->Finish(Env(), owner_.Value(), std::move(changes_)); }

  Napi::ObjectReference owner_;  // which the queue is part of
  SlotQueue* queue_;
  UniqueFd tables_fd_;
  std::vector<SlotChange> changes_;
};

Napi::Value SlotQueue::Add(Napi::Env env, Napi::Object owner, UniqueFd tables_fd, SlotChange change,
                           const std::string& operation, std::function<void()> made) {
  const Promise promise(env);
  waiting_.push_back({std::move(change), operation, std::move(made), promise});
  tables_fd_ = std::move(tables_fd);
  if (running_.empty()) Start(env, owner);
  return promise.Value();
}

void SlotQueue::Start(Napi::Env env, Napi::Object owner) {
  running_ = std::exchange(waiting_, {});
  std::vector<SlotChange> changes;
  for (Asked& asked : running_) changes.push_back(std::move(asked.change));
  (new SlotWorker(env, owner, this, std::move(tables_fd_), std::move(changes)))->Queue();
}

void SlotQueue::Finish(Napi::Env env, Napi::Object owner, std::vector<SlotChange> changes) {
  std::vector<Asked> finished = std::exchange(running_, {});
  if (!waiting_.empty()) Start(env, owner);
  for (size_t i = 0; i < finished.size(); i++) {
    Asked& asked = finished[i];
    if (changes[i].error) {
      asked.promise.Reject(ToError(env, {changes[i].error, asked.operation, ""}).Value());
    } else {
      asked.made();
      asked.promise.Resolve(env.Undefined());
    }
  }
}

}  // namespace hostflame
