"""Scores of seeded blobs by MedPy, DeepMind's surface-distance and SciPy.

Writes peers.json beside this file. Masks are not stored: each is a union of ellipsoids,
{z, y, x : ((z-cz)/rz)^2 + ((y-cy)/ry)^2 + ((x-cx)/rx)^2 <= 1}, that the test draws again.

    pip install medpy==0.5.2 surface-distance==0.1 scipy==1.17.1 numpy==2.4.6
    python make_peers.py
"""
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import surface_distance as sd
from medpy.metric import binary as medpy
from scipy import ndimage
from surface_distance import lookup_tables

SEED = 20240917
# Three voxels of 1.1 mm are 3.3000000000000003 mm and count as within 3.3 mm, so every tolerance
# is widened as in src/surface.rs.
SLACK = 1 + 1e-6


def draw(size, ellipsoids):
    z, y, x = np.ogrid[: size[0], : size[1], : size[2]]
    mask = np.zeros(size, dtype=bool)
    for (cz, cy, cx), (rz, ry, rx) in ellipsoids:
        mask |= ((z - cz) / rz) ** 2 + ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
    return mask


def random_ellipsoids(rng, size, n):
    return [
        (
            [round(float(rng.uniform(0, s)), 3) for s in size],
            [round(float(rng.uniform(0.08, 0.3) * s) + 0.6, 3) for s in size],
        )
        for _ in range(n)
    ]


def jitter(rng, ellipsoids):
    return [
        (
            [round(c + float(rng.normal(0, 1.5)), 3) for c in centre],
            [round(max(0.6, r * float(rng.uniform(0.8, 1.25))), 3) for r in radii],
        )
        for centre, radii in ellipsoids
    ]


def surface_distances(ref, pred, spacing):
    """Directed voxel surface distances, MetricsReloaded's form, from SciPy alone."""
    cross = ndimage.generate_binary_structure(3, 1)
    rim = lambda m: m & ~ndimage.binary_erosion(m, cross, border_value=0)
    far = lambda m: ndimage.distance_transform_edt(~rim(m), sampling=spacing)
    return far(pred)[rim(ref)], far(ref)[rim(pred)]


def scipy_scores(ref, pred, spacing):
    a, b = surface_distances(ref, pred, spacing)
    both = np.hstack([a, b])
    return {
        "assd": float(both.mean()),
        "masd": float((a.mean() + b.mean()) / 2),
        "hd": float(both.max()),
        "hd95_ref_to_pred": float(np.percentile(a, 95)),
        "hd95_pred_to_ref": float(np.percentile(b, 95)),
        "hd95_pooled": float(np.percentile(both, 95)),
        "nsd_2mm": float((both <= 2 * SLACK).mean()),
        "nsd_slice": float((both <= max(spacing) * SLACK).mean()),
        "n_components_ref": [
            int(ndimage.label(ref, ndimage.generate_binary_structure(3, k))[1]) for k in (1, 2, 3)
        ],
        "edt_mean": float(ndimage.distance_transform_edt(~ref, sampling=spacing).mean()),
    }


def medpy_scores(ref, pred, spacing):
    return {
        "dc": float(medpy.dc(pred, ref)),
        "jc": float(medpy.jc(pred, ref)),
        "precision": float(medpy.precision(pred, ref)),
        "recall": float(medpy.recall(pred, ref)),
        "hd": float(medpy.hd(pred, ref, voxelspacing=spacing)),
        "hd95": float(medpy.hd95(pred, ref, voxelspacing=spacing)),
        "asd_pred_to_ref": float(medpy.asd(pred, ref, voxelspacing=spacing)),
        "asd_ref_to_pred": float(medpy.asd(ref, pred, voxelspacing=spacing)),
        "assd": float(medpy.assd(pred, ref, voxelspacing=spacing)),
    }


