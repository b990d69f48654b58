//! The closed list of functions and classes that a pickle of data needs.

use crate::TensorType;

/// A function or class whose meaning is known here. None of them is ever run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// `torch.FloatStorage` and the like; named by persistent references only.
    Storage(TensorType),
    /// `torch.device`
    Device,
    /// `torch.Size`
    Size,
    /// `numpy.ndarray`; an argument of the reconstruction only.
    Ndarray,
    /// `numpy.dtype`
    Dtype,
    /// `numpy.core.multiarray.scalar`
    Scalar,
    /// `numpy.core.multiarray._reconstruct`
    Reconstruct,
    /// `numpy.core.numeric._frombuffer`
    FromBuffer,
    /// `_codecs.encode`: how protocol 2 writes bytes
    Encode,
    /// `builtins.bytes`: how protocol 2 writes empty bytes
    Bytes,
    /// `builtins.bytearray`
    ByteArray,
    /// `builtins.list`
    List,
    /// `builtins.tuple`
    Tuple,
    /// `builtins.dict`
    Dict,
    /// `builtins.set` and `frozenset`
    Set,
}

impl Known {
    /// By module and name. NumPy 2 moved its modules; Python 2 called the builtins otherwise, and
    /// so does protocol 2 to this day.
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "device") => Self::Device,
            ("torch", "Size") => Self::Size,
            ("torch", class) => Self::Storage(TensorType::from_storage_class(class)?),
            ("numpy", "ndarray") => Self::Ndarray,
            ("numpy", "dtype") => Self::Dtype,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::Scalar,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Self::Reconstruct
            }
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("_codecs", "encode") => Self::Encode,
            ("builtins" | "__builtin__", name) => match name {
                "bytes" => Self::Bytes,
                "bytearray" => Self::ByteArray,
                "list" => Self::List,
                "tuple" => Self::Tuple,
                "dict" => Self::Dict,
                "set" | "frozenset" => Self::Set,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Name for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OrderedDict => "collections.OrderedDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::Storage(dtype) => dtype.storage_class(),
            Self::Device => "torch.device",
            Self::Size => "torch.Size",
            Self::Ndarray => "numpy.ndarray",
            Self::Dtype => "numpy.dtype",
            Self::Scalar => "numpy.core.multiarray.scalar",
            Self::Reconstruct => "numpy.core.multiarray._reconstruct",
            Self::FromBuffer => "numpy.core.numeric._frombuffer",
            Self::Encode => "_codecs.encode",
            Self::Bytes => "bytes",
            Self::ByteArray => "bytearray",
            Self::List => "list",
            Self::Tuple => "tuple",
            Self::Dict => "dict",
            Self::Set => "set",
        }
    }
}
