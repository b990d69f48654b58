//! What a pickle says, as a tree of plain values.

use crate::{NumpyArray, NumpyScalar, TorchTensor};

/// A value of a pickle. Large ones are boxed, so that a list of small ones stays small.
#[derive(Debug, Clone, PartialEq)]
pub enum PickleValue {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer; Python's may be larger, such a pickle is refused.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<PickleValue>),
    /// A tuple.
    Tuple(Vec<PickleValue>),
    /// A set or frozen set, in the order of the file.
    Set(Vec<PickleValue>),
    /// A dictionary, plain or ordered.
    Dict(PickleDict),
    /// A NumPy scalar; [`PickleValue::as_f64`] and [`PickleValue::as_i64`] see it as a number.
    Scalar(NumpyScalar),
    /// A NumPy array.
    Array(Box<NumpyArray>),
    /// A tensor of a torch archive.
    Tensor(Box<TorchTensor>),
    /// A `torch.device`.
    Device(Box<TorchDevice>),
    /// The name of a function or class that the reader was told to expect; it is not called.
    Global(Box<GlobalName>),
}

/// The name of a Python function or class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalName {
    /// Module, as `collections`.
    pub module: String,
    /// Name in it, as `OrderedDict`.
    pub name: String,
}

/// A `torch.device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorchDevice {
    /// `cpu`, `cuda`, ..
    pub kind: String,
    /// Number of the device, where there are several.
    pub index: Option<i64>,
}

/// A dictionary that keeps the order of insertion. A key that is set again keeps its place and
/// takes the new value, as in Python.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PickleDict {
    /// Whether it is a `collections.OrderedDict`.
    pub is_ordered_dict: bool,
    entries: Vec<(PickleValue, PickleValue)>,
}

impl PickleDict {
    /// A plain dictionary of pairs whose keys differ.
    pub(crate) fn from_distinct(
        is_ordered_dict: bool,
        entries: Vec<(PickleValue, PickleValue)>,
    ) -> Self {
        Self {
            is_ordered_dict,
            entries,
        }
    }

    /// Key and value pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&PickleValue, &PickleValue)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a text key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&PickleValue> {
        self.iter()
            .find(|(found, _)| found.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// Takes the value of a text key out.
    pub fn remove(&mut self, key: &str) -> Option<PickleValue> {
        let place = self
            .entries
            .iter()
            .position(|(found, _)| found.as_str() == Some(key))?;
        Some(self.entries.remove(place).1)
    }

    /// Sets the value of a text key.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<PickleValue>) {
        let (key, value) = (key.into(), value.into());
        let old = self
            .entries
            .iter_mut()
            .find(|(found, _)| found.as_str() == Some(&key));
        match old {
            Some((_, old)) => *old = value,
            None => self.entries.push((PickleValue::String(key), value)),
        }
    }
}

impl<K: Into<String>, V: Into<PickleValue>> FromIterator<(K, V)> for PickleDict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut dict = Self::default();
        for (key, value) in pairs {
            dict.insert(key, value);
        }
        dict
    }
}

impl PickleValue {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one: an integer, a float or a NumPy scalar. Integers beyond 2^53 are
    /// rounded.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Scalar(scalar) => Some(scalar.to_f64()),
            _ => None,
        }
    }

    /// The integer, if it is one: also a NumPy integer, never a float.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Scalar(scalar) => scalar.to_i64(),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) | Self::Scalar(NumpyScalar::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The items of a list or tuple.
    #[must_use]
    pub fn as_items(&self) -> Option<&[PickleValue]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The dictionary, if it is one.
    #[must_use]
    pub fn as_dict(&self) -> Option<&PickleDict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The tensor, if it is one.
    #[must_use]
    pub fn as_tensor(&self) -> Option<&TorchTensor> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Set(_) => "a set",
            Self::Dict(_) => "a dictionary",
            Self::Scalar(_) => "a NumPy scalar",
            Self::Array(_) => "a NumPy array",
            Self::Tensor(_) => "a tensor",
            Self::Device(_) => "a device",
            Self::Global(_) => "a function or class",
        }
    }
}

impl From<bool> for PickleValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for PickleValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for PickleValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for PickleValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for PickleValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<PickleDict> for PickleValue {
    fn from(value: PickleDict) -> Self {
        Self::Dict(value)
    }
}

impl From<Vec<PickleValue>> for PickleValue {
    fn from(value: Vec<PickleValue>) -> Self {
        Self::List(value)
    }
}

impl From<TorchTensor> for PickleValue {
    fn from(value: TorchTensor) -> Self {
        Self::Tensor(Box::new(value))
    }
}

impl From<NumpyArray> for PickleValue {
    fn from(value: NumpyArray) -> Self {
        Self::Array(Box::new(value))
    }
}

impl From<NumpyScalar> for PickleValue {
    fn from(value: NumpyScalar) -> Self {
        Self::Scalar(value)
    }
}
