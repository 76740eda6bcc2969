/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs in network namespaces, where the tests run as root on a kernel that has them; elsewhere they are skipped and
 * say why.
 */
#include <sched.h>

#include "tests/e2e/process.h"

#define CONFIG "configs/experiments/quickstart.yaml"
#define QUICK                                                                                      \
    "--set", "scheduler.cuts=[pool2]", "--set", "scheduler.time_limit=0.2 s", "--set",             \
        "training.evaluate_every=0", "--set", "data.test_samples=200"
#define N_PROCESSES 6 /* of a run: five agents and the server */

static char *make_dir(void)
{
    char *dir = mem_string("/tmp/splitbed-netns-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

static void remove_dir(char *dir)
{
    char *command = mem_format("rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
    free(command);
    free(dir);
}

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

/* Of a run that does not end by itself, or of three rounds. */
static struct process start_run(const char *dir, const char *link, const char *rounds)
{
    char *link_setting = mem_format("testbed.link=%s", link);
    char *rounds_setting = mem_format("training.rounds=%s", rounds);
    const char *const arguments[] = {"run",        CONFIG,  "--out",        dir,   "--set",
                                     link_setting, "--set", rounds_setting, QUICK, NULL};
    struct process p = process_start("splitbed", arguments);
    free(link_setting);
    free(rounds_setting);
    return p;
}

/* "round cut loss" of every row of rounds.csv. */
static char *losses(const char *dir)
{
    char *command = mem_format("cut -d, -f1-3 '%s/rounds.csv'", dir), *text = mem_zero(1, 65536);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    assert_true(fread(text, 1, 65535, output) > 0);
    pclose(output);
    free(command);
    return text;
}

static void run_to_the_end(const char *dir, const char *link)
{
    struct process p = start_run(dir, link, "3");
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    process_release(&p);
}

static void namespaces_change_no_loss(void **state)
{
    (void)state;
    skip_without_namespaces();
    char *here = make_dir(), *there = make_dir();
    run_to_the_end(here, "modelled");
    run_to_the_end(there, "netns");
    char *losses_here = losses(here), *losses_there = losses(there);
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
    char *rounds = mem_format("%s/rounds.csv", dir);
    struct process p = start_run(dir, "netns", "100000");
    int64_t deadline_us = clock_now_us() + DEADLINE_US;
    while (n_lines(rounds) <= 1 && clock_now_us() < deadline_us)
        poll(NULL, 0, 20);
    find_namespaces(p.pid, names);
    for (int i = 0; i < N_PROCESSES; i++)
        assert_true(is_held(names[i]));
    char *during = interfaces();
    assert_string_equal(during, before); /* the machine's own network never sees them */
    kill(p.pid, SIGKILL);
    assert_int_equal(process_end(&p), -SIGKILL);
    deadline_us = clock_now_us() + 5000000;
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
    const char *const arguments[] = {"run",   CONFIG,
                                     "--out", dir,
                                     "--set", "testbed.link=netns",
                                     "--set", "training.rounds=1",
                                     "--set", setting,
                                     "--set", netem,
                                     QUICK,   NULL};
    struct process p = process_start("splitbed", arguments);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
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
    struct process p = process_start("splitbed-server", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_non_null(strstr(p.output, "there are no network namespaces; `splitbed run` makes them"));
    process_release(&p);
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
        struct process p = process_start("splitbed-server", arguments);
        assert_int_equal(process_end(&p), 2);
        if (!strstr(p.output, cases[i].said))
            fail_msg("'%s' is missing in: %s", cases[i].said, p.output);
        process_release(&p);
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
