//! Series made in the test: planes, faults, echoes, multi-frame objects, kinds of numbers.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod made;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use made::{COLUMNS, OBLIQUE, Object, ROWS, ds, put, slice, write};
use proptest::prelude::*;
use sarx_dicom::{Index, LoadError, Loaded, Padding, Stack, StackFault, StackNote, index, stacks};

const SAGITTAL: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];

fn indexed(objects: &[Object]) -> Index {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), objects);
    let mut index = index(folder.path(), &Default::default()).unwrap();
    assert!(index.faults.is_empty(), "{:?}", index.faults);
    // The files are gone with the folder; only headers are used.
    index.foreign.clear();
    index
}

fn checked(objects: &[Object]) -> Vec<Stack> {
    let index = indexed(objects);
    stacks(index.series().next().unwrap())
}

fn loaded(objects: &[Object]) -> Vec<Result<Loaded, LoadError>> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), objects);
    let index = index(folder.path(), &Default::default()).unwrap();
    assert!(index.faults.is_empty(), "{:?}", index.faults);
    let series = index.series().next().unwrap();
    stacks(series)
        .iter()
        .map(|s| s.load(series, Padding::Background, &Default::default()))
        .collect()
}

fn series(orientation: [f64; 6], places: &[usize], gap_mm: f64) -> Vec<Object> {
    places
        .iter()
        .map(|&n| slice(orientation, n, gap_mm))
        .collect()
}

#[test]
fn oblique_and_sagittal_slices_in_any_order_lie_where_their_headers_say() {
    for orientation in [OBLIQUE, SAGITTAL, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]] {
        let objects = series(orientation, &[3, 0, 2, 1], 4.0);
        let loaded = loaded(&objects).remove(0).unwrap();
        let grid = *loaded.image.grid();
        assert_eq!(grid.size.zyx(), [4, ROWS, COLUMNS]);
        for z in 0..4usize {
            assert_eq!(
                loaded.image.voxels()[[z, 2, 3]],
                (100 * z + 2 * COLUMNS + 3) as f32
            );
            // PS3.3 C.7.6.2.1.1: position + column index * row direction * column spacing + ...
            let position = loaded.source.slices[z].position_mm;
            let lps: Vec<f64> = (0..3)
                .map(|i| position[i] + 3.0 * 0.75 * orientation[i] + 2.0 * 0.5 * orientation[i + 3])
                .collect();
            let ras = grid.world_from_index([z as f64, 2.0, 3.0]);
            for (found, expected) in ras.iter().zip([-lps[0], -lps[1], lps[2]]) {
                assert!((found - expected).abs() < 1e-4, "{ras:?} {lps:?}");
            }
        }
    }
}

