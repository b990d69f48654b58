"""Figures of SciPy, scikit-posthocs and pingouin for tests/stats.rs: python make_stats.py > stats.json."""

import json

import numpy as np
import pandas as pd
import pingouin
import scikit_posthocs
import scipy
from scipy import stats

rng = np.random.default_rng(7)


def wilcoxon(x, y):
    n = len(x)
    # SciPy's own exact distribution knows no ties or zeros; all signs are tried where that can be done.
    result = stats.wilcoxon(x, y, zero_method="pratt", correction=False, method="approx")
    d = np.asarray(x) - np.asarray(y)
    ranks = stats.rankdata(np.abs(d))[d != 0]
    out = {"x": list(x), "y": list(y), "statistic": float(result.statistic), "p_normal": float(result.pvalue)}
    if n <= 14:
        signs = (np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks))) & 1
        sums = signs @ ranks
        out["p_exact"] = float(min(1.0, 2 * np.mean(sums <= result.statistic + 1e-9)))
    elif n <= 50 and len(set(np.abs(d))) == n and not (d == 0).any():
        out["p_exact"] = float(stats.wilcoxon(x, y, method="exact").pvalue)
    return out


scores = np.round(rng.beta(8, 2, (23, 4)), 2)
groups = [np.round(rng.gamma(2, 3, n), 1) for n in (9, 14, 6, 11)]
volume = rng.lognormal(4, 1, 30)
found = volume * rng.normal(0.95, 0.12, 30) + rng.normal(0, 3, 30)
friedman = stats.friedmanchisquare(*scores.T)
n, k = scores.shape
f = (n - 1) * friedman.statistic / (n * (k - 1) - friedman.statistic)
kruskal = stats.kruskal(*groups)
values = np.concatenate(groups)
labels = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
frame = pd.DataFrame({"v": values, "g": labels})
ranks = stats.rankdata(values)
raw = scikit_posthocs.posthoc_dunn(frame, val_col="v", group_col="g")
adjusted = scikit_posthocs.posthoc_dunn(frame, val_col="v", group_col="g", p_adjust="holm")
pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
long = pd.DataFrame(
    {
        "patient": list(range(30)) * 2,
        "rater": ["a"] * 30 + ["b"] * 30,
        "volume": list(volume) + list(found),
    }
)
table = pingouin.intraclass_corr(long, targets="patient", raters="rater", ratings="volume").set_index("Type")
row = table.loc["ICC(A,1)" if "ICC(A,1)" in table.index else "ICC2"]
interval = row["CI95"] if "CI95" in row else row["CI95%"]
differences = scores[:, 0] - scores[:, 1]
walsh = [(p + q) / 2 for i, p in enumerate(differences) for q in differences[i:]]
cliff = np.sign(groups[0][:, None] - groups[1][None, :]).mean()
skewed = rng.exponential(2, 40)
bca = stats.bootstrap((skewed,), np.mean, n_resamples=200_000, method="BCa", rng=np.random.default_rng(1))

json.dump(
    {
        "programs": {p.__name__: p.__version__ for p in (scipy, scikit_posthocs, pingouin)},
        "scores": scores.tolist(),
        "friedman": {
            "chi_squared": friedman.statistic,
            "p_chi_squared": friedman.pvalue,
            "f": f,
            "p": stats.f.sf(f, k - 1, (k - 1) * (n - 1)),
        },
        "wilcoxon": [
            wilcoxon(scores[:12, 0].tolist(), scores[:12, 1].tolist()),
            wilcoxon([1.0, 2, 3, 4, 5, 6], [1.0, 2, 3, 5, 7, 2]),
            wilcoxon([0.3, 0.5, 0.9, 0.1], [0.2, 0.1, 0.2, 0.05]),
            wilcoxon(rng.normal(0, 1, 25).tolist(), rng.normal(0.6, 1, 25).tolist()),
            wilcoxon(np.round(rng.beta(8, 2, 80), 2).tolist(), np.round(rng.beta(7, 2, 80), 2).tolist()),
        ],
        "groups": [g.tolist() for g in groups],
        "kruskal": {"h": kruskal.statistic, "p": kruskal.pvalue},
        "dunn": {"p": [raw.iloc[i, j] for i, j in pairs], "p_holm": [adjusted.iloc[i, j] for i, j in pairs]},
        "volume": volume.tolist(),
        "found": found.tolist(),
        "icc": {"icc": row["ICC"], "interval": [float(v) for v in interval]},
        "spearman": list(map(float, stats.spearmanr(volume, found))),
        "spearman_ties": list(map(float, stats.spearmanr(scores[:, 0], scores[:, 1]))),
        "cliffs_delta": cliff,
        "hodges_lehmann": float(np.median(walsh)),
        "wilson": [
            [k, n, *map(float, stats.binomtest(k, n).proportion_ci(method="wilson"))]
            for k, n in [(0, 9), (7, 12), (45, 45), (120, 299)]
        ],
        "skewed": skewed.tolist(),
        "bca": [float(bca.confidence_interval.low), float(bca.confidence_interval.high)],
    },
    __import__("sys").stdout,
    default=float,
)
