#include "maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include <cstdio>
#include <utility>

namespace hostflame {

int MappedMemory::Map(int fd, size_t bytes, std::shared_ptr<MappedMemory>* memory) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return -errno;
  *memory = std::make_shared<MappedMemory>(data, bytes);
  return 0;
}

void MappedMemory::Unmap() {
  if (data_) munmap(std::exchange(data_, nullptr), bytes_);
}

MappedBuffer::MappedBuffer(Napi::Env env, std::shared_ptr<MappedMemory> memory) : memory_(std::move(memory)) {
  using Owner = std::shared_ptr<MappedMemory>;
  auto owner = std::make_unique<Owner>(memory_);
  auto buffer = Napi::ArrayBuffer::New(
      env, memory_->data(), memory_->bytes(), [](Napi::Env, void*, Owner* gone) { delete gone; }, owner.get());
  if (buffer.IsEmpty()) return;  // this worker is being terminated
  owner.release();
  buffer_ = Napi::Persistent(buffer);
}

Napi::Value MappedBuffer::Value() const { return buffer_.Value(); }

void MappedBuffer::Release() {
  if (buffer_.IsEmpty()) return;
  {
    Napi::HandleScope scope(buffer_.Env());
    buffer_.Value().Detach();
  }
  buffer_.Reset();
  memory_->Unmap();
}

int Table::Create(uint32_t elements, std::shared_ptr<Table>* table) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  // BPF_F_INNER_MAP (5.10): without it on the template in the object and on each array put in a slot, the kernel wants
  // all of them to have the template's number of elements.
  options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
  UniqueFd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", sizeof(uint32_t), sizeof(uint64_t), elements, &options));
  if (!fd) return -errno;
  const int64_t accounted = AccountedBytes(fd.get());
  if (accounted < 0) return static_cast<int>(accounted);
  *table = std::make_shared<Table>(std::move(fd), elements, static_cast<uint64_t>(accounted));
  return (*table)->Map();
}

int Table::Map() { return memory_ ? 0 : MappedMemory::Map(fd_.get(), size_t{elements_} * sizeof(uint64_t), &memory_); }

void Table::Release() {
  fd_.Reset();
  memory_.reset();
}

int64_t AccountedBytes(int map_fd) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map_fd);
  std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path, "re"), fclose);
  if (!file) return -errno;
  char line[128];
  unsigned long long bytes;
  while (fgets(line, sizeof(line), file.get())) {
    if (sscanf(line, "memlock: %llu", &bytes) == 1) return static_cast<int64_t>(bytes);
  }
  return -ENODATA;
}

}  // namespace hostflame
