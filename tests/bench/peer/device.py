#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parallel split learning's device in PyTorch over ZeroMQ: front layers and an equal share of Fashion-MNIST."""
import argparse
import gzip

import numpy as np
import torch
import zmq

from networks import split
from tensors import from_frame, to_frame


def read_idx(path, offset, first, step):
    """Every step-th sample; bytes stay bytes."""
    with gzip.open(path) as file:
        data = np.frombuffer(file.read(), np.uint8, offset=offset)
    return data.reshape(60000, -1)[first::step].copy()


def main():
    parser = argparse.ArgumentParser()
    for name in "port", "index", "devices", "batch", "rounds":
        parser.add_argument("--" + name, type=int, required=True)
    for name in "network", "cut", "layout", "data":
        parser.add_argument("--" + name, required=True)
    a = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net, _, shape = split(a.network, a.cut)
    layout = torch.channels_last if a.layout == "nhwc" else torch.contiguous_format
    net = net.to(memory_format=layout)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    images = torch.from_numpy(read_idx(a.data + "/train-images-idx3-ubyte.gz", 16, a.index, a.devices))
    labels = torch.from_numpy(read_idx(a.data + "/train-labels-idx1-ubyte.gz", 8, a.index, a.devices)).long().flatten()

    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.connect(f"tcp://127.0.0.1:{a.port}")
    order = torch.randperm(len(images))
    for i in range(a.rounds):
        first = i * a.batch % (len(order) - a.batch + 1)
        chosen = order[first:first + a.batch]
        x = images[chosen].float().div_(255).sub_(0.2860).div_(0.3530).view(a.batch, *shape)
        y = net(x.to(memory_format=layout))
        activations, their_labels = y.detach().contiguous(), labels[chosen]
        dealer.send_multipart([to_frame(activations), to_frame(their_labels)], copy=False)
        gradient = from_frame(dealer.recv(copy=False), y.shape)
        optimizer.zero_grad(set_to_none=True)
        y.backward(gradient)
        optimizer.step()


main()
