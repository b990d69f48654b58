//! The first study file of a cohort: what can be guessed from the table, with a comment at every key.

use super::cohort_table::CohortTable;
use super::date::Date;
use super::fault::Fault;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A study file that cannot be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The table cannot be read.
    #[error("{0}")]
    Table(Fault),
    /// No column holds files of images.
    #[error("no column pair NAME and NAME_label holds images and their references; the table has {}", .columns.join(", "))]
    NoSeries {
        /// The columns.
        columns: Vec<String>,
    },
    /// A study file that a person may have written.
    #[error("there is a study file already; take it away to have a new one: {path:?}")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A folder cannot be listed.
    #[error("cannot list the folder ({source}): {path:?}")]
    Folder {
        /// What the system said.
        source: std::io::Error,
        /// The folder.
        path: PathBuf,
    },
    /// A table, or the folder of the study file, that is not there.
    #[error("there is no such file or folder ({source}): {path:?}")]
    Place {
        /// What the system said.
        source: std::io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// No images where they are looked for.
    #[error(
        "the folder has no cohort.csv, no imagesTr as nnU-Net's datasets, and no folders of patients with an image per series: {path:?}"
    )]
    NoLayout {
        /// The folder.
        path: PathBuf,
    },
    /// Two files of one series.
    #[error(
        "two files of a patient are one series by their names; rename one: {first:?} and {second:?}"
    )]
    SameSeries {
        /// The first file.
        first: PathBuf,
        /// The second file.
        second: PathBuf,
    },
    /// A patient for training in one dataset and not in another.
    #[error(
        "patient \"{patient}\" is in imagesTr of one dataset and in imagesTs of another; patients are split, not images"
    )]
    TwoSets {
        /// The patient.
        patient: String,
    },
    /// The table cannot be made.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}

/// A series that the columns tell.
struct Guess {
    name: String,
    /// Whether there is a column of references.
    has_label: bool,
    sequence: String,
    plane: &'static str,
}

/// The text of a `study.toml` for a cohort table, which it names as `cohort`.
///
/// A pair of columns `NAME` and `NAME_label` is a series; sequence and plane are looked for in its name. Every
/// site becomes a stratum of its own. A column `set`, `split` or `cohort` with a value that begins with
/// `test` or `ext` makes the external test set.
///
/// # Errors
///
/// [`InitError`] if the table cannot be read or no series is found.
pub fn study_text(table: &Path, cohort: &str) -> Result<String, InitError> {
    let table = CohortTable::read(table).map_err(InitError::Table)?;
    let series = guesses(&table);
    if !series.iter().any(|guess| guess.has_label) {
        return Err(InitError::NoSeries {
            columns: table.columns,
        });
    }
    let mut text = String::new();
    head(&mut text, cohort);
    columns(&mut text, &table);
    strata(&mut text, &table);
    split(&mut text, &table);
    grids(&mut text, &series);
    training(&mut text);
    models(&mut text, &table, &series);
    Ok(text)
}

fn guesses(table: &CohortTable) -> Vec<Guess> {
    let has_label = |name: &String| table.column(&format!("{name}_label")).is_ok();
    let is_label = |name: &String| {
        let image = name.strip_suffix("_label");
        image.is_some_and(|image| table.column(image).is_ok())
    };
    // A column of images without references can be a further channel.
    let holds_images = |name: &String| {
        let values = values(table, name);
        let mut given = values.keys().filter(|value| !value.is_empty()).peekable();
        given.peek().is_some() && given.all(|value| sarx_io::strip_ending(value).is_some())
    };
    let names = table.columns.iter();
    let names = names.filter(|name| !is_label(name) && (has_label(name) || holds_images(name)));
    let guess = |name: &String| {
        let lower = name.to_lowercase();
        let plane = ["sagittal", "coronal", "sag", "cor"]
            .into_iter()
            .find(|p| lower.contains(p));
        let plane = match plane {
            Some("sagittal" | "sag") => "sagittal",
            Some(_) => "coronal",
            None => "axial",
        };
        let sequence = ["t1", "t2", "pd", "dwi", "stir", "flair"]
            .into_iter()
            .find(|s| lower.contains(s));
        Guess {
            name: name.clone(),
            has_label: has_label(name),
            sequence: sequence.map_or_else(|| name.clone(), str::to_uppercase),
            plane,
        }
    };
    names.map(guess).collect()
}

// Writing to a String cannot fail.
macro_rules! say {
    ($text:expr, $($line:tt)*) => {
        writeln!($text, $($line)*).ok()
    };
}

