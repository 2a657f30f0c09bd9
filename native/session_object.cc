#include "session_object.h"

#include "addon.h"
#include "arguments.h"
#include "table_object.h"

namespace hostflame {
namespace {

SessionOptions ReadOptions(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Object options = arguments.Object(0);
  return {arguments.ToString(options.Get("objectPath")),
          arguments.ToNumbers(arguments.ToObject(options.Get("mapEntries"))),
          arguments.ToByteVectors(arguments.ToObject(options.Get("constants"))),
          arguments.ToStrings(options.Get("skipPrograms"))};
}

}  // namespace

Napi::Function SessionObject::Define(Napi::Env env) {
  return DefineClass(env, "Session",
                     {
                         InstanceMethod<&SessionObject::Load>("load"),
                         InstanceMethod<&SessionObject::Attach>("attach"),
                         InstanceMethod<&SessionObject::Detach>("detach"),
                         InstanceMethod<&SessionObject::SetEnabled>("setEnabled"),
                         InstanceMethod<&SessionObject::SetFrequency>("setFrequency"),
                         InstanceMethod<&SessionObject::Drain>("drain"),
                         InstanceMethod<&SessionObject::OnReadable>("onReadable"),
                         InstanceMethod<&SessionObject::MapMemory>("mapMemory"),
                         InstanceMethod<&SessionObject::CreateTable>("createTable"),
                         InstanceMethod<&SessionObject::PublishTable>("publishTable"),
                         InstanceMethod<&SessionObject::ClearTable>("clearTable"),
                         InstanceMethod<&SessionObject::UpdateElement>("updateElement"),
                         InstanceMethod<&SessionObject::DeleteElement>("deleteElement"),
                         InstanceMethod<&SessionObject::LookupElement>("lookupElement"),
                         InstanceMethod<&SessionObject::MapBytes>("mapBytes"),
                         InstanceMethod<&SessionObject::ProgramStats>("programStats"),
                         InstanceMethod<&SessionObject::Close>("close"),
                     });
}

Napi::Value SessionObject::Create(const Napi::CallbackInfo& info) {
  return Addon::Of(info.Env()).session.New({info[0]});
}

SessionObject::SessionObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SessionObject>(info), session_(ReadOptions(info)) {}

SessionObject::~SessionObject() {
  if (watcher_) watcher_->Stop();
}

void SessionObject::Load(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto tail_calls = arguments.ToNumbers(arguments.Object(0));
  if (!arguments.ok()) return;
  if (Failure failure = session_.Load(tail_calls)) Throw(info.Env(), failure);
}

void SessionObject::Attach(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string program = arguments.String(0);
  const uint32_t cpu = arguments.Uint32(1);
  const uint32_t frequency_hz = arguments.Uint32(2);
  if (!arguments.ok()) return;
  if (Failure failure = session_.Attach(program, cpu, frequency_hz)) Throw(info.Env(), failure);
}

void SessionObject::Detach(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t cpu = arguments.Uint32(0);
  if (!arguments.ok()) return;
  if (Failure failure = session_.Detach(cpu)) Throw(info.Env(), failure);
}

void SessionObject::SetEnabled(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const bool enabled = arguments.Boolean(0);
  if (!arguments.ok()) return;
  if (Failure failure = session_.SetEnabled(enabled)) Throw(info.Env(), failure);
}

void SessionObject::SetFrequency(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t frequency_hz = arguments.Uint32(0);
  if (!arguments.ok()) return;
  if (Failure failure = session_.SetFrequency(frequency_hz)) Throw(info.Env(), failure);
}

Napi::Value SessionObject::Drain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const Bytes batch = arguments.Bytes(0);
  if (!arguments.ok()) return env.Undefined();
  Drained drained;
  if (Failure failure = session_.Drain(batch, &drained)) {
    Throw(env, failure);
    return env.Undefined();
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("bytes", static_cast<double>(drained.bytes));
  result.Set("records", static_cast<double>(drained.records));
  result.Set("more", drained.more);
  return result;
}

void SessionObject::OnReadable(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Function listener = arguments.Function(0);
  if (!arguments.ok()) return;
  const std::string operation = "listen to the ring";
  if (watcher_) return Throw(info.Env(), {-EEXIST, operation, ""});
  int fd = -1;
  if (Failure failure = session_.RingDescriptor(&fd)) return Throw(info.Env(), failure);
  if (const int error = Watcher::Start(info.Env(), fd, listener, &watcher_)) {
    Throw(info.Env(), {error, operation, ""});
  }
}

Napi::Value SessionObject::MapMemory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string name = arguments.String(0);
  if (!arguments.ok()) return env.Undefined();
  auto found = memories_.find(name);
  if (found == memories_.end()) {
    std::shared_ptr<MappedMemory> memory;
    if (Failure failure = session_.MapMemory(name, &memory)) {
      Throw(env, failure);
      return env.Undefined();
    }
    found = memories_.emplace(name, MappedBuffer(env, std::move(memory))).first;
  }
  return found->second.Value();
}

