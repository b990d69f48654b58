//! Damaged and hostile files: typed faults, bounded memory, no panic.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod made;

use dicom_dictionary_std::uids;
use made::{OBLIQUE, bytes, enhanced, slice};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sarx_dicom::{
    Deidentifier, FileFault, Index, InputError, Limits, Location, Padding, Segmentation,
    StructureSet, index, stacks,
};
use std::io::Write as _;
use std::path::Path;

fn one(data: &[u8]) -> Index {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), data).unwrap();
    index(file.path(), &Limits::default()).unwrap()
}

fn fault(data: &[u8]) -> FileFault {
    let mut index = one(data);
    assert_eq!(index.n_instances(), 0);
    index.faults.remove(0).fault
}

fn plain() -> Vec<u8> {
    bytes(&slice(OBLIQUE, 0, 4.0), uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

/// A file whose data set holds these bytes only.
fn with_data_set(data: &[u8]) -> Vec<u8> {
    let plain = plain();
    let end = 144 + u32::from_le_bytes(plain[140..144].try_into().unwrap()) as usize;
    [&plain[..end], data].concat()
}

#[test]
fn no_dicom_and_truncated_files_are_told_apart() {
    assert_eq!(one(b"").foreign.len(), 1);
    assert_eq!(one(&[7; 5000]).foreign.len(), 1);
    let whole = plain();
    for cut in [140, 150, 400, whole.len() - 1] {
        assert!(
            matches!(
                fault(&whole[..cut]),
                FileFault::Truncated { .. } | FileFault::Length { .. } | FileFault::Missing { .. }
            ),
            "cut at {cut}"
        );
    }
    assert!(matches!(
        fault(&whole[..whole.len() - 1]),
        FileFault::Truncated {
            part: "pixel data",
            ..
        }
    ));
}

#[test]
fn lengths_that_reach_beyond_the_file_reserve_nothing() {
    // (0010,0010) UT of almost four gigabytes, and the same in a sequence.
    let hostile = b"\x10\x00\x10\x00UT\x00\x00\xF0\xFF\xFF\xFFabcdefgh".to_vec();
    assert!(matches!(
        fault(&with_data_set(&hostile)),
        FileFault::Length { .. }
    ));
    let mut nested =
        b"\x08\x00\x40\x11SQ\x00\x00\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF".to_vec();
    nested.extend(hostile);
    assert!(matches!(
        fault(&with_data_set(&nested)),
        FileFault::Length { .. }
    ));
}

#[test]
fn deep_nesting_ends_at_the_limit() {
    let mut deep = Vec::new();
    for _ in 0..100_000 {
        deep.extend(b"\x08\x00\x40\x11SQ\x00\x00\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF");
    }
    assert!(matches!(
        fault(&with_data_set(&deep)),
        FileFault::TooDeep { limit: 32 }
    ));
}

#[test]
fn a_huge_picture_in_a_small_stream_is_refused() {
    let mut object = slice(OBLIQUE, 0, 4.0);
    made::put(
        &mut object,
        dicom_dictionary_std::tags::ROWS,
        dicom_core::VR::US,
        65535u16,
    );
    made::put(
        &mut object,
        dicom_dictionary_std::tags::COLUMNS,
        dicom_core::VR::US,
        65535u16,
    );
    let fragments = dicom_core::value::PixelFragmentSequence::new_fragments(vec![vec![0u8; 64]]);
    object.put(dicom_core::DataElement::new(
        dicom_dictionary_std::tags::PIXEL_DATA,
        dicom_core::VR::OB,
        fragments,
    ));
    for syntax in [
        uids::RLE_LOSSLESS,
        uids::JPEG2000_LOSSLESS,
        uids::JPEGLS_LOSSLESS,
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes(&object, syntax)).unwrap();
        let index = index(file.path(), &Limits::default()).unwrap();
        let series = index.series().next().unwrap();
        let error = stacks(series)[0].load(series, Padding::Keep, &Limits::default());
        let text = error.unwrap_err().to_string();
        assert!(text.contains("bytes"), "{text}");
    }
}

#[test]
fn an_unknown_compression_names_the_tool() {
    let mut object = slice(OBLIQUE, 0, 4.0);
    let fragments = dicom_core::value::PixelFragmentSequence::new_fragments(vec![vec![0u8; 64]]);
    object.put(dicom_core::DataElement::new(
        dicom_dictionary_std::tags::PIXEL_DATA,
        dicom_core::VR::OB,
        fragments,
    ));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes(&object, "1.2.840.10008.1.2.4.102")).unwrap();
    let index = index(file.path(), &Limits::default()).unwrap();
    let series = index.series().next().unwrap();
    let error = stacks(series)[0].load(series, Padding::Keep, &Limits::default());
    assert!(error.unwrap_err().to_string().contains("gdcmconv"));
}

