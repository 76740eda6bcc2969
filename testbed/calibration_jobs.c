/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/calibration_jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "device-agent/front.h"
#include "edge-server/assignment.h"
#include "edge-server/back.h"
#include "edge-server/framework.h"
#include "wire/endpoint.h"

#define BUDGET_US  400000
#define MIN_PASSES 3
#define MAX_PASSES 400

#define PATIENCE_S  10.0
#define LARGE_BYTES ((size_t)4 << 20)
#define N_SMALL     200
#define N_LARGE     16

struct times {
    double s[MAX_PASSES];
    int n;
};

static void add_time(struct times *times, int64_t start_us)
{
    times->s[times->n++] = (double)(clock_now_us() - start_us) * 1e-6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double nine_in_ten_below(struct times *times)
{
    qsort(times->s, (size_t)times->n, sizeof *times->s, ascending);
    return times->s[(times->n * 9 + 9) / 10 - 1];
}

static bool goes_on(const struct times *times, int64_t end_us)
{
    return times->n < MIN_PASSES || (times->n < MAX_PASSES && clock_now_us() < end_us);
}

static int cut_of(const struct calibration_job *job)
{
    return job->problem->cuts[job->plan->cut].layer;
}

static struct payload *first_weights(const struct calibration_job *job, struct err *err)
{
    struct net *net = net_new(&job->e->model, 0, cut_of(job), err);
    if (!net)
        return NULL;
    net_init_weights(net, job->e->seed);
    size_t n;
    const float *state = net_state(net, &n);
    struct payload *weights = payload_new(n * sizeof *state);
    memcpy(payload_memory(weights), state, n * sizeof *state);
    net_free(net);
    return weights;
}

/* A device as it will be, but with all samples for its own. */
static struct front *make_front(const struct calibration_job *job, struct err *err)
{
    const struct experiment *e = job->e;
    struct payload *weights = first_weights(job, err);
    if (!weights)
        return NULL;
    struct msg *msg = assignment_make(e, 0, cut_of(job), NULL, weights);
    bool is_local = strcmp(e->data.partition, "local") == 0;
    char *dir =
        is_local ? mem_format("%s/%s", e->data.dir, e->devices[0].name) : mem_string(e->data.dir);
    struct front *front = front_new(&msg->assignment, msg->payload[0], msg->payload[1], dir, err);
    free(dir);
    msg_free(msg);
    payload_drop(weights);
    return front;
}

static void fill(float *values, size_t n)
{
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < n; i++)
        values[i] = 1e-3f * (float)rng_normal(&rng);
}

int calibration_front(const void *data, struct helper *helper, double values[HELPER_VALUES],
                      struct err *err)
{
    const struct calibration_job *job = data;
    struct times forward = {.n = 0}, backward = {.n = 0};
    const uint32_t *labels;
    struct front *front = make_front(job, err);
    if (!front)
        return -1;
    size_t n = front_cut_features(front) * (size_t)front_batch_size(front);
    struct payload *gradient = payload_new(n * sizeof(float));
    fill(payload_memory(gradient), n);
    front_forward(front, &labels); /* first touches of memory */
    front_put_gradient(front, 0, gradient);
    front_backward(front);
    helper_meet(helper);
    int64_t end_us = clock_now_us() + BUDGET_US;
    while (goes_on(&forward, end_us)) {
        int64_t start_us = clock_now_us();
        front_forward(front, &labels);
        add_time(&forward, start_us);
        front_put_gradient(front, 0, gradient);
        start_us = clock_now_us();
        front_backward(front);
        add_time(&backward, start_us);
    }
    values[0] = nine_in_ten_below(&forward);
    values[1] = nine_in_ten_below(&backward);
    int status = front_check(front, err);
    payload_drop(gradient);
    front_free(front);
    return status;
}

static struct back *make_back(const struct calibration_job *job, int n_groups, struct err *err)
{
    const struct experiment *e = job->e;
    struct back_options options = {
        .cut = cut_of(job),
        .max_groups = n_groups,
        .batch = e->training.batch_size,
        .is_without_learning = !e->training.learns,
        .aggregates = problem_aggregated_slots(job->problem) > 0,
        .seed = e->seed,
        .loss = loss_find(e->training.loss),
        .label_smoothing = e->training.label_smoothing,
    };
    if (assignment_optimizer(&options.optimizer, e, e->training.server_learning_rate, err))
        return NULL;
    return back_new(&e->model, &options, err);
}

/* A turn's activations, the same for every device. */
static void put_all(struct back *back, int n_groups, int batch)
{
    size_t n = back_cut_features(back) * (size_t)batch;
    float *activations = mem_zero(n, sizeof *activations);
    uint32_t *labels = mem_zero((size_t)batch, sizeof *labels);
    fill(activations, n);
    for (int i = 0; i < batch; i++)
        labels[i] = (uint32_t)(i % back_n_classes(back));
    for (int i = 0; i < n_groups; i++)
        back_put(back, i, activations, labels);
    free(activations);
    free(labels);
}

