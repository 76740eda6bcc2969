/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real namespaces, links and buckets, where the tests run as root on a kernel that has them; elsewhere those tests
 * are skipped and say why. This process moves into a namespace of its own.
 */
#include "tests/netns/line.h"

#include <fcntl.h>
#include <sys/wait.h>

static double passed_bytes(void)
{
    return (double)qdisc_state(RTNETLINK_TBF).passed_bytes;
}

static void open_line(struct line *line)
{
    open_link(line);
    connect_line(line);
}

static void links_have_addresses_of_their_own(void **state)
{
    (void)state;
    char text[INET_ADDRSTRLEN], name[NETNS_NAME_SIZE];
    struct in_addr hub = netns_hub_address(70), device = netns_device_address(70);
    assert_string_equal(inet_ntop(AF_INET, &hub, text, sizeof text), "10.0.1.25");
    assert_string_equal(inet_ntop(AF_INET, &device, text, sizeof text), "10.0.1.26");
    hub = netns_hub_address(NETNS_MAX_DEVICES - 1);
    assert_string_equal(inet_ntop(AF_INET, &hub, text, sizeof text), "10.255.255.253");
    assert_string_equal(netns_hub_interface(NETNS_MAX_DEVICES - 1, name), "d4194303");
}

static void the_kernel_counts_what_the_arithmetic_says(void **state)
{
    (void)state;
    struct line line;
    open_line(&line);
    double before = passed_bytes(), payload = 200000;
    set(&line, payload, 0.02);
    put(&line, (size_t)payload + TBF_MESSAGE_BYTES);
    take(&line, (size_t)payload + TBF_MESSAGE_BYTES);
    double counted = passed_bytes() - before;
    double wanted = tbf_message_bytes(payload);
    assert_true(counted > 0.99 * wanted && counted < 1.01 * wanted);
    close_line(&line);
}

static void both_ends_of_a_link_can_be_set(void **state)
{
    (void)state;
    struct line line;
    struct err err = ERR_INIT;
    open_line(&line);
    assert_int_equal(buckets_set(line.buckets, 0, BUCKET_DEVICE, 1e6, 1, &err), 0);
    assert_int_equal(buckets_set(line.buckets, 0, BUCKET_HUB, 1e6, 1, &err), 0);
    close_line(&line);
}

/* A token bucket never lets a piece pass that is larger than it is. */
static void a_slower_bucket_does_not_stop_what_is_queued(void **state)
{
    (void)state;
    struct line line;
    open_line(&line);
    for (int i = 0; i < 20; i++) {
        set(&line, 60000, 0.004);
        put(&line, 60000);
        set(&line, 2000, 0.2);
        put(&line, 2000);
        take(&line, 62000);
    }
    close_line(&line);
}

static void descriptors_that_are_no_namespaces_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int fds[] = {STDIN_FILENO};
    assert_null(buckets_open(fds, 1, &err));
    assert_non_null(strstr(err.text, "device 0: descriptor 0 is no network namespace"));
}

/* What the kernel says of its own build: 'y', 'm', 'n', or '?' when it does not say. */
static char built_with_netem(void)
{
    char line[64] = "";
    FILE *config = popen("zcat /proc/config.gz 2>/dev/null | grep NET_SCH_NETEM", "r");
    assert_non_null(config);
    bool is_said = fgets(line, sizeof line, config);
    pclose(config);
    if (!is_said)
        return access("/proc/config.gz", R_OK) ? '?' : 'n';
    return strstr(line, "=y") ? 'y' : strstr(line, "=m") ? 'm' : 'n';
}

static void netem_is_found_where_the_kernel_is_built_with_it(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int answer = netns_has_netem(&err);
    if (answer < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    char built = built_with_netem();
    if (built == 'y' || built == 'n') /* a module may not be installed */
        assert_int_equal(answer, built == 'y');
    assert_int_equal(netns_has_netem(&err), answer);
}

/* "net:[4026531840]", its interfaces, and this process's open files */
static char *own_network(void)
{
    char *text = mem_zero(1, 4096);
    char *command = mem_format("readlink /proc/self/ns/net; cut -d: -f1 /proc/net/dev; "
                               "ls /proc/%d/fd | wc -l",
                               (int)getpid());
    FILE *output = popen(command, "r");
    free(command);
    assert_non_null(output);
    assert_true(fread(text, 1, 4095, output) > 0);
    pclose(output);
    return text;
}

static void looking_for_netem_leaves_nothing_behind(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    /* Links of the tests before this one go a little later, by themselves: not from a new namespace. */
    if (unshare(CLONE_NEWNET)) {
        printf("skipped: this process may not make network namespaces\n");
        skip();
    }
    char *before = own_network();
    if (netns_has_netem(&err) < 0) {
        printf("skipped: %s\n", err.text);
        free(before);
        skip();
    }
    char *after = own_network();
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* In a child that gives up being root. */
static void without_root_the_reason_is_clear(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct netns netns;
        struct err err = ERR_INIT;
        if (getuid() == 0 && setuid(65534))
            _exit(1);
        if (netns_open(&netns, 1, &err) == 0 || !strstr(err.text, "needs root"))
            _exit(2);
        _exit(netns_has_netem(&err) >= 0 || !strstr(err.text, "needs root") ? 3 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_have_addresses_of_their_own),
        cmocka_unit_test(the_kernel_counts_what_the_arithmetic_says),
        cmocka_unit_test(both_ends_of_a_link_can_be_set),
        cmocka_unit_test(a_slower_bucket_does_not_stop_what_is_queued),
        cmocka_unit_test(descriptors_that_are_no_namespaces_are_refused),
        cmocka_unit_test(netem_is_found_where_the_kernel_is_built_with_it),
        cmocka_unit_test(looking_for_netem_leaves_nothing_behind),
        cmocka_unit_test(without_root_the_reason_is_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
