#pragma once

#include <signal.h>

namespace hostflame {

// Holds every signal of this thread back while it lives. The verifier gives up with EAGAIN when one is pending, and
// libbpf tries five times only: under a profiler's timer, or a Ctrl-C held down, a load would fail.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

}  // namespace hostflame
