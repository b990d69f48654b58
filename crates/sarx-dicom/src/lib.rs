//! DICOM as it leaves the scanner, as checked volumes and label maps.
//!
//! The way in: [`index`] sorts a folder or an archive into patients, studies and series;
//! [`stacks`] splits a series into what can each be one volume and says what is wrong with it;
//! [`Stack::load`] gives the voxels and a [`SourceSeries`] from which results can be written back.
//!
//! Three rules hold everywhere:
//!
//! - *Nothing is guessed over.* A stack with a missing, doubled or shifted slice has a typed fault and
//!   does not load.
//! - *Nothing is believed.* A length, a count or a nesting is held against what the file has before
//!   anything is reserved ([`Limits`]).
//! - *Nobody is named.* No message carries a value of the data set, and no UID or name becomes
//!   part of a path.
//!
//! DICOM's coordinates are LPS+ mm; a [`Grid`](sarx_core::Grid) is RAS+ mm. Fields and functions
//! say which they hold; the change happens in one place (`geometry`).

mod acquisition;
mod archive;
mod attribute;
mod deidentify;
mod error;
mod frame;
mod geometry;
mod header;
mod index;
mod instance;
mod label_mapping;
mod limits;
mod load;
mod location;
mod pixels;
mod segmentation;
mod sequence;
mod source_series;
mod stack;
mod structure_set;
mod syntax;
mod walk;

pub use acquisition::AcquisitionTags;
pub use archive::Archive;
pub use deidentify::{
    CleanReport, Cleaned, Dates, Deidentifier, SecretError, Sidecar, SidecarError,
};
pub use error::{FileError, FileFault, InputError};
pub use frame::{Component, Frame};
pub use index::{Index, Patient, Series, Study, index};
pub use instance::{Instance, PixelLayout};
pub use label_mapping::{MappedLabels, Mask};
pub use limits::Limits;
pub use load::{LoadError, Loaded, Padding};
pub use location::Location;
pub use segmentation::{Code, Segment, Segmentation, SegmentationError, SegmentationKind};
pub use sequence::{
    Certainty, Plane, Recognized, SequenceRow, SequenceTable, SequenceTableError, Weighting,
    recognize,
};
pub use source_series::{SourceSeries, SourceSlice};
pub use stack::{SliceRef, Stack, StackFault, StackKind, StackNote, stacks};
pub use structure_set::{Contour, Structure, StructureError, StructureSet};
pub use syntax::Packing;
