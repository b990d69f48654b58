"""Writes preprocess/NAME.npz and preprocess/cases.json: what nnU-Net makes of whole small cases.

Run with nnunetv2 2.8.1, batchgenerators 0.25.5, scikit-image 0.26.0, scipy 1.17.1, numpy 2.4.6, torch 2.15.
Forward: `DefaultPreprocessor.run_case_npy`. Back: random logits on the target grid through
`convert_predicted_logits_to_segmentation_with_correct_shape`, without and with probabilities.

Arrays, all `[c, z, y, x]` or `[z, y, x]`: `native_image`, `native_labels` (absent for a case without
labels), `image`, `labels`, `locations_I` (the first 100 rows of key I), `logits`, `back_labels`,
`back_labels_with_probabilities`, `back_probabilities` (first two heads).
"""
import json
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import zoom
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

FOLDER = Path(__file__).parent / "preprocess"
STATISTICS = {"mean": 40.25, "median": 38.0, "std": 31.5, "min": -3.0, "max": 180.0,
              "percentile_00_5": 4.0, "percentile_99_5": 120.0}
LABELS = {"background": 0, "a": 1, "b": 2}
Z, CT, NONE, UNIT, RGB = ("ZScoreNormalization", "CTNormalization", "NoNormalization",
                          "RescaleTo01Normalization", "RGBTo01Normalization")


