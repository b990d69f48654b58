//! The stack machine.
//!
//! Source of the operations: Python's `pickletools.py`. Operations of protocol 0 that only text
//! pickles have, extension codes and buffers outside the file are not on the list.

use super::input::{Input, long};
use super::known::Known;
use super::node::{Id, Node};
use super::tree;
use crate::{GlobalName, PickleError, PickleValue, StorageRef};
use std::borrow::Cow;
use std::collections::HashMap;

/// How much larger than the file its content may become: values that are named more than once
/// and copied bytes count each time.
const GROWTH: usize = 8;
/// What the smallest pickle may take.
const SMALLEST_BUDGET: usize = 1 << 16;

/// Reads a pickle that stands alone, such as nnU-Net's `CASE.pkl` and `postprocessing.pkl`.
///
/// `expected` lists functions and classes that may be *named* in it; they come back as
/// [`PickleValue::Global`]. Calling them is refused all the same.
///
/// Bytes after the end of the pickle are ignored, as Python does. Attributes of an ordered
/// dictionary (torch keeps release numbers of layers there) are left out.
///
/// # Errors
///
/// [`PickleError`]: foreign code by name, or what is damaged and where.
pub fn read_pickle(bytes: &[u8], expected: &[GlobalName]) -> Result<PickleValue, PickleError> {
    Machine::new(bytes, expected, false).run()
}

/// Reads the pickle of a torch archive, which refers to storages beside it.
pub(crate) fn read_in_archive(bytes: &[u8]) -> Result<PickleValue, PickleError> {
    Machine::new(bytes, &[], true).run()
}

