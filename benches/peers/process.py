"""Runs a command, several times if wanted, and reports wall time and peak memory of all its processes.

Memory is the sum over the command and its descendants of their proportional set sizes (shared pages are divided among
those that share them), looked at 20 times a second; Linux only, elsewhere it is left out.
"""

import argparse
import os
import subprocess
import sys
import threading
import time

from timing import report


def descendants(root):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting.extend(child for child, parent in parents.items() if parent == process)
    return found


def proportional_bytes(process):
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0


class Memory:
    """The most that a process and its descendants held together."""

    def __init__(self, root):
        self.peak, self.root, self.over = 0, root, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.over.wait(0.05):
            held = sum(map(proportional_bytes, descendants(self.root)))
            self.peak = max(self.peak, held)

    def stop(self):
        self.over.set()
        self.thread.join()
        return self.peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="the program's name and version")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    seconds, peaks = [], []
    for _ in range(args.rounds):
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        memory = Memory(process.pid) if os.path.exists("/proc/self/smaps_rollup") else None
        _, errors = process.communicate()
        seconds.append(time.perf_counter() - begun)
        if memory:
            peaks.append(memory.stop())
        if process.returncode != 0:
            sys.stderr.write(errors.decode(errors="replace")[-2000:])
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
    report(args.name, [("whole process", seconds)], {"peak_memory_bytes": max(peaks, default=None)})


if __name__ == "__main__":
    main()
