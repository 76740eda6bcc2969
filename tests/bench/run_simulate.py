#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What simulations cost: 100 to 10,000 devices without learning, and the quick start's LeNet-5 simulated and run;
`make bench-simulate`.
"""
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import measure

SIZES = (100, 1000, 10000)
ROUNDS = 100
BOUND_S, BOUND_MIB = 60, 2048  # of the largest
LARGE = "configs/experiments/latency-10k.yaml"

QUICKSTART = "configs/experiments/quickstart.yaml"
LEARNING = ["training.rounds=100", "training.evaluate_every=0", "data.test_samples=1000"]
SIDES = {"`simulate`": ("simulate", []),
         "`run`, nothing emulated": ("run", ["testbed.compute=native", "testbed.link=native"]),
         "`run`, emulated as in the quick start": ("run", [])}


def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def splitbed(arguments, command, config, settings, folder):
    """Seconds, processor seconds, peak memory of all processes together."""
    line = [arguments.bin + "/splitbed", command, config, "--out", folder]
    for setting in settings:
        line += ["--set", setting]
    memory = measure.Memory()
    cpu_s, start_s = children_cpu_s(), time.monotonic()
    with open(folder + ".out", "w", encoding="utf-8") as output:
        child = subprocess.Popen(line, env=measure.environment(), stdout=output, stderr=output)
        measure.watch(memory, [child])
    return {"s": time.monotonic() - start_s, "cpu_s": children_cpu_s() - cpu_s} | memory.result()


def losses_in(folder):
    with open(folder + "/rounds.csv", encoding="ascii") as file:
        return [row["loss"] for row in csv.DictReader(file)]


def lines_in(folder):
    with open(folder + "/devices.csv", "rb") as file:
        return sum(1 for _ in file)


def sizes(arguments):
    rows = []
    for n in SIZES:
        runs = []
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as root:
                settings = [f"devices.0.count={n}", f"radio.subchannels={n}", f"training.rounds={ROUNDS}"]
                runs.append(splitbed(arguments, "simulate", LARGE, settings, root + "/run"))
                if lines_in(root + "/run") != 1 + n * ROUNDS:
                    sys.exit(f"{n} devices: devices.csv is not {ROUNDS} rounds long")
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        rows.append([n, measure.number(median["s"]), measure.number(median["cpu_s"]),
                     measure.number(1e6 * median["cpu_s"] / (n * ROUNDS)), f"{median['peak_mib']:.0f} MiB"])
        print(rows[-1], file=sys.stderr, flush=True)
    is_met = median["s"] < BOUND_S and median["peak_mib"] < BOUND_MIB
    head = ["devices", "seconds", "processor seconds", "us for a device and round", "memory"]
    return (measure.table(head, rows) + f"\n{ROUNDS} rounds, medians of {arguments.runs} runs. Target for {SIZES[-1]} "
            f"devices: under {BOUND_S} s and {BOUND_MIB >> 10} GiB: **{'met' if is_met else 'not met'}**.\n")


def learning(arguments):
    results, losses = {name: [] for name in SIDES}, {}
    for _ in range(arguments.runs):
        for name, (command, settings) in SIDES.items():
            with tempfile.TemporaryDirectory() as root:
                results[name].append(splitbed(arguments, command, QUICKSTART, LEARNING + settings, root + "/run"))
                losses[name] = losses_in(root + "/run")
    rows = []
    for name, runs in results.items():
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        rows.append([name, measure.number(median["s"]), measure.number(median["cpu_s"]),
                     f"{median['peak_mib']:.0f} MiB", "yes" if losses[name] == losses["`simulate`"] else "no"])
    head = ["", "seconds", "processor seconds", "memory, sum of peaks", "the same losses, bit for bit"]
    return measure.table(head, rows) + f"\nMedians of {arguments.runs} runs.\n"


def part(name, arguments):
    return {"simulate-size": sizes, "simulate-learning": learning}[name](arguments)


os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/../..")
measure.SAMPLE_S, measure.PSS_EVERY = 0.02, 1 << 30  # PSS is not asked for
measure.main(__doc__, ["simulate-size", "simulate-learning"], part, says_time=True)