def phantom(rng, size, n_channels, n_labels):
    """A body with a hole and a zero rim, labels in blobs, some of them outside the body."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in size], indexing="ij")
    radius = np.sqrt(z ** 2 + y ** 2 + x ** 2)
    body = radius < 0.85
    hole = np.sqrt((z - 0.1) ** 2 + (y - 0.2) ** 2 + x ** 2) < 0.3
    images = []
    for channel in range(n_channels):
        smooth = zoom(rng.uniform(0, 1, [max(2, n // 4) for n in size]),
                      [n / max(2, n // 4) for n in size], order=1)
        image = np.round(20 + 150 * smooth + rng.uniform(0, 30, size))
        images.append(np.where(body & ~hole, image, 0).astype(np.float32))
    labels = np.zeros(size, np.int16)
    for label in range(1, n_labels + 1):
        centre = rng.uniform(-0.6, 0.6, 3)
        blob = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 0.09
        labels[blob] = label
    labels[..., : max(1, size[2] // 8)][radius[..., : max(1, size[2] // 8)] > 1.1] = 1
    return np.stack(images), labels


def case(name, size, spacing, target, **more):
    default = {"schemes": [Z], "masks": [False], "transpose": [0, 1, 2], "labels": LABELS, "order": None,
               "force": None, "make": None, "with_labels": True}
    return {"name": name, "size": size, "spacing": spacing, "target": target, **default, **more}


def constant(value):
    return lambda image, labels: (np.full_like(image, value), labels)


CASES = [
    case("zscore_masked", [10, 16, 14], [3.0, 1.0, 1.1], [2.5, 1.2, 1.0], masks=[True]),
    case("four_schemes", [9, 12, 11], [2.0, 1.0, 1.0], [2.2, 1.1, 0.9], schemes=[CT, NONE, UNIT, RGB],
         masks=[False] * 4),
    case("two_channels", [10, 12, 13], [2.0, 1.3, 1.0], [2.0, 1.0, 1.0], schemes=[Z, Z], masks=[True, False]),
    case("transpose_102", [13, 6, 14], [0.9, 4.0, 1.1], [3.0, 1.0, 1.0], transpose=[1, 0, 2]),
    case("transpose_201", [12, 14, 7], [0.9, 1.1, 3.5], [3.0, 1.0, 1.0], transpose=[2, 0, 1], masks=[True]),
    case("slices", [7, 15, 13], [4.0, 0.9, 1.2], [1.0, 1.1]),
    case("slices_transposed", [13, 6, 12], [0.8, 5.0, 1.0], [1.0, 0.9], transpose=[1, 0, 2]),
    case("apart_by_native", [8, 13, 12], [5.0, 1.0, 1.1], [4.0, 1.2, 0.9]),
    case("apart_by_target", [14, 10, 11], [1.0, 1.0, 1.0], [3.5, 1.0, 1.1]),
    case("apart_forced", [9, 12, 11], [1.2, 1.0, 1.0], [1.0, 1.1, 0.9], force=True),
    case("apart_forbidden", [8, 12, 11], [5.0, 1.0, 1.0], [4.0, 1.2, 1.1], force=False),
    case("up", [7, 8, 9], [2.0, 1.9, 1.7], [1.1, 1.2, 1.0]),
    case("down", [16, 18, 15], [1.0, 0.9, 1.0], [2.1, 1.9, 1.6]),
    case("unchanged", [9, 11, 10], [2.0, 1.0, 1.0], [2.0, 1.0, 1.0], masks=[True]),
    case("one_slice", [1, 18, 17], [5.0, 1.0, 1.0], [5.0, 1.3, 0.8]),
    case("one_column", [14, 1, 15], [1.0, 2.0, 1.0], [0.9, 2.0, 1.2]),
    case("all_zero", [6, 8, 7], [2.0, 1.0, 1.0], [1.7, 1.1, 0.9], masks=[True], make=constant(0)),
    case("all_zero_unmasked", [6, 8, 7], [2.0, 1.0, 1.0], [1.7, 1.1, 0.9], make=constant(0)),
    case("constant", [6, 8, 7], [2.0, 1.0, 1.0], [1.7, 1.1, 0.9], make=constant(7)),
    case("negative", [7, 9, 8], [2.0, 1.0, 1.0], [1.8, 1.1, 0.9], masks=[True],
         make=lambda image, labels: (image - 60 * (image != 0), labels)),
    case("empty_labels", [8, 9, 10], [2.0, 1.0, 1.0], [1.8, 1.1, 0.9],
         make=lambda image, labels: (image, labels * 0)),
    case("ignore", [9, 12, 11], [2.0, 1.0, 1.0], [1.8, 1.1, 0.9],
         labels={"background": 0, "a": 1, "b": 2, "ignore": 3}),
    case("regions", [9, 12, 11], [2.0, 1.0, 1.0], [1.8, 1.1, 0.9], order=[1, 2, 3], masks=[True],
         labels={"background": 0, "whole": [1, 2, 3], "core": [2, 3], "tip": 3, "ignore": 4}),
    case("many_labels", [9, 12, 11], [2.0, 1.0, 1.0], [1.8, 1.1, 0.9],
         labels={"background": 0, **{f"l{i}": i for i in range(1, 131)}}),
    case("without_labels", [9, 12, 11], [3.0, 1.0, 1.0], [2.5, 1.1, 0.9], masks=[True], with_labels=False),
    case("cropped_hard", [12, 16, 15], [2.0, 1.0, 1.0], [1.5, 1.1, 0.9], masks=[True],
         make=lambda image, labels: (image * (np.arange(16)[:, None] > 9), labels)),
]


def managers(settings):
    forward = settings["transpose"]
    kwargs = lambda is_seg, order: {"is_seg": is_seg, "order": order, "order_z": 0,
                                    "force_separate_z": settings["force"]}
    function = "resample_data_or_seg_to_shape"
    configuration = {
        "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
        "patch_size": [8] * len(settings["target"]), "spacing": settings["target"],
        "normalization_schemes": settings["schemes"], "use_mask_for_norm": settings["masks"],
        "resampling_fn_data": function, "resampling_fn_data_kwargs": kwargs(False, 3),
        "resampling_fn_seg": function, "resampling_fn_seg_kwargs": kwargs(True, 1),
        "resampling_fn_probabilities": function, "resampling_fn_probabilities_kwargs": kwargs(False, 1),
        "architecture": {}, "batch_dice": False}
    plans = PlansManager({
        "dataset_name": "Dataset001_A", "plans_name": "p", "image_reader_writer": "SimpleITKIO",
        "transpose_forward": forward, "transpose_backward": [forward.index(i) for i in range(3)],
        "configurations": {"c": configuration}, "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(i): STATISTICS for i in range(len(settings["schemes"]))}})
    dataset = {"labels": settings["labels"]}
    if settings["order"]:
        dataset["regions_class_order"] = settings["order"]
    return plans, plans.get_configuration("c"), dataset


def make(index, settings):
    rng = np.random.RandomState(100 + index)
    n_labels = max(np.max(v) for v in settings["labels"].values())
    image, labels = phantom(rng, settings["size"], len(settings["schemes"]), n_labels)
    if settings["make"]:
        image, labels = settings["make"](image, labels)
    plans, configuration, dataset = managers(settings)
    properties = {"spacing": settings["spacing"]}
    seg = labels[None].astype(np.float32) if settings["with_labels"] else None
    data, out_seg, properties = DefaultPreprocessor(verbose=False).run_case_npy(
        image, seg, properties, plans, configuration, dataset)
    arrays = {"native_image": image.astype(np.float32), "image": data.astype(np.float32)}
    keys = []
    if settings["with_labels"]:
        arrays["native_labels"] = labels.astype(np.uint16)
        arrays["labels"] = out_seg[0].astype(np.int16)
        for key, rows in properties["class_locations"].items():
            rows = np.asarray(rows, dtype=np.uint32).reshape(-1, 4)[:, 1:]
            arrays[f"locations_{len(keys)}"] = rows[:100]
            mixed = rows.astype(np.uint64) @ np.array([1 << 20, 1 << 10, 1], np.uint64)
            keys.append({"labels": [int(k) for k in np.atleast_1d(key)], "count": len(rows),
                         "checksum": int((mixed * np.arange(1, len(rows) + 1, dtype=np.uint64)).sum())})
    manager = plans.get_label_manager(dataset)
    heads = manager.num_segmentation_heads
    # 131 heads of noise would be megabytes of golden file for a rule that three heads show.
    if heads <= 5:
        logits = torch.from_numpy(rng.normal(0, 3, [heads, *data.shape[1:]]).astype(np.float32))
        back = lambda probabilities: convert_predicted_logits_to_segmentation_with_correct_shape(
            logits, plans, configuration, manager, properties, probabilities, num_threads_torch=1)
        arrays["logits"] = logits.numpy()
        arrays["back_labels"] = np.asarray(back(False)).astype(np.uint16)
        with_labels, probabilities = back(True)
        arrays["back_labels_with_probabilities"] = np.asarray(with_labels).astype(np.uint16)
        arrays["back_probabilities"] = np.asarray(probabilities)[:2].astype(np.float32)
    np.savez_compressed(FOLDER / f"{settings['name']}.npz", **arrays)
    return {
        **{k: settings[k] for k in ("name", "spacing", "target", "schemes", "masks", "transpose", "force")},
        "labels": settings["labels"], "regions_class_order": settings["order"], "keys": keys,
        "size_before_crop": [int(n) for n in properties["shape_before_cropping"]],
        "size_after_crop": [int(n) for n in properties["shape_after_cropping_and_before_resampling"]],
        "bounding_box": [[int(b) for b in pair] for pair in properties["bbox_used_for_cropping"]],
        "has_way_back": heads <= 5}


FOLDER.mkdir(exist_ok=True)
document = {"statistics": STATISTICS, "cases": [make(i, settings) for i, settings in enumerate(CASES)]}
(FOLDER / "cases.json").write_text(json.dumps(document, indent=1))
