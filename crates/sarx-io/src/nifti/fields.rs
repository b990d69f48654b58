//! The fixed fields of a NIfTI header: where they are, and how to turn their bytes round.

use crate::{ByteOrder, ReadFault, VoxelType};

/// A header as the file has it, brought to little endian; every bit of every field survives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NiftiHeader {
    bytes: Vec<u8>,
    layout: &'static Fields,
}

/// Byte offsets of the fields of one version, in the order of use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Bytes of the header.
    pub(crate) n_bytes: usize,
    /// Bytes from the file's start to the voxels when there are no extensions.
    pub(crate) first_voxel: usize,
    pub(crate) wide: bool,
    magic: &'static [u8],
    magic_at: usize,
    dim: usize,
    datatype: usize,
    bitpix: usize,
    pixdim: usize,
    vox_offset: usize,
    scl_slope: usize,
    cal_max: usize,
    qform_code: usize,
    sform_code: usize,
    quatern: usize,
    srow: usize,
    units: usize,
    intent: usize,
    /// Runs of numbers: offset, width, count.
    numbers: &'static [(usize, usize, usize)],
}

/// Offsets of `nifti1.h`.
pub(crate) static NIFTI1: Fields = Fields {
    n_bytes: 348,
    first_voxel: 352,
    wide: false,
    magic: b"n+1\0",
    magic_at: 344,
    dim: 40,
    datatype: 70,
    bitpix: 72,
    pixdim: 76,
    vox_offset: 108,
    scl_slope: 112,
    cal_max: 124,
    qform_code: 252,
    sform_code: 254,
    quatern: 256,
    srow: 280,
    units: 123,
    intent: 68,
    numbers: &[
        (0, 4, 1),
        (32, 4, 1),
        (36, 2, 1),
        (40, 2, 8),
        (56, 4, 3),
        (68, 2, 4),
        (76, 4, 11),
        (120, 2, 1),
        (124, 4, 6),
        (252, 2, 2),
        (256, 4, 18),
    ],
};

/// Offsets of `nifti2.h`.
pub(crate) static NIFTI2: Fields = Fields {
    n_bytes: 540,
    first_voxel: 544,
    wide: true,
    magic: b"n+2\0\r\n\x1a\n",
    magic_at: 4,
    dim: 16,
    datatype: 12,
    bitpix: 14,
    pixdim: 104,
    vox_offset: 168,
    scl_slope: 176,
    cal_max: 192,
    qform_code: 344,
    sform_code: 348,
    quatern: 352,
    srow: 400,
    units: 500,
    intent: 504,
    numbers: &[
        (0, 4, 1),
        (12, 2, 2),
        (16, 8, 28),
        (344, 4, 2),
        (352, 8, 18),
        (496, 4, 3),
    ],
};

impl NiftiHeader {
    /// An empty header with its size and magic set.
    pub(crate) fn empty(layout: &'static Fields) -> Self {
        let mut header = Self {
            bytes: vec![0; layout.n_bytes],
            layout,
        };
        header.bytes[..4].copy_from_slice(&(layout.n_bytes as u32).to_le_bytes());
        header.bytes[layout.magic_at..][..layout.magic.len()].copy_from_slice(layout.magic);
        header
    }

    /// Takes over the bytes of a file.
    ///
    /// Returns `None` if the magic is missing.
    pub(crate) fn new(
        mut bytes: Vec<u8>,
        layout: &'static Fields,
        byte_order: ByteOrder,
    ) -> Option<Self> {
        if byte_order == ByteOrder::Big {
            for &(offset, width, count) in layout.numbers {
                bytes[offset..offset + width * count]
                    .chunks_mut(width)
                    .for_each(<[u8]>::reverse);
            }
        }
        // The file transfer check after "n+2\0" is often missing or damaged and says nothing.
        (bytes[layout.magic_at..][..4] == layout.magic[..4]).then_some(Self { bytes, layout })
    }

