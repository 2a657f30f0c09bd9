#pragma once

#include <napi.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "session.h"

namespace hostflame {

// Reads the arguments of one call. JavaScript has validated them; a wrong one here is a bug in the caller, thrown as a
// TypeError. Each read gives an empty value after the first that failed: read all, then ask ok() once. What is read out
// of an object or an array may be empty also because this worker is being terminated: an empty Napi value can be asked
// what it is, anything else aborts.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info), env_(info.Env()) {}

  bool ok() const { return ok_; }

  std::string String(size_t index) { return ToString(info_[index]); }
  uint32_t Uint32(size_t index) { return ToUint32(info_[index]); }
  hostflame::Bytes Bytes(size_t index) { return ToBytes(info_[index]); }
  std::vector<double> Doubles(size_t index) {
    const Napi::Value value = info_[index];
    const bool doubles = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array;
    if (!Check(doubles, "a Float64Array")) return {};
    auto array = value.As<Napi::Float64Array>();
    return {array.Data(), array.Data() + array.ElementLength()};
  }
  std::vector<uint32_t> Uint32s(size_t index) {
    std::vector<uint32_t> numbers;
    ForEach(info_[index], "an array of numbers", [&](Napi::Value value) { numbers.push_back(ToUint32(value)); });
    return numbers;
  }
  bool Boolean(size_t index) {
    return Check(info_[index].IsBoolean(), "a boolean") && info_[index].As<Napi::Boolean>().Value();
  }
  Napi::Function Function(size_t index) {
    return Check(info_[index].IsFunction(), "a function") ? info_[index].As<Napi::Function>() : Napi::Function();
  }
  Napi::Object Object(size_t index) {
    return Check(info_[index].IsObject(), "an object") ? info_[index].As<Napi::Object>() : Napi::Object::New(env_);
  }

  std::string ToString(Napi::Value value) {
    return Check(value.IsString(), "a string") ? value.As<Napi::String>().Utf8Value() : "";
  }
  uint32_t ToUint32(Napi::Value value) {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    const bool fits = number >= 0 && number <= UINT32_MAX && number == std::floor(number);
    return Check(fits, "an unsigned integer of 32 bits") ? static_cast<uint32_t>(number) : 0;
  }
  hostflame::Bytes ToBytes(Napi::Value value) {
    const bool bytes = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    if (!Check(bytes, "a Uint8Array")) return {nullptr, 0};
    auto array = value.As<Napi::Uint8Array>();
    return {array.Data(), array.ByteLength()};
  }
  std::map<std::string, uint32_t> ToNumbers(Napi::Object record) {
    std::map<std::string, uint32_t> numbers;
    for (const std::string& name : Keys(record)) numbers[name] = ToUint32(record.Get(name));
    return numbers;
  }
  std::map<std::string, std::vector<uint8_t>> ToByteVectors(Napi::Object record) {
    std::map<std::string, std::vector<uint8_t>> vectors;
    for (const std::string& name : Keys(record)) {
      const hostflame::Bytes bytes = ToBytes(record.Get(name));
      vectors[name].assign(bytes.data, bytes.data + bytes.size);
    }
    return vectors;
  }
  std::vector<std::string> ToStrings(Napi::Value value) {
    std::vector<std::string> strings;
    ForEach(value, "an array of strings", [&](Napi::Value each) { strings.push_back(ToString(each)); });
    return strings;
  }
  Napi::Object ToObject(Napi::Value value) {
    return Check(value.IsObject(), "an object") ? value.As<Napi::Object>() : Napi::Object::New(env_);
  }

 private:
  template <typename Read>
  void ForEach(Napi::Value value, const char* wanted, Read read) {
    if (!Check(value.IsArray(), wanted)) return;
    auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) read(array.Get(i));
  }

  std::vector<std::string> Keys(Napi::Object record) { return ToStrings(record.GetPropertyNames()); }

  bool Check(bool right, const char* wanted) {
    if (right || !ok_) return right;
    ok_ = false;
    Napi::TypeError::New(env_, std::string("expected ") + wanted).ThrowAsJavaScriptException();
    return false;
  }

  const Napi::CallbackInfo& info_;
  Napi::Env env_;
  bool ok_ = true;
};

}  // namespace hostflame
