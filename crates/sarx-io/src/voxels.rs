//! Voxels as bytes and as numbers.
//!
//! Reading goes through a buffer of fixed size, so a wrong size in a header costs no memory: the
//! array grows as bytes arrive.

use crate::source::Source;
use crate::{ByteOrder, ReadFault, VoxelType};
use sarx_core::Label;
use std::io::{self, Write};

/// Bytes decoded at once: within the second-level cache, a multiple of every voxel's size.
const CHUNK_BYTES: usize = 1 << 16;

/// How the numbers of a file lie and what they mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    pub(crate) voxel_type: VoxelType,
    pub(crate) byte_order: ByteOrder,
    /// Intensity = slope * stored + intercept; `None` leaves the stored numbers.
    pub(crate) scaling: Option<Scaling>,
}

/// A linear map of intensities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

/// How several channels share one array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Voxels that are neighbours in the file before the channel changes.
    pub(crate) n_inner: usize,
    /// Channels.
    pub(crate) n_channels: usize,
    /// How often all of that repeats.
    pub(crate) n_outer: usize,
}

impl Layout {
    /// Voxels of all channels, or `None` if no machine can count them.
    fn n_values(self) -> Option<usize> {
        self.n_inner
            .checked_mul(self.n_channels)?
            .checked_mul(self.n_outer)
    }

    /// Bytes of all channels.
    pub(crate) fn n_bytes(self, voxel_type: VoxelType) -> Option<u64> {
        self.n_values()?
            .checked_mul(voxel_type.n_bytes())?
            .try_into()
            .ok()
    }
}

/// What a stored number can become.
pub(crate) trait Target: Copy + 'static {
    fn of_f32(value: f32) -> Self;
    fn of_f64(value: f64) -> Self;
}

impl Target for f32 {
    fn of_f32(value: f32) -> Self {
        value
    }
    fn of_f64(value: f64) -> Self {
        value as f32
    }
}

impl Target for f64 {
    fn of_f32(value: f32) -> Self {
        value.into()
    }
    fn of_f64(value: f64) -> Self {
        value
    }
}

/// Exact from unscaled `u8` and `u16`, which is all it is asked for.
impl Target for Label {
    fn of_f32(value: f32) -> Self {
        value as Self
    }
    fn of_f64(value: f64) -> Self {
        value as Self
    }
}

/// Reads all voxels, one array per channel.
pub(crate) fn read<T: Target>(
    source: &mut Source,
    encoding: Encoding,
    layout: Layout,
) -> Result<Vec<Vec<T>>, ReadFault> {
    let n_values = layout
        .n_values()
        .ok_or(ReadFault::OutOfMemory { n_voxels: u64::MAX })?;
    let n_bytes = layout
        .n_bytes(encoding.voxel_type)
        .ok_or(ReadFault::OutOfMemory {
            n_voxels: n_values as u64,
        })?;
    if n_bytes > source.most_left() {
        let found = source.most_left();
        return Err(ReadFault::Truncated {
            part: "voxel data",
            expected: n_bytes,
            found,
        });
    }
    if layout.n_outer == 1 {
        return (0..layout.n_channels)
            .map(|channel| {
                read_run(source, encoding, layout.n_inner).map_err(|fault| {
                    let before = channel * layout.n_inner * encoding.voxel_type.n_bytes();
                    counted_from_the_first(fault, n_bytes, before as u64)
                })
            })
            .collect();
    }
    let all = read_run(source, encoding, n_values)?;
    if layout.n_channels == 1 {
        return Ok(vec![all]);
    }
    Ok((0..layout.n_channels)
        .map(|channel| gather(&all, layout, channel))
        .collect())
}

/// A later channel that ends early is reported in bytes of the whole file.
fn counted_from_the_first(fault: ReadFault, n_bytes: u64, before: u64) -> ReadFault {
    match fault {
        ReadFault::Truncated { part, found, .. } => ReadFault::Truncated {
            part,
            expected: n_bytes,
            found: found + before,
        },
        other => other,
    }
}

fn gather<T: Target>(all: &[T], layout: Layout, channel: usize) -> Vec<T> {
    let n_inner = layout.n_inner;
    all.chunks_exact(n_inner * layout.n_channels)
        .flat_map(|block| &block[channel * n_inner..(channel + 1) * n_inner])
        .copied()
        .collect()
}

