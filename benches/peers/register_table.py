"""Makes the section on registration of RESULTS.md of the documents that `benches/register.sh` kept."""

import argparse
import datetime
import glob
import json
import os
import statistics

from table import processor

TITLE = "## Registration"


def row(ours, theirs):
    """One line: both programs on the runs with an added motion."""
    measured = "to_truth" if ours["is_exact"] else "to_still"
    voxel = " x ".join(f"{mm:.2f}" for mm in ours["voxel_mm"])
    name = ours["pair"] if ours["is_exact"] else f"{ours['pair']} (added motion)"
    cells = [name, voxel, str(len(ours["runs"]) - 1)]
    for document in (ours, theirs):
        runs = document["runs"][1:]
        misses = [run[measured] for run in runs if run[measured] is not None]
        if misses:
            voxels = [miss["median_voxels"] for miss in misses]
            within = sum(v < 0.5 for v in voxels)
            cells += [
                f"{statistics.median(miss['median_mm'] for miss in misses):.2f}",
                f"{statistics.median(voxels):.2f}",
                f"{max(voxels):.2f}",
                f"{max(miss['max_mm'] for miss in misses):.2f}",
                f"{within} of {len(runs)}",
            ]
        else:
            cells += ["", "", "", "", f"0 of {len(runs)}"]
        cells.append(f"{statistics.median(run['cpu_seconds'] for run in runs):.1f} s")
    return "| " + " | ".join(cells) + " |"


def read(folder, program):
    documents = []
    for path in sorted(glob.glob(os.path.join(folder, f"*.{program}.json"))):
        with open(path, encoding="utf-8") as file:
            documents += json.load(file)
    return documents


def section(folder, threads):
    ours = read(folder, "sarx")
    theirs = {document["pair"]: document for document in read(folder, "peer")}
    pairs = [(document, theirs[document["pair"]]) for document in ours if document["pair"] in theirs]
    peer = pairs[0][1]["program"]
    yield TITLE + "\n"
    yield "Known motions of 2 to 10 degrees and 3 to 15 mm put into the header of the moving series, and found again. Made by"
    yield "`benches/register.sh`; `docs/registration.md` says what is measured and how.\n"
    load = os.getloadavg()[0]
    yield f"- Machine: {processor()}, {os.cpu_count()} processors; {threads} threads; load average {load:.1f}; {datetime.date.today()}"
    yield f"- Programs: {ours[0]['program']}, {peer}, pair by pair in turn"
    yield "- Of each motion the median over the fixed grid in mm and in voxels (each axis in its own edges), and the largest in"
    yield "  mm; then the median or the worst of the motions. Half a voxel is the aim. Processor time is of all threads.\n"
    names = ["median, mm", "median, voxels", "worst median, voxels", "largest, mm", "within half a voxel", "CPU"]
    heads = ["pair", "fixed voxel z, y, x, mm", "motions"]
    heads += [f"{who}: {name}" for who in ("sarx", peer) for name in names]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for pair in pairs:
        yield row(*pair)
    yield ""
    refused = [(d, k, r["refused"]) for d in ours for k, r in enumerate(d["runs"]) if r["refused"]]
    for document, number, reason in refused:
        yield f"- sarx refused {document['pair']}, motion {number}: {reason}"
    if not refused:
        yield "sarx refused none of these."


def without_section(text):
    """The file without this section; others stay."""
    kept, inside = [], False
    for line in text.splitlines():
        if line.startswith("## "):
            inside = line == TITLE
        if not inside:
            kept.append(line)
    return "\n".join(kept).rstrip("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="with NAME.sarx.json and NAME.peer.json")
    parser.add_argument("--threads", required=True)
    parser.add_argument("--results", required=True, help="the file whose section is written anew")
    args = parser.parse_args()
    with open(args.results, encoding="utf-8") as file:
        before = without_section(file.read())
    whole = before + "\n\n" + "\n".join(section(args.folder, args.threads)) + "\n"
    with open(args.results + ".new", "w", encoding="utf-8") as file:
        file.write(whole)
    os.replace(args.results + ".new", args.results)


if __name__ == "__main__":
    main()
