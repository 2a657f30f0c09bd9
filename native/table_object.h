#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "maps.h"

namespace hostflame {

// NativeTable of addon.ts.
class TableObject : public Napi::ObjectWrap<TableObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Value Create(Napi::Env env, std::shared_ptr<Table> table);
  // Null when the value is not a table, or one that was released, or this worker is being terminated.
  static std::shared_ptr<Table> From(Napi::Value value);

  explicit TableObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value Memory(const Napi::CallbackInfo& info);
  void Unmap(const Napi::CallbackInfo& info);
  Napi::Value Elements(const Napi::CallbackInfo& info);
  void Release(const Napi::CallbackInfo& info);

  std::shared_ptr<Table> table_;
  // Of the memory while it is mapped.
  std::optional<MappedBuffer> buffer_;
  uint32_t elements_ = 0;
};

}  // namespace hostflame
