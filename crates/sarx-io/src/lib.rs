//! Readers and writers of NIfTI, NRRD and MetaImage as volumes on grids.
//!
//! The rule: what SimpleITK reads, sarx reads as the same array, spacing, origin and direction
//! (only the world differs: a [`Grid`](sarx_core::Grid) is RAS+, SimpleITK is LPS+, so the first
//! two rows change their sign). Where SimpleITK refuses a file, the module of the format says
//! what happens here.
//!
//! Voxels become `f32`, as nnU-Net makes them: integers above 2^24 and `f64` lose digits to the
//! nearest `f32`. Intensity scaling (NIfTI) takes the stored number as `f32` (doubles stay doubles),
//! computes in `f64` and rounds to `f32`, as ITK does.
//!
//! A [`Header`] keeps what the file said, bit for bit, so that a label map written *like* an
//! image has the image's geometry and not one that went through a matrix and back.
//!
//! No file can make this crate allocate more than the file itself justifies: arrays grow as
//! their bytes arrive.

mod atomic;
mod data_file;
mod error;
mod format;
mod geometry;
mod header;
mod metaimage;
mod nifti;
mod nrrd;
mod read;
mod source;
mod voxel_type;
mod voxels;
mod write;

pub use atomic::{write_atomic, write_json};
pub use error::{ReadError, ReadFault, WriteError, WriteFault};
pub use format::{Format, strip_ending};
pub use header::Header;
pub use read::{Image, LabelImage, read_channels, read_header, read_image, read_labels};
pub use voxel_type::{ByteOrder, VoxelType};
pub use write::{write_image, write_labels};
