"""Makes golden/simpleitk.json and golden/files: what SimpleITK reads from real and from made files.

Run by hand, from the folder of the crate, with SimpleITK 2.5.7, nibabel 5 and numpy:

    python golden/make_simpleitk.py ../../../shared

The argument is the folder of real files beside the project. Every number is the exact double.
Geometry is SimpleITK's: file order (x, y, z), LPS+. "crc32" is of the float32 little-endian
array [c, z, y, x]. SimpleITK cannot read NIfTI-2; those figures are nibabel's, turned to LPS.
"""

import gzip
import json
import shutil
import sys
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

GOLDEN = Path(__file__).parent
FILES = GOLDEN / "files"
SIZE = (5, 4, 3)  # x, y, z
DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


def array(dtype="i2", shape=SIZE, seed=0):
    """Values that use the range of the type, array order z, y, x."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (rng.normal(size=shape[::-1]) * 1000).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, size=shape[::-1], dtype=dtype, endpoint=True)


def rotation(angles=(0.3, -0.2, 0.5)):
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
        matrix = matrix @ turn
    return matrix


def image(dtype="i2", direction=None, spacing=(0.7, 0.8125, 4.4), vector=False, shape=SIZE):
    pixels = array(dtype, shape)
    if vector:
        pixels = np.stack([pixels, pixels[::-1], pixels[:, ::-1]], -1)
    out = sitk.GetImageFromArray(pixels, isVector=vector)
    n = len(shape)
    out.SetSpacing(tuple(spacing[:n]) + (1.0,) * (n - len(spacing)))
    out.SetOrigin((-101.3, 22.7, 1234.5678, 0.0)[:n])
    if direction is not None:
        out.SetDirection(np.asarray(direction, float).ravel().tolist())
    return out


def made_by_simpleitk():
    for dtype in DTYPES:
        for ending in ("nii", "nrrd", "mha"):
            sitk.WriteImage(image(dtype), FILES / f"sitk_{dtype}.{ending}")
    oblique = image("f4", rotation())
    sagittal = image("u2", [[0, 0, -1], [1, 0, 0], [0, -1, 0]])
    for ending in ("nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd"):
        sitk.WriteImage(oblique, FILES / f"sitk_oblique_{ending.replace('.', '')}.{ending}")
        sitk.WriteImage(sagittal, FILES / f"sitk_sagittal_{ending.replace('.', '')}.{ending}")
    for ending in ("nrrd", "nhdr", "mha", "mhd"):
        sitk.WriteImage(oblique, FILES / f"sitk_packed_{ending}.{ending}", useCompression=True)
    for ending in ("nii", "nrrd", "mha"):
        sitk.WriteImage(image("i2", shape=(5, 4)), FILES / f"sitk_2d.{ending}")
        sitk.WriteImage(image("i2", shape=(5, 4, 3, 2)), FILES / f"sitk_4d.{ending}")
        sitk.WriteImage(image("f4", vector=True), FILES / f"sitk_vector.{ending}")


def nifti(name, change, dtype="i2", order="<", version=1, extra=b"", shape=SIZE, pack=None):
    """A header built field by field, then the voxels."""
    pixels = array(dtype, shape)
    classes = {1: nib.Nifti1Header, 2: nib.Nifti2Header}
    header = classes[version](endianness=order)
    header.set_data_dtype(np.dtype(dtype))
    header.set_data_shape(shape)
    header["pixdim"][1:4] = [0.7, 0.8125, 4.4]
    header["xyzt_units"] = 2
    header["vox_offset"] = (352 if version == 1 else 544) + len(extra)
    header["magic"] = b"n+1" if version == 1 else b"n+2\0\r\n\x1a\n"
    change(header)
    raw = header.binaryblock + (b"\1\0\0\0" if extra else b"\0" * 4) + extra
    raw += pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    (FILES / name).write_bytes(pack(raw) if pack else raw)


def sform(header, code=1, matrix=None, offset=(101.3, -22.7, 12.5678)):
    matrix = rotation() @ np.diag([0.7, 0.8125, 4.4]) if matrix is None else np.asarray(matrix)
    header["sform_code"] = code
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        header[name] = [*matrix[row], offset[row]]


def qform(header, code=1, b=0.1, c=-0.2, d=0.3, qfac=1, offset=(31.3, -32.7, 33.25)):
    header["qform_code"] = code
    header["pixdim"][0] = qfac
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = b, c, d
    header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = offset


def setting(**fields):
    def change(header):
        sform(header)
        for name, value in fields.items():
            header[name] = value

    return change


def both(*changes):
    def change(header):
        for one in changes:
            one(header)

    return change


def pixdim(axis, value):
    return lambda header: header["pixdim"].__setitem__(axis, value)


def made_by_hand_nifti():
    for dtype in DTYPES:
        nifti(f"nifti1_big_{dtype}.nii", sform, dtype, ">")
        nifti(f"nifti1_scaled_{dtype}.nii", setting(scl_slope=0.1, scl_inter=-5.3), dtype)
        nifti(f"nifti2_{dtype}.nii", sform, dtype, version=2)
    nifti("nifti2_big.nii", sform, "i4", ">", version=2)
    nifti("nifti2_packed.nii.gz", sform, "i4", version=2, pack=gzip.compress)
    nifti("forms_none.nii", lambda h: None)
    nifti("forms_none_negative.nii", pixdim(2, -0.8125))
    nifti("forms_q.nii", qform)
    nifti("forms_q_mirrored.nii", lambda h: qform(h, qfac=-1))
    nifti("forms_q_half_turn.nii", lambda h: qform(h, b=0.6, c=0.8, d=0.1))
    nifti("forms_q_negative.nii", both(qform, pixdim(2, -0.8125)))
    nifti("forms_q_big.nii", qform, order=">")
    nifti("forms_s.nii", sform)
    nifti("forms_s_negative.nii", both(sform, pixdim(3, -4.4)))
    nifti("forms_s_other_spacing.nii", both(sform, pixdim(1, 1.5)))
    nifti("forms_s_code_negative.nii", lambda h: sform(h, code=-1))
    for code in (1, 2, 3, 4):
        nifti(f"forms_differ_{code}.nii", both(qform, lambda h: sform(h, code)))
    straight = np.diag([-0.7, -0.8125, 4.4])
    same = both(
        lambda h: qform(h, b=0, c=0, d=1, offset=(1.5, 2.5, 3.5)),
        lambda h: sform(h, 2, straight, (1.5, 2.5, 3.5)),
    )
    nifti("forms_agree_2.nii", same)
    shear = rotation() @ np.diag([0.7, 0.8125, 4.4])
    shear[0, 1] += 1e-5
    nifti("forms_s_sheared_a_little.nii", lambda h: sform(h, 1, shear))
    shear = shear + [[0, 0.1, 0], [0, 0, 0], [0, 0, 0]]
    nifti("forms_s_sheared_with_q.nii", both(qform, lambda h: sform(h, 1, shear)))
    nifti("forms_s_flat_with_q.nii", both(qform, lambda h: sform(h, 1, np.zeros((3, 3)))))
    nan = np.full((3, 3), np.nan)
    nifti("forms_s_nan_with_q.nii", both(qform, lambda h: sform(h, 2, nan)))
    for units in (0, 1, 3, 10):
        nifti(f"units_{units}.nii", setting(xyzt_units=units))
        nifti(f"units_{units}_q.nii", both(qform, lambda h, u=units: h.__setitem__("xyzt_units", u)))
    nifti("scl_nan.nii", setting(scl_slope=np.nan, scl_inter=np.nan))
    nifti("scl_zero_with_intercept.nii", setting(scl_slope=0, scl_inter=7.25))
    nifti("scl_without_form.nii", lambda h: h.__setitem__("scl_slope", 2.5))
    nifti("scl_big_u2.nii", setting(scl_slope=-3.3, scl_inter=1e4), "u2", ">")
    nifti("offset_extension.nii", sform, extra=b"\x10\0\0\0\4\0\0\0abcdefgh")
    nifti("offset_zero.nii", setting(vox_offset=0))
    nifti("axes_4_trailing.nii", sform, shape=(5, 4, 3, 1))
    nifti("axes_7_trailing.nii", sform, shape=(5, 4, 3, 1, 1, 1, 1))
    nifti("axes_4.nii", sform, shape=(5, 4, 3, 2))
    nifti("axes_5_vector.nii", setting(intent_code=1007), shape=(5, 4, 3, 1, 2))
    halves = lambda raw: gzip.compress(raw[:400]) + gzip.compress(raw[400:])
    nifti("gzip_two_members.nii.gz", sform, pack=halves)
    nifti("gzip_padded.nii.gz", sform, pack=lambda raw: gzip.compress(raw) + b"\0" * 100)
    nifti("gzip_not_packed.nii.gz", sform)


def text_file(name, lines, data=b"", blank=True):
    text = "\n".join(lines) + ("\n\n" if blank else "\n")
    (FILES / name).write_bytes(text.encode() + data)


def nrrd(name, geometry, data=None, dimension=3, sizes="5 4 3", encoding="raw", endian="little"):
    data = array("i2").tobytes() if data is None else data
    lines = ["NRRD0004", "# made by hand", "type: short", f"dimension: {dimension}"]
    lines += [*geometry, f"sizes: {sizes}", f"endian: {endian}", f"encoding: {encoding}", "key:=a: b"]
    text_file(name, lines, data)


def made_by_hand_nrrd():
    m = rotation() @ np.diag([0.7, 0.8125, 4.4])
    vectors = " ".join(f"({v[0]!r},{v[1]!r},{v[2]!r})" for v in m.T.tolist())
    origin = "space origin: (1.25,-2.5,33.3)"
    for space in ("right-anterior-superior", "RAS", "left-anterior-superior", "LAS",
                  "left-posterior-superior", "LPS", "scanner-xyz", "3D-right-handed"):
        nrrd(f"nrrd_space_{space}.nrrd", [f"space: {space}", f"space directions: {vectors}", origin])
    dimension = ["space dimension: 3", f"space directions: {vectors}", origin]
    nrrd("nrrd_space_dimension.nrrd", dimension)
    nrrd("nrrd_no_origin.nrrd", ["space: LPS", f"space directions: {vectors}"])
    nrrd("nrrd_spacings.nrrd", ["spacings: 0.7 0.8125 4.4"])
    nrrd("nrrd_spacings_negative.nrrd", ["spacings: 0.7 -0.8125 4.4"])
    nrrd("nrrd_spacings_nan.nrrd", ["spacings: 0.7 nan 4.4"])
    nrrd("nrrd_mins.nrrd", ["spacings: 0.7 0.8125 4.4", "axis mins: 1 2.5 -3"])
    nodes = ["spacings: 0.7 0.8125 4.4", "axis mins: 1 2.5 -3", "centers: node node node"]
    nrrd("nrrd_mins_nodes.nrrd", nodes)
    nrrd("nrrd_nothing.nrrd", [])
    swapped = array("i2").byteswap().tobytes()
    nrrd("nrrd_big.nrrd", dimension, swapped, endian="big")
    nrrd("nrrd_gzip.nrrd", dimension, gzip.compress(array("i2").tobytes()), encoding="gzip")
    nrrd("nrrd_byte_skip.nrrd", ["byte skip: 7"], b"1234567" + array("i2").tobytes())
    nrrd("nrrd_byte_skip_back.nrrd", ["byte skip: -1"], b"12345" + array("i2").tobytes())
    nrrd("nrrd_line_skip.nrrd", ["line skip: 2"], b"one\ntwo\n" + array("i2").tobytes())
    four = array("i2", (5, 4, 3, 2)).tobytes()
    items = vectors.split()
    for name, sizes, kinds, at in (
        ("first", "2 5 4 3", "vector domain domain domain", 0),
        ("second", "5 2 4 3", "domain list domain domain", 1),
        ("last", "5 4 3 2", "domain space domain list", 3),
    ):
        directions = " ".join(items[:at] + ["none"] + items[at:])
        geometry = ["space: LPS", f"space directions: {directions}", f"kinds: {kinds}", origin]
        nrrd(f"nrrd_list_{name}.nrrd", geometry, four, 4, sizes)
    nrrd("nrrd_plain_4d.nrrd", ["spacings: 0.7 0.8125 4.4 1"], four, 4, "5 4 3 2")
    nrrd("nrrd_2d.nrrd", ["spacings: 0.7 0.8125"], array("i2", (5, 4)).tobytes(), 2, "5 4")
    (FILES / "nrrd_detached.bin").write_bytes(b"skip me\n" + swapped)
    nrrd("nrrd_detached.nhdr", [*dimension, "line skip: 1", "data file: nrrd_detached.bin"], b"",
         endian="big")


def meta(name, fields, data=None):
    data = array("i2").tobytes() if data is None else data
    given = dict(
        {"ObjectType": "Image", "NDims": "3", "DimSize": "5 4 3", "ElementType": "MET_SHORT"},
        **fields,
    )
    given.setdefault("ElementDataFile", "LOCAL")
    lines = [f"{key} = {value}" for key, value in given.items() if value is not None]
    text_file(name, lines, data, blank=False)


def made_by_hand_metaimage():
    matrix = {"TransformMatrix": " ".join(repr(v) for v in rotation().T.ravel().tolist())}
    spacing = {"ElementSpacing": "0.7 0.8125 4.4"}
    swapped = array("i2").byteswap().tobytes()
    meta("meta_plain.mha", {})
    meta("meta_offset.mha", {**matrix, **spacing, "Offset": "1.1 2.2 -3.3"})
    meta("meta_position.mha", {**matrix, **spacing, "Position": "1.1 2.2 -3.3"})
    meta("meta_origin.mha", {**spacing, "Origin": "1.1 2.2 -3.3"})
    meta("meta_element_size.mha", {"ElementSize": "0.7 0.8125 4.4"})
    meta("meta_negative.mha", {"ElementSpacing": "0.7 -0.8125 4.4"})
    meta("meta_big.mha", {"ElementByteOrderMSB": "True"}, swapped)
    meta("meta_binary_big.mha", {"BinaryData": "True", "BinaryDataByteOrderMSB": "True"}, swapped)
    meta("meta_header_size_back.mha", {"HeaderSize": "-1"}, b"12345" + array("i2").tobytes())
    packed = zlib.compress(array("i2").tobytes())
    meta("meta_zlib.mha", {"CompressedData": "True", "CompressedDataSize": len(packed)}, packed)
    (FILES / "meta_detached.bin").write_bytes(b"1234567" + array("i2").tobytes())
    meta("meta_detached.mhd", {"HeaderSize": "7", "ElementDataFile": "meta_detached.bin"}, b"")
    four = array("i2", (5, 4, 3, 2)).tobytes()
    meta("meta_channels.mha", {**spacing, "ElementNumberOfChannels": "2"}, four)
    meta("meta_4d.mha", {"NDims": "4", "DimSize": "5 4 3 2"}, four)


def figures(channels, size, spacing, origin, direction, pixel):
    flat = np.ascontiguousarray(channels, dtype="<f4")
    wide = flat.astype(np.float64)
    return {
        "n_channels": len(channels),
        "size": [int(n) for n in size],
        "spacing": [float(v) for v in spacing],
        "origin": [float(v) for v in origin],
        "direction": [float(v) for v in np.asarray(direction).ravel()],
        "pixel": pixel,
        "sum": float(wide.sum()),
        "min": float(wide.min()),
        "max": float(wide.max()),
        "crc32": zlib.crc32(flat.tobytes()),
    }


def with_simpleitk(path):
    found = sitk.ReadImage(str(path))
    pixels = sitk.GetArrayFromImage(found)
    n = found.GetDimension()
    if found.GetNumberOfComponentsPerPixel() > 1:
        pixels = np.moveaxis(pixels, -1, 0)
    elif n < 4:
        pixels = pixels[None]
    direction = np.array(found.GetDirection()).reshape(n, n)
    m = min(n, 3)
    return figures(pixels.astype("<f4"), found.GetSize()[:m], found.GetSpacing()[:m],
                   found.GetOrigin()[:m], direction[:m, :m], found.GetPixelIDTypeAsString())


def with_nibabel(path):
    found = nib.load(path)
    lps = np.diag([-1.0, -1.0, 1.0])
    matrix = lps @ found.affine[:3, :3]
    pixels = np.asarray(found.dataobj).T[None].astype("<f4")
    return figures(pixels, found.shape, found.header.get_zooms(),
                   lps @ found.affine[:3, 3], matrix / np.linalg.norm(matrix, axis=0),
                   str(found.get_data_dtype()))


def main(shared):
    shutil.rmtree(FILES, ignore_errors=True)
    FILES.mkdir()
    made_by_simpleitk()
    made_by_hand_nifti()
    made_by_hand_nrrd()
    made_by_hand_metaimage()
    endings = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
    golden = {"files": {}, "shared": {}}
    for path in sorted(FILES.iterdir()):
        if not path.name.endswith(endings):
            continue
        try:
            read = with_nibabel if path.name.startswith("nifti2") else with_simpleitk
            golden["files"][path.name] = read(path)
        except RuntimeError as error:
            print(f"refused by SimpleITK, removed: {path.name}: {str(error).strip().splitlines()[-1]}")
            path.unlink()
    for folder in ("data", "oracle"):
        for path in sorted((shared / folder).rglob("*")):
            if path.name.endswith(endings):
                golden["shared"][path.relative_to(shared).as_posix()] = with_simpleitk(path)
    rows = {part: ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden[part].items())
            for part in golden}
    text = ",\n".join(f'"{part}": {{\n{text}\n}}' for part, text in rows.items())
    (GOLDEN / "simpleitk.json").write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
