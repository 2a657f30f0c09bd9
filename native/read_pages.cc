#include "read_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "fd.h"
#include "promise.h"

namespace hostflame {
namespace {

class PagesWorker : public Napi::AsyncWorker {
 public:
  PagesWorker(Napi::Env env, UniqueFd fd, std::vector<double> numbers, Napi::Uint8Array into)
      : Napi::AsyncWorker(env, "hostflame.pages"),
        promise_(env),
        fd_(std::move(fd)),
        numbers_(std::move(numbers)),
        counts_(numbers_.size(), 0),
        owner_(Napi::Persistent(into.As<Napi::Object>())),
        into_(into.Data()) {}

  Napi::Value promise() const { return promise_.Value(); }

 private:
  void Execute() override {
    for (size_t i = 0; i < numbers_.size(); i++) {
      const off_t at = static_cast<off_t>(numbers_[i]) * static_cast<off_t>(kPageBytes);
      const ssize_t count = pread(fd_.get(), into_ + i * kPageBytes, kPageBytes, at);
      counts_[i] = count > 0 ? static_cast<int32_t>(count) : 0;
    }
  }

  void OnOK() override {
    auto counts = Napi::Int32Array::New(Env(), counts_.size());
    if (counts.IsEmpty()) return;  // this worker is being terminated
    for (size_t i = 0; i < counts_.size(); i++) counts[i] = counts_[i];
    promise_.Resolve(counts);
  }

  Promise promise_;
  UniqueFd fd_;
  std::vector<double> numbers_;
  std::vector<int32_t> counts_;
  Napi::ObjectReference owner_;  // of the memory that is read into
  uint8_t* into_;
};

}  // namespace

Napi::Value ReadPages(Napi::Env env, int fd, std::vector<double> numbers, Napi::Uint8Array into) {
  UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  auto* worker = new PagesWorker(env, std::move(own), std::move(numbers), into);
  const Napi::Value promise = worker->promise();
  worker->Queue();  // which deletes it in the end
  return promise;
}

}  // namespace hostflame
