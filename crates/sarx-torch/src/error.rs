//! Why a pickle or an archive cannot be read or written.

/// A pickle that cannot be read or written. Offsets count bytes from the start of the pickle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// It would call or import something that is not on the closed list.
    #[error(
        "refused to run foreign code: the pickle asks for \"{module}.{name}\", which is not among \
         the names that a file of weights needs; nothing was run"
    )]
    ForeignCode {
        /// Python module.
        module: String,
        /// Function or class in it.
        name: String,
    },
    /// It ends in the middle.
    #[error("the pickle ends after {length} bytes, in the middle of {what}")]
    Truncated {
        /// Bytes that there are.
        length: usize,
        /// What is cut.
        what: &'static str,
    },
    /// An operation that is not on the closed list.
    #[error("operation {code:#04x} at byte {offset} of the pickle is not supported")]
    Operation {
        /// The operation.
        code: u8,
        /// Where it stands.
        offset: usize,
    },
    /// Written by a newer Python.
    #[error("the pickle has protocol {found}; protocols up to 5 are read")]
    Protocol {
        /// Its protocol.
        found: u8,
    },
    /// An operation takes what is not there.
    #[error("the operation at byte {offset} of the pickle takes {what}, which is not there")]
    Missing {
        /// Where it stands.
        offset: usize,
        /// What it takes.
        what: &'static str,
    },
    /// A text that is none.
    #[error("the text at byte {offset} of the pickle is not UTF-8")]
    Text {
        /// Where it stands.
        offset: usize,
    },
    /// An integer of more than 64 bits.
    #[error("the integer at byte {offset} of the pickle has more than 64 bits")]
    IntegerRange {
        /// Where it stands.
        offset: usize,
    },
    /// A known function with arguments that it does not take.
    #[error("the pickle gives {function} arguments that it does not take: {reason}")]
    Arguments {
        /// The function.
        function: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A NumPy data type that is not supported.
    #[error("NumPy data type {found:?} is not supported; numbers and truth values are")]
    NumpyType {
        /// The type.
        found: String,
    },
    /// A dictionary or set with a key that cannot be one.
    #[error("{kind} cannot be a key of a dictionary")]
    Key {
        /// What was found.
        kind: &'static str,
    },
    /// Nesting without end.
    #[error("the pickle is nested deeper than {limit} levels or contains itself")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A small file that unfolds into a large value.
    #[error(
        "the pickle of {length} bytes would unfold into more than {limit} values and bytes; it is \
         damaged or made to exhaust the memory"
    )]
    TooLarge {
        /// Length of the pickle.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// Something that has no form in a pickle of this kind.
    #[error("{what} cannot be written to this pickle")]
    NotWritable {
        /// What.
        what: &'static str,
    },
}

/// A torch archive that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TorchError {
    /// The file cannot be read or written.
    #[error("the archive cannot be read or written")]
    Io(#[from] std::io::Error),
    /// No zip file, or one that is cut or damaged.
    #[error("the file is not a whole zip archive as torch.save writes it")]
    Zip(#[from] zip::result::ZipError),
    /// Torch's format before release 1.6.
    #[error(
        "the file is a bare pickle (torch.save before release 1.6, or no file of torch); load it \
         with a trusted Python once and save it again with torch.save"
    )]
    BarePickle,
    /// A zip file without `data.pkl`.
    #[error("the zip archive has no data.pkl; it was not written by torch.save")]
    NoPickle,
    /// An entry that the archive lacks.
    #[error("the archive has no entry {name:?}")]
    NoEntry {
        /// The entry.
        name: String,
    },
    /// An entry that is not stored as it is; its size would not be bounded by the file.
    #[error(
        "entry {name:?} of the archive is compressed or encrypted; torch.save stores entries as they are"
    )]
    NotStored {
        /// The entry.
        name: String,
    },
    /// An entry that is damaged.
    #[error("entry {name:?} of the archive is damaged: {reason}")]
    Entry {
        /// The entry.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A release of the format that is not known.
    #[error("the archive says its {what} is {found:?}, expected {expected}")]
    Form {
        /// What it says.
        what: &'static str,
        /// What was found.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// The pickle in it cannot be read or written.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// The bytes of a tensor are not what the pickle says.
    #[error(
        "storage \"{key}\" holds {found} bytes, but the pickle says {expected} ({count} of {dtype})"
    )]
    StorageLength {
        /// Name of the storage.
        key: String,
        /// Bytes found.
        found: u64,
        /// Bytes expected.
        expected: u64,
        /// Numbers in it.
        count: usize,
        /// Their type.
        dtype: &'static str,
    },
    /// A tensor that reaches beyond its storage.
    #[error(
        "a tensor of shape {shape:?} with strides {strides:?} from number {offset} on does not lie in its \
         storage \"{key}\" of {count} numbers"
    )]
    Outside {
        /// Name of the storage.
        key: String,
        /// Numbers in it.
        count: usize,
        /// First number of the tensor.
        offset: usize,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Its strides, in numbers.
        strides: Vec<usize>,
    },
    /// A tensor of another type than asked for.
    #[error("a tensor holds {found}; {expected} are asked for")]
    TensorType {
        /// Its type.
        found: &'static str,
        /// What is asked for.
        expected: &'static str,
    },
    /// Values that do not fill the shape.
    #[error("a tensor of shape {shape:?} was given {found} values")]
    Shape {
        /// The shape.
        shape: Vec<usize>,
        /// Number of values.
        found: usize,
    },
}