fn read_run<T: Target>(
    source: &mut Source,
    encoding: Encoding,
    n_values: usize,
) -> Result<Vec<T>, ReadFault> {
    let width = encoding.voxel_type.n_bytes();
    let out_of_memory = |_| ReadFault::OutOfMemory {
        n_voxels: n_values as u64,
    };
    let justified = usize::try_from(source.justified_bytes()).unwrap_or(usize::MAX) / width;
    let mut values = Vec::new();
    values
        .try_reserve_exact(n_values.min(justified))
        .map_err(out_of_memory)?;
    let mut chunk = vec![0; CHUNK_BYTES.min(n_values * width)];
    while values.len() < n_values {
        let n_bytes = chunk.len().min((n_values - values.len()) * width);
        let found = source.fill_up_to(&mut chunk[..n_bytes])?;
        if found < n_bytes {
            let found = (values.len() * width + found) as u64;
            let expected = (n_values * width) as u64;
            return Err(ReadFault::Truncated {
                part: "voxel data",
                expected,
                found,
            });
        }
        if values.capacity() - values.len() < n_bytes / width {
            // Doubles, but never beyond what the header asks for.
            let more = values
                .len()
                .max(n_bytes / width)
                .min(n_values - values.len());
            values.try_reserve_exact(more).map_err(out_of_memory)?;
        }
        decode(&chunk[..n_bytes], encoding, &mut values);
    }
    Ok(values)
}

/// Appends the numbers of `bytes`.
///
/// Scaled integers pass through `f32` before they are multiplied in `f64`, as in ITK's
/// `NiftiImageIO::Read`; doubles do not.
fn decode<T: Target>(bytes: &[u8], encoding: Encoding, values: &mut Vec<T>) {
    macro_rules! decode_as {
        ($number:ty, $via:ident, $wide:ty) => {{
            const WIDTH: usize = size_of::<$number>();
            let (groups, _) = bytes.as_chunks::<WIDTH>();
            match (encoding.scaling, encoding.byte_order) {
                (None, ByteOrder::Little) => values.extend(
                    groups
                        .iter()
                        .map(|b| T::$via(<$number>::from_le_bytes(*b) as $wide)),
                ),
                (None, ByteOrder::Big) => values.extend(
                    groups
                        .iter()
                        .map(|b| T::$via(<$number>::from_be_bytes(*b) as $wide)),
                ),
                (Some(Scaling { slope, intercept }), order) => {
                    values.extend(groups.iter().map(|b| {
                        let stored = match order {
                            ByteOrder::Little => <$number>::from_le_bytes(*b),
                            ByteOrder::Big => <$number>::from_be_bytes(*b),
                        };
                        T::$via((f64::from(stored as $wide) * slope + intercept) as $wide)
                    }));
                }
            }
        }};
    }
    match encoding.voxel_type {
        VoxelType::U8 => decode_as!(u8, of_f32, f32),
        VoxelType::I8 => decode_as!(i8, of_f32, f32),
        VoxelType::U16 => decode_as!(u16, of_f32, f32),
        VoxelType::I16 => decode_as!(i16, of_f32, f32),
        VoxelType::U32 => decode_as!(u32, of_f32, f32),
        VoxelType::I32 => decode_as!(i32, of_f32, f32),
        VoxelType::U64 => decode_as!(u64, of_f32, f32),
        VoxelType::I64 => decode_as!(i64, of_f32, f32),
        VoxelType::F32 => decode_as!(f32, of_f32, f32),
        VoxelType::F64 => decode_as!(f64, of_f64, f64),
    }
}

/// The voxels of a volume, as they are to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored<'a> {
    F32(&'a [f32]),
    U8(&'a [u16]),
    U16(&'a [u16]),
}

impl Stored<'_> {
    pub(crate) fn voxel_type(self) -> VoxelType {
        match self {
            Self::F32(_) => VoxelType::F32,
            Self::U8(_) => VoxelType::U8,
            Self::U16(_) => VoxelType::U16,
        }
    }

    /// Writes every voxel, least significant byte first.
    pub(crate) fn write(self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        match self {
            Self::F32(values) => values.chunks(CHUNK_BYTES / 4).try_for_each(|part| {
                bytes.clear();
                bytes.extend(part.iter().flat_map(|v| v.to_le_bytes()));
                to.write_all(&bytes)
            }),
            Self::U16(values) => values.chunks(CHUNK_BYTES / 2).try_for_each(|part| {
                bytes.clear();
                bytes.extend(part.iter().flat_map(|v| v.to_le_bytes()));
                to.write_all(&bytes)
            }),
            Self::U8(values) => values.chunks(CHUNK_BYTES).try_for_each(|part| {
                bytes.clear();
                bytes.extend(part.iter().map(|&v| v as u8));
                to.write_all(&bytes)
            }),
        }
    }
}
