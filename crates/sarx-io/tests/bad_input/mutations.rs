//! Random damage.

use crate::golden;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sarx_io::{read_channels, read_labels};
use std::fs;

/// A few thousand damaged files: some are read, some refused, none may panic.
#[test]
fn damaged_bytes_never_panic() {
    let mut rng = ChaCha8Rng::seed_from_u64(20_240_611);
    let folder = tempfile::tempdir().unwrap();
    let (mut n_read, mut n_refused) = (0, 0);
    for name in [
        "sitk_i2.nii",
        "nifti2_i2.nii",
        "nifti1_big_f8.nii",
        "forms_differ_2.nii",
        "sitk_oblique_niigz.nii.gz",
        "nrrd_list_second.nrrd",
        "nrrd_mins_nodes.nrrd",
        "nrrd_gzip.nrrd",
        "sitk_packed_nrrd.nrrd",
        "sitk_vector.nrrd",
        "meta_channels.mha",
        "meta_zlib.mha",
        "sitk_4d.mha",
    ] {
        let whole = golden(name);
        let path = folder.path().join(name);
        for _ in 0..200 {
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..4) {
                    0 => bytes[at] = rng.random(),
                    1 => bytes[at] ^= 1 << rng.random_range(0..8),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, *b"0123456789-.() \n:=\xff".get(at % 19).unwrap()),
                }
            }
            // Some file systems wait for the disk when a file is overwritten in place.
            _ = fs::remove_file(&path);
            fs::write(&path, &bytes).unwrap();
            match read_channels(&path) {
                Ok((channels, header)) => {
                    assert_eq!(channels.len(), header.n_channels());
                    n_read += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    n_refused += 1;
                }
            }
            _ = read_labels(&path);
        }
    }
    // Both must happen often, or the mutations test nothing.
    assert!(
        n_read > 300 && n_refused > 300,
        "{n_read} read, {n_refused} refused"
    );
}
