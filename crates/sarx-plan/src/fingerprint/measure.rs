//! Measuring the fingerprint of a dataset.

use super::weighted::{CaseValues, DISTINCT_LIMIT, Distribution, Refinement};
use super::{Fingerprint, IntensityProperties};
use crate::case::{Case, CaseError, CaseReader};
use crate::cases::CaseFiles;
use crate::dataset::{Dataset, DatasetError};
use crate::percentile::median;
use rayon::prelude::*;
use sarx_core::{BoundingBox, Progress, nonzero_mask};

/// A fingerprint that cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Files are missing or misnamed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Some cases cannot be used.
    #[error("{} cases cannot be used: {}", failures.len(), listed(failures))]
    Cases {
        /// The first error of each.
        failures: Vec<CaseError>,
    },
    /// No case has foreground.
    #[error(
        "no case has a labelled voxel inside its nonzero region; there are no intensities to measure"
    )]
    NoForeground,
}

fn listed(failures: &[CaseError]) -> String {
    failures
        .iter()
        .map(CaseError::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Measures the fingerprint of all training cases.
///
/// As nnU-Net: each case is cropped to the tight box around its nonzero region with holes filled
/// (the whole array if everything is zero); foreground is every label above 0 in that box, the
/// ignore label included; cases without foreground give no intensities.
///
/// Unlike nnU-Net, which draws 10^8 samples, intensities are exact: each case weighs the same,
/// `min` and `max` are those of all voxels (samples may miss them), and a percentile is the
/// smallest value at which the weight reaches the fraction. The differences are sampling noise.
///
/// Memory: as many cases as there are threads, whatever the size of the dataset. Images with
/// very many distinct values are read twice.
///
/// # Determinism
///
/// The result does not depend on the number of threads.
///
/// # Errors
///
/// [`FingerprintError`] with every case that cannot be used, or if no case has foreground.
///
/// # Source
///
/// nnU-Net v2 `fingerprint_extractor.py`, `analyze_case` and `run`.
pub fn measure(
    dataset: &Dataset,
    reader: &CaseReader<'_>,
    progress: &dyn Progress,
) -> Result<Fingerprint, FingerprintError> {
    measure_with_limit(dataset, reader, progress, DISTINCT_LIMIT)
}

pub(super) fn measure_with_limit(
    dataset: &Dataset,
    reader: &CaseReader<'_>,
    progress: &dyn Progress,
    max_distinct: usize,
) -> Result<Fingerprint, FingerprintError> {
    let cases = dataset.cases()?;
    let n_channels = dataset.json().n_channels();
    let mut distributions: Vec<Distribution> =
        (0..n_channels).map(|_| Distribution::new()).collect();
    let mut fingerprint = Fingerprint {
        spacings_mm: Vec::with_capacity(cases.len()),
        sizes_after_crop: Vec::with_capacity(cases.len()),
        foreground_intensities: Vec::new(),
        median_relative_size_after_cropping: 1.0,
    };
    let mut relative_sizes = Vec::with_capacity(cases.len());
    in_order(cases, reader, ("fingerprint", progress), |measured| {
        fingerprint.spacings_mm.push(measured.spacing_mm);
        fingerprint.sizes_after_crop.push(measured.size_after_crop);
        relative_sizes.push(measured.relative_size);
        for (distribution, values) in distributions.iter_mut().zip(&measured.foreground) {
            if let Some(values) = values {
                distribution.add(values, max_distinct);
            }
        }
    })?;
    if distributions.iter().any(Distribution::is_empty) {
        return Err(FingerprintError::NoForeground);
    }
    fingerprint.median_relative_size_after_cropping = median(&relative_sizes);
    fingerprint.foreground_intensities = intensities(&distributions, cases, reader, progress)?;
    Ok(fingerprint)
}

fn intensities(
    distributions: &[Distribution],
    cases: &[CaseFiles],
    reader: &CaseReader<'_>,
    progress: &dyn Progress,
) -> Result<Vec<IntensityProperties>, FingerprintError> {
    let mut refinements: Vec<Option<Refinement>> =
        distributions.iter().map(Distribution::refinement).collect();
    if refinements.iter().any(Option::is_some) {
        in_order(
            cases,
            reader,
            ("fingerprint: percentiles", progress),
            |measured| {
                for (refinement, values) in refinements.iter_mut().zip(&measured.foreground) {
                    if let (Some(refinement), Some(values)) = (refinement, values) {
                        refinement.add(values);
                    }
                }
            },
        )?;
    }
    Ok(distributions
        .iter()
        .zip(&refinements)
        .map(|(d, r)| d.properties(r.as_ref()))
        .collect())
}

/// What is kept of one case.
struct Measured {
    spacing_mm: [f64; 3],
    size_after_crop: [usize; 3],
    relative_size: f64,
    /// Per channel; `None` without foreground.
    foreground: Vec<Option<CaseValues>>,
}

/// Measures all cases and hands them on in their order.
fn in_order(
    cases: &[CaseFiles],
    reader: &CaseReader<'_>,
    (stage, progress): (&str, &dyn Progress),
    mut each: impl FnMut(&Measured),
) -> Result<(), FingerprintError> {
    let mut failures = Vec::new();
    progress.begin(stage, cases.len() as u64);
    let measured = |files: &CaseFiles| {
        let measured = reader.read_case(files).map(|case| measure_case(&case));
        progress.advance(1);
        measured
    };
    few_at_a_time(cases, measured, |measured| match measured {
        Ok(measured) => each(&measured),
        Err(error) => failures.push(error),
    });
    progress.finish();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(FingerprintError::Cases { failures })
    }
}

/// Makes one value of each item and hands the values on in the order of the items. No more than
/// as many as there are threads exist at a time, whatever the number of items.
pub(super) fn few_at_a_time<I: Sync, V: Send>(
    items: &[I],
    make: impl Fn(&I) -> V + Sync,
    each: impl FnMut(V),
) {
    let mut each = each;
    for group in items.chunks(rayon::current_num_threads().max(1)) {
        let made: Vec<V> = group.par_iter().map(&make).collect();
        made.into_iter().for_each(&mut each);
    }
}

fn measure_case(case: &Case) -> Measured {
    let views: Vec<_> = case
        .channels
        .iter()
        .map(|channel| channel.voxels().view())
        .collect();
    let size = case.grid().size;
    let cropped = BoundingBox::around(nonzero_mask(&views).view())
        .unwrap_or_else(|| BoundingBox::whole(size.zyx()));
    let foreground = views
        .iter()
        .map(|channel| {
            let labels = case.labels.as_ref()?;
            let in_box = |axis: ndarray::AxisDescription| cropped.slice(axis.axis.index());
            let values: Vec<f32> = labels
                .voxels()
                .slice_each_axis(in_box)
                .iter()
                .zip(channel.slice_each_axis(in_box))
                .filter(|&(&label, _)| label > 0)
                .map(|(_, &value)| value)
                .collect();
            CaseValues::new(&values)
        })
        .collect();
    let n_left: usize = cropped.size().iter().product();
    Measured {
        spacing_mm: case.grid().spacing.zyx_mm(),
        size_after_crop: cropped.size(),
        relative_size: n_left as f64 / size.n_voxels() as f64,
        foreground,
    }
}