/// The state of the machine.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    input: Input<'a>,
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    expected: &'a [GlobalName],
    has_storages: bool,
    /// Copies that are still allowed.
    budget: usize,
    /// Where the current operation stands.
    offset: usize,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8], expected: &'a [GlobalName], has_storages: bool) -> Self {
        Self {
            input: Input::new(bytes),
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            expected,
            has_storages,
            budget: budget(bytes.len()),
            offset: 0,
        }
    }

    fn run(mut self) -> Result<PickleValue, PickleError> {
        while self.step()? {}
        let root = self.pop("a result")?;
        tree::unfold(&self.nodes, root, self.input.length(), self.budget)
    }

    /// One operation; false at the end.
    fn step(&mut self) -> Result<bool, PickleError> {
        self.offset = self.input.offset();
        let code = self.input.byte("an operation")?;
        match code {
            b'.' => return Ok(false),
            0x80 => {
                let found = self.input.byte("the protocol")?;
                if found > 5 {
                    return Err(PickleError::Protocol { found });
                }
            }
            // FRAME: how to read ahead, of no meaning here.
            0x95 => {
                self.input.take(8, "a frame")?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            b'0' => {
                self.pop("a value")?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let top = self.top("a value")?;
                self.stack.push(top);
            }
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                let node = self.global(module, name)?;
                self.push(node);
            }
            // INST names its class as GLOBAL does and calls it at once: nothing here needs it.
            b'i' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                return Err(foreign(module, name));
            }
            0x93 => {
                let (name, module) = (self.pop_text("a name")?, self.pop_text("a module")?);
                let node = self.global(module, name)?;
                self.push(node);
            }
            b'Q' => self.persistent()?,
            // REDUCE and NEWOBJ: a function or class and its arguments.
            b'R' | 0x81 => {
                let arguments = self.pop("arguments")?;
                let function = self.pop("a function")?;
                let result = self.call(function, arguments)?;
                self.push(result);
            }
            b'b' => {
                let state = self.pop("a state")?;
                let object = self.top("an object")?;
                self.build(object, state)?;
            }
            _ => self.step_of_data(code)?,
        }
        Ok(true)
    }

    /// Operations that make plain values or remember them.
    fn step_of_data(&mut self, code: u8) -> Result<(), PickleError> {
        let input = &mut self.input;
        let node = match code {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'J' => Node::Int(i64::from(i32::from_le_bytes(input.array("an integer")?))),
            b'K' => Node::Int(i64::from(input.byte("an integer")?)),
            b'M' => Node::Int(i64::from(u16::from_le_bytes(input.array("an integer")?))),
            0x8a => Node::Int(long(input.block(1, "an integer")?, self.offset)?),
            0x8b => Node::Int(long(input.block(4, "an integer")?, self.offset)?),
            b'G' => Node::Float(f64::from_be_bytes(input.array("a float")?)),
            0x8c => Node::Text(input.text(1)?),
            b'X' => Node::Text(input.text(4)?),
            0x8d => Node::Text(input.text(8)?),
            b'C' => Node::Bytes(Cow::Borrowed(input.block(1, "bytes")?)),
            b'B' => Node::Bytes(Cow::Borrowed(input.block(4, "bytes")?)),
            0x8e | 0x96 => Node::Bytes(Cow::Borrowed(input.block(8, "bytes")?)),
            b']' => Node::List(Vec::new()),
            b'}' => Node::Dict {
                is_ordered_dict: false,
                pairs: Vec::new(),
            },
            0x8f => Node::Set(Vec::new()),
            b')' => Node::Tuple(Vec::new()),
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3);
                for _ in 0x84..code {
                    items.push(self.pop("an item")?);
                }
                items.reverse();
                Node::Tuple(items)
            }
            b't' => Node::Tuple(self.pop_to_mark()?),
            b'l' => Node::List(self.pop_to_mark()?),
            0x91 => Node::Set(self.pop_to_mark()?),
            b'd' => {
                let pairs = pairs(&self.pop_to_mark()?, self.offset)?;
                Node::Dict {
                    is_ordered_dict: false,
                    pairs,
                }
            }
            _ => return self.step_of_growth(code),
        };
        self.push(node);
        Ok(())
    }

    /// Operations that fill containers, and those of the memo.
    fn step_of_growth(&mut self, code: u8) -> Result<(), PickleError> {
        match code {
            b'a' => {
                let item = self.pop("an item")?;
                self.append(&[item])
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(&items)
            }
            0x90 => {
                let items = self.pop_to_mark()?;
                let set = self.top("a set")?;
                match &mut self.nodes[set] {
                    Node::Set(old) => old.extend(items),
                    _ => return Err(self.missing("a set")),
                }
                Ok(())
            }
            b's' => {
                let value = self.pop("a value")?;
                let key = self.pop("a key")?;
                self.set_items(&[key, value])
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)
            }
            b'q' | b'r' | b'h' | b'j' => {
                let index = match code {
                    b'q' | b'h' => usize::from(self.input.byte("an index")?),
                    _ => u32::from_le_bytes(self.input.array("an index")?) as usize,
                };
                if matches!(code, b'q' | b'r') {
                    let top = self.top("a value")?;
                    self.memo.insert(index, top);
                    return Ok(());
                }
                let found = self.memo.get(&index).copied();
                let id = found.ok_or_else(|| self.missing("a remembered value"))?;
                self.stack.push(id);
                Ok(())
            }
            0x94 => {
                let top = self.top("a value")?;
                self.memo.insert(self.memo.len(), top);
                Ok(())
            }
            _ => Err(PickleError::Operation {
                code,
                offset: self.offset,
            }),
        }
    }

    fn append(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let list = self.top("a list")?;
        match &mut self.nodes[list] {
            Node::List(old) => old.extend(items),
            _ => return Err(self.missing("a list")),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let new = pairs(items, self.offset)?;
        let dict = self.top("a dictionary")?;
        match &mut self.nodes[dict] {
            Node::Dict { pairs, .. } => pairs.extend(new),
            _ => return Err(self.missing("a dictionary")),
        }
        Ok(())
    }

    fn global(&self, module: &str, name: &str) -> Result<Node<'a>, PickleError> {
        if let Some(known) = Known::find(module, name) {
            return Ok(Node::Known(known));
        }
        self.expected
            .iter()
            .find(|expected| expected.module == module && expected.name == name)
            .map(|expected| Node::Expected(Box::new(expected.clone())))
            .ok_or_else(|| foreign(module, name))
    }

    /// `("storage", class, key, location, count)`: the numbers of a tensor, beside the pickle.
    fn persistent(&mut self) -> Result<(), PickleError> {
        let id = self.pop("a reference")?;
        let storage = match &self.nodes[id] {
            Node::Tuple(items) if self.has_storages => self.storage(items),
            _ => None,
        };
        let storage = storage.ok_or_else(|| self.missing("a reference to a storage"))?;
        self.push(Node::Storage(Box::new(storage)));
        Ok(())
    }

    fn storage(&self, items: &[Id]) -> Option<StorageRef> {
        let &[tag, class, key, location, count] = items else {
            return None;
        };
        match (
            &self.nodes[tag],
            &self.nodes[class],
            &self.nodes[key],
            &self.nodes[location],
            &self.nodes[count],
        ) {
            (
                Node::Text("storage"),
                Node::Known(Known::Storage(dtype)),
                Node::Text(key),
                Node::Text(location),
                &Node::Int(count),
            ) => Some(StorageRef {
                key: (*key).to_owned(),
                dtype: *dtype,
                location: (*location).to_owned(),
                count: usize::try_from(count).ok()?,
            }),
            _ => None,
        }
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node<'a> {
        &mut self.nodes[id]
    }

    /// Pays for a copy of `n` references or bytes.
    pub(super) fn pay(&mut self, n: usize) -> Result<(), PickleError> {
        self.budget = tree::pay(self.budget, n, self.input.length())?;
        Ok(())
    }

    fn push(&mut self, node: Node<'a>) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn missing(&self, what: &'static str) -> PickleError {
        PickleError::Missing {
            offset: self.offset,
            what,
        }
    }

    /// The top of the stack, above the last mark.
    fn top(&self, what: &'static str) -> Result<Id, PickleError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&top) if self.stack.len() > floor => Ok(top),
            _ => Err(self.missing(what)),
        }
    }

    fn pop(&mut self, what: &'static str) -> Result<Id, PickleError> {
        let top = self.top(what)?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_text(&mut self, what: &'static str) -> Result<&'a str, PickleError> {
        let id = self.pop(what)?;
        match self.nodes[id] {
            Node::Text(text) => Ok(text),
            _ => Err(self.missing(what)),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.missing("a mark"))?;
        Ok(self.stack.split_off(mark))
    }
}

/// What a pickle of this length may unfold into, in values and copied bytes.
pub(super) fn budget(length: usize) -> usize {
    length.saturating_mul(GROWTH).max(SMALLEST_BUDGET)
}

pub(super) fn foreign(module: &str, name: &str) -> PickleError {
    PickleError::ForeignCode {
        module: module.to_owned(),
        name: name.to_owned(),
    }
}

fn pairs(items: &[Id], offset: usize) -> Result<Vec<(Id, Id)>, PickleError> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(PickleError::Missing {
            offset,
            what: "a value for each key",
        });
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}
