"""Rounds of work and what they took, as one JSON document on stdout: the form of `sarx bench --json`."""

import json
import sys
import time


def rounds(work, n_rounds, warm_up):
    """The seconds of each round, and what the last one made."""
    made = None
    for _ in range(warm_up):
        made = work()
    seconds = []
    for _ in range(n_rounds):
        begun = time.perf_counter()
        made = work()
        seconds.append(time.perf_counter() - begun)
    return seconds, made


def report(program, timings, details):
    """Prints the document; `timings` is a list of (what, seconds)."""
    document = {
        "program": program,
        "timings": [{"what": what, "seconds": seconds} for what, seconds in timings],
        "details": details,
    }
    json.dump(document, sys.stdout)
    print()
