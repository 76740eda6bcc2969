# SPDX-License-Identifier: GPL-3.0-or-later
"""What run_models.py and run_split.py share: environments, alternating runs, medians, tables in a document."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer")

# The heap on huge pages and never given back to the kernel.
TUNABLES = ("glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:"
            "glibc.malloc.trim_threshold=17179869184")


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


def main(description, parts, measure_part):
    """Command line of a bench; measure_part(name, arguments) returns the part's text."""
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
    for name in arguments.parts or parts:
        text = measure_part(name, arguments)
        print(f"{name}\n{text}", flush=True)
        if arguments.doc:
            splice(arguments.doc, name, text)
