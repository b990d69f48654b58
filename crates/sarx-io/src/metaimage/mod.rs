//! MetaImage, in one file (`.mha`) and with the voxels in another (`.mhd`), raw and zlib.
//!
//! As SimpleITK (MetaIO and `MetaImageIO`): the rows of `TransformMatrix` are the directions of
//! the axes in LPS; `Offset`, `Position` and `Origin` are one thing, and so are
//! `ElementByteOrderMSB` and `BinaryDataByteOrderMSB`; `ElementSize` stands in for a missing
//! `ElementSpacing`; the intensity function and the centre of rotation are ignored.
//! Text data and one image in several files are not supported.

mod header;
mod write;

pub(crate) use header::{MetaImageHeader, open, parse};
pub(crate) use write::header_text;
