#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the limit of each layer lies (`splitbed profile` against the machine's rates), and what a convolution's other
algorithms would reach (bench_conv); `make bench-limits`. One thread; no PyTorch.

A layer's time is held against what three things alone would take: its FLOP at the peak of fused multiply-adds, its
least reads and writes at the rate of copying as many bytes as one pass moves, and being called at all, as LeNet-5's
`flatten`. The largest of the three shares names the limit; where it is below a third, none does.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

import measure

BATCH = 16
MODELS = {"limits-lenet5": "lenet5", "limits-vgg-small": "vgg-small", "limits-resnet18-64": "resnet18-imagenet-stem-bn",
          "limits-resnet18-28": "resnet18-bn"}
LEAST_SHARE = 1 / 3
COPIES = [(64 << 10) << 2 * i for i in range(7)]  # bytes: 64 KiB to 256 MiB

# of bench_conv's shapes
SHAPES = {"lenet conv1": "5x5, 1 to 6, 28x28", "lenet conv2": "5x5, 6 to 16, 14x14",
          "stem 3x3 28": "3x3, 1 to 64, 28x28", "stem 7x7 64": "7x7 stride 2, 3 to 64, 64x64",
          "3x3 64 28": "3x3, 64 to 64, 28x28", "3x3 512 4": "3x3, 512 to 512, 4x4",
          "64-128 s2 28": "3x3 stride 2, 64 to 128, 28x28", "1x1 64-128 s2": "1x1 stride 2, 64 to 128, 28x28",
          "1x1 128-128 16": "1x1, 128 to 128, 16x16", "depthwise 256 8": "3x3 depthwise, 256, 8x8"}
ALGORITHMS = {"winograd": "Winograd", "lanes": "16 samples a register", "pixelwise": "pixel by pixel",
              "gemm": "patches and a product"}
PASSES = ("forward", "input gradient", "weight gradient")


def output_of(command):
    done = subprocess.run(command, env=measure.environment(OPENBLAS_NUM_THREADS="1"), stdout=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}")
    return done.stdout


def profile(arguments, model):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/profile.json"
        output_of([arguments.bin + "/splitbed", "profile", f"configs/models/{model}.yaml", "--batch", str(BATCH),
                   "--json", path])
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def copy_rates(arguments):
    """[(bytes, bytes per second)], the smallest first."""
    command = [arguments.bin + "/../tests/bench/bench_copy", "0.1"] + [str(n) for n in COPIES]
    return [(n, 1e9 * rate) for n, rate in zip(COPIES, json.loads(output_of(command))["gb_per_s"])]


def rate_of_copying(rates, n_bytes):
    return next((rate for n, rate in rates if n >= n_bytes), rates[-1][1])


def layers_of(profiles):
    """The entries of the first, with the medians of all their times. The first layer has no input gradient."""
    layers = profiles[0]["entries"]
    for i, layer in enumerate(layers):
        for key in "forward_s", "backward_s":
            layer[key] = statistics.median(p["entries"][i][key] for p in profiles)
        layer["backward_flop"] /= 2 if i == 0 else 1
    return layers


def call_of_nothing_s(arguments):
    return min(layer["forward_s"] + layer["backward_s"] for layer in profile(arguments, "lenet5")["entries"])


def gflops(flop, seconds):
    return f"{1e-9 * flop / seconds:.0f}" if flop > 0 else ""


def row(layer, peak, rates, call_s):
    flop = [BATCH * layer[key] for key in ("forward_flop", "backward_flop")]
    times = [layer["forward_s"], layer["backward_s"]]
    total_s, moved = sum(times), layer.get("moved_bytes", 0)
    shares = {"computing": sum(flop) / peak / total_s, "memory": moved / rate_of_copying(rates, moved / 2) / total_s,
              "the call": call_s / total_s}
    limit = max(shares, key=shares.get)
    name = f"{layer['name']} ({layer['kind']})" if layer["kind"] not in layer["name"] else layer["name"]
    return [name, layer["output"], f"{1e-9 * sum(flop):.3g}" if sum(flop) else "", f"{1e6 * total_s:.3g}",
            gflops(flop[0], times[0]), gflops(flop[1], times[1]),
            f"{100 * shares['computing']:.0f} %" if sum(flop) else "", f"{1e-9 * moved / total_s:.3g}",
            f"{100 * shares['memory']:.0f} %",
            f"{limit}, {100 * shares[limit]:.0f} %" if shares[limit] >= LEAST_SHARE else "none of the three"]


def limits(arguments, model):
    profiles = [profile(arguments, model) for _ in range(arguments.runs)]
    rates = copy_rates(arguments)
    peak = max(p["thread_peak_flop_per_s"] for p in profiles)
    layers = layers_of(profiles)
    call_s = call_of_nothing_s(arguments)
    rows = [row(layer, peak, rates, call_s) for layer in layers]
    head = ["layer", "output", "GFLOP", "us", "GFLOP/s forward", "GFLOP/s backward", "share of peak", "GB/s",
            "share of copying", "limit"]
    copies = ", ".join(f"{n >> 10} KiB {1e-9 * rate:.0f}" if n < 1 << 20 else f"{n >> 20} MiB {1e-9 * rate:.0f}"
                       for n, rate in rates)
    return (measure.table(head, rows) + f"\nBatch {BATCH}, one thread, medians of {arguments.runs} profiles. Peak "
            f"{1e-9 * peak:.0f} GFLOP/s; copying, GB/s by bytes: {copies}; a call {1e6 * call_s:.2f} us.\n")


def algorithms(arguments):
    """bench_conv's lines: shape, batch and algorithm, then for each pass GFLOP/s, with * if it is taken, and us."""
    rates, taken = {}, {}
    for line in output_of([arguments.bin + "/../tests/bench/bench_conv", "1"]).splitlines()[1:]:
        case, *cells = line.split("|")
        shape, batch, algorithm = case[:16].strip(), *case[16:].split()
        for name, cell in zip(PASSES, cells):
            key = (shape, int(batch), name)
            rates.setdefault(key, {})[algorithm] = float(cell.split()[0].rstrip("*"))
            if "*" in cell:
                taken[key] = algorithm
    rows = []
    for shape, text in SHAPES.items():
        for name in PASSES:
            key = (shape, BATCH, name)
            cells = [f"{rates[key][a]:.0f}" if a in rates[key] else "" for a in ALGORITHMS]
            rows.append([text, name] + [f"**{cell}**" if a == taken[key] else cell
                                        for a, cell in zip(ALGORITHMS, cells)])
    return measure.table(["convolution", "pass"] + list(ALGORITHMS.values()), rows)


def part(name, arguments):
    return algorithms(arguments) if name == "algorithms" else limits(arguments, MODELS[name])


os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/../..")
measure.main(__doc__, list(MODELS) + ["algorithms"], part, says_time=True)
