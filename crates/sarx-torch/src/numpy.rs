//! NumPy scalars and arrays inside pickles.

use crate::PickleError;
use half::f16;

/// NumPy's own limit.
pub(crate) const MAX_AXES: usize = 64;

/// The data types of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumpyType {
    /// `bool`.
    Bool,
    /// `int8`.
    I8,
    /// `int16`.
    I16,
    /// `int32`.
    I32,
    /// `int64`.
    I64,
    /// `uint8`.
    U8,
    /// `uint16`.
    U16,
    /// `uint32`.
    U32,
    /// `uint64`.
    U64,
    /// `float16`.
    F16,
    /// `float32`.
    F32,
    /// `float64`.
    F64,
}

impl NumpyType {
    const ALL: [Self; 12] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::F16,
        Self::F32,
        Self::F64,
    ];

    /// NumPy's code without byte order, as `f8`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Bool => "b1",
            Self::I8 => "i1",
            Self::I16 => "i2",
            Self::I32 => "i4",
            Self::I64 => "i8",
            Self::U8 => "u1",
            Self::U16 => "u2",
            Self::U32 => "u4",
            Self::U64 => "u8",
            Self::F16 => "f2",
            Self::F32 => "f4",
            Self::F64 => "f8",
        }
    }

    pub(crate) fn from_code(code: &str) -> Result<Self, PickleError> {
        let plain = code.trim_start_matches(['|', '<', '=']);
        Self::ALL
            .into_iter()
            .find(|dtype| dtype.code() == plain)
            .ok_or_else(|| PickleError::NumpyType {
                found: code.to_owned(),
            })
    }

    /// Bytes of one number.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

/// One number of NumPy.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are NumPy's own types")]
pub enum NumpyScalar {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    F16(f16),
    F32(f32),
    F64(f64),
}

impl NumpyScalar {
    /// The type.
    #[must_use]
    pub fn dtype(self) -> NumpyType {
        match self {
            Self::Bool(_) => NumpyType::Bool,
            Self::I8(_) => NumpyType::I8,
            Self::I16(_) => NumpyType::I16,
            Self::I32(_) => NumpyType::I32,
            Self::I64(_) => NumpyType::I64,
            Self::U8(_) => NumpyType::U8,
            Self::U16(_) => NumpyType::U16,
            Self::U32(_) => NumpyType::U32,
            Self::U64(_) => NumpyType::U64,
            Self::F16(_) => NumpyType::F16,
            Self::F32(_) => NumpyType::F32,
            Self::F64(_) => NumpyType::F64,
        }
    }

    /// The number as a float; integers beyond 2^53 are rounded, `false` is 0 and `true` is 1.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Bool(value) => f64::from(u8::from(value)),
            Self::I8(value) => f64::from(value),
            Self::I16(value) => f64::from(value),
            Self::I32(value) => f64::from(value),
            Self::I64(value) => value as f64,
            Self::U8(value) => f64::from(value),
            Self::U16(value) => f64::from(value),
            Self::U32(value) => f64::from(value),
            Self::U64(value) => value as f64,
            Self::F16(value) => f64::from(value),
            Self::F32(value) => f64::from(value),
            Self::F64(value) => value,
        }
    }

    /// The number as an integer, if it is of an integer type and fits.
    #[must_use]
    pub fn to_i64(self) -> Option<i64> {
        match self {
            Self::I8(value) => Some(i64::from(value)),
            Self::I16(value) => Some(i64::from(value)),
            Self::I32(value) => Some(i64::from(value)),
            Self::I64(value) => Some(value),
            Self::U8(value) => Some(i64::from(value)),
            Self::U16(value) => Some(i64::from(value)),
            Self::U32(value) => Some(i64::from(value)),
            Self::U64(value) => i64::try_from(value).ok(),
            Self::Bool(_) | Self::F16(_) | Self::F32(_) | Self::F64(_) => None,
        }
    }

    /// The bytes, least significant first.
    #[must_use]
    pub fn to_le_bytes(self) -> Vec<u8> {
        match self {
            Self::Bool(value) => vec![u8::from(value)],
            Self::I8(value) => value.to_le_bytes().to_vec(),
            Self::I16(value) => value.to_le_bytes().to_vec(),
            Self::I32(value) => value.to_le_bytes().to_vec(),
            Self::I64(value) => value.to_le_bytes().to_vec(),
            Self::U8(value) => value.to_le_bytes().to_vec(),
            Self::U16(value) => value.to_le_bytes().to_vec(),
            Self::U32(value) => value.to_le_bytes().to_vec(),
            Self::U64(value) => value.to_le_bytes().to_vec(),
            Self::F16(value) => value.to_le_bytes().to_vec(),
            Self::F32(value) => value.to_le_bytes().to_vec(),
            Self::F64(value) => value.to_le_bytes().to_vec(),
        }
    }

    /// From as many bytes as the type has, least significant first.
    pub(crate) fn from_le_bytes(dtype: NumpyType, bytes: &[u8]) -> Option<Self> {
        fn exact<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.try_into().ok()
        }
        Some(match dtype {
            NumpyType::Bool => Self::Bool(exact::<1>(bytes)?[0] != 0),
            NumpyType::I8 => Self::I8(i8::from_le_bytes(exact(bytes)?)),
            NumpyType::I16 => Self::I16(i16::from_le_bytes(exact(bytes)?)),
            NumpyType::I32 => Self::I32(i32::from_le_bytes(exact(bytes)?)),
            NumpyType::I64 => Self::I64(i64::from_le_bytes(exact(bytes)?)),
            NumpyType::U8 => Self::U8(u8::from_le_bytes(exact(bytes)?)),
            NumpyType::U16 => Self::U16(u16::from_le_bytes(exact(bytes)?)),
            NumpyType::U32 => Self::U32(u32::from_le_bytes(exact(bytes)?)),
            NumpyType::U64 => Self::U64(u64::from_le_bytes(exact(bytes)?)),
            NumpyType::F16 => Self::F16(f16::from_le_bytes(exact(bytes)?)),
            NumpyType::F32 => Self::F32(f32::from_le_bytes(exact(bytes)?)),
            NumpyType::F64 => Self::F64(f64::from_le_bytes(exact(bytes)?)),
        })
    }
}

