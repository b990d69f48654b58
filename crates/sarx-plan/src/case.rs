//! One case in memory: all its channels and its labels on one grid.
//!
//! The checks are those whose neglect ruins a study without a word: channels that lie in
//! different places, labels that belong to another image, label values nobody declared, voxels
//! that are not numbers.

use crate::cases::CaseFiles;
use crate::dataset_json::DatasetJson;
use sarx_core::{CaseId, Grid, GridMismatch, Label, LabelMap, Spacing, Volume};
use sarx_io::{Header, ReadError};
use std::path::{Path, PathBuf};

/// How far apart the corners of two grids may be that are called one, mm. Header fields in
/// 32-bit floats put corners up to some hundredths of a millimetre apart; a tenth is still far
/// below any voxel.
const POSITION_TOLERANCE_MM: f64 = 0.1;

/// The one slice of a 2D file is this many times as thick as its larger pixel edge, so that it
/// counts as the coarsest axis. Source: nnU-Net v2 `imageio/simpleitk_reader_writer.py`.
const SLICE_THICKNESS: f64 = 999.0;

/// A case in memory; everything on one grid.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the case.
    pub id: CaseId,
    /// One volume per channel of dataset.json, all finite.
    pub channels: Vec<Volume<f32>>,
    /// Labels, where the case has a label file; declared values only.
    pub labels: Option<LabelMap>,
    /// Header of the first channel's file, to write results like it. Its grid is that of the
    /// channels, but for 2D files, whose slice it gives no thickness.
    pub header: Header,
}

impl Case {
    /// The grid of all channels and labels.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        // A case has at least one channel; see `CaseReader`.
        self.channels
            .first()
            .map_or_else(|| self.header.grid(), Volume::grid)
    }
}

/// A case that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// A file is missing, damaged or of an unknown format.
    #[error("case \"{case}\": {source}")]
    Unreadable {
        /// The case.
        case: CaseId,
        /// What is wrong, with the path.
        #[source]
        source: ReadError,
    },
    /// Another number of channels than dataset.json declares.
    #[error("case \"{case}\" has {found} channels, dataset.json declares {expected}")]
    ChannelCount {
        /// The case.
        case: CaseId,
        /// Channels in dataset.json.
        expected: usize,
        /// Channels in the files.
        found: usize,
    },
    /// A channel on another grid than the first one.
    #[error(
        "channel {channel} of case \"{case}\" is not on the grid of channel 0: {source}; all channels of a case must share one grid: {path:?}"
    )]
    ChannelGrid {
        /// The case.
        case: CaseId,
        /// Index of the channel.
        channel: usize,
        /// How they differ.
        source: GridMismatch,
        /// The channel's file.
        path: PathBuf,
    },
    /// Labels on another grid than the image.
    #[error("the labels of case \"{case}\" are not on the grid of its image: {source}: {path:?}")]
    LabelGrid {
        /// The case.
        case: CaseId,
        /// How they differ.
        source: GridMismatch,
        /// The label file.
        path: PathBuf,
    },
    /// Label values that dataset.json does not declare.
    #[error(
        "labels {found:?} found in case \"{case}\", dataset.json declares {declared:?}: {path:?}"
    )]
    UndeclaredLabels {
        /// The case.
        case: CaseId,
        /// Values without a meaning, ascending.
        found: Vec<Label>,
        /// Values with one.
        declared: Vec<Label>,
        /// The label file.
        path: PathBuf,
    },
    /// Voxels that are NaN or infinite.
    #[error(
        "channel {channel} of case \"{case}\" has {n_voxels} voxels that are NaN or infinite, the first at {first:?} (z, y, x): {path:?}"
    )]
    NotFinite {
        /// The case.
        case: CaseId,
        /// Index of the channel.
        channel: usize,
        /// How many.
        n_voxels: usize,
        /// Index of the first, `[z, y, x]`.
        first: [usize; 3],
        /// The channel's file.
        path: PathBuf,
    },
}

/// Reads cases of one dataset and checks them.
#[derive(Debug, Clone)]
pub struct CaseReader<'a> {
    json: &'a DatasetJson,
    allow_position_mismatch: bool,
}

