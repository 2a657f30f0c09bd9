#include "open_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hostflame {
namespace {

// Renames elsewhere make a lookup of ".." start anew, with EAGAIN: whoever renames all the time shall not hold us up.
constexpr int kTries = 8;

}  // namespace

int OpenPath(int root, const std::string& path, bool cross_mounts, UniqueFd* fd) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (!cross_mounts) how.resolve |= RESOLVE_NO_XDEV;
  int error = 0;
  for (int tries = 0; tries < kTries; tries++) {
    *fd = UniqueFd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
    if (*fd) return 0;
    error = -errno;
    if (error != -EAGAIN && error != -EINTR) break;
  }
  return error;
}

}  // namespace hostflame
