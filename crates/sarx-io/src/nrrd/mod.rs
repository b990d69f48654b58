//! NRRD, attached (`.nrrd`) and detached (`.nhdr`), raw and gzip.
//!
//! As SimpleITK (teem and `NrrdImageIO`):
//!
//! - With `space directions`, spacing is the length of each vector, direction the vector divided
//!   by it. RAS and LAS are turned to LPS; every other space is taken as LPS as it stands.
//! - Without, `spacings` (1 where nothing is said) with axes along LPS.
//! - An axis whose kind is neither domain, space nor time holds channels, wherever it is; of four
//!   plain axes the last does. SimpleITK needs the kind; here an axis without a direction among
//!   others that have one holds channels too.
//! - Several data files, ASCII, hex and bzip2 encodings are not supported.

mod fields;
mod header;
mod write;

pub(crate) use header::{NrrdHeader, open, parse};
pub(crate) use write::header_text;
