#pragma once

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace hostflame {

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  void Reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  // A negative errno on failure.
  int Duplicate(int fd) {
    *this = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return fd_ >= 0 ? 0 : -errno;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace hostflame
