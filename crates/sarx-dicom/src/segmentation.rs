//! DICOM SEG as masks and label maps: binary, fractional, and label-map objects.
//!
//! Each frame has a place of its own and belongs to one segment. A frame is put on a grid by its
//! place, not by the object it was derived from: rows, columns and slices may run along any axis of the
//! grid in either direction, but every pixel must fall on a voxel.

mod place;

use crate::attribute::{Scope, integer, items, text};
use crate::geometry::{Axes, dot, flip, minus};
use crate::header::{Object, read_header};
use crate::label_mapping::{MappedLabels, Mask, map_labels};
use crate::pixels::Pixels;
use crate::{FileError, FileFault, Frame, Instance, Limits, Location};
use dicom_dictionary_std::tags;
use sarx_core::{Grid, Label, Size, Spacing, Volume};

/// What the pixels of a segmentation mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentationKind {
    /// One bit per pixel.
    Binary,
    /// A probability or occupancy, from 0 to the maximum given.
    Fractional {
        /// What stands for one.
        maximum: u16,
    },
    /// The number of a segment.
    LabelMap,
}

/// A code of a terminology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its value, such as `108369006`.
    pub value: String,
    /// Its scheme, such as `SCT`.
    pub scheme: String,
    /// Its meaning, such as `Neoplasm`.
    pub meaning: String,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: u16,
    /// Its label.
    pub label: String,
    /// Category of what it is.
    pub category: Option<Code>,
    /// What it is.
    pub kind: Option<Code>,
}

/// A segmentation object with its pixels.
#[derive(Debug, Clone)]
pub struct Segmentation {
    /// What the pixels mean.
    pub kind: SegmentationKind,
    /// Its segments, by number.
    pub segments: Vec<Segment>,
    /// UID of the series it belongs to, if it says so.
    pub source_series_uid: Option<String>,
    /// UID of the frame of reference.
    pub frame_of_reference_uid: Option<String>,
    /// Voxels along a column and along a row.
    pub matrix: (usize, usize),
    frames: Vec<SegmentFrame>,
}

#[derive(Debug, Clone)]
struct SegmentFrame {
    /// `None` in a label map.
    segment: Option<u16>,
    frame: Frame,
    /// `[row, column]`; bits as 0 and 1.
    values: Vec<u16>,
}

/// Why a segmentation cannot be put on a grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationError {
    /// No such segment.
    #[error("the object has no segment {number}")]
    NoSegment {
        /// What was asked for.
        number: u16,
    },
    /// A frame without a place.
    #[error("frame {frame} has no position, orientation or pixel spacing")]
    NoPlace {
        /// Number of the frame, from 1.
        frame: u32,
    },
    /// Pixels that fall between the voxels of the grid.
    #[error(
        "the pixels of frame {frame} fall beside the voxels of the grid ({off:.3} voxels); resample the segmentation onto the grid"
    )]
    OffGrid {
        /// Number of the frame, from 1.
        frame: u32,
        /// How far, in voxels.
        off: f64,
    },
    /// Frames that span no grid of their own.
    #[error("the frames span no grid of their own: {reason}")]
    NoGrid {
        /// Why.
        reason: String,
    },
}

/// Most frames and segments announce themselves; this many segments are the standard's bound.
const MOST_SEGMENTS: usize = 65_535;

impl Segmentation {
    /// Reads a segmentation with all its pixels.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the object is no segmentation, damaged or of an unknown kind.
    pub fn read(location: &Location, limits: &Limits) -> Result<Self, FileError> {
        let header = read_header(location, limits)?;
        let (instance, _) = Instance::new(location, &header).map_err(|f| f.at(location))?;
        read(&header.object, &instance, limits).map_err(|f| f.at(location))
    }

