//! From a value to a pickle of protocol 2, which `torch.load` and every Python 3 read.
//!
//! Names of functions and texts are written once and then referred to, as Python's own pickler
//! does; everything else is written where it stands.

use super::MAX_DEPTH;
use crate::{
    GlobalName, NumpyArray, NumpyScalar, NumpyType, PickleError, PickleValue, TorchTensor,
};
use std::collections::HashMap;

/// Writes a pickle that stands alone, such as nnU-Net's `CASE.pkl` and `postprocessing.pkl`.
///
/// Numbers of NumPy keep their types; their modules are named so that NumPy 1 and 2 find them.
///
/// # Errors
///
/// [`PickleError::NotWritable`] for a tensor, whose bytes belong into an archive;
/// [`PickleError::TooDeep`] beyond [`MAX_DEPTH`].
pub fn write_pickle(value: &PickleValue) -> Result<Vec<u8>, PickleError> {
    write(value, false)
}

/// The pickle of a torch archive: tensors refer to storages beside it.
pub(crate) fn write_in_archive(value: &PickleValue) -> Result<Vec<u8>, PickleError> {
    write(value, true)
}

fn write(value: &PickleValue, has_storages: bool) -> Result<Vec<u8>, PickleError> {
    let mut writer = Writer {
        bytes: vec![0x80, 2],
        memo: HashMap::new(),
        has_storages,
    };
    writer.value(value, MAX_DEPTH)?;
    writer.bytes.push(b'.');
    Ok(writer.bytes)
}

const REDUCE: u8 = b'R';
const BUILD: u8 = b'b';
const MARK: u8 = b'(';

/// What a memo number stands for.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Remembered {
    Text(String),
    Global(String, String),
}

#[derive(Debug)]
struct Writer {
    bytes: Vec<u8>,
    memo: HashMap<Remembered, u32>,
    has_storages: bool,
}