/// An array of NumPy. The bytes always fill the shape.
#[derive(Debug, Clone, PartialEq)]
pub struct NumpyArray {
    dtype: NumpyType,
    shape: Vec<usize>,
    /// In C order, least significant byte first.
    bytes: Vec<u8>,
}

impl NumpyArray {
    /// An array of 64-bit integers.
    ///
    /// # Errors
    ///
    /// [`PickleError::Arguments`] if the values do not fill the shape.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Result<Self, PickleError> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self::new(NumpyType::I64, shape.to_vec(), bytes.collect())
    }

    /// An array of 64-bit floats.
    ///
    /// # Errors
    ///
    /// [`PickleError::Arguments`] if the values do not fill the shape.
    pub fn from_f64(shape: &[usize], values: &[f64]) -> Result<Self, PickleError> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self::new(NumpyType::F64, shape.to_vec(), bytes.collect())
    }

    /// From bytes in C order, least significant first.
    pub(crate) fn new(
        dtype: NumpyType,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    ) -> Result<Self, PickleError> {
        let expected = shape
            .iter()
            .try_fold(dtype.bytes(), |count, &size| count.checked_mul(size));
        if expected != Some(bytes.len()) || shape.len() > MAX_AXES {
            return Err(PickleError::Arguments {
                function: "numpy.ndarray",
                reason: format!(
                    "shape {shape:?} of {} with {} bytes",
                    dtype.code(),
                    bytes.len()
                ),
            });
        }
        Ok(Self {
            dtype,
            shape,
            bytes,
        })
    }

    /// From bytes in Fortran order: the first axis is the fastest.
    pub(crate) fn from_fortran(
        dtype: NumpyType,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    ) -> Result<Self, PickleError> {
        let mut array = Self::new(dtype, shape, bytes)?;
        if array.shape.len() > 1 && !array.bytes.is_empty() {
            array.bytes = c_order(&array.shape, dtype.bytes(), &array.bytes);
        }
        Ok(array)
    }

    /// The type.
    #[must_use]
    pub fn dtype(&self) -> NumpyType {
        self.dtype
    }

    /// Sizes, slowest axis first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The bytes in C order, least significant first.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The numbers, in C order.
    pub fn scalars(&self) -> impl Iterator<Item = NumpyScalar> {
        self.bytes
            .chunks_exact(self.dtype.bytes())
            .filter_map(|bytes| NumpyScalar::from_le_bytes(self.dtype, bytes))
    }

    /// All numbers as floats, in C order.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        self.scalars().map(NumpyScalar::to_f64).collect()
    }

    /// All numbers as integers, in C order; `None` if the type is no integer or one does not fit.
    #[must_use]
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        self.scalars().map(NumpyScalar::to_i64).collect()
    }
}

/// Turns the order of the axes around. Nothing is empty.
fn c_order(shape: &[usize], n_bytes: usize, fortran: &[u8]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut bytes = Vec::with_capacity(fortran.len());
    let mut index = vec![0usize; shape.len()];
    loop {
        let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        bytes.extend_from_slice(&fortran[at * n_bytes..(at + 1) * n_bytes]);
        let Some(axis) = (0..index.len()).rfind(|&a| index[a] + 1 < shape[a]) else {
            return bytes;
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order_becomes_c_order() {
        // np.asfortranarray([[1, 2, 3], [4, 5, 6]]).tobytes("F")
        let array = NumpyArray::from_fortran(NumpyType::U8, vec![2, 3], vec![1, 4, 2, 5, 3, 6]);
        assert_eq!(array.unwrap().bytes(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn bytes_must_fill_the_shape() {
        let array =
            |shape: &[usize], n| NumpyArray::new(NumpyType::F64, shape.to_vec(), vec![0; n]);
        assert!(array(&[2, 3], 48).is_ok());
        assert!(array(&[0, 3], 0).is_ok());
        assert!(array(&[2, 3], 47).is_err());
        assert!(array(&[usize::MAX, 3], 8).is_err());
    }

    #[test]
    fn scalars_survive_their_bytes() {
        for scalar in [
            NumpyScalar::Bool(true),
            NumpyScalar::I64(-3),
            NumpyScalar::U16(65535),
            NumpyScalar::F16(f16::from_f32(0.5)),
            NumpyScalar::F64(-0.1),
        ] {
            let bytes = scalar.to_le_bytes();
            assert_eq!(
                NumpyScalar::from_le_bytes(scalar.dtype(), &bytes),
                Some(scalar)
            );
        }
        assert_eq!(NumpyScalar::U64(u64::MAX).to_i64(), None);
    }
}
