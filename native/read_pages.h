#pragma once

#include <napi.h>

#include <vector>

namespace hostflame {

// Reads a page at each of these page numbers of a file, such as /proc/PID/mem, on a thread of libuv's pool: all in one
// go, for a turn of the pool costs many times what a page does. They come to lie in `into` one after another; resolves
// with the bytes of each that were there, 0 where nothing is. The descriptor is duplicated: it may be closed meanwhile.
Napi::Value ReadPages(Napi::Env env, int fd, std::vector<double> numbers, Napi::Uint8Array into);

inline constexpr size_t kPageBytes = 4096;

}  // namespace hostflame
