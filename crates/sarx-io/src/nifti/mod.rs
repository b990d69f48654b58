//! NIfTI-1 and NIfTI-2 in one file, `.nii` and `.nii.gz`.
//!
//! Rules beyond the format's own text, all as SimpleITK unless it is said otherwise:
//!
//! - Spacing is `pixdim`, whatever the sform's columns measure; metres and micrometres become
//!   millimetres. A negative `pixdim` turns its axis round. A zero or NaN `pixdim` is an error
//!   here; SimpleITK silently takes 1 mm.
//! - Which of sform and qform places the image: see [`orientation`](self::orientation).
//! - `scl_slope` and `scl_inter` apply unless the slope is 0 or not finite.
//! - Trailing axes of one voxel do not count. One axis beyond the third makes channels.
//! - NIfTI-2 follows the same rules in double precision; SimpleITK cannot read it.
//! - A vector image (`intent_code` 1006, 1007) is read as stored; SimpleITK turns the x and y
//!   components of displacements round.

mod fields;
mod orientation;
mod read;
mod write;

pub(crate) use fields::NiftiHeader;
pub(crate) use read::{open, parse};
pub(crate) use write::header_bytes;
