//! Splits a series into stacks of slices, each of which may be one volume.
//!
//! Slices belong apart when their matrix, orientation, echo, part of a complex image, image type or
//! diffusion weighting differ. Time, acquisition number and trigger separate only where positions
//! repeat: some scanners number the interleaved parts of one volume as acquisitions.

mod check;
mod fault;

pub use fault::{StackFault, StackNote};

use crate::source_series::SliceGeometry;
use crate::{AcquisitionTags, Component, Frame, Instance, Series};
use sarx_core::Grid;
use std::collections::{BTreeMap, BTreeSet};

/// How much a component of an orientation may differ within a stack's first sorting; a smaller
/// difference that still matters is a fault, a larger one makes another stack.
const OTHER_ORIENTATION: f64 = 0.02;
/// Positions closer than this along the normal are one position, mm.
pub(crate) const SAME_POSITION_MM: f64 = 0.01;

/// One slice: an object of the series and one of its frames, as indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceRef {
    /// Index into [`Series::instances`].
    pub instance: usize,
    /// Index into [`Instance::frames`].
    pub frame: usize,
}

/// Slices that belong together.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The slices, in order along the normal where they have positions.
    pub slices: Vec<SliceRef>,
    /// What sets this stack apart from others of its series.
    pub kind: StackKind,
    /// Why it cannot be a volume; empty if it can.
    pub faults: Vec<StackFault>,
    /// What a user should know although it is no fault.
    pub notes: Vec<StackNote>,
    pub(crate) sound: Option<Sound>,
}

/// Geometry of a stack without faults.
#[derive(Debug, Clone)]
pub(crate) struct Sound {
    pub(crate) grid: Grid,
    pub(crate) shared: SliceGeometry,
    /// Of each slice, LPS+ mm.
    pub(crate) positions: Vec<[f64; 3]>,
}

/// What sets a stack apart; values of its first slice.
#[derive(Debug, Clone, PartialEq)]
pub struct StackKind {
    /// Echo time, ms.
    pub echo_time_ms: Option<f64>,
    /// Number of the echo.
    pub echo_number: Option<i64>,
    /// Part of a complex image.
    pub component: Component,
    /// Image type.
    pub image_type: String,
    /// Diffusion weighting, s/mm2.
    pub b_value: Option<f64>,
    /// Number of the acquisition.
    pub acquisition: Option<i64>,
    /// Position in time.
    pub temporal_position: Option<i64>,
    /// Time after the trigger, ms.
    pub trigger_ms: Option<f64>,
    /// Direction of rows, then of columns, LPS+.
    pub orientation: Option<[f64; 6]>,
    /// Voxels along a column and along a row.
    pub matrix: (u16, u16),
}

impl Stack {
    /// What tells the sequence of this stack: the attributes of its first object, with the stack's
    /// own echo time and orientation.
    #[must_use]
    pub fn acquisition(&self, series: &Series) -> AcquisitionTags {
        let mut tags = self
            .slices
            .first()
            .map_or_else(AcquisitionTags::default, |slice| {
                series.instances[slice.instance].acquisition.clone()
            });
        tags.echo_time_ms = self.kind.echo_time_ms.or(tags.echo_time_ms);
        tags.orientation = self.kind.orientation.or(tags.orientation);
        tags
    }

    /// Where the volume will lie, if there is no fault.
    #[must_use]
    pub fn grid(&self) -> Option<&Grid> {
        self.sound.as_ref().map(|sound| &sound.grid)
    }
}

/// Splits a series into stacks and checks each. Objects that are no image are left out.
///
/// The stacks are in the order in which the series' first slices of each appear.
#[must_use]
pub fn stacks(series: &Series) -> Vec<Stack> {
    let groups = hard_groups(series);
    let n_orientations = groups
        .keys()
        .map(|key| key.orientation)
        .collect::<BTreeSet<_>>()
        .len();
    let mut stacks: Vec<Stack> = groups
        .into_values()
        .flat_map(|slices| soft_groups(series, slices))
        .map(|slices| check::stack(series, slices))
        .collect();
    stacks.sort_by_key(|stack| stack.slices.iter().min().copied());
    for stack in &mut stacks {
        let localizer = stack.kind.image_type.split('\\').any(|v| v == "LOCALIZER");
        if localizer || (n_orientations > 1 && series.modality == "MR") {
            stack.notes.push(StackNote::Localizer { n_orientations });
        }
    }
    stacks
}

