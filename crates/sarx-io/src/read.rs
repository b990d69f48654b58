//! Files to volumes.

use crate::source::Source;
use crate::voxels::{self, Encoding, Layout, Target};
use crate::{Format, Header, ReadError, ReadFault, VoxelType, metaimage, nifti, nrrd};
use ndarray::Array3;
use sarx_core::{Grid, Label, LabelError, LabelMap, Volume};
use std::path::Path;

/// One channel and the header it came with.
#[derive(Debug, Clone)]
pub struct Image {
    /// Intensities, `[z, y, x]`.
    pub volume: Volume<f32>,
    /// What the file said.
    pub header: Header,
}

/// A label map and the header it came with.
#[derive(Debug, Clone)]
pub struct LabelImage {
    /// Labels, `[z, y, x]`.
    pub labels: LabelMap,
    /// What the file said.
    pub header: Header,
}

/// Reads an image of one channel.
///
/// A 2D image becomes one slice. Intensities are scaled as the header says.
///
/// # Errors
///
/// [`ReadError`] if the file cannot be read, is damaged, or has several channels
/// ([`ReadFault::SeveralChannels`]).
pub fn read_image(path: &Path) -> Result<Image, ReadError> {
    one_channel(path)
        .map(|(volume, header)| Image { volume, header })
        .map_err(|f| f.at(path))
}

/// Reads every channel of an image; all lie on one grid.
///
/// Channels are the last axis of a 4D NIfTI or MetaImage file, the channels of a MetaImage
/// element, or the axis of an NRRD file that has no direction in space.
///
/// # Errors
///
/// [`ReadError`] if the file cannot be read or is damaged.
pub fn read_channels(path: &Path) -> Result<(Vec<Volume<f32>>, Header), ReadError> {
    all_channels(path).map_err(|fault| fault.at(path))
}

/// Reads what a file says about its voxels without reading them.
///
/// # Errors
///
/// [`ReadError`] if the header cannot be read or makes no sense.
pub fn read_header(path: &Path) -> Result<Header, ReadError> {
    let parsed = format_of(path).and_then(|format| match format {
        Format::Nifti | Format::NiftiGz => nifti::parse(path, format),
        Format::Nrrd | Format::NrrdHeader => nrrd::parse(path, format),
        Format::Mha | Format::Mhd => metaimage::parse(path, format),
    });
    parsed.map_err(|fault| fault.at(path))
}

/// Reads a label map: one channel of whole numbers from 0 to 65535.
///
/// # Errors
///
/// As [`read_image`]; also [`ReadFault::Label`] at the first voxel that is no label.
pub fn read_labels(path: &Path) -> Result<LabelImage, ReadError> {
    let read = || {
        let opened = open(path)?;
        if holds_labels_only(opened.2) {
            let (labels, header) = channel_of::<Label>(opened)?;
            return Ok(LabelImage { labels, header });
        }
        let (values, header) = channel_of::<f64>(opened)?;
        Ok(LabelImage {
            labels: labels_of(&values)?,
            header,
        })
    };
    read().map_err(|fault: ReadFault| fault.at(path))
}

fn format_of(path: &Path) -> Result<Format, ReadFault> {
    Format::of(path).ok_or(ReadFault::UnknownEnding)
}

/// A file of which everything up to the first voxel is read.
type Opened = (Header, Source, Encoding, Layout);

/// Whether every number that can be stored is a label, so that none needs to be looked at.
fn holds_labels_only(encoding: Encoding) -> bool {
    encoding.scaling.is_none() && matches!(encoding.voxel_type, VoxelType::U8 | VoxelType::U16)
}

fn open(path: &Path) -> Result<Opened, ReadFault> {
    let format = format_of(path)?;
    match format {
        Format::Nifti | Format::NiftiGz => nifti::open(path, format),
        Format::Nrrd | Format::NrrdHeader => nrrd::open(path, format),
        Format::Mha | Format::Mhd => metaimage::open(path, format),
    }
}

fn all_channels<T: Target>(path: &Path) -> Result<(Vec<Volume<T>>, Header), ReadFault> {
    let (header, mut source, encoding, layout) = open(path)?;
    let channels = voxels::read(&mut source, encoding, layout)?;
    source.check_end()?;
    let volumes = channels
        .into_iter()
        .map(|values| volume(values, header.grid))
        .collect();
    Ok((volumes, header))
}

fn one_channel<T: Target>(path: &Path) -> Result<(Volume<T>, Header), ReadFault> {
    channel_of(open(path)?)
}

fn channel_of<T: Target>(
    (header, mut source, encoding, layout): Opened,
) -> Result<(Volume<T>, Header), ReadFault> {
    if layout.n_channels != 1 {
        return Err(ReadFault::SeveralChannels {
            found: layout.n_channels,
        });
    }
    let mut channels = voxels::read(&mut source, encoding, layout)?;
    source.check_end()?;
    let values = channels.pop().unwrap_or_default();
    Ok((volume(values, header.grid), header))
}

/// The values in file order (x fastest) are a C-ordered array `[z, y, x]`.
fn volume<T: Target>(values: Vec<T>, grid: Grid) -> Volume<T> {
    let array = Array3::from_shape_vec(grid.size.zyx(), values).expect("as many as the grid has");
    Volume::new(array, grid).expect("the array has the size of the grid")
}

fn labels_of(values: &Volume<f64>) -> Result<LabelMap, LabelError> {
    // The cast saturates and drops fractions and NaN, so only labels come back as they were.
    let is_label = |v: f64| f64::from(v as Label) == v;
    if values
        .voxels()
        .iter()
        .fold(true, |all, &v| all & is_label(v))
    {
        return Ok(values.map(|&v| v as Label));
    }
    let bad = values.voxels().indexed_iter().find(|&(_, &v)| !is_label(v));
    if let Some(((z, y, x), &found)) = bad {
        return Err(LabelError {
            index: [z, y, x],
            found: found as f32,
        });
    }
    Ok(values.map(|&v| v as Label))
}
