#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the .npz files that tests/models/test_dataset_formats.c reads, with NumPy: python3 make_arrays.py, here."""
import numpy as np

pixels = (np.arange(3 * 2 * 5 * 3) * 7 % 256).astype(np.uint8).reshape(3, 2, 5, 3)  # n, height, width, channels
np.savez_compressed("medmnist.npz", train_images=pixels, train_labels=np.array([[2], [0], [1]], np.uint8),
                    test_images=pixels[:1], test_labels=np.array([[1]], np.uint8))
values = np.linspace(-1, 1, 4 * 6).reshape(4, 6)  # n, features; float64
np.savez("flat.npz", x_train=values.astype(np.float32), y_train=np.array([0, 1, 2, 3], np.int64),
         x_test=values[:2], y_test=np.array([3, 1], np.int32))
