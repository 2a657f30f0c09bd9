#pragma once

#include <string>

#include "fd.h"

namespace hostflame {

// Finds a path as if the directory `root` were the process's root: absolute links and ".." stay in it, and no magic
// link of /proc leads out of it (openat2, Linux 5.6). `cross_mounts`: whether other file systems mounted below belong
// to it. The descriptor names the file (O_PATH); nothing is opened for reading, so that no device and no pipe notices.
// A negative errno on failure: EXDEV where a mount was not to be crossed, ENOSYS where the kernel or a seccomp filter
// has no openat2.
int OpenPath(int root, const std::string& path, bool cross_mounts, UniqueFd* fd);

}  // namespace hostflame
