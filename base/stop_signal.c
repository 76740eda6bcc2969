/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

int stop_signal_open(struct err *err)
{
    sigset_t set = stop_signals();
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return err_set_errno(err, "cannot block signals");
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_set_errno(err, "cannot wait for signals") : fd;
}

void stop_signal_unblock(void)
{
    sigset_t set = stop_signals();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool stop_signal_came(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 0) > 0;
}
