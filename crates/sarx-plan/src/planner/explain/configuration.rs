//! Patch, pooling and batch of one configuration, in words.

use super::{counted, edges, number, number_of, percent};
use crate::planner::preset::{MIN_BATCH, Preset};
use crate::planner::topology::MIN_EDGE;
use crate::planner::{Planned, Sized};

/// A configuration with what is needed to explain it; axes in plans order.
pub(super) struct Explained<'a> {
    pub(super) name: &'a str,
    pub(super) planned: &'a Planned<'a>,
    pub(super) spacing_mm: &'a [f64],
    pub(super) median_size: &'a [f64],
    pub(super) sized: &'a Sized,
}

impl Explained<'_> {
    /// A headline, the patch axis by axis, the stages, the batch.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![self.patch()];
        for axis in 0..self.sized.patch.len() {
            lines.push(format!(
                "  axis {} ({} mm): {}; {}",
                self.label(axis),
                number(self.spacing_mm[axis]),
                self.patch_edge(axis),
                self.pooling(axis),
            ));
        }
        lines.push(self.network());
        lines.push(self.batch());
        lines.join("\n")
    }

    /// Index of the axis in plans order; the axes of slices are 1 and 2.
    fn label(&self, axis: usize) -> usize {
        axis + 3 - self.sized.patch.len()
    }

    fn patch(&self) -> String {
        let patch = edges(&self.sized.patch);
        let (estimate, limit) = self.per_patch();
        let size = format!(
            "{} feature map voxels, {} allowed for {} GB",
            count(estimate),
            count(limit),
            number(self.planned.preset.memory_gb)
        );
        let n_steps = self.sized.tried.len() - 1;
        let why = match self.sized.tried.first() {
            Some(start) if n_steps > 0 => format!(
                "shrunk in {} from {}, each time along the axis that is longest compared with the \
                 median case, until the network fits ({size})",
                counted(n_steps, "step"),
                edges(start),
            ),
            _ => format!("which fits at once ({size})"),
        };
        format!("{}: patch {patch}, {why}", self.name)
    }

    /// What one patch takes and may take. The limit counts the smallest batch where the preset
    /// sizes the patch for it.
    fn per_patch(&self) -> (f64, f64) {
        let preset = self.planned.preset;
        let n_axes = self.sized.patch.len();
        let reference = preset.reference(n_axes);
        let limit = if preset.patch_for_smallest_batch {
            reference * Preset::reference_batch(n_axes) / MIN_BATCH
        } else {
            reference
        };
        (self.sized.estimate, limit)
    }

    fn patch_edge(&self, axis: usize) -> String {
        let (edge, start) = (self.sized.patch[axis], self.sized.initial[axis]);
        let median = self.median_size[axis];
        let begins = if start >= median {
            format!("all {} of the median case", number(median))
        } else {
            let cube = match self.sized.patch.len() {
                2 => "2048x2048",
                _ => "256x256x256",
            };
            format!(
                "{} of the {} of the median case, because no patch begins with more than \
                 {cube} voxels of a shape that is cubic in mm",
                number(start),
                number(median)
            )
        };
        let mut text = format!("{edge} voxels, beginning with {begins}");
        if let Some(padded) = self.sized.tried.first().map(|patch| patch[axis])
            && padded as f64 != start
        {
            text += &format!(", padded to {padded} so that every stage can halve it");
        }
        let changes = self.sized.tried.windows(2);
        let n_changes = changes.filter(|pair| pair[0][axis] != pair[1][axis]);
        match n_changes.count() {
            0 => {}
            n => text += &format!(", then changed in {}", counted(n, "step")),
        }
        text
    }

    fn pooling(&self, axis: usize) -> String {
        let strides = &self.sized.architecture.strides;
        let halved: Vec<usize> = (0..strides.len())
            .filter(|&stage| strides[stage][axis] > 1)
            .collect();
        let bottom = self.bottom(axis);
        let mut text = match halved.first() {
            None => "never halved".to_owned(),
            Some(first) => {
                let times = match halved.len() {
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                };
                let waits = if *first > 1 {
                    format!(
                        ", from stage {first} on, when the voxels of the other axes have come \
                         within a factor of 2 of its own"
                    )
                } else {
                    String::new()
                };
                format!("halved {times}{waits}, down to {bottom}")
            }
        };
        text += &format!(", because {}", self.why_it_stops(axis));
        let kernels = &self.sized.architecture.kernel_sizes;
        match kernels.iter().filter(|kernel| kernel[axis] == 1).count() {
            0 => {}
            1 => text += "; kernel 1 in stage 0, where its voxels are at least twice the finest",
            n => {
                text += &format!(
                    "; kernel 1 in stages 0 to {}, where its voxels are at least twice the finest",
                    n - 1
                );
            }
        }
        text
    }

    /// Voxels of the bottleneck.
    fn bottom(&self, axis: usize) -> usize {
        let strides = &self.sized.architecture.strides;
        let divisor: usize = strides.iter().map(|stride| stride[axis]).product();
        self.sized.patch[axis] / divisor
    }

    /// Spacing at the bottleneck.
    fn bottom_mm(&self, axis: usize) -> f64 {
        let strides = &self.sized.architecture.strides;
        let divisor: usize = strides.iter().map(|stride| stride[axis]).product();
        self.spacing_mm[axis] * divisor as f64
    }

    fn why_it_stops(&self, axis: usize) -> String {
        let long = |axis: usize| self.bottom(axis) as f64 >= 2.0 * MIN_EDGE;
        if !long(axis) {
            return format!("an axis needs {} voxels to be halved", 2.0 * MIN_EDGE);
        }
        let finest = (0..self.sized.patch.len())
            .filter(|&other| long(other))
            .map(|other| self.bottom_mm(other))
            .fold(f64::INFINITY, f64::min);
        if self.bottom_mm(axis) / finest >= 2.0 {
            "its voxels are at least twice as coarse as those of an axis that is still long enough"
                .to_owned()
        } else {
            format!(
                "an axis that is halved alone needs {} voxels",
                3.0 * MIN_EDGE
            )
        }
    }

    fn network(&self) -> String {
        let architecture = &self.sized.architecture;
        let strides: Vec<String> = architecture.strides.iter().map(|s| edges(s)).collect();
        format!(
            "  network: {} with features {:?}, which double from stage to stage up to the limit; \
             strides {}",
            counted(architecture.n_stages(), "stage"),
            architecture.features_per_stage,
            strides.join(" "),
        )
    }

    fn batch(&self) -> String {
        let preset = self.planned.preset;
        let n_axes = self.sized.patch.len();
        let batch = self.sized.batch_size as f64;
        let (memory, dataset) = (self.sized.batch_by_memory, self.sized.batch_by_dataset);
        let covered = percent(preset.max_dataset_covered);
        let why = if batch == memory && batch <= dataset {
            format!(
                "what the memory holds; {covered} of the dataset's voxels would be {dataset} patches"
            )
        } else if batch == dataset {
            format!("{covered} of the dataset's voxels; the memory would hold {memory} patches")
        } else {
            format!(
                "the least that is allowed; the memory would hold {memory} patches, {covered} of \
                 the dataset's voxels are {dataset}"
            )
        };
        format!(
            "  batch {}: {why} (memory: {} GB hold {} patches of {} feature map voxels each; \
             here one has {})",
            self.sized.batch_size,
            number(preset.memory_gb),
            Preset::reference_batch(n_axes),
            count(preset.reference(n_axes)),
            count(self.sized.estimate),
        )
    }
}

/// A large number with two or three leading digits.
fn count(voxels: f64) -> String {
    match voxels {
        v if v >= 1e7 => format!("{} million", number_of(v / 1e6, 0)),
        v if v >= 1e6 => format!("{} million", number_of(v / 1e6, 1)),
        v => format!("{} thousand", number_of(v / 1e3, 1)),
    }
}