def deepmind_scores(ref, pred, spacing):
    d = sd.compute_surface_distances(ref, pred, spacing)
    ref_to_pred, pred_to_ref = sd.compute_average_surface_distance(d)
    return {
        "mean_ref_to_pred": float(ref_to_pred),
        "mean_pred_to_ref": float(pred_to_ref),
        "hd95": float(sd.compute_robust_hausdorff(d, 95)),
        "nsd_2mm": float(sd.compute_surface_dice_at_tolerance(d, 2.0 * SLACK)),
        "nsd_slice": float(sd.compute_surface_dice_at_tolerance(d, max(spacing) * SLACK)),
        "area_ref": float(np.sum(d["surfel_areas_gt"])),
        "area_pred": float(np.sum(d["surfel_areas_pred"])),
    }


def cases(rng):
    recipes = [
        ((12, 30, 28), (5.0, 0.7, 0.7), 2),
        ((20, 20, 20), (1.0, 1.0, 1.0), 1),
        ((8, 40, 33), (6.5, 0.78125, 0.78125), 3),
        ((25, 18, 30), (0.9, 1.3, 2.1), 2),
        ((30, 10, 24), (0.6, 4.4, 0.6), 2),
        ((3, 36, 36), (7.0, 0.5, 0.5), 1),
        ((1, 32, 32), (4.0, 1.0, 1.5), 2),
        ((22, 22, 22), (3.3, 1.1, 1.2), 4),
        ((16, 26, 20), (4.0, 1.25, 1.25), 2),
        ((10, 10, 40), (2.5, 2.5, 0.9), 3),
    ]
    for size, spacing, n in recipes:
        ref = random_ellipsoids(rng, size, n)
        yield size, spacing, ref, jitter(rng, ref)
    # Far apart; one voxel against a blob that fills a corner of the image.
    yield (14, 24, 30), (5.0, 1.0, 1.0), [([4, 6, 5], [3.2, 4.1, 3.3])], [([9, 18, 23], [2.4, 3.7, 5.2])]
    yield (9, 16, 16), (3.0, 0.8, 0.8), [([4, 8, 8], [0.6, 0.6, 0.6])], [([0, 0, 0], [4.3, 9.1, 8.6])]


def speckle_components():
    """Components of a mask that the three connectivities see differently."""
    z, y, x = np.ogrid[:9, :14, :17]
    mask = (z * 73 + y * 179 + x * 283 + z * y * x * 7) % 11 < 3
    structures = [ndimage.generate_binary_structure(3, k) for k in (1, 2, 3)]
    labelled = [ndimage.label(mask, s) for s in structures]
    return [
        {"n": int(n), "largest": int(np.bincount(lab.ravel())[1:].max())} for lab, n in labelled
    ]


def areas(spacing):
    """Areas by pattern, bits re-ordered from the package's to 4 z + 2 y + x."""
    table = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)
    theirs = np.array(lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL).reshape(8)
    code = lambda p: int(sum(int(theirs[bit]) for bit in range(8) if p >> bit & 1))
    return [float(table[code(p)]) for p in range(256)]


def main():
    rng = np.random.default_rng(SEED)
    out = {
        "versions": {p: version(p) for p in ("medpy", "surface-distance", "scipy", "numpy")},
        "surfel_areas": [
            {"spacing": s, "areas": [round(a, 12) for a in areas(s)]}
            for s in ((1.0, 1.0, 1.0), (5.0, 0.7, 0.9))
        ],
        "speckle": speckle_components(),
        "cases": [],
    }
    for size, spacing, ref_shape, pred_shape in cases(rng):
        ref, pred = draw(size, ref_shape), draw(size, pred_shape)
        assert ref.any() and pred.any(), size
        out["cases"].append(
            {
                "size": size,
                "spacing": spacing,
                "reference": ref_shape,
                "prediction": pred_shape,
                "n_ref": int(ref.sum()),
                "n_pred": int(pred.sum()),
                "scipy": scipy_scores(ref, pred, spacing),
                "medpy": medpy_scores(ref, pred, spacing),
                "deepmind": deepmind_scores(ref, pred, spacing),
            }
        )
    path = Path(__file__).with_name("peers.json")
    path.write_text(json.dumps(out, separators=(",", ":")).replace('},{"size"', '},\n{"size"') + "\n")


if __name__ == "__main__":
    main()
