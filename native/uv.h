#pragma once

// The part of libuv's ABI that watcher.cc uses. Node exports these functions, and libuv keeps them within 1.x;
// node-api-headers has no uv.h, and Node's own headers would have to be downloaded. Handles are opaque here: their size
// is asked of the libuv that runs (uv_handle_size).

#include <stddef.h>

struct uv_loop_s;
struct uv_handle_s;
struct uv_poll_s;

extern "C" {
size_t uv_handle_size(int type);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
int uv_poll_init(uv_loop_s* loop, uv_poll_s* handle, int fd);
int uv_poll_start(uv_poll_s* handle, int events, void (*callback)(uv_poll_s* handle, int status, int events));
void uv_close(uv_handle_s* handle, void (*callback)(uv_handle_s* handle));
}

// enum uv_handle_type and enum uv_poll_event of uv.h.
constexpr int kUvPollHandle = 8;
constexpr int kUvReadable = 1;