impl Writer {
    fn value(&mut self, value: &PickleValue, depth: usize) -> Result<(), PickleError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(PickleError::TooDeep { limit: MAX_DEPTH });
        };
        match value {
            PickleValue::None => self.bytes.push(b'N'),
            PickleValue::Bool(value) => self.bool(*value),
            PickleValue::Int(number) => self.int(*number),
            PickleValue::Float(number) => {
                self.bytes.push(b'G');
                self.bytes.extend(number.to_be_bytes());
            }
            PickleValue::String(text) => self.text(text)?,
            PickleValue::Bytes(bytes) => self.raw_bytes(bytes)?,
            PickleValue::List(items) => self.list(items, depth)?,
            PickleValue::Tuple(items) => {
                self.bytes.push(MARK);
                items.iter().try_for_each(|item| self.value(item, depth))?;
                self.bytes.push(b't');
            }
            PickleValue::Set(items) => {
                self.global("__builtin__", "set");
                self.list(items, depth)?;
                self.bytes.extend([0x85, REDUCE]);
            }
            PickleValue::Dict(dict) => {
                if dict.is_ordered_dict {
                    self.global("collections", "OrderedDict");
                    self.bytes.extend([b')', REDUCE]);
                } else {
                    self.bytes.push(b'}');
                }
                self.bytes.push(MARK);
                for (key, value) in dict.iter() {
                    self.value(key, depth)?;
                    self.value(value, depth)?;
                }
                self.bytes.push(b'u');
            }
            PickleValue::Scalar(scalar) => self.scalar(*scalar)?,
            PickleValue::Array(array) => self.array(array)?,
            PickleValue::Tensor(tensor) => self.tensor(tensor)?,
            PickleValue::Device(device) => {
                self.global("torch", "device");
                self.bytes.push(MARK);
                self.text(&device.kind)?;
                if let Some(index) = device.index {
                    self.int(index);
                }
                self.bytes.extend([b't', REDUCE]);
            }
            PickleValue::Global(name) => {
                let GlobalName { module, name } = &**name;
                if module.contains('\n') || name.contains('\n') {
                    return Err(PickleError::NotWritable {
                        what: "a name of two lines",
                    });
                }
                self.global(module, name);
            }
        }
        Ok(())
    }

    fn list(&mut self, items: &[PickleValue], depth: usize) -> Result<(), PickleError> {
        self.bytes.extend([b']', MARK]);
        items.iter().try_for_each(|item| self.value(item, depth))?;
        self.bytes.push(b'e');
        Ok(())
    }

    fn bool(&mut self, value: bool) {
        self.bytes.push(if value { 0x88 } else { 0x89 });
    }

    fn int(&mut self, number: i64) {
        if let Ok(number) = u8::try_from(number) {
            self.bytes.extend([b'K', number]);
        } else if let Ok(number) = u16::try_from(number) {
            self.bytes.push(b'M');
            self.bytes.extend(number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.bytes.push(b'J');
            self.bytes.extend(number.to_le_bytes());
        } else {
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend(number.to_le_bytes());
        }
    }

    fn text(&mut self, text: &str) -> Result<(), PickleError> {
        let remembered = Remembered::Text(text.to_owned());
        if self.recall(&remembered) {
            return Ok(());
        }
        self.bytes.push(b'X');
        self.length(text.len())?;
        self.bytes.extend(text.as_bytes());
        self.remember(remembered);
        Ok(())
    }

    /// Protocol 2 has no bytes: they are a text with one character per byte that is encoded again.
    fn raw_bytes(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        self.global("_codecs", "encode");
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        self.bytes.push(b'X');
        self.length(text.len())?;
        self.bytes.extend(text.as_bytes());
        self.text("latin1")?;
        self.bytes.extend([0x86, REDUCE]);
        Ok(())
    }

    fn length(&mut self, length: usize) -> Result<(), PickleError> {
        let length = u32::try_from(length).map_err(|_| PickleError::NotWritable {
            what: "a text or array of more than 4 GiB",
        })?;
        self.bytes.extend(length.to_le_bytes());
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) {
        let remembered = Remembered::Global(module.to_owned(), name.to_owned());
        if self.recall(&remembered) {
            return;
        }
        self.bytes.push(b'c');
        for part in [module, name] {
            self.bytes.extend(part.as_bytes());
            self.bytes.push(b'\n');
        }
        self.remember(remembered);
    }

    fn recall(&mut self, what: &Remembered) -> bool {
        let Some(&index) = self.memo.get(what) else {
            return false;
        };
        match u8::try_from(index) {
            Ok(index) => self.bytes.extend([b'h', index]),
            Err(_) => {
                self.bytes.push(b'j');
                self.bytes.extend(index.to_le_bytes());
            }
        }
        true
    }

    /// Gives the top of the stack the next number, as long as there are any.
    fn remember(&mut self, what: Remembered) {
        let Ok(index) = u32::try_from(self.memo.len()) else {
            return;
        };
        match u8::try_from(index) {
            Ok(index) => self.bytes.extend([b'q', index]),
            Err(_) => {
                self.bytes.push(b'r');
                self.bytes.extend(index.to_le_bytes());
            }
        }
        self.memo.insert(what, index);
    }

    /// `numpy.dtype(code, False, True)` with its byte order.
    fn dtype(&mut self, dtype: NumpyType) -> Result<(), PickleError> {
        self.global("numpy", "dtype");
        self.text(dtype.code())?;
        self.bool(false);
        self.bool(true);
        self.bytes.extend([0x87, REDUCE, MARK]);
        self.int(3);
        self.text(if dtype.bytes() == 1 { "|" } else { "<" })?;
        self.bytes.extend([b'N', b'N', b'N']);
        self.int(-1);
        self.int(-1);
        self.int(0);
        self.bytes.extend([b't', BUILD]);
        Ok(())
    }

    fn scalar(&mut self, scalar: NumpyScalar) -> Result<(), PickleError> {
        self.global("numpy.core.multiarray", "scalar");
        self.dtype(scalar.dtype())?;
        self.raw_bytes(&scalar.to_le_bytes())?;
        self.bytes.extend([0x86, REDUCE]);
        Ok(())
    }

    fn array(&mut self, array: &NumpyArray) -> Result<(), PickleError> {
        self.global("numpy.core.multiarray", "_reconstruct");
        self.global("numpy", "ndarray");
        self.int(0);
        self.bytes.push(0x85);
        self.raw_bytes(b"b")?;
        self.bytes.extend([0x87, REDUCE, MARK]);
        self.int(1);
        self.sizes(array.shape())?;
        self.dtype(array.dtype())?;
        self.bool(false);
        self.raw_bytes(array.bytes())?;
        self.bytes.extend([b't', BUILD]);
        Ok(())
    }

    fn sizes(&mut self, sizes: &[usize]) -> Result<(), PickleError> {
        self.bytes.push(MARK);
        for &size in sizes {
            let size = i64::try_from(size).map_err(|_| PickleError::NotWritable {
                what: "a size of more than 63 bits",
            })?;
            self.int(size);
        }
        self.bytes.push(b't');
        Ok(())
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())`
    fn tensor(&mut self, tensor: &TorchTensor) -> Result<(), PickleError> {
        if !self.has_storages {
            return Err(PickleError::NotWritable { what: "a tensor" });
        }
        let storage = &tensor.storage;
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.bytes.extend([MARK, MARK]);
        self.text("storage")?;
        self.global("torch", storage.dtype.storage_class());
        self.text(&storage.key)?;
        self.text(&storage.location)?;
        self.int(storage.count as i64);
        self.bytes.extend([b't', b'Q']);
        self.int(tensor.offset as i64);
        self.sizes(&tensor.shape)?;
        self.sizes(&tensor.strides)?;
        self.bool(false);
        self.global("collections", "OrderedDict");
        self.bytes.extend([b')', REDUCE, b't', REDUCE]);
        Ok(())
    }
}
