#include "table_object.h"

#include "addon.h"

namespace hostflame {
namespace {

// Random; tells a table from any other wrapped object.
constexpr napi_type_tag kTag = {0x1f0d5c0a6b3e4d27, 0x9a1be6c4402d7f83};

}  // namespace

Napi::Function TableObject::Define(Napi::Env env) {
  return DefineClass(env, "NativeTable",
                     {
                         InstanceAccessor<&TableObject::Memory>("memory"),
                         InstanceAccessor<&TableObject::Elements>("elements"),
                         InstanceMethod<&TableObject::Unmap>("unmap"),
                         InstanceMethod<&TableObject::Release>("release"),
                     });
}

Napi::Value TableObject::Create(Napi::Env env, std::shared_ptr<Table> table) {
  return Addon::Of(env).table.New({Napi::External<std::shared_ptr<Table>>::New(env, &table)});
}

std::shared_ptr<Table> TableObject::From(Napi::Value value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return nullptr;
  const TableObject* object = Unwrap(value.As<Napi::Object>());
  return object ? object->table_ : nullptr;
}

TableObject::TableObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TableObject>(info) {
  // Only Create calls this: the class is not exported, but an instance's constructor can be reached.
  if (!info[0].IsExternal()) {
    Napi::TypeError::New(info.Env(), "a table is made by createTable").ThrowAsJavaScriptException();
    return;
  }
  table_ = *info[0].As<Napi::External<std::shared_ptr<Table>>>().Data();
  elements_ = table_->elements();
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Napi::Value TableObject::Memory(const Napi::CallbackInfo& info) {
  if (!table_ || table_->Map() != 0) return info.Env().Undefined();
  if (!buffer_) buffer_.emplace(info.Env(), table_->memory());
  return buffer_->Value();
}

void TableObject::Unmap(const Napi::CallbackInfo&) {
  if (!table_) return;
  if (buffer_) buffer_->Release();
  buffer_.reset();
  table_->Unmap();
}

Napi::Value TableObject::Elements(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), elements_); }

void TableObject::Release(const Napi::CallbackInfo& info) {
  if (!table_) return;
  Unmap(info);
  table_->Release();
  table_.reset();
}

}  // namespace hostflame
