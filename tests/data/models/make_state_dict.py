#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes state_dict.safetensors, the state_dict of a small network as PyTorch has it, and state_dict_batch.safetensors,
a batch and that network's output for it in evaluation mode; tests/models/test_state_dict.c compares with them.

Run it here with Debian's python3-torch: python3 make_state_dict.py

The layout is that of the safetensors package's save_file(model.state_dict(), path); the package itself is not in Debian.
"""
import json
import struct

import torch
from torch import nn

torch.set_num_threads(1)
DTYPES = {torch.float32: "F32", torch.int64: "I64"}


def save_file(tensors, path):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    # As the package does it: the widest type first, then by name.
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


class Block(nn.Module):
    """torchvision's BasicBlock."""

    def __init__(self, fan_in, fan_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(fan_out)
        self.conv2 = nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(fan_out)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(fan_in, fan_out, 1, stride, bias=False), nn.BatchNorm2d(fan_out))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class Net(nn.Module):
    """A narrow ResNet with torchvision's names."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.layer1 = nn.Sequential(Block(6, 6, 1))
        self.layer2 = nn.Sequential(Block(6, 10, 2))
        self.norm = nn.GroupNorm(2, 10)
        self.fc = nn.Linear(10, 4)

    def forward(self, x):
        x = self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x)))))
        return self.fc(self.norm(x).mean((2, 3)))


torch.manual_seed(1)
model = Net()
# A few steps, so that running statistics and norms are not what they start as.
optimizer = torch.optim.AdamW(model.parameters(), 0.05)
for step in range(3):
    labels = torch.randint(0, 4, (16,))
    loss = nn.functional.cross_entropy(model(torch.randn(16, 3, 10, 8)), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
model.eval()
x = torch.randn(5, 3, 10, 8)
with torch.no_grad():
    y = model(x)
save_file(model.state_dict(), "state_dict.safetensors")
save_file({"x": x, "y": y}, "state_dict_batch.safetensors")
