//! Real files: a sagittal knee of two echoes, one image in many transfer syntaxes, CT.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use sarx_core::SliceAxis;
use sarx_dicom::{
    FileFault, Limits, Location, Padding, Segmentation, SegmentationError, StackFault,
    StructureSet, index, stacks,
};
use sarx_testkit::shared;
use std::path::Path;

fn limits() -> Limits {
    Limits::default()
}

/// Copies files under names that hold no order, all into one folder.
fn shuffled(from: &[&Path], to: &Path) {
    let mut files: Vec<_> = from
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let n = files.len();
    for (i, file) in files.iter().enumerate() {
        std::fs::copy(file, to.join(format!("{:03}", i * 29 % n))).unwrap();
    }
}

#[test]
fn two_echoes_in_one_shuffled_folder_become_two_sagittal_volumes() {
    let Some(knee) = shared("data/knee_sagittal_dicom") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    shuffled(&[&knee.join("echo1"), &knee.join("echo7")], folder.path());
    std::fs::write(folder.path().join("notes.txt"), "no DICOM").unwrap();
    let index = index(folder.path(), &limits()).unwrap();
    assert_eq!((index.n_instances(), index.foreign.len()), (48, 1));
    assert!(index.faults.is_empty() && index.copies.is_empty());
    let series: Vec<_> = index.series().collect();
    assert_eq!(series.len(), 1);
    let stacks = stacks(series[0]);
    let echoes: Vec<_> = stacks.iter().map(|s| s.kind.echo_time_ms).collect();
    assert_eq!(echoes, [Some(6.312), Some(44.184)]);
    for stack in &stacks {
        assert!(stack.faults.is_empty(), "{:?}", stack.faults);
        let loaded = stack
            .load(series[0], Padding::Background, &limits())
            .unwrap();
        let grid = *loaded.image.grid();
        assert_eq!(grid.size.zyx(), [24, 256, 256]);
        assert_eq!(grid.slice_axis(), SliceAxis::Sagittal);
        assert_eq!(grid.spacing.zyx_mm()[1..], [0.625, 0.625]);
        assert!((grid.spacing.zyx_mm()[0] - 4.0).abs() < 1e-4);
        assert_eq!(loaded.source.slices.len(), 24);
        let most = loaded.image.voxels().fold(0f32, |m, &v| m.max(v));
        assert!(most > 1000.0, "{most}");
    }
}

#[test]
fn one_image_in_many_transfer_syntaxes_has_the_same_voxels() {
    let Some(folder) = shared("data/mr_transfer_syntaxes") else {
        return;
    };
    let load = |name: &str| {
        let index = index(&folder.join(name), &limits()).unwrap();
        assert!(index.faults.is_empty(), "{name}: {:?}", index.faults);
        let series = index.series().next().unwrap();
        let stacks = stacks(series);
        assert_eq!(stacks.len(), 1, "{name}");
        stacks[0]
            .load(series, Padding::Background, &limits())
            .unwrap_or_else(|e| panic!("{name}: {e}"))
            .image
    };
    let plain = load("MR_small.dcm");
    for name in [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ] {
        assert_eq!(load(name), plain, "{name}");
    }
}

#[test]
fn frames_without_geometry_are_refused_and_objects_with_one_uid_named() {
    let Some(folder) = shared("data/mr_transfer_syntaxes") else {
        return;
    };
    let enhanced = index(&folder.join("emri_small.dcm"), &limits()).unwrap();
    let series = enhanced.series().next().unwrap();
    let stack = &stacks(series)[0];
    assert_eq!(stack.slices.len(), 10);
    assert!(
        stack
            .faults
            .contains(&StackFault::NoPosition { n: 10, of: 10 })
    );
    assert!(stack.load(series, Padding::Keep, &limits()).is_err());
    let all = index(&folder, &limits()).unwrap();
    assert_eq!(all.n_instances() + all.faults.len(), 9);
    assert!(all.faults.iter().all(|e| matches!(
        e.fault,
        FileFault::Bad {
            name: "SOPInstanceUID",
            ..
        }
    )));
}

