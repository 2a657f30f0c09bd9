#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fd.h"

namespace hostflame {

// The memory of a BPF_F_MMAPABLE array in this process.
class MappedMemory {
 public:
  // A negative errno on failure. `fd` stays the caller's.
  static int Map(int fd, size_t bytes, std::shared_ptr<MappedMemory>* memory);
  MappedMemory(void* data, size_t bytes) : data_(data), bytes_(bytes) {}
  ~MappedMemory() { Unmap(); }
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  void Unmap();
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_;
  size_t bytes_;
};

// The one ArrayBuffer over a MappedMemory, which lives until the last of the two owners lets go: this object, or the
// ArrayBuffer that JavaScript may have kept. Release() ends both at once.
class MappedBuffer {
 public:
  MappedBuffer(Napi::Env env, std::shared_ptr<MappedMemory> memory);

  Napi::Value Value() const;
  // Detaches the ArrayBuffer (views of it get length 0), then unmaps.
  void Release();

 private:
  std::shared_ptr<MappedMemory> memory_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

// An inner map of `tables`: a BPF array of u64 of exactly the size asked for, mapped while its memory is used.
// JavaScript's NativeTable owns one until released, and the session's slot until cleared; its bytes are counted while
// either does.
class Table {
 public:
  static int Create(uint32_t elements, std::shared_ptr<Table>* table);
  Table(UniqueFd fd, uint32_t elements, uint64_t accounted_bytes)
      : fd_(std::move(fd)), elements_(elements), accounted_bytes_(accounted_bytes) {}

  // Maps the memory where it is not; a negative errno on failure.
  int Map();
  void Unmap() { memory_.reset(); }
  // Closes the descriptor; the kernel keeps the map while it is in a slot.
  void Release();
  int fd() const { return fd_.get(); }
  const std::shared_ptr<MappedMemory>& memory() const { return memory_; }
  uint32_t elements() const { return elements_; }
  uint64_t accounted_bytes() const { return accounted_bytes_; }

 private:
  UniqueFd fd_;
  std::shared_ptr<MappedMemory> memory_;
  uint32_t elements_;
  uint64_t accounted_bytes_;
};

// What the kernel says it keeps for a map ("memlock" of its fdinfo); a negative errno on failure.
int64_t AccountedBytes(int map_fd);

}  // namespace hostflame
