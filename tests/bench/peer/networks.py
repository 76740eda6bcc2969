# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of configs/models/ in PyTorch, as lists of entries that can be cut between any two."""
from torch import nn


def lenet5():
    return [
        ("conv1", nn.Conv2d(1, 6, 5, padding=2)), ("relu1", nn.ReLU(inplace=True)), ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(6, 16, 5)), ("relu2", nn.ReLU(inplace=True)), ("pool2", nn.MaxPool2d(2)),
        ("flatten", nn.Flatten()), ("fc1", nn.Linear(400, 120)), ("relu3", nn.ReLU(inplace=True)),
        ("fc2", nn.Linear(120, 84)), ("relu4", nn.ReLU(inplace=True)), ("fc3", nn.Linear(84, 10)),
    ]


def vgg_small():
    layers, channels = [], 1
    for width in 32, 64, 128:
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(1152, 256), nn.ReLU(inplace=True), nn.Linear(256, 10)]
    return [(str(i), layer) for i, layer in enumerate(layers)]


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut; torchvision's BasicBlock."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def resnet18(channels, imagenet_stem):
    if imagenet_stem:
        entries = [("conv1", nn.Conv2d(channels, 64, 7, 2, 3, bias=False)), ("bn1", nn.BatchNorm2d(64)),
                   ("relu", nn.ReLU(inplace=True)), ("maxpool", nn.MaxPool2d(3, 2, 1))]
    else:
        entries = [("conv1", nn.Conv2d(channels, 64, 3, 1, 1, bias=False)), ("bn1", nn.BatchNorm2d(64)),
                   ("relu", nn.ReLU(inplace=True))]
    before = 64
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            stride = 2 if stage > 1 and block == 0 else 1
            entries.append((f"layer{stage}.{block}", Residual(before, width, stride)))
            before = width
    return entries + [("avgpool", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()), ("fc", nn.Linear(512, 10))]


# name: entries, shape of a sample
NETWORKS = {
    "lenet5": (lenet5, (1, 28, 28)),
    "vgg-small": (vgg_small, (1, 28, 28)),
    "resnet18-64": (lambda: resnet18(3, True), (3, 64, 64)),
    "resnet18-28": (lambda: resnet18(1, False), (1, 28, 28)),
    "resnet18-32": (lambda: resnet18(3, False), (3, 32, 32)),
}


def split(name, cut):
    """Front up to and with the entry `cut` (None: everything), back, shape of a sample."""
    make, shape = NETWORKS[name]
    entries = make()
    n = len(entries) if cut is None else 1 + [entry for entry, _ in entries].index(cut)
    modules = [module for _, module in entries]
    return nn.Sequential(*modules[:n]), nn.Sequential(*modules[n:]), shape