    pub(crate) fn layout(&self) -> &'static Fields {
        self.layout
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|i| self.bytes[at + i])
    }

    fn int16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.array(at))
    }

    /// The `i`-th of a run of floats.
    fn float(&self, at: usize, i: usize) -> f64 {
        if self.layout.wide {
            f64::from_le_bytes(self.array(at + 8 * i))
        } else {
            f32::from_le_bytes(self.array(at + 4 * i)).into()
        }
    }

    fn set_float(&mut self, at: usize, i: usize, value: f64) {
        if self.layout.wide {
            self.bytes[at + 8 * i..][..8].copy_from_slice(&value.to_le_bytes());
        } else {
            self.bytes[at + 4 * i..][..4].copy_from_slice(&(value as f32).to_le_bytes());
        }
    }

    /// Codes are 16 bits wide in version 1 and 32 in version 2.
    fn code(&self, at: usize) -> i32 {
        if self.layout.wide {
            i32::from_le_bytes(self.array(at))
        } else {
            self.int16(at).into()
        }
    }

    fn set_code(&mut self, at: usize, code: i16) {
        if self.layout.wide {
            self.bytes[at..at + 4].copy_from_slice(&i32::from(code).to_le_bytes());
        } else {
            self.bytes[at..at + 2].copy_from_slice(&code.to_le_bytes());
        }
    }

    pub(crate) fn dim(&self, i: usize) -> i64 {
        if self.layout.wide {
            i64::from_le_bytes(self.array(self.layout.dim + 8 * i))
        } else {
            self.int16(self.layout.dim + 2 * i).into()
        }
    }

    /// Sets a size that the caller knows to fit (see [`Self::longest_axis`]).
    pub(crate) fn set_dim(&mut self, i: usize, n: usize) {
        if self.layout.wide {
            let at = self.layout.dim + 8 * i;
            self.bytes[at..at + 8].copy_from_slice(&(n as i64).to_le_bytes());
        } else {
            let at = self.layout.dim + 2 * i;
            self.bytes[at..at + 2].copy_from_slice(&(n as i16).to_le_bytes());
        }
    }

    /// The most voxels that one axis can have.
    pub(crate) fn longest_axis(layout: &Fields) -> usize {
        if layout.wide {
            i64::MAX as usize
        } else {
            i16::MAX as usize
        }
    }

    pub(crate) fn pixdim(&self, i: usize) -> f64 {
        self.float(self.layout.pixdim, i)
    }

    pub(crate) fn set_pixdim(&mut self, i: usize, value: f64) {
        self.set_float(self.layout.pixdim, i, value);
    }

    pub(crate) fn vox_offset(&self) -> f64 {
        if self.layout.wide {
            i64::from_le_bytes(self.array(self.layout.vox_offset)) as f64
        } else {
            self.float(self.layout.vox_offset, 0)
        }
    }

    /// Slope and intercept of the intensities.
    pub(crate) fn scl(&self) -> [f64; 2] {
        [
            self.float(self.layout.scl_slope, 0),
            self.float(self.layout.scl_slope, 1),
        ]
    }

    pub(crate) fn qform_code(&self) -> i32 {
        self.code(self.layout.qform_code)
    }

    pub(crate) fn sform_code(&self) -> i32 {
        self.code(self.layout.sform_code)
    }

    /// Says what the two forms are; 0 is nothing.
    pub(crate) fn set_form_codes(&mut self, qform: i16, sform: i16) {
        self.set_code(self.layout.qform_code, qform);
        self.set_code(self.layout.sform_code, sform);
    }

    /// `quatern_b`, `_c`, `_d`, `qoffset_x`, `_y`, `_z`.
    pub(crate) fn quatern(&self) -> [f64; 6] {
        std::array::from_fn(|i| self.float(self.layout.quatern, i))
    }

    pub(crate) fn set_quatern(&mut self, values: [f64; 6]) {
        for (i, value) in values.into_iter().enumerate() {
            self.set_float(self.layout.quatern, i, value);
        }
    }

    pub(crate) fn srow(&self) -> [[f64; 4]; 3] {
        std::array::from_fn(|row| {
            std::array::from_fn(|column| self.float(self.layout.srow, 4 * row + column))
        })
    }

    pub(crate) fn set_srow(&mut self, rows: [[f64; 4]; 3]) {
        for (i, value) in rows.into_iter().flatten().enumerate() {
            self.set_float(self.layout.srow, i, value);
        }
    }

    /// `xyzt_units`.
    pub(crate) fn units(&self) -> u8 {
        self.bytes[self.layout.units]
    }

    pub(crate) fn set_units(&mut self, units: u8) {
        self.bytes[self.layout.units] = units;
    }

    /// No intent: the numbers are intensities or labels.
    pub(crate) fn clear_intent(&mut self) {
        self.set_code(self.layout.intent, 0);
    }

    pub(crate) fn voxel_type(&self) -> Result<VoxelType, ReadFault> {
        let code = self.int16(self.layout.datatype);
        let unsupported = |what: &str| ReadFault::Unsupported {
            what: format!("{what} voxels"),
        };
        Ok(match code {
            2 => VoxelType::U8,
            4 => VoxelType::I16,
            8 => VoxelType::I32,
            16 => VoxelType::F32,
            64 => VoxelType::F64,
            256 => VoxelType::I8,
            512 => VoxelType::U16,
            768 => VoxelType::U32,
            1024 => VoxelType::I64,
            1280 => VoxelType::U64,
            1 => return Err(unsupported("one-bit")),
            32 | 1792 | 2048 => return Err(unsupported("complex")),
            128 | 2304 => return Err(unsupported("RGB colour")),
            1536 => return Err(unsupported("float128")),
            _ => return Err(ReadFault::bad_field("datatype", code, "a code of NIfTI")),
        })
    }

    /// Sets what belongs to the stored numbers: their type, no scaling, no display range, and
    /// voxels right after the header.
    pub(crate) fn set_voxels(&mut self, voxel_type: VoxelType) {
        let code: i16 = match voxel_type {
            VoxelType::U8 => 2,
            VoxelType::I16 => 4,
            VoxelType::I32 => 8,
            VoxelType::F32 => 16,
            VoxelType::F64 => 64,
            VoxelType::I8 => 256,
            VoxelType::U16 => 512,
            VoxelType::U32 => 768,
            VoxelType::I64 => 1024,
            VoxelType::U64 => 1280,
        };
        let layout = self.layout;
        let bitpix = 8 * voxel_type.n_bytes() as i16;
        self.bytes[layout.datatype..][..2].copy_from_slice(&code.to_le_bytes());
        self.bytes[layout.bitpix..][..2].copy_from_slice(&bitpix.to_le_bytes());
        self.set_float(layout.scl_slope, 0, 1.0);
        self.set_float(layout.scl_slope, 1, 0.0);
        self.set_float(layout.cal_max, 0, 0.0);
        self.set_float(layout.cal_max, 1, 0.0);
        if layout.wide {
            let offset = (layout.first_voxel as i64).to_le_bytes();
            self.bytes[layout.vox_offset..][..8].copy_from_slice(&offset);
        } else {
            self.set_float(layout.vox_offset, 0, layout.first_voxel as f64);
        }
        self.bytes[layout.magic_at..][..layout.magic.len()].copy_from_slice(layout.magic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_twice_gives_the_same_bytes_and_runs_do_not_overlap() {
        for layout in [&NIFTI1, &NIFTI2] {
            let mut seen = vec![false; layout.n_bytes];
            for &(offset, width, count) in layout.numbers {
                for (at, seen) in seen.iter_mut().enumerate().skip(offset).take(width * count) {
                    assert!(!*seen, "byte {at}");
                    *seen = true;
                }
            }
            let mut bytes: Vec<u8> = (0..layout.n_bytes).map(|i| (i * 7 % 251) as u8).collect();
            bytes[layout.magic_at..][..4].copy_from_slice(&layout.magic[..4]);
            let once = NiftiHeader::new(bytes.clone(), layout, ByteOrder::Big).unwrap();
            assert_ne!(once.bytes, bytes);
            let twice = NiftiHeader::new(once.bytes, layout, ByteOrder::Big).unwrap();
            assert_eq!(twice.bytes, bytes);
        }
    }

    #[test]
    fn what_is_set_is_read() {
        for layout in [&NIFTI1, &NIFTI2] {
            let mut header = NiftiHeader::empty(layout);
            header.set_dim(3, 300);
            header.set_pixdim(2, 0.5);
            header.set_form_codes(1, 2);
            header.set_quatern([0.1, 0.2, 0.3, 4.0, 5.0, 6.5]);
            header.set_srow([[1.0, 2.0, 3.0, 4.0], [0.0; 4], [0.5; 4]]);
            header.set_units(10);
            header.set_voxels(VoxelType::U16);
            assert_eq!((header.dim(3), header.pixdim(2)), (300, 0.5));
            assert_eq!((header.qform_code(), header.sform_code()), (1, 2));
            assert_eq!(header.quatern()[5], 6.5);
            assert_eq!(header.srow()[0], [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(header.units(), 10);
            assert_eq!(header.voxel_type().unwrap(), VoxelType::U16);
            assert_eq!(header.vox_offset(), layout.first_voxel as f64);
            assert_eq!(header.scl(), [1.0, 0.0]);
        }
    }
}
