//! The objects of the machine.

use super::known::Known;
use crate::{GlobalName, NumpyArray, NumpyScalar, NumpyType, StorageRef, TorchDevice, TorchTensor};
use std::borrow::Cow;

/// Number of an object in the machine's list.
pub(super) type Id = usize;

/// An object. Containers refer to others by number and may still grow. Large ones are boxed: a
/// file of single-byte operations makes as many objects as it has bytes.
#[derive(Debug, Clone)]
pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    Dict {
        is_ordered_dict: bool,
        pairs: Vec<(Id, Id)>,
    },
    /// A function or class of the closed list.
    Known(Known),
    /// One that the caller expects; never called.
    Expected(Box<GlobalName>),
    Dtype {
        dtype: NumpyType,
        is_big_endian: bool,
    },
    Scalar(NumpyScalar),
    /// An array whose content is still to come.
    EmptyArray,
    Array(Box<NumpyArray>),
    Storage(Box<StorageRef>),
    Tensor(Box<TorchTensor>),
    Device(Box<TorchDevice>),
}

impl Node<'_> {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Set(_) => "a set",
            Self::Dict { .. } => "a dictionary",
            Self::Known(_) | Self::Expected(_) => "a function or class",
            Self::Dtype { .. } => "a NumPy data type",
            Self::Scalar(_) => "a NumPy scalar",
            Self::EmptyArray | Self::Array(_) => "a NumPy array",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Device(_) => "a device",
        }
    }
}
