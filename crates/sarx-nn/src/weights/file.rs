//! Named arrays with a few words about them, as the bytes of a safetensors file.

use super::NamedArray;
use crate::WeightsError;
use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a safetensors file holds: 32-bit float arrays and text metadata.
///
/// Reading and writing the file itself is the caller's: it knows the path and renames when whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeightsFile {
    /// The arrays.
    pub arrays: Vec<NamedArray>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

impl WeightsFile {
    /// The bytes of the file.
    ///
    /// # Determinism
    ///
    /// The same arrays and metadata give the same bytes: tensors and metadata are stored in order
    /// of their names. (The `safetensors` crate's own writer keeps metadata in hash order.)
    ///
    /// # Errors
    ///
    /// [`WeightsError::Length`] or [`WeightsError::Twice`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, WeightsError> {
        let mut by_name: BTreeMap<&str, &NamedArray> = BTreeMap::new();
        for array in &self.arrays {
            let NamedArray {
                name,
                shape,
                values,
            } = array;
            if shape.iter().product::<usize>() != values.len() {
                let (name, shape) = (name.clone(), shape.clone());
                return Err(WeightsError::Length {
                    name,
                    shape,
                    found: values.len(),
                });
            }
            if by_name.insert(name, array).is_some() {
                return Err(WeightsError::Twice { name: name.clone() });
            }
        }
        let mut header = serde_json::Map::new();
        if !self.metadata.is_empty() {
            header.insert("__metadata__".to_owned(), json!(self.metadata));
        }
        let mut end = 0;
        for (&name, array) in &by_name {
            let start = end;
            end += array.values.len() * size_of::<f32>();
            let entry = json!({"dtype": "F32", "shape": array.shape, "data_offsets": [start, end]});
            header.insert(name.to_owned(), entry);
        }
        let mut header = Value::Object(header).to_string();
        let padding = header.len().next_multiple_of(8) - header.len();
        header.extend(std::iter::repeat_n(' ', padding));

        let mut bytes = Vec::with_capacity(8 + header.len() + end);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header.as_bytes());
        let values = by_name.values().flat_map(|array| &array.values);
        bytes.extend(values.flat_map(|value| value.to_le_bytes()));
        Ok(bytes)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Format`] if they are no safetensors file (also if it is cut short),
    /// [`WeightsError::DataType`] if a tensor is not F32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let format = |source| WeightsError::Format { source };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let metadata = header
            .metadata()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect();
        let file = SafeTensors::deserialize(bytes).map_err(format)?;
        let mut arrays = Vec::with_capacity(file.len());
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                let (name, found) = (name.to_owned(), format!("{:?}", view.dtype()));
                return Err(WeightsError::DataType { name, found });
            }
            let (values, _) = view.data().as_chunks::<4>();
            arrays.push(NamedArray {
                name: name.to_owned(),
                shape: view.shape().to_vec(),
                values: values
                    .iter()
                    .map(|&bytes| f32::from_le_bytes(bytes))
                    .collect(),
            });
        }
        arrays.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { arrays, metadata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> WeightsFile {
        let array = |name: &str, shape: &[usize], first: f32| NamedArray {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: (0..shape.iter().product::<usize>())
                .map(|i| first + i as f32)
                .collect(),
        };
        let metadata = [("seed", "7"), ("epoch", "12"), ("format", "sarx")];
        WeightsFile {
            arrays: vec![
                array("a.bias", &[3], 0.5),
                array("a.weight", &[3, 1, 1, 2, 1], -0.0),
            ],
            metadata: metadata.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }
    }

    #[test]
    fn a_file_comes_back_and_its_bytes_are_fixed() {
        let bytes = file().to_bytes().expect("good arrays");
        assert_eq!(WeightsFile::from_bytes(&bytes).expect("own bytes"), file());
        let mut shuffled = file();
        shuffled.arrays.reverse();
        assert_eq!(shuffled.to_bytes().expect("good arrays"), bytes);
    }

    #[test]
    fn broken_bytes_are_refused() {
        let bytes = file().to_bytes().expect("good arrays");
        for n in [0, 7, 20, bytes.len() - 1] {
            let error = WeightsFile::from_bytes(&bytes[..n]).expect_err("cut short");
            assert_eq!(error.to_string(), "the bytes are not a safetensors file");
        }
    }

    #[test]
    fn other_data_types_and_wrong_lengths_are_refused() {
        let mut wrong = file();
        wrong.arrays[0].values.pop();
        let error = wrong.to_bytes().expect_err("too short");
        assert_eq!(
            error.to_string(),
            "tensor \"a.bias\" of shape [3] has 2 values"
        );

        let bytes = file().to_bytes().expect("good arrays");
        let at = bytes
            .windows(3)
            .position(|part| part == b"F32")
            .expect("a data type");
        let mut integers = bytes;
        integers[at..at + 3].copy_from_slice(b"I32");
        let error = WeightsFile::from_bytes(&integers).expect_err("integers");
        assert_eq!(
            error.to_string(),
            "tensor \"a.bias\" is stored as I32, expected F32"
        );
    }
}
