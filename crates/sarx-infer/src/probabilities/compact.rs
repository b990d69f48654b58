//! `CASE.probabilities.zip`: what [`quantise`](super::quantise) leaves, in the box where it is not 0.
//!
//! A zip archive of `header.json` (schema version, kind, number of heads, size, box) and
//! `foreground.npy` (u16 `[kept heads, z, y, x]` of the box, 65535 = one). For labels background
//! is 65535 minus the others; outside the box it is one. Any zip and any NumPy reads it.

use super::npy::{NpyHeader, each_number};
use super::npz::{open, options, require_type};
use super::quantise::{WHOLE, n_kept, quantise};
use super::{ProbabilityError, ProbabilityFault};
use ndarray::{ArrayView4, ArrayViewMut4, Axis, s};
use ndarray_npy::WriteNpyExt;
use sarx_core::BoundingBox;
use sarx_io::write_atomic;
use sarx_preprocess::Heads;
use serde::{Deserialize, Serialize};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;
use zip::result::ZipError;
use zip::{ZipArchive, ZipWriter};

const SCHEMA_VERSION: u64 = 1;
const HEADER: &str = "header.json";
const FOREGROUND: &str = "foreground.npy";
/// Longest header that is believed, bytes.
const MOST_HEADER_BYTES: u64 = 1 << 16;
/// Deflate's level: measured, 6 is 6 to 8 % smaller than 1, and 9 no smaller than 6.
const LEVEL: i64 = 6;

#[derive(Debug, Serialize, Deserialize)]
struct HeaderV1 {
    schema_version: u64,
    kind: String,
    heads: usize,
    size: [usize; 3],
    box_lower: [usize; 3],
    box_upper: [usize; 3],
    whole: u16,
}

fn kind(heads: &Heads) -> &'static str {
    match heads {
        Heads::Labels { .. } => "labels",
        Heads::Regions { .. } => "regions",
    }
}

pub(super) fn write(
    path: &Path,
    probabilities: ArrayView4<'_, f32>,
    heads: &Heads,
) -> Result<(), ProbabilityError> {
    let (found, z, y, x) = probabilities.dim();
    if found != heads.count() {
        let expected = [heads.count(), z, y, x];
        let found = probabilities.shape().to_vec();
        return Err(ProbabilityFault::Shape { expected, found }.at(path));
    }
    let kept = quantise(probabilities, heads).map_err(|fault| fault.at(path))?;
    let any = kept.map_axis(Axis(0), |heads| heads.iter().any(|&n| n > 0));
    // Without foreground one voxel stands for all: an array has at least one number.
    let BoundingBox { lower, upper } = BoundingBox::around(any.view()).unwrap_or(BoundingBox {
        lower: [0; 3],
        upper: [1; 3],
    });
    let header = HeaderV1 {
        schema_version: SCHEMA_VERSION,
        kind: kind(heads).to_owned(),
        heads: heads.count(),
        size: [z, y, x],
        box_lower: lower,
        box_upper: upper,
        whole: WHOLE,
    };
    let inside = kept.slice(s![
        ..,
        lower[0]..upper[0],
        lower[1]..upper[1],
        lower[2]..upper[2]
    ]);
    write_atomic(path, |out| {
        let mut archive = ZipWriter::new(out);
        archive.start_file(HEADER, options(0, LEVEL))?;
        serde_json::to_writer(&mut archive, &header)?;
        archive.start_file(FOREGROUND, options(inside.len() * size_of::<u16>(), LEVEL))?;
        inside
            .as_standard_layout()
            .write_npy(BufWriter::new(&mut archive))
            .map_err(io::Error::other)?;
        archive.finish()?.flush()
    })?;
    Ok(())
}

