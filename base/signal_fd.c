/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/signal_fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What the handler writes to; 0: nothing. Set before the handler is. */
static volatile sig_atomic_t fd_of_signal[NSIG];

static void note_signal(int signal)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t n = write((int)fd_of_signal[signal], &one, sizeof one);
    (void)n; /* full: readable as it is */
    errno = saved;
}

static int watch(int fd, int signal)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    fd_of_signal[signal] = fd;
    return sigaction(signal, &action, NULL);
}

static int open_for(int first, int second, struct err *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0 || watch(fd, first) || watch(fd, second))
        return err_set_errno(err, "cannot wait for signals");
    return fd;
}

int signal_fd_open(int signal, struct err *err)
{
    return open_for(signal, signal, err);
}

int signal_fd_open_stop(struct err *err)
{
    return open_for(SIGINT, SIGTERM, err);
}

bool signal_fd_came(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 0) > 0;
}

bool signal_fd_take(int fd)
{
    uint64_t n;
    return read(fd, &n, sizeof n) == sizeof n;
}
