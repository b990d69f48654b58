//! Volumes to files.

use crate::header::RawHeader;
use crate::voxels::Stored;
use crate::{
    Format, Header, WriteError, WriteFault, metaimage, nifti, nrrd, strip_ending, write_atomic,
};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use sarx_core::{Grid, LabelMap, Volume};
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

/// How far apart the corners of a volume and of the header it is written like may be, mm.
const SAME_PLACE_MM: f64 = 1e-2;

/// Intensities hardly shrink further at higher levels, which take several times longer.
const IMAGE_LEVEL: u32 = 1;

/// Label maps are small and read often.
const LABEL_LEVEL: u32 = 6;

/// Writes an image as `f32`, in the format that the name's ending says.
///
/// With `like` of the same family of formats, the geometry fields of its file are copied bit for
/// bit; otherwise they are computed from the volume's grid. The file appears whole or not at all.
///
/// # Errors
///
/// [`WriteError`] if the ending is unknown, the volume is not on the grid of `like`, the format
/// cannot hold the size, or the operating system refuses.
pub fn write_image(
    path: &Path,
    image: &Volume<f32>,
    like: Option<&Header>,
) -> Result<(), WriteError> {
    let values = in_file_order(image);
    let voxels = Stored::F32(&values);
    Output {
        grid: image.grid(),
        voxels,
        like,
        level: IMAGE_LEVEL,
    }
    .write(path)
}

/// Writes a label map as `u8` if its largest label is below 255, else as `u16`.
///
/// Geometry as in [`write_image`].
///
/// # Errors
///
/// As [`write_image`].
///
/// # Source
///
/// The type: nnU-Net v2, `imageio/simpleitk_reader_writer.py`, `write_seg`.
pub fn write_labels(
    path: &Path,
    labels: &LabelMap,
    like: Option<&Header>,
) -> Result<(), WriteError> {
    let values = in_file_order(labels);
    let largest = values.iter().copied().max().unwrap_or(0);
    let voxels = if largest < 255 {
        Stored::U8(&values)
    } else {
        Stored::U16(&values)
    };
    Output {
        grid: labels.grid(),
        voxels,
        like,
        level: LABEL_LEVEL,
    }
    .write(path)
}

/// C order `[z, y, x]` is file order, x fastest.
fn in_file_order<T: Clone>(volume: &Volume<T>) -> Cow<'_, [T]> {
    match volume.voxels().as_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(volume.voxels().iter().cloned().collect()),
    }
}

/// What is to be written.
struct Output<'a> {
    grid: &'a Grid,
    voxels: Stored<'a>,
    like: Option<&'a Header>,
    level: u32,
}

impl Output<'_> {
    fn write(&self, path: &Path) -> Result<(), WriteError> {
        let fault = |fault: WriteFault| fault.at(path);
        let file_name = path
            .file_name()
            .ok_or_else(|| fault(WriteFault::NoFileName))?;
        let (stem, format) = file_name
            .to_str()
            .and_then(strip_ending)
            .ok_or_else(|| fault(WriteFault::UnknownEnding))?;
        if let Some(like) = self.like {
            like.grid
                .require_same(self.grid, SAME_PLACE_MM)
                .map_err(|source| fault(WriteFault::OtherGrid { source }))?;
        }
        match format {
            Format::Nifti | Format::NiftiGz => self.write_nifti(path, format),
            Format::Nrrd => {
                let text = self.nrrd_header(None);
                write_atomic(path, |to| {
                    to.write_all(text.as_bytes())?;
                    self.gzip(to)
                })
            }
            Format::NrrdHeader => {
                let data_name = format!("{stem}.raw.gz");
                write_atomic(&path.with_file_name(&data_name), |to| self.gzip(to))?;
                let text = self.nrrd_header(Some(&data_name));
                write_atomic(path, |to| to.write_all(text.as_bytes()))
            }
            Format::Mha => {
                let data = self.zlib().map_err(|source| {
                    fault(WriteFault::Io {
                        act: "compress the voxels",
                        source,
                    })
                })?;
                let text = self.metaimage_header("LOCAL", data.len());
                write_atomic(path, |to| {
                    to.write_all(text.as_bytes())?;
                    to.write_all(&data)
                })
            }
            Format::Mhd => {
                let data = self.zlib().map_err(|source| {
                    fault(WriteFault::Io {
                        act: "compress the voxels",
                        source,
                    })
                })?;
                let data_name = format!("{stem}.zraw");
                write_atomic(&path.with_file_name(&data_name), |to| to.write_all(&data))?;
                let text = self.metaimage_header(&data_name, data.len());
                write_atomic(path, |to| to.write_all(text.as_bytes()))
            }
        }
    }

    fn write_nifti(&self, path: &Path, format: Format) -> Result<(), WriteError> {
        let like = self.like.and_then(|like| match &like.raw {
            RawHeader::Nifti(raw) => Some((raw, like.n_channels)),
            _ => None,
        });
        let header = nifti::header_bytes(self.grid, self.voxels.voxel_type(), like, format)
            .map_err(|fault| fault.at(path))?;
        write_atomic(path, |to| {
            if format == Format::Nifti {
                to.write_all(&header)?;
                return self.voxels.write(to);
            }
            let mut gzip = GzEncoder::new(to, Compression::new(self.level));
            gzip.write_all(&header)?;
            self.voxels.write(&mut gzip)?;
            gzip.finish().map(|_| ())
        })
    }

    fn nrrd_header(&self, data_file: Option<&str>) -> String {
        let like = self.like.and_then(|like| match &like.raw {
            RawHeader::Nrrd(raw) => Some(raw),
            _ => None,
        });
        nrrd::header_text(self.grid, self.voxels.voxel_type(), like, data_file)
    }

    fn metaimage_header(&self, data_file: &str, n_compressed: usize) -> String {
        let like = self.like.and_then(|like| match &like.raw {
            RawHeader::MetaImage(raw) => Some(raw),
            _ => None,
        });
        let data = (data_file, n_compressed);
        metaimage::header_text(self.grid, self.voxels.voxel_type(), like, data)
    }

    fn gzip(&self, to: &mut impl Write) -> io::Result<()> {
        let mut gzip = GzEncoder::new(to, Compression::new(self.level));
        self.voxels.write(&mut gzip)?;
        gzip.finish().map(|_| ())
    }

    /// In memory, because the header says before how long it is.
    fn zlib(&self) -> io::Result<Vec<u8>> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(self.level));
        self.voxels.write(&mut zlib)?;
        zlib.finish()
    }
}
