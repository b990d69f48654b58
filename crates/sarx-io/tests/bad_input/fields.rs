//! Header fields whose values cannot be, or that sarx does not support.

use crate::{Sample, fault_of, golden, nifti_with, text_with};
use sarx_io::{ReadError, ReadFault, read_header, read_labels};

#[test]
fn impossible_nifti_fields() {
    let bad = |at, bytes: &[u8]| fault_of("a.nii", &nifti_with(at, bytes));
    for n in [0i16, 8, -1] {
        let fault = bad(40, &n.to_le_bytes());
        assert!(
            matches!(
                fault,
                ReadFault::BadField {
                    field: "dim[0]",
                    ..
                }
            ),
            "{fault:?}"
        );
    }
    for n in [0i16, -5] {
        let fault = bad(44, &n.to_le_bytes());
        assert!(
            matches!(
                fault,
                ReadFault::BadField {
                    field: "dim[2]",
                    ..
                }
            ),
            "{fault:?}"
        );
    }
    for edge in [0.0f32, f32::NAN, f32::INFINITY] {
        let fault = bad(84, &edge.to_le_bytes());
        assert!(
            matches!(
                fault,
                ReadFault::BadField {
                    field: "pixdim[2]",
                    ..
                }
            ),
            "{fault:?}"
        );
    }
    for offset in [-1.0f32, f32::NAN, f32::INFINITY] {
        let fault = bad(108, &offset.to_le_bytes());
        assert!(
            matches!(
                fault,
                ReadFault::BadField {
                    field: "vox_offset",
                    ..
                }
            ),
            "{fault:?}"
        );
    }
    assert!(matches!(
        bad(108, &1e9f32.to_le_bytes()),
        ReadFault::Truncated { .. }
    ));
    assert!(matches!(
        bad(344, b"ni1\0"),
        ReadFault::NotThisFormat { .. }
    ));
    assert!(matches!(
        bad(344, b"\0\0\0\0"),
        ReadFault::NotThisFormat { .. }
    ));
    assert!(matches!(
        bad(70, &3i16.to_le_bytes()),
        ReadFault::BadField {
            field: "datatype",
            ..
        }
    ));
    for (code, name) in [
        (32i16, "complex"),
        (1792, "complex"),
        (128, "RGB"),
        (1536, "float128"),
    ] {
        let fault = bad(70, &code.to_le_bytes());
        assert!(matches!(&fault, ReadFault::Unsupported { what } if what.contains(name)));
    }
}

#[test]
fn affines_that_place_nothing() {
    let mut file = nifti_with(252, &[0, 0, 1, 0]);
    file[280..284].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(
        fault_of("a.nii", &file),
        ReadFault::Spacing(_) | ReadFault::Grid(_)
    ));
    file[280..328].fill(0);
    assert!(matches!(
        fault_of("a.nii", &file),
        ReadFault::Spacing(_) | ReadFault::Grid(_)
    ));
    let direction = "space: left-posterior-superior\nspace directions: ";
    for vectors in [
        "(1,0,0) (1,0,0) (0,0,1)",
        "(0,0,0) (0,1,0) (0,0,1)",
        "(1,0,0) (0,nan,0) (0,0,1)",
    ] {
        let old = "spacings: 0.7 0.8125 4.4";
        let file = text_with("nrrd_spacings.nrrd", old, &format!("{direction}{vectors}"));
        let fault = fault_of("a.nrrd", &file);
        assert!(
            matches!(fault, ReadFault::Spacing(_) | ReadFault::Grid(_)),
            "{fault:?}"
        );
    }
    let old = "ElementSpacing = 0.7 -0.8125 4.4";
    let file = text_with("meta_negative.mha", old, "ElementSpacing = 0.7 0 4.4");
    assert!(matches!(fault_of("a.mha", &file), ReadFault::Spacing(_)));
}

/// A sform that is sheared and stands alone is read as it is; SimpleITK refuses it.
#[test]
fn a_sheared_sform_alone_keeps_its_columns() {
    let mut file = golden("forms_s.nii");
    let rows = [
        [2.0f32, 1.0, 0.0, 5.0],
        [0.0, 3.0, 0.0, 6.0],
        [0.0, 0.0, 4.0, 7.0],
    ];
    for (i, value) in rows.as_flattened().iter().enumerate() {
        file[280 + 4 * i..284 + 4 * i].copy_from_slice(&value.to_le_bytes());
    }
    let grid = *read_header(&Sample::new("a.nii", &file).path)
        .unwrap()
        .grid();
    assert_eq!(grid.spacing.zyx_mm(), [4.0, 10f64.sqrt(), 2.0]);
    assert_eq!(grid.direction[0], [1.0, 1.0 / 10f64.sqrt(), 0.0]);
    assert_eq!(grid.origin_mm, [5.0, 6.0, 7.0]);
}

