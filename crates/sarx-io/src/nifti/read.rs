//! From the bytes of a file to a header and the place of the voxels.

use super::fields::{Fields, NIFTI1, NIFTI2};
use super::{NiftiHeader, orientation};
use crate::header::RawHeader;
use crate::source::Source;
use crate::voxels::{Encoding, Layout, Scaling};
use crate::{ByteOrder, Format, Header, ReadFault};
use std::path::Path;

/// The longest axis that is taken for a number and not for damage.
const MOST_PER_AXIS: i64 = 1 << 40;

/// Reads the header only.
pub(crate) fn parse(path: &Path, format: Format) -> Result<Header, ReadFault> {
    parse_source(&mut Source::open(path, true)?, format).map(|(header, _)| header)
}

/// Reads the header and goes to the first voxel.
pub(crate) fn open(
    path: &Path,
    format: Format,
) -> Result<(Header, Source, Encoding, Layout), ReadFault> {
    let mut source = Source::open(path, true)?;
    let (header, encoding) = parse_source(&mut source, format)?;
    let RawHeader::Nifti(raw) = &header.raw else {
        return Err(ReadFault::NotThisFormat {
            format,
            reason: "the header is of another format",
        });
    };
    let read_already = raw.layout().n_bytes as u64;
    source.skip(first_voxel(raw)? - read_already, "header")?;
    let layout = Layout {
        n_inner: header.grid.size.n_voxels(),
        n_channels: header.n_channels,
        n_outer: 1,
    };
    Ok((header, source, encoding, layout))
}

fn parse_source(source: &mut Source, format: Format) -> Result<(Header, Encoding), ReadFault> {
    let (raw, byte_order) = raw_header(source, format)?;
    let voxel_type = raw.voxel_type()?;
    let (size, n_channels) = sizes(&raw)?;
    let grid = orientation::geometry(&raw, size)?.to_grid()?;
    let encoding = Encoding {
        voxel_type,
        byte_order,
        scaling: scaling(&raw),
    };
    Ok((
        Header {
            grid,
            voxel_type,
            n_channels,
            n_axes: usize::try_from(raw.dim(0)).unwrap_or(3).min(3),
            format,
            raw: RawHeader::Nifti(raw),
        },
        encoding,
    ))
}

fn raw_header(source: &mut Source, format: Format) -> Result<(NiftiHeader, ByteOrder), ReadFault> {
    let not_this = |reason| ReadFault::NotThisFormat { format, reason };
    let mut first = [0; 4];
    source.fill(&mut first, "header")?;
    let (layout, byte_order): (&'static Fields, _) = match first {
        [0x5c, 1, 0, 0] => (&NIFTI1, ByteOrder::Little),
        [0, 0, 1, 0x5c] => (&NIFTI1, ByteOrder::Big),
        [0x1c, 2, 0, 0] => (&NIFTI2, ByteOrder::Little),
        [0, 0, 2, 0x1c] => (&NIFTI2, ByteOrder::Big),
        _ => {
            return Err(not_this(
                "it does not begin with the length of a NIfTI header",
            ));
        }
    };
    let mut bytes = vec![0; layout.n_bytes];
    bytes[..4].copy_from_slice(&first);
    source.fill(&mut bytes[4..], "header")?;
    NiftiHeader::new(bytes, layout, byte_order)
        .map(|header| (header, byte_order))
        .ok_or(not_this(
            "its magic is not that of header and voxels in one file (\"n+1\", \"n+2\")",
        ))
}

/// Size (x, y, z) and number of channels.
fn sizes(raw: &NiftiHeader) -> Result<([usize; 3], usize), ReadFault> {
    let n_axes = raw.dim(0);
    if !(1..=7).contains(&n_axes) {
        return Err(ReadFault::bad_field("dim[0]", n_axes, "1 to 7 axes"));
    }
    let mut sizes = [1usize; 7];
    for axis in 0..n_axes as usize {
        let found = raw.dim(axis + 1);
        // Some scanners' converters leave a zero in the time axis they do not use.
        let n = if axis >= 3 && found == 0 { 1 } else { found };
        if !(1..=MOST_PER_AXIS).contains(&n) {
            const FIELDS: [&str; 7] = [
                "dim[1]", "dim[2]", "dim[3]", "dim[4]", "dim[5]", "dim[6]", "dim[7]",
            ];
            return Err(ReadFault::bad_field(
                FIELDS[axis],
                found,
                "at least one voxel",
            ));
        }
        sizes[axis] = n as usize;
    }
    let [x, y, z, further @ ..] = sizes;
    if further.iter().filter(|&&n| n > 1).count() > 1 {
        let what = format!("an image of more than one axis beyond x, y, z ({further:?})");
        return Err(ReadFault::Unsupported { what });
    }
    Ok(([x, y, z], further.iter().product()))
}

/// As ITK: a slope of zero or not finite is 1, an intercept that is not finite is 0.
fn scaling(raw: &NiftiHeader) -> Option<Scaling> {
    let [slope, intercept] = raw.scl().map(|v| if v.is_finite() { v } else { 0.0 });
    let slope = if slope.abs() < f64::EPSILON {
        1.0
    } else {
        slope
    };
    let needed = (slope - 1.0).abs() > f64::EPSILON || intercept.abs() > f64::EPSILON;
    needed.then_some(Scaling { slope, intercept })
}

/// Where the voxels begin. An offset into the header itself means right after it, as in niftilib.
fn first_voxel(raw: &NiftiHeader) -> Result<u64, ReadFault> {
    let found = raw.vox_offset();
    if !(0.0..=9e15).contains(&found) {
        return Err(ReadFault::bad_field(
            "vox_offset",
            found,
            "a position in the file",
        ));
    }
    Ok((found as u64).max(raw.layout().n_bytes as u64))
}
