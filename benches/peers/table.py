"""Makes the tables of RESULTS.md of the rows that `turns.py` kept."""

import argparse
import glob
import json
import os
import platform
import statistics


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def duration(seconds):
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s"


def lines_of(name, row):
    ours = row["results"][0]
    our_median = statistics.median(ours["seconds"])
    for peer in row["results"][1:]:
        median = statistics.median(peer["seconds"])
        ratio = median / our_median
        aim = float(peer["aim"]) if peer["aim"] else None
        verdict = "" if aim is None else ("reached" if ratio >= aim else "**not reached**")
        cells = [
            f"{row['title']} (`{name}`)",
            peer["program"],
            duration(median),
            duration(our_median),
            f"{ratio:.1f}x",
            "" if aim is None else f"{aim:g}x",
            verdict,
            row["date"],
        ]
        yield "| " + " | ".join(cells) + " |"


def memory_lines(rows):
    for name, row in rows:
        ours = row["results"][0].get("peak_memory_bytes")
        for peer in row["results"][1:]:
            theirs = peer.get("peak_memory_bytes")
            if ours and theirs:
                megabytes = [f"{bytes_ / 1e6:.0f} MB" for bytes_ in (theirs, ours)]
                cells = [f"`{name}`", peer["program"], *megabytes, f"{ours / theirs:.2f}"]
                yield "| " + " | ".join(cells) + " |"


def limit_lines(rows):
    """Rows with a limit: the least and the median of all rounds, and the most memory."""
    for name, row in rows:
        limit_s, limit_mb = row.get("limit_s"), row.get("limit_mb")
        if limit_s is None:
            continue
        ours = row["results"][0]
        least, median = min(ours["seconds"]), statistics.median(ours["seconds"])
        peak_mb = ours.get("peak_memory_bytes", float("nan")) / 1e6
        is_kept = median <= limit_s and (limit_mb is None or peak_mb <= limit_mb)
        cells = [
            f"{row['title']} (`{name}`)",
            duration(least),
            duration(median),
            duration(limit_s),
            f"{peak_mb:.0f} MB",
            "" if limit_mb is None else f"{limit_mb:.0f} MB",
            "kept" if is_kept else "**not kept**",
            row["date"],
        ]
        yield "| " + " | ".join(cells) + " |"


def agreement(rows):
    for name, row in rows:
        for result in row["results"]:
            details = result["details"]
            for key in ("scores", "voxels_that_differ", "relative_rms_difference", "loss_after_last_step"):
                if details.get(key) is not None:
                    yield f"- `{name}`, {result['program']}: {key} {json.dumps(details[key])}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="folder with ROW.json files")
    parser.add_argument("--threads", required=True)
    args = parser.parse_args()
    rows = []
    for path in sorted(glob.glob(os.path.join(args.folder, "*.json"))):
        with open(path) as file:
            rows.append((os.path.basename(path)[: -len(".json")], json.load(file)))
    programs = sorted({result["program"] for _, row in rows for result in row["results"]})
    loads = [row["load"] for _, row in rows if row["load"] is not None]
    print("# Results\n")
    print("Made by `benches/run.sh` (see there for what each row runs). Medians of all rounds of all turns; sarx and")
    print("its peer were called in turn. A ratio above 1 says how many times faster sarx is.\n")
    print(f"- Machine: {processor()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}")
    print(f"- Threads: {args.threads}; Python {platform.python_version()}")
    print(f"- Programs: {', '.join(programs)}")
    if loads:
        print(f"- Load average after a row: {min(loads):.1f} to {max(loads):.1f}\n")
    print("| work (row) | peer | peer | sarx | ratio | aim | | date |")
    print("|---|---|---|---|---|---|---|---|")
    for name, row in rows:
        for line in lines_of(name, row):
            print(line)
    limits = list(limit_lines(rows))
    if limits:
        print("\nWork that has a limit:\n")
        print("| work (row) | least | median | limit | peak memory | limit | | date |")
        print("|---|---|---|---|---|---|---|---|")
        print("\n".join(limits))
    memory = list(memory_lines(rows))
    if memory:
        print("\nPeak memory of all processes of a run:\n")
        print("| row | peer | peer | sarx | sarx / peer |\n|---|---|---|---|---|")
        print("\n".join(memory))
    agreed = list(agreement(rows))
    if agreed:
        print("\nWhat the programs found on the same inputs:\n")
        print("\n".join(agreed))


if __name__ == "__main__":
    main()
