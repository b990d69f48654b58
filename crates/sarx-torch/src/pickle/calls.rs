//! What the known functions mean when a pickle calls them. No Python runs: each call is a
//! description of data, and anything that does not fit its pattern is an error.

use super::known::Known;
use super::machine::{Machine, foreign};
use super::node::{Id, Node};
use crate::{NumpyArray, NumpyScalar, NumpyType, PickleError, TorchDevice, TorchTensor};
use std::borrow::Cow;

impl<'a> Machine<'a> {
    /// The result of `function(*arguments)`.
    pub(super) fn call(&mut self, function: Id, arguments: Id) -> Result<Node<'a>, PickleError> {
        let known = match self.node(function) {
            Node::Known(known) => *known,
            Node::Expected(name) => return Err(foreign(&name.module, &name.name)),
            other => {
                return Err(PickleError::Arguments {
                    function: "a call",
                    reason: format!("{} is called", other.kind()),
                });
            }
        };
        let Node::Tuple(arguments) = self.node(arguments) else {
            return Err(refused(known, "they are no tuple"));
        };
        // Copying the list is cheap beside the operation that made it, except when one long tuple
        // is used again and again.
        let arguments = arguments.clone();
        self.pay(arguments.len())?;
        match known {
            Known::OrderedDict => self.dict(known, &arguments, true),
            Known::Dict => self.dict(known, &arguments, false),
            Known::List => Ok(Node::List(self.items(known, &arguments)?)),
            Known::Tuple | Known::Size => Ok(Node::Tuple(self.items(known, &arguments)?)),
            Known::Set => Ok(Node::Set(self.items(known, &arguments)?)),
            Known::Encode => self.encode(&arguments),
            Known::Bytes | Known::ByteArray => self.bytes_of(known, &arguments),
            Known::RebuildTensor => self.tensor(&arguments),
            Known::RebuildParameter => match arguments.first().map(|&id| self.node(id)) {
                Some(Node::Tensor(tensor)) => Ok(Node::Tensor(tensor.clone())),
                _ => Err(refused(known, "the first is no tensor")),
            },
            Known::Device => self.device(&arguments),
            Known::Dtype => self.dtype(&arguments),
            Known::Scalar => self.scalar(&arguments),
            Known::Reconstruct => match arguments.first().map(|&id| self.node(id)) {
                Some(Node::Known(Known::Ndarray)) => Ok(Node::EmptyArray),
                _ => Err(refused(known, "the first is not numpy.ndarray")),
            },
            Known::FromBuffer => self.buffer_array(&arguments),
            Known::Ndarray | Known::Storage(_) => Err(refused(known, "it is only named here")),
        }
    }

    /// Gives an object its state, as `__setstate__` does.
    pub(super) fn build(&mut self, object: Id, state: Id) -> Result<(), PickleError> {
        let state_items = match self.node(state) {
            Node::Tuple(items) => items.clone(),
            // Attributes of an ordered dictionary are left out.
            Node::Dict { .. }
                if matches!(
                    self.node(object),
                    Node::Dict {
                        is_ordered_dict: true,
                        ..
                    }
                ) =>
            {
                return Ok(());
            }
            _ => Vec::new(),
        };
        self.pay(state_items.len())?;
        match self.node(object) {
            &Node::Dtype { dtype, .. } => {
                let order = state_items.get(1).map(|&id| self.node(id));
                let is_big_endian = match order {
                    Some(Node::Text(">")) => true,
                    Some(Node::Text("<" | "|" | "=")) => false,
                    _ => return Err(refused(Known::Dtype, "the byte order is missing")),
                };
                *self.node_mut(object) = Node::Dtype {
                    dtype,
                    is_big_endian,
                };
                Ok(())
            }
            Node::EmptyArray => {
                let array = self.array_state(&state_items)?;
                *self.node_mut(object) = Node::Array(Box::new(array));
                Ok(())
            }
            other => Err(PickleError::Arguments {
                function: "a state",
                reason: format!("it is given to {}", other.kind()),
            }),
        }
    }

    /// `dict()`, `OrderedDict()`, or of a list of pairs, as Python 2 wrote it.
    fn dict(
        &mut self,
        known: Known,
        arguments: &[Id],
        is_ordered_dict: bool,
    ) -> Result<Node<'a>, PickleError> {
        let mut pairs = Vec::new();
        if !arguments.is_empty() {
            for item in self.items(known, arguments)? {
                match self.node(item) {
                    Node::List(pair) | Node::Tuple(pair) if pair.len() == 2 => {
                        pairs.push((pair[0], pair[1]));
                    }
                    _ => return Err(refused(known, "an item is no pair")),
                }
            }
        }
        Ok(Node::Dict {
            is_ordered_dict,
            pairs,
        })
    }

    /// A copy of the items of the only argument; none without argument.
    fn items(&mut self, known: Known, arguments: &[Id]) -> Result<Vec<Id>, PickleError> {
        let items = match arguments {
            [] => return Ok(Vec::new()),
            &[id] => match self.node(id) {
                Node::List(items) | Node::Tuple(items) | Node::Set(items) => items.clone(),
                _ => return Err(refused(known, "the first is no list")),
            },
            _ => return Err(refused(known, "there are several")),
        };
        self.pay(items.len())?;
        Ok(items)
    }

    /// `_codecs.encode(text, "latin1")`: bytes, one per character.
    fn encode(&mut self, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        let texts = match *arguments {
            [text, codec] => (self.node(text), self.node(codec)),
            _ => return Err(refused(Known::Encode, "there are not two")),
        };
        let (Node::Text(text), Node::Text("latin1" | "latin-1")) = texts else {
            return Err(refused(Known::Encode, "they are not a text and \"latin1\""));
        };
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        let bytes = bytes.map_err(|_| refused(Known::Encode, "a character is not Latin-1"))?;
        self.pay(bytes.len())?;
        Ok(Node::Bytes(Cow::Owned(bytes)))
    }

    fn bytes_of(&mut self, known: Known, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        let bytes = match arguments {
            [] => Vec::new(),
            &[id] => self.raw_bytes(id, known)?,
            // bytearray(text, "latin-1")
            _ if known == Known::ByteArray => return self.encode(arguments),
            _ => return Err(refused(known, "there are several")),
        };
        Ok(Node::Bytes(Cow::Owned(bytes)))
    }

    fn raw_bytes(&mut self, id: Id, known: Known) -> Result<Vec<u8>, PickleError> {
        let Node::Bytes(bytes) = self.node(id) else {
            return Err(refused(known, "the data are no bytes"));
        };
        let bytes = bytes.to_vec();
        self.pay(bytes.len())?;
        Ok(bytes)
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, ..)`
    fn tensor(&mut self, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        let bad = |reason| refused(Known::RebuildTensor, reason);
        let &[storage, offset, size, stride, ..] = arguments else {
            return Err(bad("there are too few"));
        };
        let Node::Storage(storage) = self.node(storage) else {
            return Err(bad("the first is no storage"));
        };
        let offset = self.count(offset).ok_or_else(|| bad("the offset"))?;
        let (shape, strides) = (self.counts(size), self.counts(stride));
        let tensor = TorchTensor {
            storage: (**storage).clone(),
            offset,
            shape: shape.ok_or_else(|| bad("the size"))?,
            strides: strides.ok_or_else(|| bad("the stride"))?,
        };
        self.pay(tensor.shape.len() + tensor.strides.len())?;
        self.pay(tensor.storage.key.len() + tensor.storage.location.len())?;
        Ok(Node::Tensor(Box::new(tensor)))
    }

    /// `torch.device(kind)` or `torch.device(kind, index)`
    fn device(&mut self, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        let bad = || refused(Known::Device, "they are not a name and a number");
        let (&kind, index) = arguments.split_first().ok_or_else(bad)?;
        let index = match *index {
            [] => None,
            [index] => match self.node(index) {
                Node::Int(index) => Some(*index),
                Node::None => None,
                _ => return Err(bad()),
            },
            _ => return Err(bad()),
        };
        let Node::Text(kind) = self.node(kind) else {
            return Err(bad());
        };
        let kind = (*kind).to_owned();
        self.pay(kind.len())?;
        Ok(Node::Device(Box::new(TorchDevice { kind, index })))
    }

    /// `numpy.dtype(code, align, copy)`; the byte order comes as a state.
    fn dtype(&self, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        match arguments.first().map(|&id| self.node(id)) {
            Some(Node::Text(code)) => Ok(Node::Dtype {
                dtype: NumpyType::from_code(code)?,
                is_big_endian: false,
            }),
            _ => Err(refused(Known::Dtype, "the first is no text")),
        }
    }

    /// `scalar(dtype, bytes)`
    fn scalar(&mut self, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        let &[dtype, bytes] = arguments else {
            return Err(refused(Known::Scalar, "there are not two"));
        };
        let (dtype, is_big_endian) = self.data_type(dtype, Known::Scalar)?;
        let mut bytes = self.raw_bytes(bytes, Known::Scalar)?;
        if is_big_endian {
            bytes.reverse();
        }
        NumpyScalar::from_le_bytes(dtype, &bytes)
            .map(Node::Scalar)
            .ok_or_else(|| refused(Known::Scalar, "the number of bytes"))
    }

    /// `_frombuffer(bytes, dtype, shape, order)`
    fn buffer_array(&mut self, arguments: &[Id]) -> Result<Node<'a>, PickleError> {
        let known = Known::FromBuffer;
        let &[bytes, dtype, shape, order] = arguments else {
            return Err(refused(known, "there are not four"));
        };
        let is_fortran = match self.node(order) {
            Node::Text("F") => true,
            Node::Text("C") => false,
            _ => return Err(refused(known, "the order")),
        };
        let shape = self.counts(shape);
        let shape = shape.ok_or_else(|| refused(known, "the shape"))?;
        let array = self.array(known, dtype, shape, is_fortran, bytes)?;
        Ok(Node::Array(Box::new(array)))
    }

    /// `(version, shape, dtype, is_fortran, bytes)`
    fn array_state(&mut self, state: &[Id]) -> Result<NumpyArray, PickleError> {
        let known = Known::Reconstruct;
        let &[_, shape, dtype, is_fortran, bytes] = state else {
            return Err(refused(known, "the state has not five parts"));
        };
        let &Node::Bool(is_fortran) = self.node(is_fortran) else {
            return Err(refused(known, "the order"));
        };
        let shape = self.counts(shape);
        let shape = shape.ok_or_else(|| refused(known, "the shape"))?;
        self.array(known, dtype, shape, is_fortran, bytes)
    }

    fn array(
        &mut self,
        known: Known,
        dtype: Id,
        shape: Vec<usize>,
        is_fortran: bool,
        bytes: Id,
    ) -> Result<NumpyArray, PickleError> {
        let (dtype, is_big_endian) = self.data_type(dtype, known)?;
        let mut bytes = self.raw_bytes(bytes, known)?;
        if is_big_endian {
            for number in bytes.chunks_exact_mut(dtype.bytes()) {
                number.reverse();
            }
        }
        if is_fortran {
            NumpyArray::from_fortran(dtype, shape, bytes)
        } else {
            NumpyArray::new(dtype, shape, bytes)
        }
    }

    fn data_type(&self, id: Id, known: Known) -> Result<(NumpyType, bool), PickleError> {
        match self.node(id) {
            &Node::Dtype {
                dtype,
                is_big_endian,
            } => Ok((dtype, is_big_endian)),
            _ => Err(refused(known, "the data type")),
        }
    }

    fn count(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            &Node::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }

    fn counts(&self, id: Id) -> Option<Vec<usize>> {
        match self.node(id) {
            Node::Tuple(items) | Node::List(items) => {
                items.iter().map(|&item| self.count(item)).collect()
            }
            _ => None,
        }
    }
}

fn refused(known: Known, reason: &str) -> PickleError {
    PickleError::Arguments {
        function: known.name(),
        reason: reason.to_owned(),
    }
}