impl<'a> CaseReader<'a> {
    /// A reader that accepts nothing doubtful.
    #[must_use]
    pub fn new(json: &'a DatasetJson) -> Self {
        Self {
            json,
            allow_position_mismatch: false,
        }
    }

    /// Accepts channels and labels whose voxels match but whose origin or direction differ, as
    /// nnU-Net does with a warning. They are then taken as lying on the first channel's grid.
    #[must_use]
    pub fn with_position_mismatch_allowed(mut self, allow: bool) -> Self {
        self.allow_position_mismatch = allow;
        self
    }

    /// Reads one case.
    ///
    /// # Errors
    ///
    /// [`CaseError`], the first of those that the case has.
    pub fn read_case(&self, files: &CaseFiles) -> Result<Case, CaseError> {
        let inspection = self.inspect(files);
        match (inspection.errors.into_iter().next(), inspection.case) {
            (None, Some(case)) => Ok(case),
            (Some(error), _) => Err(error),
            // Every path without a case has an error; kept as an error for a case without files.
            (None, None) => Err(CaseError::ChannelCount {
                case: files.id.clone(),
                expected: self.json.n_channels(),
                found: 0,
            }),
        }
    }

    /// Reads one case and collects everything that is wrong with it.
    pub(crate) fn inspect(&self, files: &CaseFiles) -> Inspection {
        let mut found = Inspection::default();
        let (channels, header) = self.channels(files, &mut found);
        let Some((header, first)) = header.zip(channels.first()) else {
            self.labels(files, None, &mut found);
            return found;
        };
        let grid = *first.grid();
        let labels = self.labels(files, Some(&grid), &mut found);
        if found.errors.is_empty() {
            found.case = Some(Case {
                id: files.id.clone(),
                channels,
                labels,
                header,
            });
        }
        found
    }

    fn channels(
        &self,
        files: &CaseFiles,
        found: &mut Inspection,
    ) -> (Vec<Volume<f32>>, Option<Header>) {
        let case = &files.id;
        let mut channels: Vec<Volume<f32>> = Vec::new();
        let mut first_header = None;
        let mut all_readable = true;
        for path in &files.channels {
            let (volumes, header) = match sarx_io::read_channels(path) {
                Ok(read) => read,
                Err(source) => {
                    found.errors.push(CaseError::Unreadable {
                        case: case.clone(),
                        source,
                    });
                    all_readable = false;
                    continue;
                }
            };
            for volume in volumes {
                let volume = with_thickness(volume, &header);
                let channel = channels.len();
                found
                    .errors
                    .extend(not_finite(case, channel, &volume, path));
                let expected = channels.first().map(|first| *first.grid());
                let (volume, mismatch) = self.on_grid(volume, expected.as_ref(), found);
                if let Some(source) = mismatch {
                    let (case, path) = (case.clone(), path.clone());
                    found.errors.push(CaseError::ChannelGrid {
                        case,
                        channel,
                        source,
                        path,
                    });
                }
                channels.push(volume);
            }
            first_header.get_or_insert(header);
        }
        let (expected, n_found) = (self.json.n_channels(), channels.len());
        if all_readable && expected != n_found {
            let case = case.clone();
            found.errors.push(CaseError::ChannelCount {
                case,
                expected,
                found: n_found,
            });
        }
        (channels, first_header)
    }

    fn labels(
        &self,
        files: &CaseFiles,
        grid: Option<&Grid>,
        found: &mut Inspection,
    ) -> Option<LabelMap> {
        let path = files.label.as_ref()?;
        let case = || files.id.clone();
        let labels = match sarx_io::read_labels(path) {
            Ok(read) => with_thickness(read.labels, &read.header),
            Err(source) => {
                found.errors.push(CaseError::Unreadable {
                    case: case(),
                    source,
                });
                return None;
            }
        };
        let scheme = self.json.labels();
        let values = distinct(&labels);
        let undeclared: Vec<Label> = values
            .iter()
            .copied()
            .filter(|&label| !scheme.declares(label))
            .collect();
        if !undeclared.is_empty() {
            found.errors.push(CaseError::UndeclaredLabels {
                case: case(),
                found: undeclared,
                declared: scheme
                    .all_labels()
                    .iter()
                    .copied()
                    .chain(scheme.ignore_label())
                    .collect(),
                path: path.clone(),
            });
        }
        found.is_background_only = values.iter().all(|&label| label == 0);
        let (labels, mismatch) = self.on_grid(labels, grid, found);
        if let Some(source) = mismatch {
            found.errors.push(CaseError::LabelGrid {
                case: case(),
                source,
                path: path.clone(),
            });
        }
        Some(labels)
    }