int calibration_server(const void *data, struct helper *helper, double values[HELPER_VALUES],
                       struct err *err)
{
    const struct calibration_job *job = data;
    const struct framework *framework = framework_find(job->e->training.framework);
    enum aggregation aggregation = (enum aggregation)aggregation_find(job->e->training.aggregation);
    int n_groups = job->problem->takes_turns ? 1 : job->problem->n_devices;
    struct times forward = {.n = 0}, backward = {.n = 0};
    net_set_threads(job->e->server.threads);
    struct back *back = make_back(job, n_groups, err);
    if (!back)
        return -1;
    double *lambda = mem_zero((size_t)n_groups, sizeof *lambda);
    for (int i = 0; i < n_groups; i++)
        lambda[i] = 1.0 / n_groups;
    helper_meet(helper);
    int64_t end_us = clock_now_us() + BUDGET_US;
    for (bool is_warm = false; goes_on(&forward, end_us); is_warm = true) {
        put_all(back, n_groups, job->e->training.batch_size);
        int64_t start_us = clock_now_us();
        back_forward(back, n_groups, lambda);
        int64_t middle_us = clock_now_us();
        framework->learn(back, aggregation, problem_aggregated_slots(job->problem));
        if (!is_warm)
            continue; /* first touches of memory */
        add_time(&backward, middle_us);
        forward.s[forward.n++] = (double)(middle_us - start_us) * 1e-6;
    }
    values[0] = nine_in_ten_below(&forward);
    values[1] = nine_in_ten_below(&backward);
    free(lambda);
    back_free(back);
    return 0;
}

/* The two ends of a line, in this one process. */
struct line {
    struct endpoint *server, *device;
    uint64_t peer; /* the device, as the server knows it */
    struct payload *large, *empty;
};

static int next_message(struct endpoint *endpoint, uint64_t *peer, struct err *err)
{
    struct wire_event event = {.kind = WIRE_NONE};
    if (endpoint_wait(endpoint, (int64_t)(PATIENCE_S * 1e6), -1, &event, err))
        return -1;
    if (event.kind != WIRE_MESSAGE)
        return err_set(err, "a message over the loopback interface did not arrive: %s",
                       event.kind == WIRE_NONE ? "no answer" : event.reason.text);
    *peer = event.peer;
    msg_free(event.msg);
    return 0;
}

/* Activations up, MSG_ROUND down. */
static int exchange(struct line *line, struct payload *payload, struct err *err)
{
    uint64_t server;
    struct msg *up = msg_new(MSG_ACTIVATIONS), *down = msg_new(MSG_ROUND);
    up->activations.round = down->round.round = 1;
    up->activations.n_samples = 1;
    down->round.cut = 1;
    msg_attach(up, payload_share(payload));
    msg_attach(up, payload_share(line->empty));
    endpoint_send(line->device, 0, &up);
    int status = next_message(line->server, &line->peer, err);
    if (status)
        msg_free(down);
    else
        endpoint_send(line->server, line->peer, &down);
    return status ? status : next_message(line->device, &server, err);
}

static int time_exchanges(struct line *line, struct payload *payload, int n, double *seconds,
                          struct err *err)
{
    struct times times = {.n = 0};
    for (int i = 0; i < n; i++) {
        int64_t start_us = clock_now_us();
        if (exchange(line, payload, err))
            return -1;
        add_time(&times, start_us);
    }
    *seconds = nine_in_ten_below(&times);
    return 0;
}

static int time_line(struct line *line, double values[HELPER_VALUES], struct err *err)
{
    double small_s, large_s;
    if (exchange(line, line->large, err) || /* connects */
        time_exchanges(line, line->empty, N_SMALL, &small_s, err) ||
        time_exchanges(line, line->large, N_LARGE, &large_s, err))
        return -1;
    values[0] = small_s / 2;
    values[1] = large_s > small_s ? (large_s - small_s) / (double)LARGE_BYTES : 0;
    return 0;
}

int calibration_messages(const void *data, struct helper *helper, double values[HELPER_VALUES],
                         struct err *err)
{
    (void)data;
    struct line line = {.large = payload_new(LARGE_BYTES), .empty = payload_new(4)};
    memset(payload_memory(line.large), 0, LARGE_BYTES);
    memset(payload_memory(line.empty), 0, 4);
    helper_meet(helper);
    line.server = endpoint_listen("tcp://127.0.0.1:*", PATIENCE_S, err);
    line.device =
        line.server ? endpoint_connect(endpoint_address(line.server), PATIENCE_S, err) : NULL;
    int status = line.device ? time_line(&line, values, err) : -1;
    endpoint_close(line.device, 0);
    endpoint_close(line.server, 0);
    payload_drop(line.large);
    payload_drop(line.empty);
    return status;
}
