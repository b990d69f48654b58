"""Calls sarx and its peers in turn and keeps what they say.

Each command prints a JSON document with `timings`; it is called once per turn, and the seconds of all turns are put
together. The result goes to OUT/ROW.json for `table.py`.
"""

import argparse
import datetime
import json
import os
import shlex
import statistics
import subprocess
import sys


def call(command):
    done = subprocess.run(shlex.split(command), capture_output=True, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stderr[-2000:])
        raise SystemExit(f"failed: {command}")
    return json.loads(done.stdout)


def seconds_of(document, what):
    for timing in document["timings"]:
        if timing["what"] == what:
            return timing["seconds"]
    raise SystemExit(f"nothing called {what!r} was timed")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", required=True, help="name of the row")
    parser.add_argument("--title", required=True, help="what the row is about")
    parser.add_argument("--what", required=True, help="which timing counts")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", required=True, help="folder for the results")
    parser.add_argument("--ours", required=True, help="command of sarx")
    parser.add_argument("--peer", action="append", default=[], help="aim=command: '4=python net.py'")
    parser.add_argument("--limit-s", type=float, help="the most seconds that sarx may take")
    parser.add_argument("--limit-mb", type=float, help="the most megabytes that it may hold")
    args = parser.parse_args()
    commands = [("", args.ours)] + [tuple(peer.split("=", 1)) for peer in args.peer]
    results = [{"aim": aim, "command": command, "seconds": []} for aim, command in commands]
    for turn in range(args.turns):
        for result in results:
            document = call(result["command"])
            seconds = seconds_of(document, args.what)
            result["seconds"] += seconds
            result["program"] = document.get("program") or f"sarx {document['version']}"
            result["details"] = document["details"]
            peak = document.get("peak_memory_bytes") or document["details"].get("peak_memory_bytes")
            if peak:
                result["peak_memory_bytes"] = max(peak, result.get("peak_memory_bytes", 0))
            median = statistics.median(seconds)
            print(f"{args.row} {turn + 1}/{args.turns} {result['program']}: {median:.4g} s", file=sys.stderr)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    row = {
        "title": args.title,
        "date": datetime.date.today().isoformat(),
        "load": load,
        "turns": args.turns,
        "limit_s": args.limit_s,
        "limit_mb": args.limit_mb,
        "results": results,
    }
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, f"{args.row}.json"), "w") as file:
        json.dump(row, file, indent=1)


if __name__ == "__main__":
    main()
