#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that the quick start ends with, for README.md; `make bench-readme`."""
import os
import subprocess
import sys
import tempfile

import measure


def quickstart(_, arguments):
    with tempfile.TemporaryDirectory() as root:
        done = subprocess.run([arguments.bin + "/splitbed", "run", "configs/experiments/quickstart.yaml", "--out",
                               root + "/run"], env=measure.environment(), stdout=subprocess.PIPE, text=True,
                              check=False)
    lines = done.stdout.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("quickstart: ")), None)
    if done.returncode or first is None:
        sys.exit(f"the quick start: exit status {done.returncode}\n{done.stdout}")
    shown = [line for line in lines[first:] if not line.startswith("  Results: ")]
    return "```\n" + "\n".join(shown).rstrip() + "\n```\n"


os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/../..")
measure.main(__doc__, ["quickstart"], quickstart)