Napi::Value SessionObject::CreateTable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const uint32_t elements = arguments.Uint32(0);
  if (!arguments.ok()) return env.Undefined();
  std::shared_ptr<Table> table;
  if (Failure failure = session_.CreateTable(elements, &table)) {
    Throw(env, failure);
    return env.Undefined();
  }
  return TableObject::Create(env, std::move(table));
}

Napi::Value SessionObject::PublishTable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const uint32_t slot = arguments.Uint32(0);
  if (!arguments.ok()) return env.Undefined();
  const std::shared_ptr<Table> table = TableObject::From(info[1]);
  if (!table) {
    Throw(env, {-EBADF, "publish what is no table, or was released", ""});
    return env.Undefined();
  }
  return ChangeSlot(env, slot, table);
}

Napi::Value SessionObject::ClearTable(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t slot = arguments.Uint32(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return ChangeSlot(info.Env(), slot, nullptr);
}

Napi::Value SessionObject::ChangeSlot(Napi::Env env, uint32_t slot, const std::shared_ptr<Table>& table) {
  UniqueFd tables_fd;
  SlotChange change;
  if (Failure failure = session_.PrepareSlot(slot, table, &tables_fd, &change)) {
    Throw(env, failure);
    return env.Undefined();
  }
  const std::string operation = (table ? "publish a table in slot " : "clear slot ") + std::to_string(slot);
  return slots_.Add(env, Value(), std::move(tables_fd), std::move(change), operation,
                    [this, slot, table] { session_.SlotChanged(slot, table); });
}

void SessionObject::UpdateElement(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string map = arguments.String(0);
  const Bytes key = arguments.Bytes(1);
  const Bytes value = arguments.Bytes(2);
  if (!arguments.ok()) return;
  if (Failure failure = session_.UpdateElement(map, key, value)) Throw(info.Env(), failure);
}

Napi::Value SessionObject::DeleteElement(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string map = arguments.String(0);
  const Bytes key = arguments.Bytes(1);
  bool existed = false;
  if (!arguments.ok()) return info.Env().Undefined();
  if (Failure failure = session_.DeleteElement(map, key, &existed)) Throw(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), existed);
}

Napi::Value SessionObject::LookupElement(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string map = arguments.String(0);
  const Bytes key = arguments.Bytes(1);
  const Bytes value = arguments.Bytes(2);
  bool exists = false;
  if (!arguments.ok()) return info.Env().Undefined();
  if (Failure failure = session_.LookupElement(map, key, value, &exists)) Throw(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), exists);
}

Napi::Value SessionObject::MapBytes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::map<std::string, uint64_t> bytes;
  if (Failure failure = session_.AllMapBytes(&bytes)) {
    Throw(env, failure);
    return env.Undefined();
  }
  Napi::Object result = Napi::Object::New(env);
  for (const auto& [name, count] : bytes) result.Set(name, static_cast<double>(count));
  return result;
}

Napi::Value SessionObject::ProgramStats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::map<std::string, hostflame::ProgramStats> stats;
  if (Failure failure = session_.AllProgramStats(&stats)) {
    Throw(env, failure);
    return env.Undefined();
  }
  Napi::Object result = Napi::Object::New(env);
  for (const auto& [name, program] : stats) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("runs", static_cast<double>(program.runs));
    entry.Set("nanoseconds", static_cast<double>(program.nanoseconds));
    result.Set(name, entry);
  }
  return result;
}

void SessionObject::Close(const Napi::CallbackInfo&) {
  // First the reader of the ring's descriptor, then what JavaScript sees of the maps, then the maps.
  if (watcher_) watcher_->Stop();
  for (auto& [name, memory] : memories_) memory.Release();
  memories_.clear();
  session_.Close();
}

}  // namespace hostflame
