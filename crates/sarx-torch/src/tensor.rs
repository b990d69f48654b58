//! Tensors of a torch archive: a view of a storage, without the values.

use crate::TorchError;
use crate::numpy::MAX_AXES;

/// What the numbers of a storage are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TensorType {
    /// 16-bit float.
    F16,
    /// 16-bit float with the exponent of a 32-bit one.
    Bf16,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Truth value, one byte.
    Bool,
    /// Unsigned byte.
    U8,
    /// Signed byte.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
}

impl TensorType {
    const ALL: [Self; 10] = [
        Self::F16,
        Self::Bf16,
        Self::F32,
        Self::F64,
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
    ];

    /// Name of torch's storage class.
    #[must_use]
    pub fn storage_class(self) -> &'static str {
        match self {
            Self::F16 => "HalfStorage",
            Self::Bf16 => "BFloat16Storage",
            Self::F32 => "FloatStorage",
            Self::F64 => "DoubleStorage",
            Self::Bool => "BoolStorage",
            Self::U8 => "ByteStorage",
            Self::I8 => "CharStorage",
            Self::I16 => "ShortStorage",
            Self::I32 => "IntStorage",
            Self::I64 => "LongStorage",
        }
    }

    pub(crate) fn from_storage_class(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dtype| dtype.storage_class() == name)
    }

    /// Bytes of one number.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// Name for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "16-bit floats",
            Self::Bf16 => "bfloat16 numbers",
            Self::F32 => "32-bit floats",
            Self::F64 => "64-bit floats",
            Self::Bool => "truth values",
            Self::U8 => "unsigned bytes",
            Self::I8 => "signed bytes",
            Self::I16 => "16-bit integers",
            Self::I32 => "32-bit integers",
            Self::I64 => "64-bit integers",
        }
    }
}

/// The storage that a tensor looks into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageRef {
    /// Name in the archive: the entry is `data/KEY`.
    pub key: String,
    /// Type of its numbers.
    pub dtype: TensorType,
    /// Device that it was on, as `cpu` or `cuda:0`.
    pub location: String,
    /// Numbers in it.
    pub count: usize,
}

/// A tensor as the pickle describes it. Tensors may share a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorchTensor {
    /// Where the numbers are.
    pub storage: StorageRef,
    /// First number, counted in numbers.
    pub offset: usize,
    /// Sizes, slowest axis first.
    pub shape: Vec<usize>,
    /// Distance of neighbours along each axis, in numbers.
    pub strides: Vec<usize>,
}

impl TorchTensor {
    /// Number of values, as the shape says.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape
            .iter()
            .fold(1, |count: usize, &size| count.saturating_mul(size))
    }

    /// Whether it has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Checks that the tensor lies in its storage and repeats nothing.
    pub(crate) fn check(&self) -> Result<(), TorchError> {
        let outside = || TorchError::Outside {
            key: self.storage.key.clone(),
            count: self.storage.count,
            offset: self.offset,
            shape: self.shape.clone(),
            strides: self.strides.clone(),
        };
        if self.shape.len() != self.strides.len() || self.shape.len() > MAX_AXES {
            return Err(outside());
        }
        if self.is_empty() {
            return Ok(());
        }
        let mut last = self.offset;
        let mut count = 1usize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            let reach = (size - 1).checked_mul(stride);
            last = reach
                .and_then(|reach| last.checked_add(reach))
                .ok_or_else(outside)?;
            count = count.checked_mul(size).ok_or_else(outside)?;
        }
        // More values than numbers: memory would no longer be bounded by the file.
        if last >= self.storage.count || count > self.storage.count {
            return Err(outside());
        }
        Ok(())
    }

    /// Whether the values lie in the storage without gaps in C order.
    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape
            .iter()
            .zip(&self.strides)
            .rev()
            .all(|(&size, &stride)| {
                let fits = size == 1 || stride == expected;
                expected *= size;
                fits
            })
    }

    /// Puts the numbers of the storage into C order of the tensor. The tensor was checked.
    pub(crate) fn gather<T: Copy>(&self, storage: &[T]) -> Vec<T> {
        if self.is_empty() {
            return Vec::new();
        }
        if self.is_contiguous() {
            return storage[self.offset..self.offset + self.len()].to_vec();
        }
        let mut values = Vec::with_capacity(self.len());
        let mut index = vec![0usize; self.shape.len()];
        loop {
            let steps = index.iter().zip(&self.strides);
            let at = self.offset + steps.map(|(i, stride)| i * stride).sum::<usize>();
            values.push(storage[at]);
            // Counts up like an odometer, fastest axis last.
            let Some(axis) = (0..index.len()).rfind(|&a| index[a] + 1 < self.shape[a]) else {
                return values;
            };
            index[axis] += 1;
            index[axis + 1..].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(offset: usize, shape: &[usize], strides: &[usize], count: usize) -> TorchTensor {
        TorchTensor {
            storage: StorageRef {
                key: "0".into(),
                dtype: TensorType::F32,
                location: "cpu".into(),
                count,
            },
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        }
    }

    #[test]
    fn strides_and_offsets_are_followed() {
        let storage: Vec<i32> = (0..24).collect();
        let plain = tensor(0, &[2, 3, 4], &[12, 4, 1], 24);
        assert_eq!(plain.gather(&storage), storage);
        let transposed = tensor(0, &[4, 6], &[1, 4], 24);
        assert_eq!(transposed.gather(&storage)[..7], [0, 4, 8, 12, 16, 20, 1]);
        let part = tensor(5, &[2, 2], &[12, 2], 24);
        assert_eq!(part.gather(&storage), [5, 7, 17, 19]);
        assert_eq!(tensor(7, &[], &[], 24).gather(&storage), [7]);
        assert!(tensor(0, &[0, 4], &[4, 1], 0).gather(&[0; 0]).is_empty());
    }

    #[test]
    fn tensors_outside_their_storage_are_refused() {
        assert!(tensor(0, &[2, 3], &[3, 1], 6).check().is_ok());
        for bad in [
            tensor(1, &[2, 3], &[3, 1], 6),
            tensor(0, &[2, 3], &[4, 1], 6),
            tensor(usize::MAX, &[2], &[1], 6),
            tensor(0, &[usize::MAX, 2], &[usize::MAX, 1], 6),
            tensor(0, &[1 << 40], &[0], 1),
            tensor(0, &[2], &[1, 1], 6),
            tensor(0, &[], &[], 0),
        ] {
            assert!(
                matches!(bad.check(), Err(TorchError::Outside { .. })),
                "{bad:?}"
            );
        }
    }
}
