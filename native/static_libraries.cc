// What Debian's and Ubuntu's static libraries lack for a shared object. They are compiled to be linked into a program
// (-fPIE): fine but for two places that take a variable to be the program's own. Both are given one here. Should
// another version of the libraries need a third, the link fails and names it; should one define these itself, it says
// so too.

#include <dlfcn.h>

#include <cstdio>

// stdio.h declares the C library's; this translation unit must not see that the two are of one name.
extern "C" {
__attribute__((visibility("hidden")))
FILE* hostflame_stderr __asm__("stderr") = *static_cast<FILE**>(dlsym(RTLD_DEFAULT, "stderr"));
}

// libelf's last-error variable is thread-local, and these three are all that touches it.

namespace {

thread_local int last_error = 0;

}  // namespace

extern "C" {

void __libelf_seterrno(int error);
int elf_errno();
const char* elf_errmsg(int error);

void __libelf_seterrno(int error) { last_error = error; }

int elf_errno() {
  const int error = last_error;
  last_error = 0;
  return error;
}

// By libelf's convention 0 asks for the last error if there was one, -1 for the last error whatever it is.
const char* elf_errmsg(int error) {
  thread_local char message[32];
  const int asked = error > 0 ? error : last_error;
  if (asked == 0 && error == 0) return nullptr;
  snprintf(message, sizeof(message), "libelf error %d", asked);
  return message;
}
}
