#include "libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace hostflame {
namespace {

constexpr size_t kTailBytes = 16 * 1024;

// Not state that outlives a call: it is set for the duration of one, on the thread that makes it.
thread_local LibbpfLog* current = nullptr;

int Print(libbpf_print_level level, const char* format, va_list arguments) {
  if (!current || level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string line(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(line.data(), line.size(), format, arguments);
  current->Append(line.data(), static_cast<size_t>(length));
  return length;
}

// The name in "libbpf: prog 'name': BPF program load failed" for prefix "libbpf: prog '".
std::string Quoted(const std::string& line, const char* prefix, const char* complaint) {
  if (line.find(complaint) == std::string::npos || line.rfind(prefix, 0) != 0) return "";
  const size_t start = std::char_traits<char>::length(prefix);
  const size_t end = line.find('\'', start);
  return end == std::string::npos ? "" : line.substr(start, end - start);
}

}  // namespace

LibbpfLog::LibbpfLog() : previous_(current) {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(Print); });
  current = this;
}

LibbpfLog::~LibbpfLog() { current = previous_; }

void LibbpfLog::Append(const char* text, size_t length) {
  if (failed_.empty()) {
    const std::string line(text, length < 512 ? length : 512);
    const std::string program = Quoted(line, "libbpf: prog '", "load failed");
    const std::string map = Quoted(line, "libbpf: map '", "failed to create");
    if (!program.empty()) failed_ = "load program " + program;
    if (!map.empty()) failed_ = "create map " + map;
  }
  text_.append(text, length);
  if (text_.size() > 2 * kTailBytes) text_.erase(0, text_.size() - kTailBytes);
}

std::string LibbpfLog::Tail() const {
  return text_.size() <= kTailBytes ? text_ : text_.substr(text_.size() - kTailBytes);
}

std::string LibbpfLog::Operation(const std::string& otherwise) const { return failed_.empty() ? otherwise : failed_; }

}  // namespace hostflame
