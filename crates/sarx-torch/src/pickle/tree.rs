//! From the machine's list of objects to a tree of values.
//!
//! An object that is named several times appears several times; what that may cost is bounded,
//! and so is the depth, which also ends objects that contain themselves.

use super::MAX_DEPTH;
use super::node::{Id, Node};
use crate::{NumpyScalar, PickleDict, PickleError, PickleValue};
use std::collections::HashMap;

/// Takes `n` off the budget of a pickle of `length` bytes.
pub(super) fn pay(budget: usize, n: usize, length: usize) -> Result<usize, PickleError> {
    budget.checked_sub(n).ok_or(PickleError::TooLarge {
        length,
        limit: super::machine::budget(length),
    })
}

/// The value of one object.
pub(super) fn unfold(
    nodes: &[Node<'_>],
    root: Id,
    length: usize,
    budget: usize,
) -> Result<PickleValue, PickleError> {
    let mut unfolding = Unfolding {
        nodes,
        length,
        budget,
    };
    unfolding.value(root, MAX_DEPTH)
}

struct Unfolding<'n, 'a> {
    nodes: &'n [Node<'a>],
    length: usize,
    budget: usize,
}

impl Unfolding<'_, '_> {
    fn value(&mut self, id: Id, depth: usize) -> Result<PickleValue, PickleError> {
        self.pay(1)?;
        let Some(depth) = depth.checked_sub(1) else {
            return Err(PickleError::TooDeep { limit: MAX_DEPTH });
        };
        let nodes = self.nodes;
        Ok(match &nodes[id] {
            Node::None => PickleValue::None,
            Node::Bool(value) => PickleValue::Bool(*value),
            Node::Int(number) => PickleValue::Int(*number),
            Node::Float(number) => PickleValue::Float(*number),
            Node::Text(text) => {
                self.pay(text.len())?;
                PickleValue::String((*text).to_owned())
            }
            Node::Bytes(bytes) => {
                self.pay(bytes.len())?;
                PickleValue::Bytes(bytes.to_vec())
            }
            Node::List(items) => PickleValue::List(self.values(items, depth)?),
            Node::Tuple(items) => PickleValue::Tuple(self.values(items, depth)?),
            Node::Set(items) => {
                let items = self.values(items, depth)?;
                items.iter().try_for_each(|item| key(item).map(drop))?;
                PickleValue::Set(items)
            }
            Node::Dict {
                is_ordered_dict,
                pairs,
            } => PickleValue::Dict(self.dict(*is_ordered_dict, pairs, depth)?),
            Node::Scalar(scalar) => PickleValue::Scalar(*scalar),
            Node::Array(array) => {
                self.pay(array.bytes().len())?;
                PickleValue::Array(array.clone())
            }
            Node::Tensor(tensor) => {
                let storage = &tensor.storage;
                self.pay(storage.key.len() + storage.location.len())?;
                self.pay(tensor.shape.len() + tensor.strides.len())?;
                PickleValue::Tensor(tensor.clone())
            }
            Node::Device(device) => {
                self.pay(device.kind.len())?;
                PickleValue::Device(device.clone())
            }
            Node::Expected(name) => PickleValue::Global(name.clone()),
            Node::Known(known) => {
                return Err(unfinished(known.name()));
            }
            other @ (Node::Dtype { .. } | Node::EmptyArray | Node::Storage(_)) => {
                return Err(unfinished(other.kind()));
            }
        })
    }

    fn values(&mut self, items: &[Id], depth: usize) -> Result<Vec<PickleValue>, PickleError> {
        items.iter().map(|&id| self.value(id, depth)).collect()
    }

    fn dict(
        &mut self,
        is_ordered_dict: bool,
        pairs: &[(Id, Id)],
        depth: usize,
    ) -> Result<PickleDict, PickleError> {
        let mut places = HashMap::new();
        let mut entries: Vec<(PickleValue, PickleValue)> = Vec::new();
        for &(key_id, value_id) in pairs {
            let (name, value) = (self.value(key_id, depth)?, self.value(value_id, depth)?);
            match places.entry(key(&name)?) {
                std::collections::hash_map::Entry::Occupied(place) => {
                    let place: usize = *place.get();
                    entries[place].1 = value;
                }
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(entries.len());
                    entries.push((name, value));
                }
            }
        }
        Ok(PickleDict::from_distinct(is_ordered_dict, entries))
    }

    fn pay(&mut self, n: usize) -> Result<(), PickleError> {
        self.budget = pay(self.budget, n, self.length)?;
        Ok(())
    }
}

/// Equal texts for keys that Python takes for equal.
fn key(value: &PickleValue) -> Result<String, PickleError> {
    Ok(match value {
        PickleValue::None => "none".to_owned(),
        PickleValue::String(text) => format!("text {text}"),
        PickleValue::Bytes(bytes) => format!("bytes {bytes:?}"),
        // True is 1 and 1.0 is 1.
        PickleValue::Bool(value) => number(f64::from(u8::from(*value))),
        PickleValue::Int(value) => format!("number {value}"),
        PickleValue::Float(value) => number(*value),
        PickleValue::Scalar(NumpyScalar::U64(value)) => format!("number {value}"),
        PickleValue::Scalar(scalar) => match scalar.to_i64() {
            Some(value) => format!("number {value}"),
            None => number(scalar.to_f64()),
        },
        PickleValue::Tuple(items) => {
            // Lengths instead of quotes: quotes in quotes would double with every level.
            let mut joined = "tuple".to_owned();
            for item in items {
                let item = key(item)?;
                joined.push_str(&format!(" {} {item}", item.len()));
            }
            joined
        }
        PickleValue::Device(device) => format!("device {device:?}"),
        PickleValue::Global(name) => format!("global {name:?}"),
        other => return Err(PickleError::Key { kind: other.kind() }),
    })
}

/// Whole floats look like integers; the largest ones differ from every 64-bit integer anyway.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 9e18 {
        format!("number {}", value as i64)
    } else {
        format!("number {value:?}")
    }
}

fn unfinished(what: &str) -> PickleError {
    PickleError::Arguments {
        function: "the pickle",
        reason: format!("{what} stands where data are expected"),
    }
}
