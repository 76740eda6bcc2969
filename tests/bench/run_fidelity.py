#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predicted against measured and simulated time of real runs, phase by phase; `make fidelity`.

Reads the result folders that `splitbed run` and `splitbed simulate` write (docs/RESULTS.md). The machine decides what
these tables say: one that is busy with other work shows larger differences.
"""
import csv
import os
import statistics
import subprocess
import sys
import tempfile

import measure

CONFIGS = "configs/experiments/"
PHASES = ("device_forward", "uplink", "server_forward", "server_backward", "broadcast", "downlink", "device_backward")
WARM_UP = 2  # rounds that do not count: caches, first touches of memory

# experiment, settings, and the target of the median relative difference of a round
LENET5 = dict(config="quickstart.yaml", sets=["training.rounds=60", "training.evaluate_every=0"])
RESNET18 = dict(config="epsl-resnet18.yaml", sets=["training.rounds=12", "training.evaluate_every=0",
                                                   "data.test_samples=320"])
TWENTY = ["devices.0.count=20", "radio.subchannels=40"]
CASES = {
    "lenet5": dict(LENET5, target=0.03),
    "resnet18": dict(RESNET18, target=0.03),
    "lenet5-20": dict(LENET5, extra=TWENTY, target=0.03),
    "lenet5-netns": dict(LENET5, extra=["testbed.link=netns"], target=0.06),
    "resnet18-netns": dict(RESNET18, extra=["testbed.link=netns"], target=0.06),
}
PHASE_SHARE, PHASE_S = 0.05, 0.002  # a phase is as predicted within one or the other
SIMULATED = {"simulate-lenet5": LENET5, "simulate-resnet18": dict(RESNET18, extra=["training.rounds=4"])}
FRAMEWORKS = ("sl", "psl", "epsl")


def rows_of(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def splitbed(arguments, command, case, folder, *settings):
    line = [arguments.bin + "/splitbed", command, CONFIGS + case["config"], "--out", folder]
    for setting in case["sets"] + case.get("extra", []) + list(settings):
        line += ["--set", setting]
    done = subprocess.run(line, env=measure.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(line)}: exit status {done.returncode}\n{done.stderr}")


def time_scale_of(folder):
    with open(os.path.join(folder, "config.yaml"), encoding="utf-8") as file:
        return next(float(line.split(":")[1].split("#")[0]) for line in file if "time_scale:" in line)


def differences(rows, key):
    """[(predicted, measured)] of all rows where something is predicted."""
    pairs = [(float(row[key + "_predicted_s"]), float(row[key + "_measured_s"])) for row in rows]
    return [pair for pair in pairs if pair[0] > 0]


def off(pairs):
    return statistics.median(abs(m - p) / p for p, m in pairs)


def is_close(pairs):
    predicted, measured = (statistics.median(side) for side in zip(*pairs))
    return abs(measured - predicted) <= max(PHASE_SHARE * predicted, PHASE_S)


def verdict(is_met):
    return "**yes**" if is_met else "no"


def run_part(case, arguments):
    with tempfile.TemporaryDirectory() as root:
        folder = os.path.join(root, "run")
        splitbed(arguments, "run", case, folder, "testbed.time_scale=auto")
        rounds = rows_of(folder, "rounds.csv")[WARM_UP:]
        devices = [row for row in rows_of(folder, "devices.csv") if int(row["round"]) > WARM_UP]
        scale = time_scale_of(folder)
    cells = []
    for phase in PHASES:
        per_device = phase in ("device_forward", "uplink", "downlink", "device_backward")
        pairs = differences(devices if per_device else rounds, phase)
        if not pairs:
            continue
        predicted, measured = (statistics.median(side) for side in zip(*pairs))
        cells.append((phase.replace("_", " ") + (", each device" if per_device else ""),
                      f"{1e3 * predicted:.3f}", f"{1e3 * measured:.3f}", f"{1e3 * (measured - predicted):+.3f}",
                      f"{100 * off(pairs):.2f} %", verdict(is_close(pairs))))
    whole = differences(rounds, "latency")
    predicted, measured = (statistics.median(side) for side in zip(*whole))
    cells.append(("**round**", f"{1e3 * predicted:.3f}", f"{1e3 * measured:.3f}",
                  f"{1e3 * (measured - predicted):+.3f}", f"{100 * off(whole):.2f} %",
                  f"{verdict(off(whole) <= case['target'])} (target {100 * case['target']:g} %)"))
    overruns = sum(int(row["overruns"]) for row in rounds)
    late = sum(int(row["is_late"]) for row in rounds)
    head = ["modelled time", "predicted ms", "measured ms", "difference", "median of the relative difference", "close"]
    return (measure.table(head, cells) + f"\nTime scale {scale:g} (`auto`); {len(rounds)} rounds after the first "
            f"{WARM_UP}, {overruns} overruns, {late} late rounds.\n")


def simulate_part(case, arguments):
    """simulate against the plan's terms, and its losses against those of run."""
    cells = []
    for framework in FRAMEWORKS:
        setting = f"training.framework={framework}"
        with tempfile.TemporaryDirectory() as root:
            real, virtual = os.path.join(root, "run"), os.path.join(root, "simulate")
            splitbed(arguments, "run", case, real, setting, "testbed.time_scale=auto")
            splitbed(arguments, "simulate", case, virtual, setting)
            rounds, devices = rows_of(virtual, "rounds.csv"), rows_of(virtual, "devices.csv")
            worst = 0.0
            for key in PHASES + ("latency", "handover"):
                for rows in (rounds, devices):
                    if key + "_predicted_s" in rows[0]:
                        worst = max([worst] + [abs(m - p) / p for p, m in differences(rows, key)])
            same = [row["loss"] for row in rounds] == [row["loss"] for row in rows_of(real, "rounds.csv")]
        cells.append((framework, f"{worst:.1e}", verdict(worst <= 1e-9), verdict(same)))
    head = ["framework", "largest relative difference of a phase", "within 1e-9", "losses of run, bit for bit"]
    return measure.table(head, cells)


def link_part(arguments):
    """bench_link prints its tables itself, and exits with 1 when a cell is off by more than 2 %."""
    result = subprocess.run([arguments.bin + "/../tests/bench/bench_link"], env=measure.environment(),
                            stdout=subprocess.PIPE, text=True, check=False)
    if not result.stdout:
        sys.exit(f"bench_link: exit status {result.returncode}")
    return result.stdout.strip() + f"\n\nAll within 2 %: {verdict(result.returncode == 0)}\n"


def measure_part(name, arguments):
    if name == "link":
        return link_part(arguments)
    if name in SIMULATED:
        return simulate_part(SIMULATED[name], arguments)
    return run_part(CASES[name], arguments)


if __name__ == "__main__":
    measure.main(__doc__, [*CASES, *SIMULATED, "link"], measure_part)
