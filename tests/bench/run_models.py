#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training steps of Splitbed (bench_models) and of PyTorch (peer/models.py), side by side; `make bench-models`.

Each run of a case is a process of its own; the sides take turns. PyTorch runs as installed (NCHW) and tuned (huge
pages, NHWC).
"""
import sys
import time

import measure

# network of the peer: model file, image, target against PyTorch as installed, against the tuned one
NETWORKS = {
    "lenet5": ("lenet5", "1x28x28", 2.5, 2.0),
    "vgg-small": ("vgg-small", "1x28x28", 1.8, 1.2),
    "resnet18-64": ("resnet18-imagenet-stem-bn", "3x64x64", 1.6, 1.25),
    "resnet18-28": ("resnet18-bn", "1x28x28", 1.5, 1.3),
    "resnet18-32": ("resnet18-bn", "3x32x32", 1.5, 1.3),
}
STAGES = ("layer1.1", "layer2.1", "layer3.1", "layer4.1")
FRONTS = {"front-" + name[-2:]: name for name in NETWORKS if name.startswith("resnet18")}
HEAD = ["batch", "threads", "Splitbed samples/s", "as installed", "tuned", "x installed (target)", "x tuned (target)",
        "GFLOP/s", "share of peak", "tuned share"]


def sides(arguments, network, batch, threads, cut=None):
    """The three sides of a case, for measure.alternate()."""
    case = [str(batch), str(threads), str(arguments.seconds)]
    cut = [cut] if cut else []
    model, image, _, _ = NETWORKS[network]
    ours = [arguments.bin + "/bench_models", f"configs/models/{model}.yaml", image] + case + cut
    peer = [sys.executable, measure.PEER + "/models.py", network] + case

    def runner(command, **env):
        def run():
            start_us = time.monotonic_ns() // 1000
            result = measure.run_json(command, measure.environment(**env))
            result["start_s"] = (result["first_step_us"] - start_us) * 1e-6
            return result
        return run

    return {"ours": runner(ours, OPENBLAS_NUM_THREADS="1"),
            "installed": runner(peer + ["nchw"] + cut),
            "tuned": runner(peer + ["nhwc"] + cut, GLIBC_TUNABLES=measure.TUNABLES)}


def fma_peak(arguments, threads):
    command = [arguments.bin + "/bench_peak", str(threads), "0.3"]
    return measure.run_json(command, measure.environment())["gflops"]


def steps(arguments, network, cuts):
    """Rows for each cut (None: the whole network), batch and number of threads."""
    _, _, against_installed, against_tuned = NETWORKS[network]
    rows, worst = [], [float("inf")] * 2
    for cut in cuts:
        for batch in 16, 64:
            for threads in 1, 2:
                peak = fma_peak(arguments, threads)
                r = measure.alternate(sides(arguments, network, batch, threads, cut), arguments.runs)
                ours, installed, tuned = (r[side]["step_s"] for side in ("ours", "installed", "tuned"))
                flop = r["ours"]["flop"]
                worst = [min(worst[0], installed / ours), min(worst[1], tuned / ours)]
                rows.append(([cut] if cut else []) + [batch, threads] +
                            [measure.number(batch / s) for s in (ours, installed, tuned)] +
                            [measure.ratio(installed / ours, against_installed),
                             measure.ratio(tuned / ours, against_tuned), f"{flop / ours * 1e-9:.1f}",
                             f"{flop / ours * 1e-7 / peak:.0f} %", f"{flop / tuned * 1e-7 / peak:.0f} %"])
                print(f"{network} {rows[-1]}", file=sys.stderr, flush=True)
    verdict = "met" if worst[0] >= against_installed and worst[1] >= against_tuned else "not met"
    return (measure.table((["front up to"] if cuts[0] else []) + HEAD, rows) +
            f"\nSmallest ratios {worst[0]:.2f} and {worst[1]:.2f}; targets {against_installed:g} and {against_tuned:g}: "
            f"**{verdict}**. Peak of this run: {peak:.0f} GFLOP/s with {threads} threads.\n")


def processes(arguments):
    """Peak memory, and the time from start to the first finished step."""
    rows = []
    for network, batch, share in ("resnet18-28", 16, 2), ("lenet5", 16, 10):
        r = measure.alternate(sides(arguments, network, batch, 1), arguments.runs)
        mib = [r[side]["peak_kib"] / 1024 for side in ("ours", "installed", "tuned")]
        rows.append([f"peak memory, {network}, batch {batch}"] + [f"{m:.1f} MiB" for m in mib] +
                    [measure.ratio(m / mib[0], share) for m in mib[1:]])
    start_s = [r[side]["start_s"] for side in ("ours", "installed", "tuned")]
    rows.append([f"start to first step, {network}, batch {batch}"] + [f"{s * 1000:.0f} ms" for s in start_s] +
                [measure.ratio(s / start_s[0], 20) for s in start_s[1:]])
    return measure.table(["one thread", "Splitbed", "as installed", "tuned", "less by (target)",
                          "less by, tuned (target)"], rows)


def part(name, arguments):
    if name == "process":
        return processes(arguments)
    if name in FRONTS:
        return steps(arguments, FRONTS[name], STAGES)
    return steps(arguments, name, (None,))


measure.main(__doc__, list(NETWORKS) + list(FRONTS) + ["process"], part, says_time=True)