fn zip(path: &Path, entries: &[(&str, &[u8])]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, data) in entries {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(*name, options).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn an_archive_is_read_like_a_folder_and_its_names_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.zip");
    let slices: Vec<Vec<u8>> = (0..3)
        .map(|n| bytes(&slice(OBLIQUE, n, 4.0), uids::EXPLICIT_VR_LITTLE_ENDIAN))
        .collect();
    zip(
        &path,
        &[
            ("../../a", &slices[0]),
            ("b/c", &slices[1]),
            ("d", &slices[2]),
            ("copy", &slices[2]),
            ("readme.txt", b"hello"),
        ],
    );
    let index = index(folder.path(), &Limits::default()).unwrap();
    assert_eq!(
        (index.n_instances(), index.copies.len(), index.foreign.len()),
        (3, 1, 1)
    );
    let series = index.series().next().unwrap();
    let loaded = stacks(series)[0]
        .load(series, Padding::Keep, &Limits::default())
        .unwrap();
    assert_eq!(loaded.image.voxels()[[2, 0, 1]], 201.0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    zip(&path, &[("zeros", &vec![0; 100 << 20])]);
    let error = index(&path, &Limits::default()).unwrap_err();
    assert!(matches!(error, InputError::Bomb { .. }), "{error}");
    let few = Limits {
        n_files: 1,
        ..Limits::default()
    };
    zip(&path, &[("a", b""), ("b", b"")]);
    assert!(matches!(
        index(&path, &few),
        Err(InputError::TooManyFiles { limit: 1, .. })
    ));
    let small = Limits {
        archive_bytes: 3,
        ..Limits::default()
    };
    zip(&path, &[("a", b"four")]);
    assert!(matches!(
        index(&path, &small),
        Err(InputError::Bomb {
            found: 4,
            limit: 3,
            ..
        })
    ));
    std::fs::write(&path, b"PK\x03\x04 no archive").unwrap();
    assert!(matches!(
        index(&path, &small),
        Err(InputError::Archive { .. })
    ));
}

#[test]
fn no_message_holds_a_name() {
    let folder = tempfile::tempdir().unwrap();
    made::write(
        folder.path(),
        &[
            slice(OBLIQUE, 0, 4.0),
            slice(OBLIQUE, 1, 4.0),
            slice(OBLIQUE, 5, 4.0),
        ],
    );
    let whole = plain();
    std::fs::write(folder.path().join("cut"), &whole[..whole.len() / 2]).unwrap();
    let index = index(folder.path(), &Limits::default()).unwrap();
    let series = index.series().next().unwrap();
    let mut text = index.faults[0].to_string();
    let error = stacks(series)[0].load(series, Padding::Keep, &Limits::default());
    text += &error.unwrap_err().to_string();
    assert!(
        !text.contains("Hidden") && !text.contains("passwd"),
        "{text}"
    );
}

/// Everything that a file can be asked for.
fn use_everything(path: &Path, limits: &Limits) -> usize {
    let Ok(index) = index(path, limits) else {
        return 0;
    };
    let mut n_loaded = 0;
    for series in index.series() {
        for stack in stacks(series) {
            n_loaded += usize::from(stack.load(series, Padding::Background, limits).is_ok());
        }
    }
    let location = Location::File(path.to_owned());
    if let Ok(segmentation) = Segmentation::read(&location, limits)
        && let Ok(grid) = segmentation.own_grid()
        && grid.size.n_voxels() < 1 << 22
    {
        for segment in &segmentation.segments {
            n_loaded += usize::from(segmentation.mask(segment.number, 0.5, &grid).is_ok());
        }
    }
    n_loaded += usize::from(StructureSet::read(&location, limits).is_ok());
    let secret = [7; 16];
    let deidentifier = Deidentifier::new(&secret, sarx_dicom::Dates::Shift).unwrap();
    if let Ok(cleaned) = deidentifier.clean(&location, limits) {
        cleaned.object.write_all(std::io::sink()).ok();
    }
    n_loaded
}

/// The corpus of the fuzz test: made objects, and small real ones where they are.
fn corpus() -> Vec<Vec<u8>> {
    let image = slice(OBLIQUE, 0, 4.0);
    let mut corpus: Vec<Vec<u8>> = [
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        "1.2.840.10008.1.2.2",
    ]
    .iter()
    .map(|syntax| bytes(&image, syntax))
    .collect();
    corpus.push(bytes(
        &enhanced(&[0.0, 2.0], 2),
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
    ));
    let Some(data) = sarx_testkit::shared("data") else {
        return corpus;
    };
    for name in [
        "mr_transfer_syntaxes/MR_small_RLE.dcm",
        "mr_transfer_syntaxes/MR_small_jp2klossless.dcm",
        "mr_transfer_syntaxes/MR_small_jpeg_ls_lossless.dcm",
        "dicom_seg/partial_overlaps_seg.dcm",
        "rtstruct/rt.dcm",
    ] {
        corpus.push(std::fs::read(data.join(name)).unwrap());
    }
    corpus
}

fn mutate(data: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..data.len());
        match rng.random_range(0..6) {
            0 => data[at] = rng.random(),
            1 => data[at] ^= 1 << rng.random_range(0..8u8),
            2 => {
                // Lengths: four bytes of extreme values.
                let value: u32 =
                    [0, 1, 0xFFFF_FFFE, 0xFFFF_FFFF, 0x7FFF_FFFF][rng.random_range(0..5usize)];
                for (byte, new) in data[at..].iter_mut().zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
            3 => data.truncate(at.max(1)),
            4 => {
                let end = (at + rng.random_range(1..64usize)).min(data.len());
                let part = data[at..end].to_vec();
                data.splice(at..at, part);
            }
            _ => {
                let end = (at + rng.random_range(1..16usize)).min(data.len());
                data.drain(at..end);
            }
        }
        if data.is_empty() {
            data.push(0);
        }
    }
}

#[test]
fn mutated_files_never_panic_and_stay_within_memory() {
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_127);
    let corpus = corpus();
    // A small limit: what passes it would have to be reserved.
    let limits = Limits {
        unpacked_bytes: 64 << 20,
        header_bytes: 4 << 20,
        ..Limits::default()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut n_loaded = 0;
    for round in 0..1500 {
        let mut data = corpus[round % corpus.len()].clone();
        if round >= corpus.len() {
            mutate(&mut data, &mut rng);
        }
        std::fs::write(file.path(), &data).unwrap();
        n_loaded += use_everything(file.path(), &limits);
    }
    // Unharmed objects load, so the test does reach the readers behind the header.
    assert!(n_loaded > corpus.len(), "{n_loaded}");
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
        let kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kib < 1 << 20, "peak memory {kib} KiB");
    }
}
