//! Writing an archive that `torch.load` reads.

use crate::pickle::write_in_archive;
use crate::{PickleValue, StorageRef, TensorType, TorchError, TorchTensor};
use std::io::{Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Bytes of storages begin at multiples of this, as torch does it, so that they can be mapped.
const ALIGNMENT: u16 = 64;
/// Version of torch's file format: that of all releases since 1.6.
const VERSION: &str = "3\n";

/// Collects tensors, then writes them with the value that holds them.
#[derive(Debug, Default)]
pub struct TorchArchiveWriter {
    storages: Vec<Vec<f32>>,
}

impl TorchArchiveWriter {
    /// An archive without tensors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor of 32-bit floats and returns its description, to be put into the value.
    /// Several places of the value may hold the same description: they share the numbers, also
    /// in Python.
    ///
    /// # Errors
    ///
    /// [`TorchError::Shape`] if the values do not fill the shape.
    pub fn tensor(&mut self, shape: &[usize], values: Vec<f32>) -> Result<TorchTensor, TorchError> {
        let count = shape
            .iter()
            .try_fold(1usize, |count, &size| count.checked_mul(size));
        if count != Some(values.len()) {
            return Err(TorchError::Shape {
                shape: shape.to_vec(),
                found: values.len(),
            });
        }
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            // Torch counts an empty axis as one when it makes strides.
            strides[axis - 1] = usize::saturating_mul(strides[axis], shape[axis].max(1));
        }
        let storage = StorageRef {
            key: self.storages.len().to_string(),
            dtype: TensorType::F32,
            location: "cpu".to_owned(),
            count: values.len(),
        };
        self.storages.push(values);
        Ok(TorchTensor {
            storage,
            offset: 0,
            shape: shape.to_vec(),
            strides,
        })
    }

    /// Writes the archive. `root` is the folder inside, for torch the stem of the file's name.
    ///
    /// # Determinism
    ///
    /// The same content gives the same bytes; there are no times in the file.
    ///
    /// # Errors
    ///
    /// [`TorchError`] if the value cannot be written or `out` fails.
    pub fn write(
        &self,
        root: &str,
        value: &PickleValue,
        out: impl Write + Seek,
    ) -> Result<(), TorchError> {
        let pickle = write_in_archive(value)?;
        let mut zip = ZipWriter::new(out);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .with_alignment(ALIGNMENT);
        let mut entry = |name: &str, bytes: &[u8]| -> Result<(), TorchError> {
            let is_large = bytes.len() as u64 > u64::from(u32::MAX);
            zip.start_file(format!("{root}/{name}"), options.large_file(is_large))?;
            zip.write_all(bytes)?;
            Ok(())
        };
        entry("data.pkl", &pickle)?;
        entry(".format_version", b"1")?;
        entry(".storage_alignment", ALIGNMENT.to_string().as_bytes())?;
        entry("byteorder", b"little")?;
        for (key, values) in self.storages.iter().enumerate() {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            entry(&format!("data/{key}"), &bytes)?;
        }
        entry("version", VERSION.as_bytes())?;
        zip.finish()?.flush()?;
        Ok(())
    }
}
