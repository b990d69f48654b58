//! Reading: the pickle at once, the numbers of a tensor when asked for.

use crate::pickle::read_in_archive;
use crate::{PickleValue, TensorType, TorchError, TorchTensor};
use half::{bf16, f16};
use std::io::{Read, Seek, SeekFrom};
use zip::{CompressionMethod, ZipArchive};

/// A torch archive that is open for reading.
#[derive(Debug)]
pub struct TorchArchive<R> {
    zip: ZipArchive<R>,
    /// Folder of all entries, with its slash.
    root: String,
    is_big_endian: bool,
    /// Length of the file: no entry may be longer.
    length: u64,
}

/// First bytes of a zip file.
const ZIP_MAGIC: [u8; 4] = *b"PK\x03\x04";
/// The one release of torch's form of an archive.
const FORMAT_VERSION: &str = "1";

impl<R: Read + Seek> TorchArchive<R> {
    /// Opens an archive; only its directory is read.
    ///
    /// # Errors
    ///
    /// [`TorchError`] if it is no archive of torch.
    pub fn open(mut reader: R) -> Result<Self, TorchError> {
        let length = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        let mut start = Vec::with_capacity(ZIP_MAGIC.len());
        Read::take(&mut reader, 4).read_to_end(&mut start)?;
        // A pickle begins with its protocol.
        if start != ZIP_MAGIC && start.first() == Some(&0x80) {
            return Err(TorchError::BarePickle);
        }
        reader.seek(SeekFrom::Start(0))?;
        let zip = ZipArchive::new(reader)?;
        let root = zip
            .file_names()
            .filter_map(|name| name.strip_suffix("data.pkl"))
            .find(|root| root.ends_with('/') && root.matches('/').count() == 1)
            .ok_or(TorchError::NoPickle)?
            .to_owned();
        let mut archive = Self {
            zip,
            root,
            is_big_endian: false,
            length,
        };
        archive.check_form()?;
        Ok(archive)
    }

    fn check_form(&mut self) -> Result<(), TorchError> {
        match self.text_entry(".format_version")?.as_deref() {
            None | Some(FORMAT_VERSION) => {}
            Some(other) => {
                return Err(TorchError::Form {
                    what: "format version",
                    found: other.to_owned(),
                    expected: FORMAT_VERSION,
                });
            }
        }
        self.is_big_endian = match self.text_entry("byteorder")?.as_deref() {
            None | Some("little") => false,
            Some("big") => true,
            Some(other) => {
                return Err(TorchError::Form {
                    what: "byte order",
                    found: other.to_owned(),
                    expected: "little or big",
                });
            }
        };
        Ok(())
    }

