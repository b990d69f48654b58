//! nnU-Net's `CASE.npz`: `numpy.savez_compressed(path, probabilities=..)`.
//!
//! Source: nnU-Net v2 `inference/export_prediction.py`, `export_prediction_from_logits`.

use super::npy::{NpyHeader, each_number};
use super::{ProbabilityFault, npy};
use ndarray::{ArrayView4, ArrayViewMut4};
use ndarray_npy::NpzWriter;
use sarx_io::{WriteError, write_atomic};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive};

/// Name of the array, as NumPy puts it into the archive.
const ENTRY: &str = "probabilities.npy";

/// Deflate's level. Probabilities are noise in their low bits: measured, level 6 (NumPy's) makes
/// 2.39 MB of what level 1 makes 2.79 MB.
const LEVEL: i64 = 1;

/// How every archive of ours is packed: the same bytes for the same content.
pub(super) fn options(n_bytes: usize, level: i64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        // The archive must say beforehand that an entry may exceed 4 GiB, packed or not.
        .large_file(n_bytes > (u32::MAX / 2) as usize)
}

pub(super) fn write(path: &Path, probabilities: ArrayView4<'_, f32>) -> Result<(), WriteError> {
    let n_bytes = probabilities.len() * size_of::<f32>();
    write_atomic(path, |out| {
        let mut npz = NpzWriter::new_with_options(out, options(n_bytes, LEVEL));
        npz.add_array("probabilities", &probabilities)
            .map_err(io::Error::other)?;
        npz.finish().map_err(io::Error::other)?;
        Ok(())
    })
}

/// Opens an archive.
pub(super) fn open(path: &Path) -> Result<ZipArchive<BufReader<File>>, ProbabilityFault> {
    let file = File::open(path).map_err(|source| ProbabilityFault::Io { source })?;
    Ok(ZipArchive::new(BufReader::new(file))?)
}

pub(super) fn add_to(path: &Path, mut sum: ArrayViewMut4<'_, f32>) -> Result<(), ProbabilityFault> {
    let mut archive = open(path)?;
    let mut entry = match archive.by_name(ENTRY) {
        Err(ZipError::FileNotFound) => {
            return Err(ProbabilityFault::Missing {
                name: "probabilities",
            });
        }
        other => other?,
    };
    let header = NpyHeader::read(&mut entry)?;
    require_type(&header, "<f4")?;
    let (heads, z, y, x) = sum.dim();
    if header.shape != [heads, z, y, x] {
        return Err(ProbabilityFault::Shape {
            expected: [heads, z, y, x],
            found: header.shape,
        });
    }
    let n = sum.len();
    if header.fortran_order {
        sum = sum.reversed_axes();
    }
    let mut places = sum.iter_mut();
    each_number(&mut entry, n, |bytes| {
        let value = f32::from_le_bytes(bytes);
        if !(0.0..=1.0).contains(&value) {
            return Err(ProbabilityFault::damaged(format!(
                "it holds {value}, and a probability is a number from 0 to 1"
            )));
        }
        if let Some(place) = places.next() {
            *place += value;
        }
        Ok(())
    })
}

pub(super) fn require_type(
    header: &npy::NpyHeader,
    expected: &'static str,
) -> Result<(), ProbabilityFault> {
    if header.descr == expected {
        return Ok(());
    }
    Err(ProbabilityFault::Type {
        expected,
        found: header.descr.clone(),
    })
}