pub(super) fn add_to(
    path: &Path,
    mut sum: ArrayViewMut4<'_, f32>,
    heads: &Heads,
) -> Result<(), ProbabilityFault> {
    let mut archive = open(path)?;
    let header = read_header(&mut archive)?;
    let (n_heads, z, y, x) = sum.dim();
    check(&header, heads, [n_heads, z, y, x])?;
    let (l, u) = (header.box_lower, header.box_upper);
    let mut entry = archive.by_name(FOREGROUND).map_err(|error| match error {
        ZipError::FileNotFound => ProbabilityFault::Missing { name: FOREGROUND },
        other => other.into(),
    })?;
    let array = NpyHeader::read(&mut entry)?;
    require_type(&array, "<u2")?;
    let shape = [n_kept(heads), u[0] - l[0], u[1] - l[1], u[2] - l[2]];
    if array.shape != shape || array.fortran_order {
        return Err(ProbabilityFault::damaged("the array does not fill its box"));
    }
    // What the other labels leave of each voxel of the box.
    let n_voxels: usize = shape[1..].iter().product();
    let mut background = match heads {
        Heads::Labels { .. } => vec![WHOLE; n_voxels],
        Heads::Regions { .. } => Vec::new(),
    };
    let (mut voxel, mut overdrawn) = (0, false);
    let mut kept = sum.slice_mut(s![n_heads - shape[0].., l[0]..u[0], l[1]..u[1], l[2]..u[2]]);
    let mut places = kept.iter_mut();
    each_number(&mut entry, shape[0] * n_voxels, |bytes| {
        let number = u16::from_le_bytes(bytes);
        if let Some(place) = places.next() {
            *place += value(number);
        }
        if let Some(left) = background.get_mut(voxel) {
            overdrawn |= number > *left;
            *left = left.saturating_sub(number);
            voxel = (voxel + 1) % n_voxels;
        }
        Ok(())
    })?;
    if overdrawn {
        return Err(ProbabilityFault::damaged(
            "the probabilities of a voxel sum to more than one",
        ));
    }
    if let Heads::Labels { .. } = heads {
        let mut left = background.into_iter();
        for ((z, y, x), place) in sum.index_axis_mut(Axis(0), 0).indexed_iter_mut() {
            let at = [z, y, x];
            let inside = (0..3).all(|axis| (l[axis]..u[axis]).contains(&at[axis]));
            *place += match inside.then(|| left.next()).flatten() {
                Some(number) => value(number),
                None => 1.0,
            };
        }
    }
    Ok(())
}

/// The probability that a number stands for.
fn value(number: u16) -> f32 {
    f32::from(number) / f32::from(WHOLE)
}

fn read_header<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Result<HeaderV1, ProbabilityFault> {
    let entry = archive.by_name(HEADER).map_err(|error| match error {
        ZipError::FileNotFound => ProbabilityFault::Missing { name: HEADER },
        other => other.into(),
    })?;
    let mut text = Vec::new();
    entry.take(MOST_HEADER_BYTES).read_to_end(&mut text)?;
    let document: serde_json::Value =
        serde_json::from_slice(&text).map_err(ProbabilityFault::damaged)?;
    let found = &document["schema_version"];
    if *found != SCHEMA_VERSION {
        return Err(ProbabilityFault::SchemaVersion {
            expected: SCHEMA_VERSION,
            found: found.to_string(),
        });
    }
    serde_json::from_value(document).map_err(ProbabilityFault::damaged)
}

/// Compares what the file says with what is expected, before anything depends on it.
fn check(header: &HeaderV1, heads: &Heads, expected: [usize; 4]) -> Result<(), ProbabilityFault> {
    if header.kind != kind(heads) {
        return Err(ProbabilityFault::Kind {
            expected: kind(heads),
            found: header.kind.clone(),
        });
    }
    let [z, y, x] = header.size;
    let found = [header.heads, z, y, x];
    if found != expected || header.heads != heads.count() {
        return Err(ProbabilityFault::Shape {
            expected,
            found: found.to_vec(),
        });
    }
    let (l, u) = (header.box_lower, header.box_upper);
    let fits = (0..3).all(|axis| l[axis] <= u[axis] && u[axis] <= header.size[axis]);
    if !fits || header.whole != WHOLE {
        return Err(ProbabilityFault::damaged("its header contradicts itself"));
    }
    Ok(())
}
