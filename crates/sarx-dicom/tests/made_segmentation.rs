//! Segmentations made in the test: binary and fractional, rows that run the other way.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod made;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use made::{COLUMNS, Object, ROWS, ds, item, put, sequence};
use sarx_core::{Grid, Size, Spacing};
use sarx_dicom::{Limits, Location, Segmentation, SegmentationKind};

/// Three frames of one segment at 0, 4 and 12 mm; the frame at 8 mm is left out as empty.
fn segmentation(orientation: [f64; 6], first: [f64; 3], bits: u16, bytes: Vec<u8>) -> Segmentation {
    let mut object = made::image("1.2.3.1.88");
    put(
        &mut object,
        tags::SOP_CLASS_UID,
        VR::UI,
        uids::SEGMENTATION_STORAGE,
    );
    put(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, "3");
    for (tag, value) in [
        (tags::BITS_ALLOCATED, bits),
        (tags::BITS_STORED, bits),
        (tags::HIGH_BIT, bits - 1),
    ] {
        put(&mut object, tag, VR::US, value);
    }
    let kind = if bits == 1 { "BINARY" } else { "FRACTIONAL" };
    put(&mut object, tags::SEGMENTATION_TYPE, VR::CS, kind);
    put(&mut object, tags::MAXIMUM_FRACTIONAL_VALUE, VR::US, 200u16);
    put(
        &mut object,
        tags::IMAGE_ORIENTATION_PATIENT,
        VR::DS,
        ds(&orientation),
    );
    sequence(
        &mut object,
        tags::SEGMENT_SEQUENCE,
        vec![item(|s| {
            put(s, tags::SEGMENT_NUMBER, VR::US, 1u16);
            put(s, tags::SEGMENT_LABEL, VR::LO, "Tumour");
        })],
    );
    let frames = [0.0, 4.0, 12.0].map(|place| frame(first, place));
    sequence(
        &mut object,
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        frames.to_vec(),
    );
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OB,
        PrimitiveValue::U8(bytes.into()),
    ));
    let file = tempfile::NamedTempFile::new().unwrap();
    let data = made::bytes(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    std::fs::write(file.path(), data).unwrap();
    Segmentation::read(&Location::File(file.path().to_owned()), &Limits::default()).unwrap()
}

fn frame([x, y, z]: [f64; 3], place: f64) -> Object {
    item(|frame| {
        sequence(
            frame,
            tags::PLANE_POSITION_SEQUENCE,
            vec![item(|p| {
                put(
                    p,
                    tags::IMAGE_POSITION_PATIENT,
                    VR::DS,
                    ds(&[x, y, z + place]),
                );
            })],
        );
        sequence(
            frame,
            tags::SEGMENT_IDENTIFICATION_SEQUENCE,
            vec![item(|s| {
                put(s, tags::REFERENCED_SEGMENT_NUMBER, VR::US, 1u16);
            })],
        );
    })
}

/// An axial grid in the orientation of DICOM: rows to the left, columns to the back.
fn source() -> Grid {
    Grid::new(
        Size::new([4, ROWS, COLUMNS]).unwrap(),
        Spacing::new([4.0, 0.5, 0.75]).unwrap(),
        [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]],
        [-10.0, -20.0, 5.0],
    )
    .unwrap()
}

#[test]
fn bits_run_on_from_frame_to_frame_and_empty_slices_stay_empty() {
    // 30 pixels per frame: frames do not start at bytes.
    let marked = [0usize, 29, 30 + 7, 60 + 11];
    let mut bytes = vec![0u8; 12];
    for i in marked {
        bytes[i / 8] |= 1 << (i % 8);
    }
    let axial = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let segmentation = segmentation(axial, [10.0, 20.0, 5.0], 1, bytes);
    assert_eq!(segmentation.kind, SegmentationKind::Binary);
    assert!(
        segmentation
            .own_grid()
            .unwrap()
            .require_same(&source(), 1e-9)
            .is_ok()
    );
    let mask = segmentation
        .mask(1, 0.5, &source())
        .unwrap()
        .voxels
        .into_voxels();
    let found: Vec<_> = mask
        .indexed_iter()
        .filter(|(_, v)| **v)
        .map(|(i, _)| i)
        .collect();
    assert_eq!(found, [(0, 0, 0), (0, 5, 4), (1, 1, 2), (3, 2, 1)]);
}

#[test]
fn frames_that_run_the_other_way_are_turned_and_fractions_follow_the_threshold() {
    // Rows and columns run backwards: the first pixel is the source's last.
    let turned = [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0];
    let last = [
        10.0 + 0.75 * (COLUMNS - 1) as f64,
        20.0 + 0.5 * (ROWS - 1) as f64,
        5.0,
    ];
    let mut bytes = vec![0u8; 3 * ROWS * COLUMNS];
    bytes[0] = 200;
    bytes[1] = 90;
    let segmentation = segmentation(turned, last, 8, bytes);
    let fractions = segmentation.fractions(1, &source()).unwrap();
    assert_eq!(fractions.voxels()[[0, ROWS - 1, COLUMNS - 1]], 1.0);
    assert_eq!(fractions.voxels()[[0, ROWS - 1, COLUMNS - 2]], 0.45);
    for (threshold, expected) in [(0.5, 1), (0.4, 2)] {
        let mask = segmentation.mask(1, threshold, &source()).unwrap();
        let n = mask.voxels.voxels().iter().filter(|&&v| v).count();
        assert_eq!((n, mask.n_outside), (expected, 0));
    }
    let mut small = source();
    small.size = Size::new([4, ROWS - 1, COLUMNS]).unwrap();
    let mask = segmentation.mask(1, 0.4, &small).unwrap();
    assert_eq!(mask.n_outside, 2);
}
