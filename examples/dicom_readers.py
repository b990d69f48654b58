"""Compares what dicom-readers.sh made with SimpleITK, dcm2niix, DCMTK, highdicom and rt-utils.

Arrays are turned so that their axes run alike (dcm2niix stores rows upside down, and slices of a
sagittal series from the other side); then voxels must be equal and affines agree to 1e-4 mm.
"""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

TOLERANCE_MM = 1e-4
data, out = Path(sys.argv[1]), Path(sys.argv[2])
failed = []


def nifti(path):
    image = nib.load(path)
    array = np.asarray(image.dataobj, dtype=np.float64)
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    return array.reshape(array.shape + (1,) * (3 - array.ndim)), image.affine


def simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    ids = reader.GetGDCMSeriesIDs(str(folder))
    assert len(ids) == 1, ids
    names = reader.GetGDCMSeriesFileNames(str(folder), ids[0])
    reader.SetFileNames(names)
    image = reader.Execute()
    array = sitk.GetArrayFromImage(image).astype(np.float64).transpose(2, 1, 0)
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return array, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def turned(array, affine, like):
    """The array with its axes turned and flipped like those of the affine `like`."""
    step = np.linalg.inv(like[:3, :3]) @ affine[:3, :3]
    order = [int(np.argmax(np.abs(step[i]))) for i in range(3)]
    array = array.transpose(order)
    affine = affine[:, [*order, 3]].copy()
    for axis in range(3):
        if step[axis, order[axis]] < 0:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    return array, affine


def compare(title, ours, theirs):
    (a, affine), (b, other) = ours, turned(*theirs, ours[1])
    if a.shape != b.shape:
        failed.append(title)
        print(f"{title:44} shapes {a.shape} and {b.shape}")
        return
    # One rounding to 32 bits is allowed where a slope is applied: dcm2niix rounds the slope, sarx the value.
    n, off = int(np.sum(np.abs(a - b) > 2.0**-23 * np.abs(b).max())), float(np.abs(affine - other).max())
    good = n == 0 and off <= TOLERANCE_MM
    if not good:
        failed.append(title)
    print(f"{title:44} {n:7} of {a.size} voxels differ, affine {off:.1e} mm  {'ok' if good else 'DIFFERS'}")


def peers(folder):
    ours = sorted((folder / "sarx").glob("*.nii"))
    assert len(ours) == 1, (folder, ours)
    ours = nifti(ours[0])
    try:
        array, affine = simpleitk(folder / "in")
        title = f"{folder.name} SimpleITK"
        if array.shape[2] == 1:
            # It gives every single slice an extent of 1 mm, whatever its thickness: not compared.
            affine[:3, 2] *= np.linalg.norm(ours[1][:3, 2]) / np.linalg.norm(affine[:3, 2])
            title += " (in plane)"
        compare(title, ours, (array, affine))
    except RuntimeError as error:
        print(f"{folder.name + ' SimpleITK':44} does not read it: {str(error).strip().splitlines()[-1]}")
    theirs = sorted((folder / "dcm2niix").glob("*.nii"))
    if len(theirs) == 1:
        compare(f"{folder.name} dcm2niix", ours, nifti(theirs[0]))
    else:
        print(f"{folder.name + ' dcm2niix':44} makes {len(theirs)} volumes")


def segments():
    import highdicom as hd

    masks = sorted((out / "segments").glob("*segment*.nii"))
    files = {str(p.name): hd.seg.segread(p) for p in sorted((data / "dicom_seg").glob("*.dcm"))}
    used = 0
    for name, seg in files.items():
        volume = seg.get_volume(combine_segments=False)
        array = np.asarray(volume.array, dtype=np.float64)
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
        mine = [m for m in masks if len([x for x in masks if x.name[:9] == m.name[:9]]) == seg.number_of_segments]
        assert len(mine) == seg.number_of_segments, (name, mine)
        for i, mask in enumerate(mine):
            compare(f"{name} segment {i + 1} highdicom", nifti(mask), (array[..., i], lps))
            used += 1
    assert used == len(masks)


def packed():
    volumes = {p.parent.name: nifti(p) for p in sorted((out / "packed_volumes").glob("*/*.nii"))}
    for folder in sorted((out / "packed").iterdir()):
        if folder.name not in volumes:
            failed.append(folder.name)
            print(f"knee slice {folder.name}: {(out / 'packed_volumes' / (folder.name + '.txt')).read_text()}")
    plain = volumes.pop("plain")
    for name, volume in volumes.items():
        if name == "jpeg_ls_near":
            most = np.abs(volume[0] - plain[0]).max()
            print(f"{'knee slice ' + name:44} at most {most:.0f} off of 3 allowed")
            if not 0 < most <= 3:
                failed.append(name)
        else:
            compare(f"knee slice {name}", volume, plain)


def inside(contours, affine, shape):
    """Centres of voxels that see a contour turn once around them; contours combined by exclusive or."""
    mask = np.zeros(shape, bool)
    x, y = np.mgrid[: shape[0], : shape[1]]
    for contour in contours:
        points = np.array(contour.ContourData, float).reshape(-1, 3) * [-1, -1, 1]
        points = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        turn = np.zeros(x.shape)
        for p, q in zip(points, np.roll(points, -1, axis=0)):
            a, b = (p[0] - x, p[1] - y), (q[0] - x, q[1] - y)
            turn += np.arctan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1])
        mask[..., int(round(points[0, 2]))] ^= np.abs(turn) > np.pi
    return mask


def structures():
    import pydicom
    from rt_utils import RTStructBuilder

    folder = out / "rt_ct" / "in"
    builder = RTStructBuilder.create_from(dicom_series_path=str(folder), rt_struct_path=str(data / "rtstruct" / "rt.dcm"))
    for name in builder.get_roi_names():
        theirs = builder.get_roi_mask_by_name(name).transpose(1, 0, 2)
        (mask,) = (out / "structures").glob("*structure*.nii")
        ours = np.asarray(nib.load(mask).dataobj) > 0
        contours = pydicom.dcmread(data / "rtstruct" / "rt.dcm").ROIContourSequence[0].ContourSequence
        n = int(np.sum(ours != inside(contours, nib.load(mask).affine, ours.shape)))
        print(f"{'structure ' + name + ' angle sums':44} {n:7} of {ours.size} voxels differ")
        if n:
            failed.append(f"{name} angle sums")
        both = np.sum(ours & theirs)
        dice = 2 * both / (ours.sum() + theirs.sum())
        print(f"{'structure ' + name + ' rt-utils':44} Dice {dice:.4f}, {ours.sum()} and {theirs.sum()} voxels")
        # rt-utils marks every pixel that an outline touches, sarx those whose centre is inside: on this
        # thin ring of 8 to 10 pixels that is an eighth of the area.
        if dice < 0.92:
            failed.append(name)


for folder in sorted(p.parent for p in out.glob("*/in")):
    peers(folder)
packed()
segments()
structures()
print(f"{len(failed)} differ" + (": " + ", ".join(failed) if failed else ""))
sys.exit(bool(failed))
