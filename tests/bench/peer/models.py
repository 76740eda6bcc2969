#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""models.py NETWORK BATCH THREADS SECONDS LAYOUT [CUT]: bench_models.c's cases in PyTorch; one line of JSON.

LAYOUT is nchw or nhwc (channels_last weights and activations). With CUT, the front part up to and with it.
"""
import json
import statistics
import sys
import time

import torch
from torch.nn import functional as F

from networks import split

WARM_UP_STEPS = 2
MIN_STEPS = 3


def peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main():
    network, batch, threads, seconds, layout = sys.argv[1:6]
    cut = sys.argv[6] if len(sys.argv) > 6 else None
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    net, _, shape = split(network, cut)
    x = torch.randn(int(batch), *shape)
    labels = torch.arange(int(batch)) % 10
    if layout == "nhwc":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)
    cut_gradient = torch.randn_like(net(x)) if cut else None

    def step():
        y = net(x)
        optimizer.zero_grad(set_to_none=True)
        if cut:
            y.backward(cut_gradient)
        else:
            F.cross_entropy(y, labels).backward()
        optimizer.step()

    step()
    first_step_us = time.monotonic_ns() // 1000
    for _ in range(1, WARM_UP_STEPS):
        step()
    steps = []
    while len(steps) < MIN_STEPS or sum(steps) < float(seconds):
        start = time.perf_counter()
        step()
        steps.append(time.perf_counter() - start)
    print(json.dumps({"step_s": statistics.median(steps), "first_step_us": first_step_us, "peak_kib": peak_kib()}))


main()