    /// The voxels of one segment on `grid`; of a fractional one those of at least `threshold` (from
    /// 0 to 1).
    ///
    /// # Errors
    ///
    /// [`SegmentationError`] if there is no such segment or its frames do not lie on the grid.
    pub fn mask(
        &self,
        number: u16,
        threshold: f64,
        grid: &Grid,
    ) -> Result<Mask, SegmentationError> {
        let mut voxels = Volume::filled(*grid, false);
        let least = match self.kind {
            SegmentationKind::Fractional { maximum } => threshold * f64::from(maximum),
            _ => 1.0,
        };
        let mut n_outside = 0;
        let mut view = voxels.voxels_mut();
        self.for_pixels(number, grid, |index, value| {
            if f64::from(value) >= least && value > 0 {
                match index {
                    Some(index) => view[index] = true,
                    None => n_outside += 1,
                }
            }
        })?;
        Ok(Mask { voxels, n_outside })
    }

    /// The fractions of one segment on `grid`, from 0 to 1; of a binary one zeros and ones.
    ///
    /// # Errors
    ///
    /// As [`Self::mask`].
    pub fn fractions(&self, number: u16, grid: &Grid) -> Result<Volume<f32>, SegmentationError> {
        let mut fractions = Volume::filled(*grid, 0f32);
        let one = match self.kind {
            SegmentationKind::Fractional { maximum } => f32::from(maximum.max(1)),
            _ => 1.0,
        };
        let mut view = fractions.voxels_mut();
        self.for_pixels(number, grid, |index, value| {
            if let Some(index) = index {
                view[index] = f32::from(value) / one;
            }
        })?;
        Ok(fractions)
    }

    /// Several segments as one label map: `labels` are pairs of segment number and label.
    ///
    /// # Errors
    ///
    /// As [`Self::mask`].
    pub fn label_map(
        &self,
        labels: &[(u16, Label)],
        threshold: f64,
        grid: &Grid,
    ) -> Result<MappedLabels, SegmentationError> {
        let masks = labels
            .iter()
            .map(|&(number, label)| (label, self.mask(number, threshold, grid)));
        map_labels(grid, masks)
    }

    fn for_pixels(
        &self,
        number: u16,
        grid: &Grid,
        mut visit: impl FnMut(Option<[usize; 3]>, u16),
    ) -> Result<(), SegmentationError> {
        if !self.segments.iter().any(|s| s.number == number) {
            return Err(SegmentationError::NoSegment { number });
        }
        for frame in &self.frames {
            if frame.segment.is_some_and(|segment| segment != number) {
                continue;
            }
            let place = place::Place::new(&frame.frame, grid)?;
            for (i, &value) in frame.values.iter().enumerate() {
                let value = match frame.segment {
                    Some(_) => value,
                    None => u16::from(value == number),
                };
                visit(place.index(i / self.matrix.1, i % self.matrix.1), value);
            }
        }
        Ok(())
    }

    /// The smallest grid that holds all frames, in their own orientation. Frames that are not
    /// there (empty ones are often left out) are between the others.
    ///
    /// # Errors
    ///
    /// [`SegmentationError`] if frames have no place, differ in orientation or spacing, or lie unevenly.
    pub fn own_grid(&self) -> Result<Grid, SegmentationError> {
        let no_grid = |reason: &str| SegmentationError::NoGrid {
            reason: reason.to_owned(),
        };
        let mut placed = Vec::new();
        for SegmentFrame { frame, .. } in &self.frames {
            let place = (frame.position_mm, frame.orientation, frame.pixel_spacing_mm);
            let (Some(position), Some(orientation), Some(pixel_mm)) = place else {
                return Err(SegmentationError::NoPlace {
                    frame: frame.number,
                });
            };
            placed.push((position, orientation, pixel_mm));
        }
        let &(_, orientation, pixel_mm) = placed.first().ok_or(no_grid("there are none"))?;
        let axes = Axes::new(orientation).ok_or(no_grid("their axes are not perpendicular"))?;
        let alike = placed.iter().all(|(_, o, p)| {
            let near = |a: &f64, b: &f64| (a - b).abs() < 1e-4;
            o.iter().zip(&orientation).all(|(a, b)| near(a, b))
                && p.iter().zip(&pixel_mm).all(|(a, b)| near(a, b))
        });
        if !alike {
            return Err(no_grid("orientations or pixel spacings differ"));
        }
        placed.sort_by(|a, b| dot(a.0, axes.normal).total_cmp(&dot(b.0, axes.normal)));
        let (first, last) = (placed[0].0, placed[placed.len() - 1].0);
        let extent = dot(minus(last, first), axes.normal);
        let step = self.slice_step(
            &placed
                .iter()
                .map(|p| dot(p.0, axes.normal))
                .collect::<Vec<_>>(),
        );
        let step = step.ok_or(no_grid("one frame without thickness"))?;
        let n_slices = (extent / step).round();
        let uneven = placed.iter().any(|(position, ..)| {
            let at = dot(minus(*position, first), axes.normal) / step;
            (at - at.round()).abs() > 0.05
        });
        if uneven || axes.off_normal_mm(first, last) > 0.1 + 0.05 * pixel_mm[0] {
            return Err(no_grid("they are not evenly stacked along their normal"));
        }
        let most = 1e6;
        if n_slices >= most {
            return Err(no_grid("more than a million slices"));
        }
        let failed = |reason: String| SegmentationError::NoGrid { reason };
        let slice_mm = if n_slices > 0.0 {
            extent / n_slices
        } else {
            step
        };
        let size = Size::new([n_slices as usize + 1, self.matrix.0, self.matrix.1]);
        let spacing = Spacing::new([slice_mm, pixel_mm[0], pixel_mm[1]]);
        Grid::new(
            size.map_err(|e| failed(e.to_string()))?,
            spacing.map_err(|e| failed(e.to_string()))?,
            axes.direction(),
            flip(first),
        )
        .map_err(|e| failed(e.to_string()))
    }