#[test]
fn impossible_nrrd_fields() {
    let bad = |old: &str, new: &str| fault_of("a.nrrd", &text_with("nrrd_big.nrrd", old, new));
    for field in ["type", "dimension", "sizes", "endian", "encoding"] {
        let fault = bad(&format!("\n{field}: "), "\n# ");
        assert!(
            matches!(fault, ReadFault::MissingField { field: found } if found == field),
            "{field}: {fault:?}"
        );
    }
    for encoding in ["ascii", "hex", "bzip2"] {
        let fault = bad("encoding: raw", &format!("encoding: {encoding}"));
        assert!(matches!(fault, ReadFault::Unsupported { .. }), "{fault:?}");
    }
    for (old, new, name) in [
        ("encoding: raw", "encoding: rot13", "encoding"),
        ("endian: big", "endian: middle", "endian"),
        ("type: short", "type: shorter", "type"),
        ("dimension: 3\n", "dimension: 17\n", "dimension"),
        ("sizes: 5 4 3", "sizes: 5 4", "sizes"),
        ("sizes: 5 4 3", "sizes: 5 0 3", "sizes"),
        ("(1.25,-2.5,33.3)", "(1.25,-2.5)", "space origin"),
        ("(1.25,-2.5,33.3)", "1.25,-2.5", "space origin"),
        ("endian", "byte skip: -2\nendian", "byte skip"),
    ] {
        let fault = bad(old, new);
        assert!(
            matches!(fault, ReadFault::BadField { field, .. } if field == name),
            "{new}: {fault:?}"
        );
    }
    assert!(matches!(
        bad("type: short", "type: block"),
        ReadFault::Unsupported { .. }
    ));
}

#[test]
fn impossible_metaimage_fields() {
    let bad = |old: &str, new: &str| fault_of("a.mha", &text_with("meta_offset.mha", old, new));
    for field in ["NDims", "DimSize", "ElementType"] {
        let fault = bad(&format!("\n{field} ="), "\nComment =");
        assert!(
            matches!(fault, ReadFault::MissingField { field: found } if found == field),
            "{field}: {fault:?}"
        );
    }
    for (old, new, name) in [
        ("ObjectType = Image", "ObjectType = Tube", "ObjectType"),
        ("NDims = 3", "NDims = x", "NDims"),
        ("DimSize = 5 4 3", "DimSize = 5 4", "DimSize"),
        ("DimSize = 5 4 3", "DimSize = 5 -4 3", "DimSize"),
        ("MET_SHORT", "MET_SHORTER", "ElementType"),
        (
            "ElementSpacing = 0.7",
            "ElementSpacing = x",
            "ElementSpacing",
        ),
        ("Offset = 1.1 2.2", "Offset = 2.2", "Offset"),
        ("ObjectType = Image", "HeaderSize = -2", "HeaderSize"),
    ] {
        let fault = bad(old, new);
        assert!(
            matches!(fault, ReadFault::BadField { field, .. } if field == name),
            "{new}: {fault:?}"
        );
    }
    let ascii = bad("ObjectType = Image", "BinaryData = False");
    assert!(matches!(ascii, ReadFault::Unsupported { .. }));
}

#[test]
fn several_channels_and_no_labels() {
    for name in ["sitk_4d.nii", "sitk_vector.nrrd", "meta_channels.mha"] {
        let fault = fault_of(name, &golden(name));
        assert!(
            matches!(fault, ReadFault::SeveralChannels { found: 2 | 3 }),
            "{fault:?}"
        );
    }
    let labels = |name: &str| read_labels(&Sample::new(name, &golden(name)).path);
    for name in [
        "sitk_f4.nii",
        "sitk_i2.nrrd",
        "sitk_u4.mha",
        "nifti1_scaled_u1.nii",
    ] {
        let error: ReadError = labels(name).unwrap_err();
        assert!(
            matches!(error.fault, ReadFault::Label(_)),
            "{name}: {error}"
        );
    }
    for name in ["sitk_u1.nii", "sitk_u2.nrrd", "sitk_sagittal_mha.mha"] {
        labels(name).unwrap();
    }
}
