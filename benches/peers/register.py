"""SimpleITK's rigid registration of the pairs that the example `recovery` of sarx-register wrote.

Mattes' mutual information with the settings of SimpleITK's own examples (50 bins, a regular-step descent scaled
by physical shift, a pyramid of 4, 2 and 1), from where the headers put the images. Errors are measured at the
same points as in the example, nine per axis over the fixed grid, and printed in the same shape: one JSON document
per pair, its first run without an added motion.
"""

import argparse
import json
import os
import time

import numpy as np
import SimpleITK as sitk

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def register(fixed, moving, sampling, smooth_by_mm):
    """The transform from fixed to moving points (LPS, mm)."""
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    # The headers are to be trusted as a start: only the centre of rotation is taken, not the shift.
    start = sitk.Euler3DTransform(start)
    start.SetTranslation((0.0, 0.0, 0.0))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(sampling, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=1e-4, numberOfIterations=300, relaxationFactor=0.5
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(smooth_by_mm)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(fixed, moving)
    return start


def timed(call):
    """What a call returns, or the error, with its seconds and those of all threads."""
    begun, cpu_begun = time.perf_counter(), time.process_time()
    try:
        result, error = call(), None
    except RuntimeError as caught:
        result, error = None, str(caught).strip().splitlines()[-1]
    return result, error, time.perf_counter() - begun, time.process_time() - cpu_begun


def matrix(transform):
    """A rigid transform as a matrix."""
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    whole = np.eye(4)
    whole[:3, :3] = rotation
    whole[:3, 3] = centre + np.array(transform.GetTranslation()) - rotation @ centre
    return whole


def world_from_voxel(image):
    """RAS mm of a voxel (x, y, z)."""
    whole = np.eye(4)
    whole[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    whole[:3, 3] = image.GetOrigin()
    return LPS @ whole


def miss(found, expected, image):
    """Distances in the fixed space between where a point is and where it comes back to."""
    ticks = [np.linspace(0, n - 1, 9) for n in image.GetSize()]
    voxels = np.stack([axis.ravel() for axis in np.meshgrid(*ticks, indexing="ij")] + [np.ones(9**3)])
    to_world = world_from_voxel(image)
    world = to_world @ voxels
    back = np.linalg.inv(expected) @ found @ world
    mm = np.linalg.norm((back - world)[:3], axis=0)
    in_voxels = np.linalg.norm((np.linalg.inv(to_world) @ back - voxels)[:3], axis=0)
    return {
        "median_mm": float(np.median(mm)),
        "max_mm": float(mm.max()),
        "median_voxels": float(np.median(in_voxels)),
    }


def square(rows):
    return np.vstack([rows, [0, 0, 0, 1]])


def registered(pair, args):
    """The document of a pair."""
    fixed = sitk.ReadImage(os.path.join(args.folder, pair["fixed"]), sitk.sitkFloat32)
    runs, still, first = [], None, square(pair["runs"][0]["moving_from_fixed_ras"])
    for number, run in enumerate(pair["runs"]):
        moving = sitk.ReadImage(os.path.join(args.folder, run["moving"]), sitk.sitkFloat32)
        transform, error, seconds, cpu_seconds = timed(
            lambda moving=moving: register(fixed, moving, args.sampling, args.smooth_by_mm)
        )
        document = {"to_truth": None, "to_still": None, "seconds": seconds, "cpu_seconds": cpu_seconds}
        document["refused"] = error
        if transform is not None:
            found = LPS @ matrix(transform) @ LPS
            truth = square(run["moving_from_fixed_ras"])
            if number == 0:
                still = found
            document["to_truth"] = miss(found, truth, fixed)
            if still is not None:
                # Where the patient may have moved between the series, the motion that was added is still exact.
                document["to_still"] = miss(found, truth @ np.linalg.inv(first) @ still, fixed)
            if run.get("found_ras"):
                ours = square(run["found_ras"])
                document["to_sarx"] = miss(found, ours, fixed)
        runs.append(document)
    return {
        "program": f"SimpleITK {sitk.Version.VersionString()}",
        "pair": pair["pair"],
        "voxel_mm": list(fixed.GetSpacing())[::-1],
        "is_exact": pair["is_exact"],
        "runs": runs,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, help="with pairs.json")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sampling", type=float, default=0.2, help="part of the voxels")
    parser.add_argument("--smooth-by-mm", action="store_true", help="blur by mm instead of voxels")
    args = parser.parse_args()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(args.threads)
    with open(os.path.join(args.folder, "pairs.json"), encoding="utf-8") as file:
        pairs = json.load(file)
    print(json.dumps([registered(pair, args) for pair in pairs]))


if __name__ == "__main__":
    main()