    /// Distance of slices: what the file says, else the smallest distance of frames, else the thickness.
    fn slice_step(&self, places: &[f64]) -> Option<f64> {
        let first = &self.frames.first()?.frame;
        let smallest = places
            .windows(2)
            .map(|w| w[1] - w[0])
            .filter(|&gap| gap > 0.01)
            .min_by(f64::total_cmp);
        first.slice_spacing_mm.or(smallest).or(first.thickness_mm)
    }
}

fn read(object: &Object, instance: &Instance, limits: &Limits) -> Result<Segmentation, FileFault> {
    let layout = instance
        .pixels
        .as_ref()
        .ok_or(FileFault::Missing { name: "PixelData" })?;
    let kind = match text(object, tags::SEGMENTATION_TYPE).as_deref() {
        Some("BINARY") if layout.bits_allocated == 1 => SegmentationKind::Binary,
        Some("FRACTIONAL") if layout.bits_allocated == 8 => {
            let maximum = integer(object, tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255);
            SegmentationKind::Fractional {
                maximum: u16::try_from(maximum)
                    .ok()
                    .filter(|&m| m > 0)
                    .ok_or(FileFault::Bad {
                        name: "MaximumFractionalValue",
                        expected: "a whole number from 1 to 255",
                    })?,
            }
        }
        Some("LABELMAP") if matches!(layout.bits_allocated, 8 | 16) => SegmentationKind::LabelMap,
        _ => {
            return Err(FileFault::Bad {
                name: "SegmentationType",
                expected: "BINARY of 1 bit, FRACTIONAL of 8 bits or LABELMAP of 8 or 16 bits",
            });
        }
    };
    if layout.samples != 1 {
        return Err(FileFault::Pixels {
            what: "a segmentation in colour".to_owned(),
        });
    }
    let voxels = u64::from(layout.rows) * u64::from(layout.columns);
    let n_bytes = voxels.saturating_mul(2 * instance.frames.len() as u64);
    if n_bytes > limits.unpacked_bytes {
        return Err(FileFault::TooLarge {
            part: "segmentation",
            limit: limits.unpacked_bytes,
        });
    }
    let segments = segments(object)?;
    let numbers = segment_numbers(object, instance.frames.len(), kind)?;
    let values = values(instance, kind, voxels as usize, limits)?;
    let frames = instance
        .frames
        .iter()
        .zip(numbers)
        .zip(values)
        .map(|((frame, segment), values)| SegmentFrame {
            segment,
            frame: frame.clone(),
            values,
        })
        .collect();
    let series = items(object, tags::REFERENCED_SERIES_SEQUENCE).first();
    Ok(Segmentation {
        kind,
        segments,
        source_series_uid: series.and_then(|s| text(s, tags::SERIES_INSTANCE_UID)),
        frame_of_reference_uid: text(object, tags::FRAME_OF_REFERENCE_UID),
        matrix: (layout.rows.into(), layout.columns.into()),
        frames,
    })
}

