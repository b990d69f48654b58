//! nnU-Net's raw layout on disk, and the table of the cohort.

use crate::examination::Examination;
use crate::{PhantomError, Series};
use sarx_core::CaseId;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Whether a case is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    Train,
    Test,
}

impl Split {
    fn images(self) -> &'static str {
        match self {
            Self::Train => "imagesTr",
            Self::Test => "imagesTs",
        }
    }

    fn labels(self) -> &'static str {
        match self {
            Self::Train => "labelsTr",
            Self::Test => "labelsTs",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// The path of an image below the cohort's folder, with forward slashes on every system.
pub(crate) fn image_path(series: Series, split: Split, case: &CaseId) -> String {
    format!(
        "{}/{}/{case}_0000.nii.gz",
        series.dataset_name(),
        split.images()
    )
}

/// The path of a label map below the cohort's folder.
pub(crate) fn label_path(series: Series, split: Split, case: &CaseId) -> String {
    format!("{}/{}/{case}.nii.gz", series.dataset_name(), split.labels())
}

/// Creates `out` if it is missing.
///
/// # Errors
///
/// [`PhantomError`] if it is no folder, holds something, or cannot be made.
pub(crate) fn claim_empty_folder(out: &Path) -> Result<(), PhantomError> {
    let failed = |action| {
        move |source| PhantomError::Folder {
            action,
            path: out.to_owned(),
            source,
        }
    };
    if out.exists() && !out.is_dir() {
        return Err(PhantomError::NotAFolder {
            path: out.to_owned(),
        });
    }
    fs::create_dir_all(out).map_err(failed("create the folder"))?;
    let mut entries = fs::read_dir(out).map_err(failed("list the folder"))?;
    match entries.next() {
        Some(_) => Err(PhantomError::NotEmpty {
            path: out.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Creates the folders of a dataset and writes its `dataset.json`.
///
/// # Errors
///
/// [`PhantomError`] if the file system refuses.
pub(crate) fn start_dataset(
    out: &Path,
    series: Series,
    n_train: usize,
    has_test: bool,
) -> Result<PathBuf, PhantomError> {
    let folder = out.join(series.dataset_name());
    let splits = if has_test {
        &[Split::Train, Split::Test][..]
    } else {
        &[Split::Train]
    };
    for split in splits {
        for part in [split.images(), split.labels()] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|source| PhantomError::Folder {
                action: "create the folder",
                path,
                source,
            })?;
        }
    }
    let document = json!({
        "channel_names": { "0": series.sequence().channel_name() },
        "labels": { "background": 0, "tumour": 1 },
        "numTraining": n_train,
        "file_ending": ".nii.gz",
        "name": series.dataset_name(),
        "description": format!("Phantom of soft-tissue sarcomas, {series}; no patient's data"),
    });
    sarx_io::write_json(&folder.join("dataset.json"), &document)?;
    Ok(folder)
}

/// Writes `cohort.csv`, one row per case in the order of the cases.
///
/// # Errors
///
/// [`PhantomError`] if the file cannot be written.
pub(crate) fn write_table(
    path: &Path,
    series: &[Series],
    rows: &[Row],
) -> Result<(), PhantomError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let fixed = [
        "case",
        "patient",
        "histology",
        "site",
        "laterality",
        "age",
        "sex",
        "set",
        "scanner",
        "tumour_volume_ml",
    ];
    let mut header: Vec<String> = fixed.map(str::to_owned).to_vec();
    for one in series {
        header.extend([one.column().to_owned(), format!("{}_label", one.column())]);
    }
    table.write_record(&header)?;
    for row in rows {
        table.write_record(&row.fields)?;
    }
    table.flush().map_err(csv::Error::from)?;
    let bytes = table
        .into_inner()
        .map_err(|e| csv::Error::from(e.into_error()))?;
    sarx_io::write_atomic(path, |file| file.write_all(&bytes))?;
    Ok(())
}

/// One line of `cohort.csv`.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    fields: Vec<String>,
}

impl Row {
    pub(crate) fn of(
        case: &CaseId,
        patient_name: String,
        (exam, split, series): (&Examination, Split, &[Series]),
    ) -> Self {
        let patient = &exam.patient;
        let mut fields = vec![
            case.to_string(),
            patient_name,
            patient.histology.to_string(),
            patient.site.to_string(),
            patient.laterality.to_string(),
            patient.age.to_string(),
            patient.sex.to_string(),
            split.name().to_owned(),
            exam.scanner.name.to_owned(),
            format!("{:.1}", exam.survey.tumour_ml),
        ];
        for &one in series {
            fields.push(image_path(one, split, case));
            fields.push(label_path(one, split, case));
        }
        Self { fields }
    }
}
