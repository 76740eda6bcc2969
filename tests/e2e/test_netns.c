/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs in network namespaces, where the tests run as root on a kernel that has them; elsewhere they are skipped and
 * say why.
 */
#include <sched.h>

#include "tests/e2e/runs.h"

#define N_PROCESSES 6 /* of a run: five agents and the server */

static void skip_without_namespaces(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWNET) != 0);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status == 0)
        return;
    printf("skipped: this process may not make network namespaces\n");
    skip();
}

/* By round, cut and loss. */
static char *losses(const char *dir, const char *link)
{
    const char *const settings[] = {QUICK, "training.evaluate_every=0", "training.rounds=3", link,
                                    NULL};
    struct process p = run_with("run", dir, settings);
    process_release(&p);
    return columns(dir, 0, 3);
}

static void namespaces_change_no_loss(void **state)
{
    (void)state;
    skip_without_namespaces();
    char *here = make_dir(), *there = make_dir();
    char *losses_here = losses(here, "testbed.link=modelled"),
         *losses_there = losses(there, "testbed.link=netns");
    assert_string_equal(losses_here, losses_there);
    free(losses_here);
    free(losses_there);
    remove_dir(here);
    remove_dir(there);
}

/* "net:[4026531840]" */
static void namespace_of(pid_t pid, char name[64])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    ssize_t n = readlink(path, name, 63);
    name[n > 0 ? n : 0] = '\0';
}

/* The namespaces of the children of a run, apart from one another. */
static void find_namespaces(pid_t run, char names[N_PROCESSES][64])
{
    char own[64];
    namespace_of(getpid(), own);
    for (int i = 0; i < N_PROCESSES; i++) {
        char word[16];
        snprintf(word, sizeof word, i ? "pi-%d" : "splitbed-server", i - 1);
        pid_t child = find_child(run, word);
        assert_true(child > 0);
        namespace_of(child, names[i]);
        assert_string_not_equal(names[i], own);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
}

/* By a process that is in it, or has it open, or where it is mounted. */
static bool is_held(const char *name)
{
    char *command = mem_format("ls -l /proc/[0-9]*/ns/net /proc/[0-9]*/fd 2>/dev/null | cat - "
                               "/proc/self/mountinfo | grep -qF '%s'",
                               name);
    bool is_found = system(command) == 0;
    free(command);
    return is_found;
}

static char *interfaces(void)
{
    char *text = mem_zero(1, 65536);
    FILE *output = popen("ls /sys/class/net", "r");
    assert_non_null(output);
    assert_true(fread(text, 1, 65535, output) > 0);
    pclose(output);
    return text;
}

static void a_killed_run_leaves_no_namespace_and_no_interface(void **state)
{
    (void)state;
    skip_without_namespaces();
    char names[N_PROCESSES][64], *before = interfaces(), *dir = make_dir();
    char *rounds = in(dir, "rounds.csv");
    const char *const settings[] = {QUICK, "training.evaluate_every=0", "training.rounds=100000",
                                    "testbed.link=netns", NULL};
    struct process p = start_with("run", dir, settings);
    wait_for_lines(rounds, 1);
    find_namespaces(p.pid, names);
    for (int i = 0; i < N_PROCESSES; i++)
        assert_true(is_held(names[i]));
    char *during = interfaces();
    assert_string_equal(during, before); /* the machine's own network never sees them */
    kill(p.pid, SIGKILL);
    assert_int_equal(process_end(&p), -SIGKILL);
    int64_t deadline_us = clock_now_us() + 5000000;
    for (int i = 0; i < N_PROCESSES; i++)
        while (is_held(names[i]) && clock_now_us() < deadline_us)
            poll(NULL, 0, 10);
    for (int i = 0; i < N_PROCESSES; i++)
        assert_false(is_held(names[i]));
    char *after = interfaces();
    assert_string_equal(after, before);
    process_release(&p);
    free(rounds);
    free(before);
    free(during);
    free(after);
    remove_dir(dir);
}

/* One line, with netem off, says that the rate does. */
static void say_of_netem(const char *dir, const char *setting, const char *netem, bool is_wanted)
{
    const char *const settings[] = {QUICK,   "training.evaluate_every=0", "training.rounds=1",
                                    setting, "testbed.link=netns",        netem,
                                    NULL};
    struct process p = run_with("run", dir, settings);
    const char *line = strstr(p.output, "testbed.link netns: ");
    bool is_off = strstr(netem, "off");
    const char *reason = is_off ? "testbed.netem is off: delay, jitter and loss lower the rate"
                                : "this kernel has n";
    bool is_said = line && strstr(line, reason);
    if (is_said != is_wanted || (line && strstr(line + 1, "testbed.link netns: ")))
        fail_msg("%s: a line on netem %s: %s", setting, is_wanted ? "is missing" : "too many",
                 p.output);
    process_release(&p);
}

static void a_run_with_delay_or_loss_says_once_who_makes_them(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *netem;
        bool is_wanted;
    } cases[] = {{"radio.delay=1 ms", "testbed.netem=auto", true},
                 {"radio.jitter=1 ms", "testbed.netem=off", true},
                 {"radio.loss=0.01", "testbed.netem=auto", true},
                 {"radio.delay=0 s", "testbed.netem=auto", false}};
    skip_without_namespaces();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *dir = make_dir();
        say_of_netem(dir, cases[i].setting, cases[i].netem, cases[i].is_wanted);
        remove_dir(dir);
    }
}

static void a_server_by_itself_has_no_namespaces(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {CONFIG, "--out", dir, "--set", "testbed.link=netns", NULL};
    assert_ends("splitbed-server", arguments, 1,
                "there are no network namespaces; `splitbed run` makes them");
    remove_dir(dir);
}

static void a_list_of_namespaces_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *list, *said;
    } cases[] = {{"3,x", "--netns: 'x' is no file descriptor"},
                 {"", "--netns: '' is no file descriptor"},
                 {"3,4", "--netns: 2 network namespaces for 5 devices"}};
    char *dir = make_dir();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const arguments[] = {CONFIG, "--out", dir, "--netns", cases[i].list, NULL};
        assert_ends("splitbed-server", arguments, 2, cases[i].said);
    }
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(namespaces_change_no_loss),
        cmocka_unit_test(a_killed_run_leaves_no_namespace_and_no_interface),
        cmocka_unit_test(a_run_with_delay_or_loss_says_once_who_makes_them),
        cmocka_unit_test(a_server_by_itself_has_no_namespaces),
        cmocka_unit_test(a_list_of_namespaces_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
