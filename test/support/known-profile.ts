import type { Profile } from "#src/model/profile.js";
import { ProfileBuilder } from "./profile-builder.js";

/** A small profile with one of everything, of 1,000 samples so that shares are read off. */
export function knownProfile(): Profile {
  const builder = ProfileBuilder.read(`
    nginx;_start;main;ngx_worker;ngx_http_parse 300
    nginx;_start;main;ngx_worker;SSL_write@/usr/lib/libssl.so.3;sha256_block@/usr/lib/libcrypto.so.3 150
    nginx;_start;main;ngx_worker;writev@/lib/libc.so.6;entry_SYSCALL_64_after_hwframe_[k];tcp_sendmsg_[k] 100
    nginx;_start;main;ngx_worker;writev@/lib/libc.so.6;entry_SYSCALL_64_after_hwframe_[k] 10
    python3;_start;main;fib.py:run@/app/fib.py_[i];fib@/app/fib.py_[i];fib@/app/fib.py_[i];fib@/app/fib.py_[i] 200
    node;_start;main;node::Start > v8::Invoke;onRequest_[j];JSON.parse > SlowPath_[j] 190
    kworker/0:1;ret_from_fork_[k];kthread_[k];worker_thread_[k] 10
  `);
  const rust = ["_start", "main", "<[u8; 16] as core::hash::Hash>::hash<H>"];
  const path = rust.map((name) => builder.location([name], "/usr/bin/rustc", "native"));
  return builder.addFrames("rustc", path, 40).build();
}