fn head(text: &mut String, cohort: &str) {
    say!(
        text,
        "# A study of sarx: which series, planes and models segment best, by site and histology."
    );
    say!(text, "# Check and run it:  sarx study run study.toml");
    say!(text, "version = 1");
    say!(text, "name = \"My study\"");
    say!(
        text,
        "cohort = {cohort:?}                # one line per patient; relative to this file"
    );
    say!(
        text,
        "out = \"study-out\"                # everything that is made goes here"
    );
}

/// The first of these names that is a column.
fn first<'a>(table: &CohortTable, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .copied()
        .find(|name| table.column(name).is_ok())
}

fn values(table: &CohortTable, column: &str) -> BTreeMap<String, usize> {
    let mut values = BTreeMap::new();
    if let Ok(at) = table.column(column) {
        for (_, fields) in &table.rows {
            *values.entry(fields[at].clone()).or_insert(0) += 1;
        }
    }
    values
}

fn columns(text: &mut String, table: &CohortTable) {
    say!(
        text,
        "\n[columns]                        # which column says what"
    );
    for key in ["patient", "histology", "site"] {
        let others: &[&str] = match key {
            "patient" => &["patient", "patient_id", "case", "id"],
            "histology" => &["histology", "diagnosis", "subtype"],
            _ => &["site", "location", "region"],
        };
        let found = first(table, others).unwrap_or(key);
        say!(text, "{key} = {found:?}");
    }
    let is_date = |name: &&String| {
        let values = values(table, name);
        !values.is_empty() && values.keys().all(|value| Date::parse(value).is_some())
    };
    match table.columns.iter().find(is_date) {
        Some(name) => say!(text, "date = {name:?}"),
        None => say!(text, "# date = \"mri_date\"              # YYYY-MM-DD"),
    };
}

fn strata(text: &mut String, table: &CohortTable) {
    say!(
        text,
        "\n[strata]                         # stratum = values of the site column; put rare sites together"
    );
    let site = first(table, &["site", "location", "region"]).unwrap_or("site");
    for (value, n) in values(table, site) {
        if !value.is_empty() {
            say!(
                text,
                "{} = [{value:?}]                # {n} patients",
                key(&value)
            );
        }
    }
    say!(text, "\n[histology]");
    let histology = first(table, &["histology", "diagnosis", "subtype"]).unwrap_or("histology");
    let found = values(table, histology);
    let benign: Vec<&String> = found
        .keys()
        .filter(|name| name.to_lowercase() == "myxoma")
        .collect();
    say!(
        text,
        "benign = {benign:?}              # results are given with and without these"
    );
    let shown: Vec<String> = found
        .iter()
        .map(|(name, n)| format!("{name} ({n})"))
        .collect();
    say!(text, "# found: {}", shown.join(", "));
    say!(
        text,
        "# [histology.spellings]         # one way = other ways of writing it"
    );
    say!(text, "# myxofibrosarcoma = [\"MFS\"]");
}

/// A bare key if it can be one.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

fn split(text: &mut String, table: &CohortTable) {
    say!(
        text,
        "\n[split]                          # patients, not cases, once for all models"
    );
    say!(text, "folds = {}", folds(table));
    say!(text, "seed = 12345");
    match external(table) {
        Some((column, value)) => {
            say!(
                text,
                "external = {{ column = {column:?}, value = {value:?} }}    # never trained on"
            )
        }
        None => say!(
            text,
            "# external = {{ column = \"set\", value = \"test\" }}    # patients that are never trained on"
        ),
    };
    say!(
        text,
        "# temporal = {{ column = \"mri_date\", from = \"2020-01-01\" }}    # or: all from a day on"
    );
}

fn grids(text: &mut String, series: &[Guess]) {
    for Guess {
        name,
        has_label,
        sequence,
        plane,
    } in series
    {
        say!(text, "\n[series.{}]", key(name));
        say!(
            text,
            "image = {name:?}                # columns with the files; an empty field: the patient lacks it"
        );
        if *has_label {
            say!(text, "label = \"{name}_label\"");
        } else {
            say!(
                text,
                "# label: no column {:?}; the series can be a further channel",
                format!("{name}_label")
            );
        }
        say!(text, "sequence = {sequence:?}");
        say!(
            text,
            "plane = {plane:?}                # axial, sagittal or coronal"
        );
    }
    let labelled = series.iter().filter(|guess| guess.has_label);
    let names: Vec<&String> = labelled.map(|guess| &guess.name).collect();
    say!(
        text,
        "\n[labels]                         # in the reference segmentations; the first is scored"
    );
    say!(text, "tumour = 1");
    say!(
        text,
        "\n[common]                         # all models are compared on the grid of the first that a patient has"
    );
    say!(text, "series = {names:?}");
    say!(
        text,
        "\n[alignment]                      # header: trust it; register: rigid registration; auto: register"
    );
    say!(
        text,
        "method = \"auto\"                  # only where the headers say that the images do not overlap"
    );
}

