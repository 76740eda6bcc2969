/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/windows.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns/rtnetlink.h"
#include "netns/tbf.h"

#define IPV4 "/proc/sys/net/ipv4/"

static int write_setting(const char *path, const char *value, struct err *err)
{
    ssize_t n = (ssize_t)strlen(value);
    int fd = open(path, O_WRONLY | O_CLOEXEC), status = 0;
    if (fd < 0 || write(fd, value, (size_t)n) != n)
        status = err_set_errno(
            err, "cannot set %s in a network namespace, which testbed.netem off does without",
            path);
    if (fd >= 0)
        close(fd);
    return status;
}

int windows_open(struct err *err)
{
    char buffer[64];
    snprintf(buffer, sizeof buffer, "4096 %d %d", WINDOWS_MAX_BYTES / 8, WINDOWS_MAX_BYTES);
    return write_setting(IPV4 "tcp_slow_start_after_idle", "0", err) ||
                   write_setting(IPV4 "tcp_rmem", buffer, err) ||
                   write_setting(IPV4 "tcp_wmem", buffer, err)
               ? -1
               : 0;
}

int windows_open_route(struct nl_sock *socket, unsigned if_index, struct in_addr own,
                       int prefix_bits)
{
    return rtnetlink_request(socket, rtnetlink_window(if_index, own, prefix_bits,
                                                      WINDOWS_MAX_BYTES / TBF_SEGMENT_BYTES));
}
