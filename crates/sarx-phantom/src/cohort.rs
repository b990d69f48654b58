//! A cohort: how many patients, how large their images, and the one act that writes it.

use crate::dataset::{self, Row, Split};
use crate::examination::Examination;
use crate::{Histology, PhantomError, Series};
use rayon::prelude::*;
use sarx_core::{Affine, CaseId, Progress};
use std::path::{Path, PathBuf};

/// More than any study of these tumours; keeps a slip of the keyboard from filling a disk.
const LARGEST_COHORT: usize = 10_000;

/// How many voxels the images have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatrixSize {
    /// As a scanner: 28 to 40 slices of 3 to 6 mm, 192 to 320 voxels of 0.6 to 1.4 mm in plane.
    Standard,
    /// For demonstrations on two CPU cores: 20 to 28 slices of 5 to 8 mm, 80 to 112 voxels of
    /// 2.2 to 3.2 mm in plane.
    Small,
}

/// Which cohort to write. Equal specifications give equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortSpec {
    /// Patients in all, at least 1.
    pub n_patients: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// How many voxels the images have.
    pub matrix: MatrixSize,
    /// The last so many patients go to `imagesTs` and `labelsTs`; fewer than `n_patients`.
    pub held_out: usize,
    /// The series to write, each at most once; a series looks the same whichever are chosen.
    pub series: Vec<Series>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortSummary {
    /// `cohort.csv`.
    pub table: PathBuf,
    /// The dataset folder of each series, in the order of the specification.
    pub datasets: Vec<(Series, PathBuf)>,
    /// Patients in `imagesTr`.
    pub n_train: usize,
    /// Patients in `imagesTs`.
    pub n_test: usize,
}

impl CohortSpec {
    /// Small images of all series, a fifth of the patients held out.
    #[must_use]
    pub fn small(n_patients: usize, seed: u64) -> Self {
        Self {
            n_patients,
            seed,
            matrix: MatrixSize::Small,
            held_out: n_patients / 5,
            series: Series::ALL.to_vec(),
        }
    }
}

/// Writes a cohort below `out`: one nnU-Net raw dataset per series and `cohort.csv`.
///
/// `out` is created if it is missing and must be empty. The table is written last.
///
/// # Errors
///
/// [`PhantomError`] if the specification makes no cohort, if `out` is not an empty folder
/// (nothing is touched then), or if a file cannot be written.
///
/// # Determinism
///
/// Equal specifications give equal bytes on one kind of machine, whatever the number of threads.
pub fn write_cohort(
    out: &Path,
    spec: &CohortSpec,
    progress: &dyn Progress,
) -> Result<CohortSummary, PhantomError> {
    check(spec)?;
    dataset::claim_empty_folder(out)?;
    let n_train = spec.n_patients - spec.held_out;
    let mut datasets = Vec::with_capacity(spec.series.len());
    for &series in &spec.series {
        let folder = dataset::start_dataset(out, series, n_train, spec.held_out > 0)?;
        datasets.push((series, folder));
    }
    let histologies = Histology::sequence(spec.n_patients);
    progress.begin("phantom cohort", spec.n_patients as u64);
    let rows: Result<Vec<Row>, PhantomError> = histologies
        .par_iter()
        .enumerate()
        .map(|(index, &histology)| {
            let row = write_patient(out, spec, index, histology);
            progress.advance(1);
            row
        })
        .collect();
    progress.finish();
    let table = out.join("cohort.csv");
    dataset::write_table(&table, &spec.series, &rows?)?;
    Ok(CohortSummary {
        table,
        datasets,
        n_train,
        n_test: spec.held_out,
    })
}

/// Where patient `index` lay while a series was taken: `scene_from_world`, RAS+ mm, a turn and a shift.
///
/// `inverse(motion of b) * (motion of a)` takes a point of series `a` to the same piece of the body in series
/// `b`: the truth against which a registration of the two is measured.
///
/// # Errors
///
/// [`PhantomError`] if the specification makes no cohort, has no patient `index`, or the series has no grid.
pub fn series_motion(
    spec: &CohortSpec,
    index: usize,
    series: Series,
) -> Result<Affine, PhantomError> {
    check(spec)?;
    let histologies = Histology::sequence(spec.n_patients);
    let histology = histologies.get(index).ok_or(PhantomError::Patient {
        index,
        n_patients: spec.n_patients,
    })?;
    let exam = Examination::draw(spec.seed, index, *histology);
    exam.motion(series, spec.matrix)
        .map_err(|source| PhantomError::Grid {
            case: format!("sts_{index:03}"),
            series,
            source,
        })
}

/// Refuses a specification that makes no cohort.
fn check(spec: &CohortSpec) -> Result<(), PhantomError> {
    let &CohortSpec {
        n_patients,
        held_out,
        ..
    } = spec;
    if n_patients == 0 || n_patients > LARGEST_COHORT {
        return Err(PhantomError::PatientCount {
            found: n_patients,
            limit: LARGEST_COHORT,
        });
    }
    if held_out >= n_patients {
        return Err(PhantomError::HeldOut {
            held_out,
            n_patients,
        });
    }
    let mut once = spec.series.clone();
    once.sort_unstable();
    once.dedup();
    if once.is_empty() || once.len() != spec.series.len() {
        let names: Vec<&str> = spec.series.iter().map(|series| series.column()).collect();
        return Err(PhantomError::Series {
            found: format!("{names:?}"),
        });
    }
    Ok(())
}

/// Draws one patient, takes the series and writes them.
fn write_patient(
    out: &Path,
    spec: &CohortSpec,
    index: usize,
    histology: Histology,
) -> Result<Row, PhantomError> {
    let case = CaseId::new(format!("sts_{index:03}"))?;
    let split = if index < spec.n_patients - spec.held_out {
        Split::Train
    } else {
        Split::Test
    };
    let exam = Examination::draw(spec.seed, index, histology);
    for &series in &spec.series {
        let (image, label) =
            exam.take(series, spec.matrix)
                .map_err(|source| PhantomError::Grid {
                    case: case.to_string(),
                    series,
                    source,
                })?;
        sarx_io::write_image(
            &out.join(dataset::image_path(series, split, &case)),
            &image,
            None,
        )?;
        sarx_io::write_labels(
            &out.join(dataset::label_path(series, split, &case)),
            &label,
            None,
        )?;
    }
    Ok(Row::of(
        &case,
        format!("P{index:04}"),
        (&exam, split, &spec.series),
    ))
}
