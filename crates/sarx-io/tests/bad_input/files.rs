//! Files that are missing, cut, damaged, or much smaller than they claim.

use crate::{Sample, fault_of, golden, gzip, nifti_with, text_with};
use sarx_io::{ReadFault, read_channels, read_image};
use std::fs;
use std::path::Path;

#[test]
fn paths_that_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |path: &Path| read_image(path).unwrap_err().fault;
    let missing = fault(&folder.path().join("a.nii.gz"));
    assert!(
        matches!(&missing, ReadFault::Io { source } if source.kind() == std::io::ErrorKind::NotFound)
    );
    let directory = folder.path().join("b.nii");
    fs::create_dir(&directory).unwrap();
    assert!(matches!(fault(&directory), ReadFault::Io { .. }));
    for name in ["a.txt", "nii", ".nii.gz"] {
        assert!(matches!(
            fault(&folder.path().join(name)),
            ReadFault::UnknownEnding
        ));
    }
    assert!(matches!(fault(Path::new("/")), ReadFault::UnknownEnding));
}

#[test]
fn empty_files_and_files_of_another_kind() {
    for name in ["a.nii", "a.nii.gz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"] {
        let empty = fault_of(name, b"");
        assert!(
            matches!(
                empty,
                ReadFault::Truncated { .. } | ReadFault::NotThisFormat { .. }
            ),
            "{name}: {empty:?}"
        );
        let other = fault_of(name, b"GIF89a of no use for anybody here\n\n");
        assert!(
            matches!(other, ReadFault::NotThisFormat { .. }),
            "{name}: {other:?}"
        );
    }
}

/// Cutting a file anywhere before its last voxel or checksum is an error.
#[test]
fn truncated_files() {
    for name in [
        "sitk_i2.nii",
        "nifti2_i2.nii",
        "sitk_oblique_niigz.nii.gz",
        "nifti2_packed.nii.gz",
        "gzip_two_members.nii.gz",
        "sitk_i2.nrrd",
        "nrrd_gzip.nrrd",
        "nrrd_byte_skip.nrrd",
        "sitk_i2.mha",
        "sitk_packed_mha.mha",
    ] {
        let whole = golden(name);
        let sample = Sample::new(name, &whole);
        read_image(&sample.path).unwrap();
        // Every length near the ends, every seventh between.
        let near_an_end = |n: &usize| *n < 16 || whole.len() - n < 16 || n.is_multiple_of(7);
        for n in (0..whole.len()).filter(near_an_end) {
            // Some file systems wait for the disk when a file is overwritten in place.
            fs::remove_file(&sample.path).unwrap();
            fs::write(&sample.path, &whole[..n]).unwrap();
            let result = read_image(&sample.path);
            assert!(
                result.is_err(),
                "{name} cut to {n} of {} bytes",
                whole.len()
            );
        }
    }
}

#[test]
fn truncation_says_how_much_is_there() {
    let whole = golden("sitk_i2.nii");
    let fault = fault_of("a.nii", &whole[..whole.len() - 7]);
    assert!(matches!(
        fault,
        ReadFault::Truncated {
            part: "voxel data",
            expected: 120,
            found: 113
        }
    ));
    let fault = fault_of("a.nii.gz", &gzip(&whole[..whole.len() - 7]));
    assert!(matches!(
        fault,
        ReadFault::Truncated {
            part: "voxel data",
            expected: 120,
            found: 113
        }
    ));
    assert!(matches!(
        fault_of("a.nii", &whole[..100]),
        ReadFault::Truncated { part: "header", .. }
    ));
}

#[test]
fn damaged_compression() {
    for name in [
        "sitk_oblique_niigz.nii.gz",
        "nrrd_gzip.nrrd",
        "sitk_packed_mha.mha",
    ] {
        let mut file = golden(name);
        // The checksum at the end: its voxels can be unpacked, but are not what was packed.
        let at = file.len() - if name.ends_with("mha") { 2 } else { 6 };
        file[at] ^= 0x55;
        assert!(
            matches!(fault_of(name, &file), ReadFault::Damaged { .. }),
            "{name}"
        );
    }
    let mut file = golden("sitk_oblique_niigz.nii.gz");
    let middle = file.len() / 2;
    file[middle..middle + 20].fill(0xff);
    let fault = fault_of("a.nii.gz", &file);
    assert!(matches!(fault, ReadFault::Damaged { .. }), "{fault:?}");
}

