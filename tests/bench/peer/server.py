#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parallel split learning's server in PyTorch over ZeroMQ; the other side is device.py.

A round: activations and labels of every device come in; forward, loss, backward, update over all of them; every
device gets the gradient of its own activations, of its own mean loss. Prints one line of JSON at the end.
"""
import argparse
import json
import time

import numpy as np
import torch
import zmq
from torch.nn import functional as F

from networks import split
from tensors import from_frame, to_frame


def main():
    parser = argparse.ArgumentParser()
    for name in "port", "devices", "batch", "rounds", "threads", "warm_up":
        parser.add_argument("--" + name, type=int, required=True)
    for name in "network", "cut", "layout":
        parser.add_argument("--" + name, required=True)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    front, net, shape = split(a.network, a.cut)
    layout = torch.channels_last if a.layout == "nhwc" else torch.contiguous_format
    net = net.to(memory_format=layout)
    cut_shape = front(torch.zeros(2, *shape)).shape[1:]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    x = torch.zeros(a.devices * a.batch, *cut_shape)
    labels = torch.zeros(a.devices * a.batch, dtype=torch.int64)

    router = zmq.Context().socket(zmq.ROUTER)
    router.bind(f"tcp://127.0.0.1:{a.port}")
    round_us = []
    for _ in range(a.rounds):
        seats = []
        for i in range(a.devices):
            peer, activations, their_labels = router.recv_multipart(copy=False)
            rows = slice(i * a.batch, (i + 1) * a.batch)
            x[rows] = from_frame(activations, (a.batch, *cut_shape))
            labels[rows] = from_frame(their_labels, (a.batch,), np.int64)
            seats.append((peer, rows))
        batch = x.to(memory_format=layout).detach().requires_grad_()
        loss = F.cross_entropy(net(batch), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        gradient = (batch.grad * a.devices).contiguous()
        for peer, rows in seats:
            router.send_multipart([peer, to_frame(gradient[rows])], copy=False)
        round_us.append(time.monotonic_ns() // 1000)
    steady_s = (round_us[-1] - round_us[a.warm_up - 1]) * 1e-6
    print(json.dumps({"rounds_per_s": (a.rounds - a.warm_up) / steady_s, "first_round_us": round_us[0],
                      "loss": loss.item()}))


main()