#[test]
fn padding_of_a_ct_becomes_the_smallest_value_of_the_rest() {
    let Some(folder) = shared("data/dicom_seg/ct-3slice") else {
        return;
    };
    let index = index(&folder, &limits()).unwrap();
    let series = index.series().next().unwrap();
    let stack = &stacks(series)[0];
    let kept = stack.load(series, Padding::Keep, &limits()).unwrap();
    let filled = stack.load(series, Padding::Background, &limits()).unwrap();
    let least = |v: &sarx_core::Volume<f32>| v.voxels().fold(f32::INFINITY, |m, &v| m.min(v));
    assert!(kept.n_padding > 0 && kept.n_padding == filled.n_padding);
    assert!(least(&kept.image) < least(&filled.image));
}

#[test]
fn segmentations_lie_on_their_own_grid_and_on_the_source_and_overlaps_are_counted() {
    let Some(folder) = shared("data/dicom_seg") else {
        return;
    };
    let index = index(&folder, &limits()).unwrap();
    let ct = index.series().find(|s| s.modality == "CT").unwrap();
    let source = stacks(ct)[0].load(ct, Padding::Keep, &limits()).unwrap();
    let read =
        |name: &str| Segmentation::read(&Location::File(folder.join(name)), &limits()).unwrap();
    let liver = read("liver_seg.dcm");
    assert_eq!(liver.segments[0].label, "Liver");
    assert_eq!(liver.source_series_uid.as_deref(), Some(ct.uid.as_str()));
    let own = liver.mask(1, 0.5, &liver.own_grid().unwrap()).unwrap();
    let on_source = liver.mask(1, 0.5, source.image.grid()).unwrap();
    assert_eq!(own.voxels.voxels(), on_source.voxels.voxels());
    assert_eq!(own.n_outside, 0);
    let overlaps = read("partial_overlaps_seg.dcm");
    let grid = source.image.grid();
    let labels: Vec<(u16, u16)> = (1..=5).map(|n| (n, n)).collect();
    let mapped = overlaps.label_map(&labels, 0.5, grid).unwrap();
    let n_marked: usize = labels
        .iter()
        .map(|&(n, _)| {
            let mask = overlaps.mask(n, 0.5, grid).unwrap();
            mask.voxels.voxels().iter().filter(|&&v| v).count()
        })
        .sum();
    let n_labelled = mapped.labels.voxels().iter().filter(|&&l| l > 0).count();
    assert!(mapped.n_overlap > 0 && n_labelled < n_marked);
    assert!(matches!(
        overlaps.mask(6, 0.5, grid),
        Err(SegmentationError::NoSegment { number: 6 })
    ));
    let mut shifted = *grid;
    shifted.origin_mm[0] += 0.3;
    assert!(matches!(
        liver.mask(1, 0.5, &shifted),
        Err(SegmentationError::OffGrid { .. })
    ));
}

#[test]
fn a_structure_with_a_hole_is_rasterised_on_its_series() {
    let Some(folder) = shared("data/rtstruct") else {
        return;
    };
    let set = StructureSet::read(&Location::File(folder.join("rt.dcm")), &limits()).unwrap();
    let index = index(&folder, &limits()).unwrap();
    let uid = set.source_series_uid.clone().unwrap();
    let ct = index.series().find(|s| s.uid == uid).unwrap();
    let source = stacks(ct)[0].load(ct, Padding::Keep, &limits()).unwrap();
    let mapped = set.label_map(&[(1, 7)], source.image.grid()).unwrap();
    // 49 x 49 pixel centres within 24 mm, less the hole of 31 x 31 without its cut corners.
    let n = mapped.labels.voxels().iter().filter(|&&l| l == 7).count();
    assert_eq!(n, 49 * 49 - (31 * 31 - 3));
    assert!(set.label_map(&[(2, 1)], source.image.grid()).is_err());
}