    fn text_entry(&mut self, name: &str) -> Result<Option<String>, TorchError> {
        let name = format!("{}{name}", self.root);
        if self.zip.index_for_name(&name).is_none() {
            return Ok(None);
        }
        let bytes = self.entry(&name, None)?;
        Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    /// The value that was saved. Tensors in it are descriptions; their numbers are read by
    /// [`TorchArchive::floats`] and [`TorchArchive::integers`].
    ///
    /// # Errors
    ///
    /// [`TorchError::Pickle`]: foreign code by name, or what is damaged.
    pub fn value(&mut self) -> Result<PickleValue, TorchError> {
        let name = format!("{}data.pkl", self.root);
        let bytes = self.entry(&name, None)?;
        Ok(read_in_archive(&bytes)?)
    }

    /// The values of a tensor of floats in C order; 64-bit floats are rounded.
    ///
    /// # Errors
    ///
    /// [`TorchError`] if the tensor holds no floats, its storage is missing or shorter than the
    /// pickle says, or it reaches beyond its storage.
    pub fn floats(&mut self, tensor: &TorchTensor) -> Result<Vec<f32>, TorchError> {
        let bytes = self.storage(tensor)?;
        Ok(match tensor.storage.dtype {
            TensorType::F32 => tensor.gather(&numbers(&bytes, f32::from_le_bytes)),
            TensorType::F16 => tensor.gather(&numbers(&bytes, |b| f16::from_le_bytes(b).to_f32())),
            TensorType::Bf16 => {
                tensor.gather(&numbers(&bytes, |b| bf16::from_le_bytes(b).to_f32()))
            }
            TensorType::F64 => tensor.gather(&numbers(&bytes, |b| f64::from_le_bytes(b) as f32)),
            other => {
                return Err(TorchError::TensorType {
                    found: other.name(),
                    expected: "floats",
                });
            }
        })
    }

    /// The values of a tensor of integers or truth values in C order.
    ///
    /// # Errors
    ///
    /// As [`TorchArchive::floats`].
    pub fn integers(&mut self, tensor: &TorchTensor) -> Result<Vec<i64>, TorchError> {
        let bytes = self.storage(tensor)?;
        Ok(match tensor.storage.dtype {
            TensorType::Bool => tensor.gather(&numbers(&bytes, |[b]: [u8; 1]| i64::from(b != 0))),
            TensorType::U8 => tensor.gather(&numbers(&bytes, |[b]: [u8; 1]| i64::from(b))),
            TensorType::I8 => tensor.gather(&numbers(&bytes, |b| i64::from(i8::from_le_bytes(b)))),
            TensorType::I16 => {
                tensor.gather(&numbers(&bytes, |b| i64::from(i16::from_le_bytes(b))))
            }
            TensorType::I32 => {
                tensor.gather(&numbers(&bytes, |b| i64::from(i32::from_le_bytes(b))))
            }
            TensorType::I64 => tensor.gather(&numbers(&bytes, i64::from_le_bytes)),
            other => {
                return Err(TorchError::TensorType {
                    found: other.name(),
                    expected: "integers",
                });
            }
        })
    }

    /// The bytes of the storage of a tensor, least significant first.
    fn storage(&mut self, tensor: &TorchTensor) -> Result<Vec<u8>, TorchError> {
        tensor.check()?;
        let storage = &tensor.storage;
        let length = |found: u64, expected: u64| TorchError::StorageLength {
            key: storage.key.clone(),
            found,
            expected,
            count: storage.count,
            dtype: storage.dtype.name(),
        };
        let width = storage.dtype.bytes();
        let expected = (storage.count as u64).saturating_mul(width as u64);
        let name = format!("{}data/{}", self.root, storage.key);
        let mut bytes = self.entry(&name, Some((expected, &length)))?;
        if self.is_big_endian {
            for number in bytes.chunks_exact_mut(width) {
                number.reverse();
            }
        }
        Ok(bytes)
    }

    /// The bytes of an entry, checked by length and checksum.
    #[expect(clippy::type_complexity, reason = "one private caller")]
    fn entry(
        &mut self,
        name: &str,
        expected: Option<(u64, &dyn Fn(u64, u64) -> TorchError)>,
    ) -> Result<Vec<u8>, TorchError> {
        let damaged = |reason: String| TorchError::Entry {
            name: name.to_owned(),
            reason,
        };
        let file_length = self.length;
        let Some(index) = self.zip.index_for_name(name) else {
            return Err(TorchError::NoEntry {
                name: name.to_owned(),
            });
        };
        let entry = self.zip.by_index_raw(index)?;
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(TorchError::NotStored {
                name: name.to_owned(),
            });
        }
        drop(entry);
        let mut entry = self.zip.by_index(index)?;
        let length = entry.size();
        if let Some((expected, error)) = expected
            && length != expected
        {
            return Err(error(length, expected));
        }
        if length > file_length {
            return Err(damaged(format!(
                "{length} bytes are more than the file has"
            )));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        // The reader compares the checksum at the end.
        entry
            .read_to_end(&mut bytes)
            .map_err(|e| damaged(e.to_string()))?;
        if bytes.len() as u64 != length {
            return Err(damaged(format!(
                "{} of {length} bytes are there",
                bytes.len()
            )));
        }
        Ok(bytes)
    }
}

/// Numbers of `N` bytes each.
fn numbers<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (whole, _) = bytes.as_chunks::<N>();
    whole.iter().map(|&bytes| number(bytes)).collect()
}