/// The files are tiny; their headers ask for up to 2^60 bytes. Were they believed, the process
/// would be killed or the allocation refused with `OutOfMemory`, which is not accepted here.
#[test]
fn gigantic_sizes_in_tiny_files() {
    let big = [i16::MAX.to_le_bytes(); 3].concat();
    let mut four = nifti_with(42, &[big.as_slice(), &big[..2]].concat());
    four[40] = 4;
    let mut wide = golden("nifti2_i2.nii");
    for axis in 1..=3 {
        wide[16 + 8 * axis..24 + 8 * axis].copy_from_slice(&(1i64 << 19).to_le_bytes());
    }
    for (name, file) in [
        ("a.nii", nifti_with(42, &big)),
        ("a.nii.gz", gzip(&nifti_with(42, &big))),
        ("b.nii", wide.clone()),
        ("b.nii.gz", gzip(&wide)),
        (
            "a.nrrd",
            text_with("sitk_i2.nrrd", "sizes: 5 4 3", "sizes: 99999 99999 99999"),
        ),
        (
            "b.nrrd",
            text_with("nrrd_gzip.nrrd", "sizes: 5 4 3", "sizes: 99999 99999 99999"),
        ),
        (
            "c.nrrd",
            text_with(
                "nrrd_byte_skip_back.nrrd",
                "sizes: 5 4 3",
                "sizes: 9999 9999 99",
            ),
        ),
        (
            "a.mha",
            text_with(
                "sitk_i2.mha",
                "DimSize = 5 4 3",
                "DimSize = 99999 99999 99999",
            ),
        ),
        (
            "b.mha",
            text_with(
                "meta_zlib.mha",
                "DimSize = 5 4 3",
                "DimSize = 99999 99999 99999",
            ),
        ),
    ] {
        let fault = fault_of(name, &file);
        assert!(
            matches!(fault, ReadFault::Truncated { .. }),
            "{name}: {fault:?}"
        );
    }
    let sample = Sample::new("four.nii", &four);
    let fault = read_channels(&sample.path).unwrap_err().fault;
    assert!(matches!(fault, ReadFault::Truncated { .. }), "{fault:?}");
}

#[test]
fn sizes_that_overflow() {
    let mut wide = golden("nifti2_i2.nii");
    for axis in 1..=3 {
        wide[16 + 8 * axis..24 + 8 * axis].copy_from_slice(&(1i64 << 39).to_le_bytes());
    }
    assert!(matches!(fault_of("a.nii", &wide), ReadFault::Size(_)));
    wide[24..32].copy_from_slice(&i64::MAX.to_le_bytes());
    assert!(matches!(
        fault_of("a.nii", &wide),
        ReadFault::BadField {
            field: "dim[1]",
            ..
        }
    ));
    let huge = u64::MAX.to_string();
    let file = text_with(
        "sitk_i2.nrrd",
        "sizes: 5 4 3",
        &format!("sizes: {huge} {huge} 3"),
    );
    assert!(matches!(fault_of("a.nrrd", &file), ReadFault::Size(_)));
    let file = text_with(
        "sitk_i2.mha",
        "DimSize = 5 4 3",
        &format!("DimSize = 5 {huge} 3"),
    );
    assert!(matches!(fault_of("a.mha", &file), ReadFault::Size(_)));
}

#[test]
fn data_files_that_are_missing_or_elsewhere() {
    for (name, key, old) in [
        ("nrrd_detached.nhdr", "data file: ", "nrrd_detached.bin"),
        (
            "meta_detached.mhd",
            "ElementDataFile = ",
            "meta_detached.bin",
        ),
    ] {
        let bytes = golden(name);
        let sample = Sample::new(name, &bytes);
        assert!(
            matches!(sample.fault(), ReadFault::DataFile { .. }),
            "{name}"
        );
        fs::write(sample.folder.path().join(old), golden(old)).unwrap();
        read_image(&sample.path).unwrap();
        fs::write(sample.folder.path().join(old), b"short").unwrap();
        assert!(
            matches!(sample.fault(), ReadFault::Truncated { .. }),
            "{name}"
        );
        for elsewhere in ["../x.bin", "/etc/passwd", "..\\x.bin"] {
            let (from, to) = (format!("{key}{old}"), format!("{key}{elsewhere}"));
            fs::write(&sample.path, text_with(name, &from, &to)).unwrap();
            assert!(
                matches!(sample.fault(), ReadFault::DataFileElsewhere { .. }),
                "{elsewhere}"
            );
        }
        for several in ["LIST", "slice%03d.raw 1 3 1"] {
            let (from, to) = (format!("{key}{old}"), format!("{key}{several}"));
            fs::write(&sample.path, text_with(name, &from, &to)).unwrap();
            assert!(
                matches!(sample.fault(), ReadFault::Unsupported { .. }),
                "{several}"
            );
        }
    }
    let file = text_with("nrrd_detached.nhdr", "data file: ", "# ");
    let fault = fault_of("a.nhdr", &file);
    assert!(matches!(
        fault,
        ReadFault::MissingField { field: "data file" }
    ));
}
