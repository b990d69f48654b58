"""More figures of SciPy and pingouin, for tests/stats_intervals.rs.

Exact distributions of signed ranks are summed in whole numbers, which SciPy does not do for ties.

    pip install numpy==2.4.6 scipy==1.17.1 pandas pingouin==0.7.0
    python make_stats_intervals.py > stats_intervals.json
"""
import json
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pingouin
from scipy import stats

rng = np.random.default_rng(20261127)
pingouin.options["round"] = None
for column in ("CI95", "CI95%"):
    pingouin.options["round.column." + column] = None


def exact_counts(doubled):
    """Ways to reach each sum of doubled ranks."""
    counts = [1] + [0] * sum(doubled)
    for rank in doubled:
        counts = [c + (counts[s - rank] if s >= rank else 0) for s, c in enumerate(counts)]
    return counts


def wilcoxon(x, y):
    d = np.asarray(x) - np.asarray(y)
    out = {"x": list(x), "y": list(y)}
    for zeros in ("pratt", "wilcox"):
        kept = d if zeros == "pratt" else d[d != 0]
        ranks = stats.rankdata(np.abs(kept))
        doubled = [int(2 * r) for r in ranks[kept != 0]]
        plus = int(sum(2 * r for r in ranks[kept > 0]))
        counts = exact_counts(doubled)
        tail = sum(counts[: min(plus, sum(doubled) - plus) + 1])
        out[zeros] = {
            "statistic": float(stats.wilcoxon(x, y, zero_method=zeros, method="asymptotic").statistic),
            "exact": float(min(Fraction(1), Fraction(2 * tail, 2 ** len(doubled)))),
            "normal": float(stats.wilcoxon(x, y, zero_method=zeros, method="asymptotic").pvalue),
            "continuity": float(
                stats.wilcoxon(x, y, zero_method=zeros, method="asymptotic", correction=True).pvalue
            ),
        }
    return out


def hodges_lehmann(x, y, confidence):
    d = np.asarray(x) - np.asarray(y)
    n = len(d)
    walsh = sorted((d[i] + d[j]) / 2 for i in range(n) for j in range(i, n))
    counts, tail, cut = exact_counts(list(range(1, n + 1))), 0, None
    limit = (1 - Fraction(confidence)) / 2
    for w, count in enumerate(counts):
        tail += count
        if Fraction(tail, 2**n) > limit:
            break
        cut = (w + 1, float(1 - 2 * Fraction(tail, 2**n)))
    interval = None if cut is None else [walsh[cut[0] - 1], walsh[len(walsh) - cut[0]], cut[1]]
    return {
        "x": list(x),
        "y": list(y),
        "confidence": confidence,
        "estimate": float(np.median(walsh)),
        "interval": interval,
    }


def bca(values, confidence):
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=399, method="BCa", confidence_level=confidence, rng=rng
    )
    interval = found.confidence_interval
    return {
        "values": values.tolist(),
        "means": found.bootstrap_distribution.tolist(),
        "confidence": confidence,
        "low": float(interval.low),
        "high": float(interval.high),
    }


def icc(table):
    n, k = table.shape
    long = pd.DataFrame(
        {"t": np.repeat(np.arange(n), k), "r": np.tile(np.arange(k), n), "v": table.ravel()}
    )
    found = pingouin.intraclass_corr(long, targets="t", raters="r", ratings="v").set_index("Type")
    absolute, consistency = found.loc["ICC(A,1)"], found.loc["ICC(C,1)"]
    return {
        "table": table.tolist(),
        "icc": [float(absolute["ICC"]), *map(float, absolute["CI95"])],
        "consistency": [float(consistency["ICC"]), *map(float, consistency["CI95"])],
        "f": float(consistency["F"]),
        "p": float(consistency["pval"]),
    }


def bland_altman(d):
    n, bias, sd, z = len(d), np.mean(d), np.std(d, ddof=1), 1.96
    t = stats.t.ppf(0.975, n - 1)
    limit = t * sd * np.sqrt(1 / n + z * z / (2 * (n - 1)))
    mean = t * sd / np.sqrt(n)
    ends = [[c - e, c + e] for c, e in ((bias, mean), (bias - z * sd, limit), (bias + z * sd, limit))]
    return {"bias": bias, "sd": sd, "lower": bias - z * sd, "upper": bias + z * sd, "intervals": ends}


def rounded(values, digits):
    return np.round(values, digits)



beta = lambda n, a: rounded(rng.beta(a, 2, n), 4)
# Multiples of 1/8 are exact, so that ties are ties in every program.
steps = lambda n, shift: rng.integers(0, 9, n) / 8 + shift * rng.integers(0, 2, n) / 8
volume = rounded(rng.lognormal(4, 1.2, 25), 2)
predicted = rounded(volume * rng.lognormal(-0.05, 0.2, 25), 2)
table = rounded(rng.normal(0, 2, (12, 1)) + rng.normal(0, 1, (12, 4)) + [0, 0.5, -0.4, 1], 3)
noise = rounded(rng.normal(5, 1, (9, 2)), 3)

document = {
    "wilcoxon": [wilcoxon(beta(n, 8).tolist(), beta(n, 6).tolist()) for n in (5, 20, 50)]
    + [wilcoxon(steps(n, 1).tolist(), steps(n, 0).tolist()) for n in (8, 17, 33, 50, 90)],
    "hodges_lehmann": [
        hodges_lehmann(beta(n, 8).tolist(), beta(n, 6).tolist(), c)
        for n, c in ((5, 0.95), (6, 0.95), (12, 0.9), (30, 0.95), (60, 0.99))
    ]
    + [hodges_lehmann(steps(20, 1).tolist(), steps(20, 0).tolist(), 0.95)],
    "bca": [
        bca(rounded(rng.beta(9, 1.5, 30), 4), 0.95),
        bca(rounded(rng.exponential(3, 12), 3), 0.9),
        bca(np.array([0.0, 1, 1, 0, 1, 1, 1, 1]), 0.95),
    ],
    "icc": [icc(np.column_stack([volume, predicted])), icc(table), icc(noise)],
    "bland_altman": {
        "reference": volume.tolist(),
        "found": predicted.tolist(),
        "difference": bland_altman(predicted - volume),
        "percent": bland_altman(100 * (predicted - volume) / ((predicted + volume) / 2)),
        "log_ratio": bland_altman(np.log(predicted / volume)),
    },
}
json.dump(document, sys.stdout, default=float)
