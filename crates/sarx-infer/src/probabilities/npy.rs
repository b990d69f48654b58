//! NumPy's `.npy` as a stream: the header first, so that shape and type are known before anything
//! is allocated, then the numbers in pieces.
//!
//! Source: NumPy, `numpy.lib.format`: magic, version, length, a Python dictionary as text.

use super::ProbabilityFault;
use py_literal::Value;
use std::io::Read;

/// Longest header that is believed, bytes; NumPy's own are below 200.
const MOST_HEADER_BYTES: usize = 1 << 16;
/// Bytes that are unpacked at a time.
const PIECE_BYTES: usize = 1 << 16;

/// What a `.npy` says about its numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NpyHeader {
    /// NumPy's name of the type, `<f4`.
    pub(super) descr: String,
    /// Whether the first axis is the fastest.
    pub(super) fortran_order: bool,
    /// Shape of the array.
    pub(super) shape: Vec<usize>,
}

impl NpyHeader {
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, ProbabilityFault> {
        let mut start = [0; 8];
        reader.read_exact(&mut start)?;
        if &start[..6] != b"\x93NUMPY" {
            return Err(ProbabilityFault::damaged("the array has no NumPy header"));
        }
        let length = if start[6] == 1 {
            let mut length = [0; 2];
            reader.read_exact(&mut length)?;
            usize::from(u16::from_le_bytes(length))
        } else {
            let mut length = [0; 4];
            reader.read_exact(&mut length)?;
            u32::from_le_bytes(length) as usize
        };
        if length > MOST_HEADER_BYTES {
            return Err(ProbabilityFault::damaged("the NumPy header is too long"));
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text)?;
        Self::parse(&String::from_utf8_lossy(&text))
            .ok_or_else(|| ProbabilityFault::damaged("the NumPy header makes no sense"))
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = text.trim().parse().ok()?;
        let entries = value.as_dict()?;
        let get = |key: &str| {
            let found = entries
                .iter()
                .find(|(k, _)| k.as_string().is_some_and(|k| k == key));
            found.map(|(_, value)| value)
        };
        let length = |value: &Value| usize::try_from(value.as_integer()?.clone()).ok();
        Some(Self {
            descr: get("descr")?.as_string()?.clone(),
            fortran_order: get("fortran_order")?.as_boolean()?,
            shape: get("shape")?
                .as_tuple()?
                .iter()
                .map(length)
                .collect::<Option<_>>()?,
        })
    }
}

/// Hands over `n` numbers of `N` bytes one after the other, then makes sure that nothing follows
/// (which also makes the unzipper compare its checksum).
pub(super) fn each_number<const N: usize>(
    reader: &mut impl Read,
    n: usize,
    mut take: impl FnMut([u8; N]) -> Result<(), ProbabilityFault>,
) -> Result<(), ProbabilityFault> {
    let mut piece = vec![0; PIECE_BYTES - PIECE_BYTES % N];
    let mut left = n;
    while left > 0 {
        let bytes = &mut piece[..(left * N).min(PIECE_BYTES - PIECE_BYTES % N)];
        reader.read_exact(bytes)?;
        left -= bytes.len() / N;
        let (numbers, _) = bytes.as_chunks::<N>();
        numbers.iter().try_for_each(|number| take(*number))?;
    }
    match reader.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(ProbabilityFault::damaged("more numbers than the shape has")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes
    }

    #[test]
    fn a_header_is_read_and_nonsense_is_not() {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 28, 128, 128), }      \n";
        let header = NpyHeader::read(&mut npy(good).as_slice()).unwrap();
        assert_eq!(header.shape, [2, 28, 128, 128]);
        assert_eq!(
            (header.descr.as_str(), header.fortran_order),
            ("<f4", false)
        );
        for bad in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': 3, 'shape': (1,)}",
            "[1, 2]",
        ] {
            let found = NpyHeader::read(&mut npy(bad).as_slice());
            assert!(
                matches!(found, Err(ProbabilityFault::Damaged { .. })),
                "{bad}"
            );
        }
        let short = NpyHeader::read(&mut &npy(good)[..40]);
        assert!(matches!(short, Err(ProbabilityFault::Damaged { .. })));
    }

    #[test]
    fn too_few_and_too_many_numbers_are_told() {
        let bytes: Vec<u8> = (0u32..100_000)
            .map(|v| v as u16)
            .flat_map(u16::to_le_bytes)
            .collect();
        let read = |n| {
            let mut sum = 0u64;
            each_number(&mut bytes.as_slice(), n, |v| {
                sum += u64::from(u16::from_le_bytes(v));
                Ok(())
            })
            .map(|()| sum)
        };
        let expected: u64 = (0u16..=u16::MAX).chain(0..34_464).map(u64::from).sum();
        assert_eq!(read(100_000).unwrap(), expected);
        assert!(read(99_999).is_err() && read(100_001).is_err());
    }
}