fn training(text: &mut String) {
    say!(
        text,
        "\n[training]                       # nnU-Net's defaults; a model may have [models.NAME.training]"
    );
    say!(
        text,
        "preset = \"plain\"                 # or small (a CPU trains it in hours), resenc-m, resenc-l, resenc-xl"
    );
    say!(text, "configuration = \"3d_fullres\"");
    say!(text, "epochs = 1000");
    say!(text, "iterations = 250");
    say!(
        text,
        "folds = \"all\"                    # or a list, such as [0]"
    );
}

fn models(text: &mut String, table: &CohortTable, series: &[Guess]) {
    say!(
        text,
        "\n# kind: single, channels (sequences on the grid of the first), early (planes on it),"
    );
    say!(
        text,
        "# pooled (one network for all), late (probabilities averaged)"
    );
    let n_training = n_with(table, &[]);
    let enough = folds(table).min(n_training);
    for guess in series.iter().filter(|guess| guess.has_label) {
        let (name, n) = (&guess.name, n_with(table, &[guess]));
        if n < enough {
            say!(
                text,
                "\n# no model of {name:?}: only {n} of {n_training} training patients have it"
            );
            continue;
        }
        say!(
            text,
            "\n[models.{}]\nkind = \"single\"\nseries = [{name:?}]",
            key(name)
        );
    }
    let pair = |same: fn(&Guess, &Guess) -> bool| {
        let all = series.iter().filter(|guess| guess.has_label);
        let mut pairs = all.flat_map(|a| series.iter().map(move |b| (a, b)));
        pairs.find(|&(a, b)| same(a, b) && n_with(table, &[a, b]) >= enough)
    };
    if let Some((a, b)) = pair(|a, b| a.plane == b.plane && a.sequence != b.sequence) {
        say!(
            text,
            "\n[models.{}]",
            model_name(series, &[a, b], "channels")
        );
        let names = [&a.name, &b.name];
        say!(text, "kind = \"channels\"\nseries = {names:?}");
    }
    let planes =
        |a: &Guess, b: &Guess| b.has_label && a.sequence == b.sequence && a.plane != b.plane;
    if let Some((a, b)) = pair(planes) {
        let names = [&a.name, &b.name];
        say!(text, "\n[models.{}]", model_name(series, &[a, b], "pooled"));
        say!(text, "kind = \"pooled\"\nseries = {names:?}");
        say!(text, "\n[models.{}]", model_name(series, &[a, b], "late"));
        say!(text, "kind = \"late\"\nmembers = {names:?}");
        say!(
            text,
            "weights = \"equal\"                # or inner: chosen on the patients outside the fold that is judged"
        );
    }
}

/// The column and the value that make the external test set, if names tell them.
fn external(table: &CohortTable) -> Option<(&'static str, String)> {
    let column = first(table, &["set", "split", "cohort"])?;
    let is_test = |value: &&String| {
        let lower = value.to_lowercase();
        lower.starts_with("test") || lower.starts_with("ext")
    };
    Some((column, values(table, column).keys().find(is_test)?.clone()))
}

/// Training patients who have the images of some series, and the reference of the first.
fn n_with(table: &CohortTable, series: &[&Guess]) -> usize {
    let external = external(table);
    let field = |fields: &[String], column: &str| {
        table
            .column(column)
            .map_or_else(|_| String::new(), |at| fields[at].clone())
    };
    let has = |fields: &[String]| {
        let is_external = external
            .as_ref()
            .is_some_and(|(column, value)| field(fields, column) == *value);
        let label = series.first().map(|guess| format!("{}_label", guess.name));
        !is_external
            && series
                .iter()
                .all(|guess| !field(fields, &guess.name).is_empty())
            && label.is_none_or(|label| !field(fields, &label).is_empty())
    };
    table.rows.iter().filter(|(_, fields)| has(fields)).count()
}

/// Five folds, or as many as there are patients.
fn folds(table: &CohortTable) -> usize {
    n_with(table, &[]).clamp(2, 5)
}

/// A name that no series has.
fn model_name(series: &[Guess], parts: &[&Guess], kind: &str) -> String {
    let name = match kind {
        "channels" => parts
            .iter()
            .map(|part| part.sequence.to_lowercase())
            .collect::<Vec<_>>()
            .join("_"),
        _ => format!("{}_planes_{kind}", parts[0].sequence.to_lowercase()),
    };
    let taken = series.iter().any(|guess| guess.name == name);
    key(&if taken {
        format!("{name}_{kind}")
    } else {
        name
    })
}
