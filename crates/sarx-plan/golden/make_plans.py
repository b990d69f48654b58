"""Writes plans/NAME.json: corner cases of the planning rules with the plans that nnU-Net makes of them.

Run with nnunetv2 2.8.1, torch 2.15, numpy 2.4.6. The planners are nnU-Net's own; only the search for an
example image is replaced (there are no images), and candidate networks are built without weights.
Each file holds `dataset_json`, `fingerprint`, nnU-Net's `options`, and `plans` by preset.
"""
import contextlib
import io
import json
import os
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent / "plans"
WORK = tempfile.mkdtemp()
os.environ.update(nnUNet_raw=f"{WORK}/raw", nnUNet_preprocessed=f"{WORK}/pp", nnUNet_results=f"{WORK}/res")

import torch  # noqa: E402
import nnunetv2.experiment_planning.experiment_planners.default_experiment_planner as default  # noqa: E402
from nnunetv2.experiment_planning.experiment_planners.resencUNet_planner import ResEncUNetPlanner  # noqa: E402
from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (  # noqa: E402
    nnUNetPlannerResEncL, nnUNetPlannerResEncM, nnUNetPlannerResEncXL)
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO  # noqa: E402
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans  # noqa: E402

PLANNERS = {"plain": default.ExperimentPlanner, "resenc": ResEncUNetPlanner, "resenc-m": nnUNetPlannerResEncM,
            "resenc-l": nnUNetPlannerResEncL, "resenc-xl": nnUNetPlannerResEncXL}


def estimate(patch, n_in, n_out, name, arguments, to_import):
    with torch.device("meta"):
        network = get_network_from_plans(name, arguments, to_import, n_in, n_out, allow_init=False)
    return network.compute_conv_feature_map_size(patch)


default.ExperimentPlanner.static_estimate_VRAM_usage = staticmethod(estimate)
default.ExperimentPlanner.determine_reader_writer = lambda self: SimpleITKIO
default.get_filenames_of_train_images_and_targets = lambda *_: {"c": {"images": ["x"], "label": "y"}}


def case(name, spacings, sizes, presets, channels=("T1",), labels=None, relative=1.0, **options):
    labels = labels or {"background": 0, "tumour": 1}
    return name, spacings, sizes, presets, channels, labels, relative, options


CASES = [
    case("below_eight_voxels", [[1.0, 1.0, 1.1]] * 12, [[5, 6, 7]] * 12, ["plain", "resenc", "resenc-m"]),
    case("two_stages", [[2.0, 1.0, 1.0]] * 9, [[9, 12, 13]] * 9, ["plain", "resenc-l"]),
    case("thick_last_raised", [[0.9, 0.9, 6.0]] * 8 + [[0.9, 0.9, 0.8]] * 2, [[300, 320, 30]] * 10,
         ["plain", "resenc-m"]),
    case("thick_middle_regions", [[0.8, 4.400000095367432, 0.8]] * 3 + [[0.8, 3.5, 0.85]] * 2,
         [[280, 24, 300], [301, 20, 288], [270, 28, 310], [300, 26, 300], [290, 22, 299]], ["plain", "resenc"],
         labels={"background": 0, "whole": [1, 2, 3], "core": [2, 3], "tip": 3, "ignore": 4}),
    case("single_slices", [[999.0, 1.0, 1.0]] * 40, [[1, 301, 280]] * 40, ["plain", "resenc-xl"]),
    case("one_voxel_axis_that_is_fine", [[1.0, 1.5, 1.5]] * 6, [[1, 200, 190]] * 6, ["plain"]),
    case("half_medians", [[3.0, 1.0, 1.0], [3.0, 1.0, 1.0]], [[31, 200, 101], [32, 203, 100]],
         ["plain", "resenc-m"]),
    case("all_schemes", [[1.5, 1.2, 1.2]] * 37, [[101, 180, 175]] * 37, ["plain", "resenc-l"],
         channels=("Ct", "NONORM", "Rescale_To_0_1", "ZScore"), relative=0.7499999999,
         labels={"background": 0, **{f"l{i}": i for i in range(1, 121)}}),
    case("rgb_not_masked", [[1.5, 1.2, 1.2]], [[101, 180, 175]], ["plain"],
         channels=("RGB_to_0_1", "T2"), relative=0.75),
    case("huge_with_memory", [[0.7, 0.40625, 0.40625]] * 100, [[700, 1100, 1080]] * 100, ["plain", "resenc-l"],
         gpu_memory_target=11.5, overwrite_plans_name="plans11"),
    case("target_spacing_turns_axes", [[3.0, 0.8, 0.8]] * 4, [[40, 300, 320]] * 4, ["plain", "resenc-m"],
         overwrite_target_spacing=[1.0, 0.9, 2.5], overwrite_plans_name="coarse"),
    case("wide_spread", [[z, xy, xy] for z, xy in zip([1.0, 2.5, 3.0, 5.0, 5.5, 6.6, 7.2, 8.0],
                                                       [0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.4, 0.4])],
         [[120, 400, 380], [50, 512, 512], [44, 320, 300], [30, 256, 256], [28, 300, 300], [25, 200, 210],
          [20, 180, 190], [24, 640, 640]], ["plain", "resenc"], labels={"background": 0, "a": 1, "b": 2}),
]


def make(index, name, spacings, sizes, presets, channels, labels, relative, options):
    dataset_name = f"Dataset{index:03d}_{name}"
    raw, preprocessed = Path(WORK, "raw", dataset_name), Path(WORK, "pp", dataset_name)
    raw.mkdir(parents=True)
    preprocessed.mkdir(parents=True)
    properties = {"max": 900.0, "mean": 120.5, "median": 118.0, "min": -3.0, "percentile_00_5": 4.0,
                  "percentile_99_5": 610.0, "std": 77.25}
    dataset_json = {"channel_names": {str(i): channel for i, channel in enumerate(channels)}, "labels": labels,
                    "numTraining": len(sizes), "file_ending": ".nii.gz"}
    if any(isinstance(value, list) for value in labels.values()):
        dataset_json["regions_class_order"] = [1, 2, 3]
    fingerprint = {"foreground_intensity_properties_per_channel": {str(i): properties for i in range(len(channels))},
                   "median_relative_size_after_cropping": relative, "shapes_after_crop": sizes, "spacings": spacings}
    (raw / "dataset.json").write_text(json.dumps(dataset_json))
    (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))
    names = {"gpu_memory_target": "gpu_memory_target_in_gb", "overwrite_plans_name": "plans_name",
             "overwrite_target_spacing": "overwrite_target_spacing"}
    plans = {}
    for preset in presets:
        with contextlib.redirect_stdout(io.StringIO()):
            planner = PLANNERS[preset](dataset_name, **{names[key]: value for key, value in options.items()})
            planner.plan_experiment()
        path = preprocessed / f"{planner.plans_identifier}.json"
        plans[preset] = json.loads(path.read_text())
        path.unlink()
    document = {"dataset_json": dataset_json, "fingerprint": fingerprint, "options": options, "plans": plans}
    (FOLDER / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


FOLDER.mkdir(exist_ok=True)
for number, settings in enumerate(CASES, 1):
    make(number, *settings)
