#pragma once

#include <string>

namespace hostflame {

// Collects what libbpf says on this thread while it lives: libbpf has one print function for the whole process and
// passes it no context, so the function that is set (once, and for good) looks for the thread's current collector.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // The last 16 KiB: of a verifier's log the end is what matters.
  std::string Tail() const;
  // "load program x" or "create map x" for the first that libbpf complained of, else `otherwise`.
  std::string Operation(const std::string& otherwise) const;

  void Append(const char* text, size_t length);

 private:
  LibbpfLog* previous_;
  std::string text_;
  std::string failed_;
};

}  // namespace hostflame