#[test]
fn missing_doubled_and_uneven_slices_are_found_with_their_place() {
    let missing = &checked(&series(OBLIQUE, &[0, 1, 2, 5, 6], 4.0))[0];
    assert!(matches!(
        missing.faults[..],
        [StackFault::Missing { after: 3, n: 2, .. }]
    ));
    let mut twice = series(SAGITTAL, &[0, 1, 2], 4.0);
    let mut copy = slice(SAGITTAL, 1, 4.0);
    put(&mut copy, tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.1.99");
    twice.push(copy);
    let stack = &checked(&twice)[0];
    assert!(matches!(
        stack.faults[..],
        [StackFault::Duplicate { n: 2, .. }]
    ));
    let mut uneven = series(SAGITTAL, &[0, 1, 2, 3], 4.0);
    put(
        &mut uneven[3],
        tags::IMAGE_POSITION_PATIENT,
        VR::DS,
        ds(&[-20.0 - 13.5, 13.5, 7.25]),
    );
    let stack = &checked(&uneven)[0];
    assert!(
        matches!(stack.faults[..], [StackFault::Uneven { after: 3, .. }]),
        "{:?}",
        stack.faults
    );
    let refused = loaded(&uneven).remove(0).unwrap_err();
    assert!(matches!(refused, LoadError::Faults(_)));
}

#[test]
fn shifted_slices_and_differing_spacings_and_directions_are_faults() {
    let mut sheared = series([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[0, 1, 2], 4.0);
    for (n, object) in sheared.iter_mut().enumerate() {
        let at = ds(&[-20.0, 13.5 + n as f64, 7.25 + 4.0 * n as f64]);
        put(object, tags::IMAGE_POSITION_PATIENT, VR::DS, at);
    }
    let faults = &checked(&sheared)[0].faults;
    assert!(matches!(faults[..], [StackFault::Sheared { slice: 3, .. }]));
    let mut spacing = series(SAGITTAL, &[0, 1, 2], 4.0);
    put(&mut spacing[1], tags::PIXEL_SPACING, VR::DS, "0.5\\0.76");
    let faults = &checked(&spacing)[0].faults;
    assert!(matches!(faults[..], [StackFault::PixelSpacings { .. }]));
    let mut turned = series(SAGITTAL, &[0, 1, 2], 4.0);
    let (sin, cos) = 0.005f64.sin_cos();
    let slightly = ds(&[-sin, cos, 0.0, 0.0, 0.0, -1.0]);
    put(
        &mut turned[1],
        tags::IMAGE_ORIENTATION_PATIENT,
        VR::DS,
        slightly,
    );
    let faults = &checked(&turned)[0].faults;
    assert!(
        faults
            .iter()
            .any(|f| matches!(f, StackFault::Orientations { .. })),
        "{faults:?}"
    );
    let mut frames = series(SAGITTAL, &[0, 1], 4.0);
    put(
        &mut frames[1],
        tags::FRAME_OF_REFERENCE_UID,
        VR::UI,
        "1.2.3.10",
    );
    let faults = &checked(&frames)[0].faults;
    assert!(matches!(
        faults[..],
        [StackFault::FramesOfReference { n: 2 }]
    ));
}

#[test]
fn a_localizer_falls_into_its_planes_and_is_said() {
    let mut objects = series(SAGITTAL, &[0, 1], 10.0);
    for (n, mut object) in series([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[0, 1], 10.0)
        .into_iter()
        .enumerate()
    {
        let uid = format!("1.2.3.1.5{n}");
        put(&mut object, tags::SOP_INSTANCE_UID, VR::UI, uid);
        objects.push(object);
    }
    let stacks = checked(&objects);
    assert_eq!(stacks.len(), 2);
    for stack in stacks {
        assert!(stack.faults.is_empty());
        assert!(
            stack
                .notes
                .contains(&StackNote::Localizer { n_orientations: 2 })
        );
    }
}

/// Two slices at each place that differ in what `change` writes for the second.
fn doubled(change: impl Fn(&mut Object)) -> Vec<Stack> {
    let mut objects = series(OBLIQUE, &[0, 1, 2], 4.0);
    for n in 0..3 {
        let mut object = slice(OBLIQUE, n, 4.0);
        let uid = format!("1.2.3.1.6{n}");
        put(&mut object, tags::SOP_INSTANCE_UID, VR::UI, uid);
        change(&mut object);
        objects.push(object);
    }
    checked(&objects)
}

#[test]
fn echoes_phases_times_acquisitions_and_weightings_come_apart() {
    let changes: [&dyn Fn(&mut Object); 5] = [
        &|o| put(o, tags::ECHO_TIME, VR::DS, "80"),
        &|o| put(o, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\P"),
        &|o| put(o, tags::TEMPORAL_POSITION_IDENTIFIER, VR::IS, "2"),
        &|o| put(o, tags::ACQUISITION_NUMBER, VR::IS, "2"),
        &|o| put(o, tags::DIFFUSION_B_VALUE, VR::FD, 800.0),
    ];
    for (i, change) in changes.iter().enumerate() {
        let stacks = doubled(change);
        assert_eq!(stacks.len(), 2, "change {i}");
        for stack in stacks {
            assert!(stack.faults.is_empty(), "change {i}: {:?}", stack.faults);
            assert_eq!(stack.slices.len(), 3);
        }
    }
}

#[test]
fn interleaved_acquisitions_of_one_volume_stay_together() {
    let mut objects = series(OBLIQUE, &[0, 1, 2, 3], 4.0);
    for (n, object) in objects.iter_mut().enumerate() {
        put(
            object,
            tags::ACQUISITION_NUMBER,
            VR::IS,
            (n % 2 + 1).to_string(),
        );
    }
    let stacks = checked(&objects);
    assert_eq!(stacks.len(), 1);
    assert!(stacks[0].faults.is_empty());
}

#[test]
fn an_enhanced_image_of_two_echoes_gives_two_rescaled_volumes() {
    let loaded = loaded(&[made::enhanced(&[0.0, 2.5, 5.0], 2)]);
    assert_eq!(loaded.len(), 2);
    for (echo, volume) in loaded.into_iter().enumerate() {
        let volume = volume.unwrap();
        assert_eq!(volume.image.grid().spacing.zyx_mm(), [2.5, 0.5, 0.75]);
        assert_eq!(volume.source.slices[1].frame, Some(3 + echo as u32));
        let stored = (2 + echo) * ROWS * COLUMNS + 7;
        assert_eq!(
            volume.image.voxels()[[1, 7 / COLUMNS, 7 % COLUMNS]],
            2.0 * stored as f32 - 1.0
        );
    }
}

#[test]
fn bits_signs_mirroring_and_padding_follow_the_header() {
    let with = |change: &dyn Fn(&mut Object)| {
        let mut object = slice(SAGITTAL, 0, 4.0);
        change(&mut object);
        loaded(&[object]).remove(0).unwrap()
    };
    let words = |values: [u16; 4]| {
        let all = values
            .into_iter()
            .chain(std::iter::repeat_n(100, ROWS * COLUMNS - 4));
        DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(all.collect()))
    };
    let first = |l: &Loaded| [0, 1, 2, 3].map(|x| l.image.voxels()[[0, 0, x]]);
    let twelve = with(&|o| {
        o.put(words([0xF001, 0x0FFF, 0x0800, 5]));
        put(o, tags::BITS_STORED, VR::US, 12u16);
        put(o, tags::HIGH_BIT, VR::US, 11u16);
        put(o, tags::PIXEL_REPRESENTATION, VR::US, 1u16);
    });
    assert_eq!(first(&twelve), [1.0, -1.0, -2048.0, 5.0]);
    let mirrored = with(&|o| {
        o.put(words([0, 1, 255, 254]));
        put(o, tags::BITS_STORED, VR::US, 8u16);
        put(o, tags::HIGH_BIT, VR::US, 7u16);
        put(o, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    });
    assert_eq!(first(&mirrored), [255.0, 254.0, 0.0, 1.0]);
    assert!(mirrored.mirrored);
    let padded = with(&|o| {
        o.put(words([63536, 7, 63536, 9]));
        put(o, tags::PIXEL_REPRESENTATION, VR::US, 1u16);
        put(o, tags::PIXEL_PADDING_VALUE, VR::SS, -2000i16);
    });
    assert_eq!(first(&padded), [7.0, 7.0, 7.0, 9.0]);
    assert_eq!(padded.n_padding, 2);
    let long = with(&|o| {
        put(o, tags::BITS_ALLOCATED, VR::US, 32u16);
        put(o, tags::BITS_STORED, VR::US, 32u16);
        put(o, tags::HIGH_BIT, VR::US, 31u16);
        let values: Vec<u16> = (0..2 * ROWS * COLUMNS).map(|i| (i % 2) as u16).collect();
        o.put(DataElement::new(
            tags::PIXEL_DATA,
            VR::OW,
            PrimitiveValue::U16(values.into()),
        ));
    });
    assert_eq!(first(&long), [65536.0; 4]);
}

#[test]
fn deflated_big_endian_and_implicit_files_hold_the_same_image() {
    let object = slice(OBLIQUE, 0, 4.0);
    let load = |data: Vec<u8>| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), data).unwrap();
        let index = index(file.path(), &Default::default()).unwrap();
        assert!(index.faults.is_empty(), "{:?}", index.faults);
        let series = index.series().next().unwrap();
        let stack = &stacks(series)[0];
        stack
            .load(series, Padding::Keep, &Default::default())
            .unwrap()
            .image
    };
    let plain = made::bytes(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let expected = load(plain.clone());
    for syntax in [uids::IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        assert_eq!(load(made::bytes(&object, syntax)), expected, "{syntax}");
    }
    // The same data set deflated by hand behind a meta group that says so.
    let marker = b"1.2.840.10008.1.2.1\0";
    let at = plain.windows(20).position(|w| w == marker).unwrap();
    let group_end = at + 20;
    let end = 132 + 12 + u32::from_le_bytes(plain[140..144].try_into().unwrap()) as usize;
    let mut deflated = plain[..at].to_vec();
    deflated.extend(b"1.2.840.10008.1.2.1.99");
    deflated[at - 2] += 2;
    deflated[140] += 2;
    deflated.extend(&plain[group_end..end]);
    let mut packer = flate2::write::DeflateEncoder::new(deflated, flate2::Compression::default());
    std::io::Write::write_all(&mut packer, &plain[end..]).unwrap();
    assert_eq!(load(packer.finish().unwrap()), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any rotation and any order: every voxel's world position is its header's.
    #[test]
    fn any_orientation_and_order_gives_the_geometry_of_the_headers(
        angles in [-3.0f64..3.0, -3.0f64..3.0, -3.0f64..3.0],
        order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle(),
        gap in 0.7f64..12.0,
    ) {
        let ([sa, sb, sc], [ca, cb, cc]) = (angles.map(f64::sin), angles.map(f64::cos));
        let orientation = [
            ca * cb, sa * cb, -sb,
            ca * sb * sc - sa * cc, sa * sb * sc + ca * cc, cb * sc,
        ];
        let loaded = loaded(&series(orientation, &order, gap)).remove(0).unwrap();
        let grid = *loaded.image.grid();
        prop_assert!((grid.spacing.zyx_mm()[0] - gap).abs() < 1e-4);
        for (z, slice) in loaded.source.slices.iter().enumerate() {
            let [x, y, zz] = slice.position_mm;
            let found = grid.world_from_index([z as f64, 0.0, 0.0]);
            for (a, b) in found.iter().zip([-x, -y, zz]) {
                prop_assert!((a - b).abs() < 1e-4);
            }
            prop_assert_eq!(loaded.image.voxels()[[z, 0, 0]], 100.0 * z as f32);
        }
    }
}
