# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benches share: environments, alternating runs, medians, memory of processes, tables in a document."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer")

# The heap on huge pages and never given back to the kernel.
TUNABLES = ("glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:"
            "glibc.malloc.trim_threshold=17179869184")

SAMPLE_S = 0.2
PSS_EVERY = 10  # samples: the kernel walks every page of a process for its PSS


def environment(**more):
    """This process's environment, but each side's libraries choose their own kernels and threads."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("OPENBLAS_", "OMP_", "MKL_", "GLIBC_TUNABLES"))}
    env.update(more)
    return env


def run_json(command, env):
    """The one line of JSON that `command` prints; the bench ends where it fails."""
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}")
    return json.loads(done.stdout)


def alternate(sides, n_runs):
    """sides: {name: function that runs it once and returns a dict of numbers}, each run in turn, n_runs times.

    Returns {name: {key: median}}.
    """
    results = {name: [] for name in sides}
    for _ in range(n_runs):
        for name, run in sides.items():
            results[name].append(run())
    return {name: {key: statistics.median(r[key] for r in runs) for key in runs[0]}
            for name, runs in results.items()}


def processes_below(pid):
    """pid and all that it and its children started."""
    found = [pid]
    for p in found:
        try:
            with open(f"/proc/{p}/task/{p}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            pass
    return found


class Memory:
    """Peak memory of processes, sampled: the sum of each one's VmHWM, and the most that their PSS added up to."""

    def __init__(self):
        self.peak_kib = {}
        self.pss_kib = 0
        self.n_samples = 0

    def sample(self, pids):
        pss_kib = 0
        self.n_samples += 1
        with_pss = self.n_samples % PSS_EVERY == 5
        for pid in pids:
            try:
                with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                    for line in file:
                        if line.startswith("VmHWM"):
                            self.peak_kib[pid] = int(line.split()[1])
                if not with_pss:
                    continue
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    pss_kib += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
            except (OSError, StopIteration):
                pass
        self.pss_kib = max(self.pss_kib, pss_kib)

    def result(self):
        return {"peak_mib": sum(self.peak_kib.values()) / 1024, "pss_mib": self.pss_kib / 1024}


def watch(memory, roots):
    """Samples until all of `roots` have ended; when one fails, ends the others and the bench."""
    while True:
        running = [root for root in roots if root.poll() is None]
        failed = [root for root in roots if root.returncode]
        if failed:
            for root in running:
                root.terminate()
            sys.exit(f"{' '.join(failed[0].args)}: exit status {failed[0].returncode}")
        if not running:
            return
        memory.sample([pid for root in running for pid in processes_below(root.pid)])
        time.sleep(SAMPLE_S)


def ratio(value, target):
    """A ratio next to its target: '2.31 (2.5)', bold when it is reached."""
    return f"**{value:.2f}** ({target:g})" if value >= target else f"{value:.2f} ({target:g})"


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def splice(path, name, text):
    """Puts text between '<!-- bench:NAME -->' and '<!-- /bench -->'."""
    with open(path, encoding="utf-8") as file:
        document = file.read()
    pattern = re.compile(rf"(<!-- bench:{re.escape(name)} -->\n).*?(<!-- /bench -->)", re.S)
    if not pattern.search(document):
        sys.exit(f"{path}: no markers for {name}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(pattern.sub(lambda m: m[1] + text + m[2], document))


def duration(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def main(description, parts, measure_part, says_time=False):
    """Command line of a bench; measure_part(name, arguments) returns the part's text. says_time: how long the part took
    is written under its table."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bin", required=True, help="folder of the programs to measure")
    parser.add_argument("--doc", help="document whose tables are rewritten")
    parser.add_argument("--runs", type=int, default=5, help="of each case and side")
    parser.add_argument("--seconds", type=float, default=0.5, help="of measured steps in a run")
    parser.add_argument("parts", nargs="*", metavar="PART", help="of " + ", ".join(parts) + "; default all")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in parts:
            parser.error(f"'{name}': parts are {', '.join(parts)}")
    names = arguments.parts or parts
    for i, name in enumerate(names):
        print(f"{name}, part {i + 1} of {len(names)}", file=sys.stderr, flush=True)
        start_s = time.monotonic()
        text = measure_part(name, arguments)
        if says_time:
            text += f"\nMeasuring this took {duration(time.monotonic() - start_s)}.\n"
        print(f"{name}\n{text}", flush=True)
        if arguments.doc:
            splice(arguments.doc, name, text)
