#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes layers.safetensors and training.safetensors, which tests/models/test_exact_*.c compare with, by PyTorch.

Run it here with Debian's python3-torch: python3 make_exact.py

Weights and inputs are drawn by a small generator that both sides have, so that only results need be stored:
x = (1664525 x + 1013904223) mod 2^32 from a seed, u = (x >> 8) / 2^24 in [0, 1) after each step (float32).
"""
import json
import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


class Draw:
    def __init__(self, seed):
        self.x = seed

    def uniform(self, n):
        out = np.empty(n, np.uint32)
        x = self.x
        for i in range(n):
            x = (1664525 * x + 1013904223) & 0xFFFFFFFF
            out[i] = x
        self.x = x
        return ((out >> 8).astype(np.float32) / np.float32(2**24)).astype(np.float32)

    def tensor(self, *shape):
        """In [-1, 1)."""
        u = self.uniform(int(np.prod(shape)))
        return torch.from_numpy((np.float32(2) * u - np.float32(1)).reshape(shape))


def write(path, tensors, metadata):
    header, data, at = {"__metadata__": metadata}, b"", 0
    for name, array in tensors.items():
        array = np.ascontiguousarray(array, np.float32)
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        data += array.tobytes()
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


class Residual(nn.Module):
    def __init__(self, body, shortcut=None, relu=True):
        super().__init__()
        self.body, self.shortcut, self.relu = body, shortcut or nn.Sequential(), relu

    def forward(self, x):
        y = self.body(x) + self.shortcut(x)
        return torch.relu(y) if self.relu else y


# name: (input, layers in the notation of tests/models/spec_from_text.h, module)
LAYERS = {
    "conv2d": ((3, 7, 6), "conv2d c out_channels=4 kernel_size=3 stride=2 padding=1",
               nn.Conv2d(3, 4, 3, 2, 1)),
    "conv2d_dilation": ((2, 9, 8), "conv2d c out_channels=3 kernel_size=3 padding=2 dilation=2 bias=0",
                        nn.Conv2d(2, 3, 3, 1, 2, 2, bias=False)),
    "conv2d_groups": ((4, 6, 5), "conv2d c out_channels=6 kernel_size=3 padding=1 groups=2",
                      nn.Conv2d(4, 6, 3, 1, 1, 1, 2)),
    "conv2d_depthwise": ((5, 6, 6), "conv2d c out_channels=5 kernel_size=3 stride=2 padding=1 groups=5 bias=0",
                         nn.Conv2d(5, 5, 3, 2, 1, 1, 5, False)),
    "conv2d_row": ((3, 1, 17), "conv2d c out_channels=4 kernel_size=5 kernel_height=1 padding=2 padding_height=0 "
                   "stride=2", nn.Conv2d(3, 4, (1, 5), 2, (0, 2))),
    "linear": ((11,), "linear l out_features=7", nn.Linear(11, 7)),
    "relu": ((2, 3, 5), "relu", nn.ReLU()),
    "leaky_relu": ((2, 3, 5), "leaky_relu negative_slope=0.2", nn.LeakyReLU(0.2)),
    "gelu": ((2, 3, 5), "gelu", nn.GELU()),
    "silu": ((2, 3, 5), "silu", nn.SiLU()),
    "sigmoid": ((2, 3, 5), "sigmoid", nn.Sigmoid()),
    "tanh": ((2, 3, 5), "tanh", nn.Tanh()),
    "max_pool2d": ((3, 7, 8), "max_pool2d kernel_size=3 stride=2 padding=1", nn.MaxPool2d(3, 2, 1)),
    "max_pool2d_row": ((3, 1, 9), "max_pool2d kernel_size=2 kernel_height=1", nn.MaxPool2d((1, 2))),
    "avg_pool2d": ((3, 7, 8), "avg_pool2d kernel_size=3 stride=2 padding=1", nn.AvgPool2d(3, 2, 1)),
    "adaptive_avg_pool2d": ((2, 7, 5), "adaptive_avg_pool2d output_size=3", nn.AdaptiveAvgPool2d(3)),
    "adaptive_avg_pool2d_up": ((2, 3, 4), "adaptive_avg_pool2d output_size=6 output_height=2",
                               nn.AdaptiveAvgPool2d((2, 6))),
    "global_avg_pool": ((4, 3, 5), "global_avg_pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
    "flatten": ((2, 3, 2), "flatten; linear l out_features=3", nn.Sequential(nn.Flatten(), nn.Linear(12, 3))),
    "batch_norm": ((3, 4, 5), "batch_norm b eps=0.001 momentum=0.2", nn.BatchNorm2d(3, 1e-3, 0.2)),
    "batch_norm_flat": ((6,), "batch_norm b", nn.BatchNorm1d(6)),
    "batch_norm_fixed": ((3, 4, 5), "batch_norm b affine=0", nn.BatchNorm2d(3, affine=False)),
    "group_norm": ((6, 3, 5), "group_norm g num_groups=3", nn.GroupNorm(3, 6)),
    "layer_norm": ((2, 3, 5), "layer_norm l", nn.LayerNorm((2, 3, 5))),
    "layer_norm_rows": ((2, 3, 5), "layer_norm l n_dims=1", nn.LayerNorm(5)),
    "residual": ((3, 5, 4), "residual r {conv2d a out_channels=3 kernel_size=3 padding=1; gelu}",
                 Residual(nn.Sequential(nn.Conv2d(3, 3, 3, 1, 1), nn.GELU()))),
    "residual_downsample": (
        (2, 6, 6), "residual r {conv2d a out_channels=4 kernel_size=3 stride=2 padding=1 bias=0; batch_norm b} "
        "{conv2d s out_channels=4 kernel_size=1 stride=2 bias=0; batch_norm t}",
        Residual(nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)),
                 nn.Sequential(nn.Conv2d(2, 4, 1, 2, bias=False), nn.BatchNorm2d(4)))),
    "residual_sum": ((5,), "residual r relu=0 {linear a out_features=5}", Residual(nn.Sequential(nn.Linear(5, 5)),
                                                                                  relu=False)),
    "sequence": ((5,), "sequence s {linear a out_features=4; tanh}", nn.Sequential(nn.Linear(5, 4), nn.Tanh())),
}
BATCH = 3


def make_layers():
    tensors, metadata = {}, {}
    for seed, (name, (shape, text, module)) in enumerate(LAYERS.items(), 1):
        draw = Draw(seed)
        x = (2 * draw.tensor(BATCH, *shape)).requires_grad_()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(draw.tensor(*parameter.shape))
        y = module(x)
        gy = draw.tensor(*y.shape)
        y.backward(gy)
        tensors[name + ".y"] = y.detach()
        tensors[name + ".gx"] = x.grad.clone()
        for i, parameter in enumerate(module.parameters()):
            tensors["%s.grad.%d" % (name, i)] = parameter.grad.clone()
        for i, buffer in enumerate(module.buffers()):
            tensors["%s.buffer.%d" % (name, i)] = buffer.float().clone()
        if any(True for _ in module.buffers()):
            module.eval()
            x.grad = None
            y = module(x)
            y.backward(gy)
            tensors[name + ".eval.y"] = y.detach()
            tensors[name + ".eval.gx"] = x.grad
        metadata[name] = "%s | %s" % ("x".join(map(str, shape)), text)
    draw = Draw(99)
    logits, target = draw.tensor(4, 5), draw.tensor(4, 5)
    labels = torch.tensor([3, 0, 4, 1])
    for name, loss in [("cross_entropy", lambda z: F.cross_entropy(z, labels, reduction="sum")),
                       ("smoothed", lambda z: F.cross_entropy(z, labels, reduction="sum", label_smoothing=0.1)),
                       ("squared", lambda z: F.mse_loss(z, target) * 4)]:
        z = (4 * logits).requires_grad_()
        value = loss(z)
        value.backward()
        tensors["loss.%s.value" % name] = value.detach()
        tensors["loss.%s.gradient" % name] = z.grad
    write("layers.safetensors", tensors, metadata)


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                         nn.Linear(84, 10))


def vgg5():
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1),
                         nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Flatten(),
                         nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))


def resnet18(norm):
    def block(fan_in, fan_out, stride):
        body = nn.Sequential(nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False), norm(fan_out), nn.ReLU(),
                             nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False), norm(fan_out))
        if stride == 1:
            return Residual(body)
        return Residual(body, nn.Sequential(nn.Conv2d(fan_in, fan_out, 1, stride, bias=False), norm(fan_out)))

    layers = [nn.Conv2d(1, 64, 3, 1, 1, bias=False), norm(64), nn.ReLU()]
    fan_in = 64
    for stage in range(4):
        for i in range(2):
            layers.append(block(fan_in, 64 << stage, 2 if stage and i == 0 else 1))
            fan_in = 64 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


MODELS = {
    "lenet5": (lenet5, 28, 8),
    "vgg5": (vgg5, 28, 4),
    "resnet18_gn": (lambda: resnet18(lambda c: nn.GroupNorm(32, c)), 12, 4),
    "resnet18_bn": (lambda: resnet18(nn.BatchNorm2d), 12, 8),
}
# The residual networks take small steps: with larger ones on so few, random samples training is chaotic, and PyTorch's
# own float32 and float64 runs part by 1e-3 to 1e-1 within the 20 steps (one ReLU the other way is enough).
RATES = {"lenet5": (0.01, 1e-3), "vgg5": (0.01, 1e-3), "resnet18_gn": (2e-5, 1e-5), "resnet18_bn": (5e-6, 1e-6)}
OPTIMIZERS = {
    "sgd": lambda p, rates: torch.optim.SGD(p, lr=rates[0], momentum=0.9, weight_decay=1e-3),
    "adamw": lambda p, rates: torch.optim.AdamW(p, lr=rates[1], weight_decay=1e-2),
}
STEPS, SHOWN = 20, 16


def start_weights(model, draw):
    """Uniform in +-1/sqrt(fan_in); a one-dimensional first tensor of a norm 1 and its second 0.1 u."""
    with torch.no_grad():
        for module in model.modules():
            own = list(module.parameters(recurse=False))
            is_norm = isinstance(module, (nn.GroupNorm, nn.BatchNorm2d))
            for i, parameter in enumerate(own):
                u = draw.tensor(*parameter.shape)
                if is_norm:
                    parameter.copy_(1 + 0.1 * u if i == 0 else 0.1 * u)
                else:
                    parameter.copy_(u / np.float32(np.sqrt(own[0][0].numel())))


def make_training():
    tensors = {}
    for name, (make, size, batch) in MODELS.items():
        for optimizer_name, make_optimizer in OPTIMIZERS.items():
            draw, model = Draw(7), make()
            start_weights(model, draw)
            start = [p.detach().clone() for p in model.parameters()]
            optimizer, losses = make_optimizer(model.parameters(), RATES[name]), []
            for step in range(STEPS):
                x = draw.tensor(batch, 1, size, size)
                labels = torch.tensor([(7 * i + step // 4) % 10 for i in range(batch)])
                loss = F.cross_entropy(model(x), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            key = "%s.%s." % (name, optimizer_name)
            print(key, losses[0], losses[-1])
            tensors[key + "losses"] = np.array(losses)
            shown = [p.detach().flatten() for p in model.parameters()]
            # Of each tensor the first numbers, how far training moved them, and the root of the mean square of all.
            tensors[key + "first"] = np.concatenate([np.resize(p.numpy()[:SHOWN], SHOWN) for p in shown])
            moved = [(p.detach() - q).flatten() for p, q in zip(model.parameters(), start)]
            tensors[key + "moved"] = np.concatenate([np.resize(p.numpy()[:SHOWN], SHOWN) for p in moved])
            tensors[key + "size"] = np.array([p.double().pow(2).mean().sqrt().item() for p in shown])
            buffers = [b.flatten()[:SHOWN].float().numpy() for b in model.buffers()]
            if buffers:
                tensors[key + "buffers"] = np.concatenate(buffers)
    write("training.safetensors", tensors, {"steps": str(STEPS)})


make_layers()
make_training()