    /// Puts a volume on the expected grid if its voxels match and its place does or need not.
    fn on_grid<T: Clone>(
        &self,
        volume: Volume<T>,
        expected: Option<&Grid>,
        found: &mut Inspection,
    ) -> (Volume<T>, Option<GridMismatch>) {
        let Some(expected) = expected else {
            return (volume, None);
        };
        match expected.require_same(volume.grid(), POSITION_TOLERANCE_MM) {
            Ok(()) => {}
            Err(GridMismatch::Position { distance_mm }) if self.allow_position_mismatch => {
                found.moved_mm = found.moved_mm.max(distance_mm);
            }
            Err(mismatch) => return (volume, Some(mismatch)),
        }
        match Volume::new(volume.into_voxels(), *expected) {
            Ok(volume) => (volume, None),
            Err(_) => unreachable!("require_same has compared the sizes"),
        }
    }
}

/// What reading one case found.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    /// The case, if nothing is wrong with it.
    pub(crate) case: Option<Case>,
    /// Everything that is wrong.
    pub(crate) errors: Vec<CaseError>,
    /// The label map holds background only.
    pub(crate) is_background_only: bool,
    /// Largest distance between grids that was accepted, mm.
    pub(crate) moved_mm: f64,
}

/// Gives the slice of a 2D file its thickness.
fn with_thickness<T: Clone>(volume: Volume<T>, header: &Header) -> Volume<T> {
    if header.n_axes() != 2 {
        return volume;
    }
    match Volume::new(volume.into_voxels(), case_grid(header)) {
        Ok(volume) => volume,
        Err(_) => unreachable!("the size is the same"),
    }
}

/// The grid of a case whose file has this header: that of the file, but for the one slice of a 2D
/// file, which gets a thickness.
#[must_use]
pub fn case_grid(header: &Header) -> Grid {
    let mut grid = *header.grid();
    let [_, y, x] = grid.spacing.zyx_mm();
    if header.n_axes() == 2
        && let Ok(spacing) = Spacing::new([SLICE_THICKNESS * y.max(x), y, x])
    {
        grid.spacing = spacing;
    }
    grid
}

fn not_finite(
    case: &CaseId,
    channel: usize,
    volume: &Volume<f32>,
    path: &Path,
) -> Option<CaseError> {
    let bad = || {
        volume
            .voxels()
            .indexed_iter()
            .filter(|(_, value)| !value.is_finite())
    };
    let ((z, y, x), _) = bad().next()?;
    Some(CaseError::NotFinite {
        case: case.clone(),
        channel,
        n_voxels: bad().count(),
        first: [z, y, x],
        path: path.to_owned(),
    })
}

impl CaseError {
    /// The file it belongs to; none for a wrong number of channels.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { source, .. } => Some(&source.path),
            Self::ChannelCount { .. } => None,
            Self::ChannelGrid { path, .. }
            | Self::LabelGrid { path, .. }
            | Self::UndeclaredLabels { path, .. }
            | Self::NotFinite { path, .. } => Some(path),
        }
    }

    /// The case it belongs to.
    #[must_use]
    pub fn case(&self) -> &CaseId {
        match self {
            Self::Unreadable { case, .. }
            | Self::ChannelCount { case, .. }
            | Self::ChannelGrid { case, .. }
            | Self::LabelGrid { case, .. }
            | Self::UndeclaredLabels { case, .. }
            | Self::NotFinite { case, .. } => case,
        }
    }
}
/// Every label that occurs, ascending.
fn distinct(labels: &LabelMap) -> Vec<Label> {
    let mut occurs = vec![false; usize::from(Label::MAX) + 1];
    for &label in labels.voxels() {
        occurs[usize::from(label)] = true;
    }
    let all = (0..=Label::MAX).zip(occurs);
    all.filter_map(|(label, occurs)| occurs.then_some(label))
        .collect()
}
