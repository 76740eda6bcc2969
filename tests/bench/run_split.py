#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of split learning: `splitbed run` against PyTorch with ZeroMQ (peer/server.py, peer/device.py), side by
side over TCP loopback on Fashion-MNIST; `make bench-split`. The sides take turns.
"""
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import measure

DATA = "/usr/share/datasets/fashion-mnist"
EXPERIMENT = "configs/experiments/native-psl.yaml"

# devices, batch, server threads of (Splitbed, as installed, tuned), and the targets: rounds/s against one of the
# others, memory against it, seconds to the first round
CASES = {
    "lenet5-4x64": dict(network="lenet5", cut="pool2", devices=4, batch=64, rounds=400, threads=(1, 1, 1),
                        other="installed", faster=2.5, smaller=12, first_s=0.25),
    "lenet5-8x32": dict(network="lenet5", cut="pool2", devices=8, batch=32, rounds=400, threads=(1, 1, 1),
                        other="installed", faster=2.5, smaller=12, first_s=0.25),
    "resnet18-4x32": dict(network="resnet18-28", cut="layer1.1", devices=4, batch=32, rounds=6, threads=(2, 1, 2),
                          other="tuned", faster=1.3, smaller=3, first_s=None),
}
MODELS = {"lenet5": "configs/models/lenet5.yaml", "resnet18-28": "configs/models/resnet18-bn.yaml"}


def first_row_s(path, child, launched_s):
    """Seconds from launch until rounds.csv has a row; looked at every 2 ms."""
    while child.poll() is None:
        try:
            with open(path, encoding="ascii") as file:
                if file.read().count("\n") >= 2:
                    return time.monotonic() - launched_s
        except OSError:
            pass
        time.sleep(0.002)
    sys.exit("splitbed run ended before its first round")


def run_ours(arguments, case):
    with tempfile.TemporaryDirectory() as folder:
        settings = {"training.rounds": case["rounds"], "training.batch_size": case["batch"],
                    "devices": f"[{{name: d, count: {case['devices']}}}]", "model.file": MODELS[case["network"]],
                    "scheduler.cuts": f"[{case['cut']}]", "server.threads": case["threads"][0],
                    "data.dir": DATA, "data.test_samples": case["devices"] * case["batch"]}
        command = [arguments.bin + "/splitbed", "run", EXPERIMENT, "--out", folder + "/run"]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        launched_s = time.monotonic()
        child = subprocess.Popen(command, env=measure.environment(), stdout=subprocess.DEVNULL)
        first_s = first_row_s(folder + "/run/rounds.csv", child, launched_s)
        memory = measure.Memory()
        measure.watch(memory, [child])
        with open(folder + "/run/rounds.csv", encoding="ascii") as file:
            rows = [float(row["latency_measured_s"]) for row in csv.DictReader(file)]
        steady = rows[warm_up(case):]
        return {"rounds_per_s": len(steady) / sum(steady), "first_s": first_s} | memory.result()


def warm_up(case):
    return max(1, case["rounds"] // 10)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run_peer(case, layout, threads, **env):
    env = measure.environment(OMP_NUM_THREADS="1", **env) if threads == 1 else measure.environment(**env)
    both = {"port": free_port(), "devices": case["devices"], "batch": case["batch"], "rounds": case["rounds"],
            "network": case["network"], "cut": case["cut"], "layout": layout}

    def start(script, more, **options):
        command = [sys.executable, f"{measure.PEER}/{script}"]
        for key, value in (both | more).items():
            command += [f"--{key}", str(value)]
        return subprocess.Popen(command, env=env, **options)

    launched_s = time.monotonic()
    server = start("server.py", {"threads": threads, "warm_up": warm_up(case)}, stdout=subprocess.PIPE, text=True)
    devices = [start("device.py", {"index": i, "data": DATA}) for i in range(case["devices"])]
    memory = measure.Memory()
    measure.watch(memory, [server] + devices)
    result = json.loads(server.stdout.read())
    return {"rounds_per_s": result["rounds_per_s"],
            "first_s": result["first_round_us"] * 1e-6 - launched_s} | memory.result()


def part(name, arguments):
    case = CASES[name]
    threads = dict(zip(("ours", "installed", "tuned"), case["threads"]))
    r = measure.alternate({"ours": lambda: run_ours(arguments, case),
                           "installed": lambda: run_peer(case, "nchw", threads["installed"]),
                           "tuned": lambda: run_peer(case, "nhwc", threads["tuned"],
                                                     GLIBC_TUNABLES=measure.TUNABLES)}, arguments.runs)
    names = {"ours": "Splitbed", "installed": "PyTorch as installed", "tuned": "PyTorch tuned"}
    rows = [[names[side], threads[side], measure.number(r[side]["rounds_per_s"]), f"{r[side]['peak_mib']:.0f} MiB",
             f"{r[side]['pss_mib']:.0f} MiB", f"{r[side]['first_s']:.2f} s"] for side in names]
    ours, other = r["ours"], r[case["other"]]
    text = measure.table(["", "server threads", "rounds/s", "memory, sum of peaks", "memory, peak of PSS",
                          "launch to first round"], rows)
    text += (f"\nAgainst PyTorch {'as installed' if case['other'] == 'installed' else 'tuned'} (targets in brackets): "
             f"rounds/s x {measure.ratio(ours['rounds_per_s'] / other['rounds_per_s'], case['faster'])}, memory / "
             f"{measure.ratio(other['peak_mib'] / ours['peak_mib'], case['smaller'])}")
    if case["first_s"]:
        verdict = "met" if ours["first_s"] <= case["first_s"] else "not met"
        text += f"; first round within {case['first_s']} s: **{verdict}**"
    return text + ".\n"


os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/../..")
measure.main(__doc__, list(CASES), part, says_time=True)
