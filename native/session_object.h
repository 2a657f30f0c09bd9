#pragma once

#include <napi.h>

#include <map>
#include <string>

#include "maps.h"
#include "session.h"
#include "slot_queue.h"
#include "watcher.h"

namespace hostflame {

// Session of addon.ts: each method reads its arguments, calls the Session and turns a failure into an exception.
class SessionObject : public Napi::ObjectWrap<SessionObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Value Create(const Napi::CallbackInfo& info);

  explicit SessionObject(const Napi::CallbackInfo& info);
  ~SessionObject() override;

 private:
  void Load(const Napi::CallbackInfo& info);
  void Attach(const Napi::CallbackInfo& info);
  void Detach(const Napi::CallbackInfo& info);
  void SetEnabled(const Napi::CallbackInfo& info);
  void SetFrequency(const Napi::CallbackInfo& info);
  Napi::Value Drain(const Napi::CallbackInfo& info);
  void OnReadable(const Napi::CallbackInfo& info);
  Napi::Value MapMemory(const Napi::CallbackInfo& info);
  Napi::Value CreateTable(const Napi::CallbackInfo& info);
  Napi::Value PublishTable(const Napi::CallbackInfo& info);
  Napi::Value ClearTable(const Napi::CallbackInfo& info);
  void UpdateElement(const Napi::CallbackInfo& info);
  Napi::Value DeleteElement(const Napi::CallbackInfo& info);
  Napi::Value LookupElement(const Napi::CallbackInfo& info);
  Napi::Value MapBytes(const Napi::CallbackInfo& info);
  Napi::Value ProgramStats(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  Napi::Value ChangeSlot(Napi::Env env, uint32_t slot, const std::shared_ptr<Table>& table);

  Session session_;
  Watcher* watcher_ = nullptr;  // owns itself; sets this to null when it stops
  std::map<std::string, MappedBuffer> memories_;
  SlotQueue slots_;
};

}  // namespace hostflame