/// What always sets slices apart; numbers rounded to what headers carry.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct HardKey {
    matrix: (u16, u16),
    orientation: usize,
    echo: (Option<i64>, Option<i64>),
    component: Component,
    image_type: String,
    b_value: Option<i64>,
    direction: Option<[i64; 3]>,
}

fn rounded(value: f64, steps_per_unit: f64) -> i64 {
    (value * steps_per_unit).round() as i64
}

fn hard_groups(series: &Series) -> BTreeMap<HardKey, Vec<SliceRef>> {
    let mut orientations: Vec<Option<[f64; 6]>> = Vec::new();
    let mut groups: BTreeMap<HardKey, Vec<SliceRef>> = BTreeMap::new();
    for (instance, frame, slice) in images(series) {
        let like = |known: &Option<[f64; 6]>| match (known, &frame.orientation) {
            (Some(a), Some(b)) => a
                .iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() < OTHER_ORIENTATION),
            (None, None) => true,
            _ => false,
        };
        let orientation = orientations.iter().position(like).unwrap_or_else(|| {
            orientations.push(frame.orientation);
            orientations.len() - 1
        });
        let pixels = instance.pixels.as_ref();
        let key = HardKey {
            matrix: pixels.map_or((0, 0), |p| (p.rows, p.columns)),
            orientation,
            echo: (
                frame.echo_time_ms.map(|t| rounded(t, 100.0)),
                frame.echo_number,
            ),
            component: frame.component,
            image_type: frame.image_type.clone(),
            b_value: frame.b_value.map(|b| rounded(b, 1.0)),
            direction: frame
                .diffusion_direction
                .map(|d| d.map(|v| rounded(v, 100.0))),
        };
        groups.entry(key).or_default().push(slice);
    }
    groups
}

/// All slices of images of a series.
fn images(series: &Series) -> impl Iterator<Item = (&Instance, &Frame, SliceRef)> {
    series
        .instances
        .iter()
        .enumerate()
        .filter(|(_, instance)| instance.is_image())
        .flat_map(|(i, instance)| {
            instance.frames.iter().enumerate().map(move |(f, frame)| {
                let slice = SliceRef {
                    instance: i,
                    frame: f,
                };
                (instance, frame, slice)
            })
        })
}

impl Series {
    pub(crate) fn frame(&self, slice: SliceRef) -> &Frame {
        &self.instances[slice.instance].frames[slice.frame]
    }
}

/// One of the soft differences.
type Soft = fn(&Frame) -> Option<i64>;

const SOFT: [Soft; 3] = [
    |frame| frame.temporal_position,
    |frame| frame.acquisition,
    |frame| frame.trigger_ms.map(|t| rounded(t, 10.0)),
];

/// Splits by the first soft difference that leaves no repeated position; by all of them if none
/// alone does and they help; else not at all.
fn soft_groups(series: &Series, slices: Vec<SliceRef>) -> Vec<Vec<SliceRef>> {
    if !repeats(series, &slices) {
        return vec![slices];
    }
    let by = |key: &dyn Fn(&Frame) -> Vec<Option<i64>>| {
        let mut groups: BTreeMap<Vec<Option<i64>>, Vec<SliceRef>> = BTreeMap::new();
        for &slice in &slices {
            groups
                .entry(key(series.frame(slice)))
                .or_default()
                .push(slice);
        }
        groups.into_values().collect::<Vec<_>>()
    };
    let sound = |groups: &[Vec<SliceRef>]| groups.iter().all(|group| !repeats(series, group));
    for soft in SOFT {
        let groups = by(&|frame| vec![soft(frame)]);
        if sound(&groups) {
            return groups;
        }
    }
    let groups = by(&|frame| SOFT.iter().map(|soft| soft(frame)).collect());
    if sound(&groups) { groups } else { vec![slices] }
}

/// Whether two slices lie at one position.
fn repeats(series: &Series, slices: &[SliceRef]) -> bool {
    let Some(mut places) = check::places(series, slices) else {
        return false;
    };
    places.sort_by(f64::total_cmp);
    places.windows(2).any(|w| w[1] - w[0] < SAME_POSITION_MM)
}
