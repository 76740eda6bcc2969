# SPDX-License-Identifier: GPL-3.0-or-later
"""Tensors as ZeroMQ frames and back, without copies."""
import warnings

import numpy as np
import torch

# What comes in is only read.
warnings.filterwarnings("ignore", message="The given buffer is not writable")


def to_frame(tensor):
    """The tensor's own memory; it must not change until the frame has been sent."""
    return memoryview(tensor.numpy()).cast("B")


def from_frame(frame, shape, dtype=np.float32):
    return torch.from_numpy(np.frombuffer(frame.buffer, dtype).reshape(shape))