fn segments(object: &Object) -> Result<Vec<Segment>, FileFault> {
    let all = items(object, tags::SEGMENT_SEQUENCE);
    if all.is_empty() || all.len() > MOST_SEGMENTS {
        return Err(FileFault::Bad {
            name: "SegmentSequence",
            expected: "1 to 65535 segments",
        });
    }
    let code = |item: &Object, tag| {
        let code = items(item, tag).first()?;
        Some(Code {
            value: text(code, tags::CODE_VALUE)?,
            scheme: text(code, tags::CODING_SCHEME_DESIGNATOR)?,
            meaning: text(code, tags::CODE_MEANING).unwrap_or_default(),
        })
    };
    let mut segments = Vec::with_capacity(all.len());
    for item in all {
        let number = integer(item, tags::SEGMENT_NUMBER)
            .and_then(|n| u16::try_from(n).ok())
            .ok_or(FileFault::Bad {
                name: "SegmentNumber",
                expected: "a whole number from 0 to 65535",
            })?;
        segments.push(Segment {
            number,
            label: text(item, tags::SEGMENT_LABEL).unwrap_or_default(),
            category: code(item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE),
            kind: code(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE),
        });
    }
    segments.sort_by_key(|s| s.number);
    Ok(segments)
}

/// The segment of each frame.
fn segment_numbers(
    object: &Object,
    n_frames: usize,
    kind: SegmentationKind,
) -> Result<Vec<Option<u16>>, FileFault> {
    if kind == SegmentationKind::LabelMap {
        return Ok(vec![None; n_frames]);
    }
    let scopes = Scope::frames(object);
    if scopes.len() != n_frames {
        return Err(FileFault::Bad {
            name: "PerFrameFunctionalGroupsSequence",
            expected: "one item per frame",
        });
    }
    scopes
        .iter()
        .map(|scope| {
            scope
                .integer(tags::REFERENCED_SEGMENT_NUMBER)
                .and_then(|n| u16::try_from(n).ok())
                .map(Some)
                .ok_or(FileFault::Missing {
                    name: "ReferencedSegmentNumber",
                })
        })
        .collect()
}

fn values(
    instance: &Instance,
    kind: SegmentationKind,
    voxels: usize,
    limits: &Limits,
) -> Result<Vec<Vec<u16>>, FileFault> {
    let pixels = Pixels::open(instance, limits)?;
    let n_frames = instance.frames.len();
    if kind == SegmentationKind::Binary {
        let bits = pixels.all_bits()?;
        let swapped = pixels.swaps_bytes();
        let bit = |i: usize| {
            let at = if swapped { (i / 8) ^ 1 } else { i / 8 };
            u16::from(bits.get(at).copied().unwrap_or(0) >> (i % 8) & 1)
        };
        return Ok((0..n_frames)
            .map(|f| (f * voxels..(f + 1) * voxels).map(bit).collect())
            .collect());
    }
    let wide = instance
        .pixels
        .as_ref()
        .is_some_and(|p| p.bits_allocated == 16);
    (0..n_frames)
        .map(|f| {
            let bytes = pixels.frame(f as u32 + 1)?;
            Ok(if wide {
                bytes
                    .chunks_exact(2)
                    .take(voxels)
                    .map(|b| {
                        let pair = [b[0], b[1]];
                        if pixels.big_endian() {
                            u16::from_be_bytes(pair)
                        } else {
                            u16::from_le_bytes(pair)
                        }
                    })
                    .collect()
            } else {
                let swapped = usize::from(pixels.swaps_bytes());
                (0..voxels)
                    .map(|i| u16::from(bytes.get(i ^ swapped).copied().unwrap_or(0)))
                    .collect()
            })
        })
        .collect()
}
