//! A study whose every number is known: a phantom cohort of a fixed seed, segmentations made of its references by
//! a fixed rule, and golden files of scores, tables, policy and the policy's evaluation.
//!
//! Networks are trained for one step, because a study wants them and predicts its external set with them; then all
//! segmentations are replaced, so that nothing that is pinned hangs on a processor's rounding. Some numbers are
//! computed here again, by loops that share no code with the product.
//!
//! When numbers change for a good reason, say it in the changelog and write the golden files anew:
//!
//! ```text
//! SARX_WRITE_GOLDEN=1 cargo test --release --workspace --test golden_study
//! ```
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "golden_study/comparison.rs"]
mod comparison;
mod harness;
#[path = "golden_study/segmentations.rs"]
mod segmentations;

use comparison::{difference, numbers, parsed, rounded, table_document, table_text, text};
use harness::Bench;
use ndarray::Array3;
use sarx_core::{Label, Volume};
use segmentations::{DAMAGED, ELSEWHERE, Fate, HEALTHY, MISSED, MISSING, MODELS, MOVED, SHIFT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Says that golden files are written instead of compared; see above.
const WRITE: &str = "SARX_WRITE_GOLDEN";
const N_FOLDS: usize = 3;
/// Strata, and histologies of one name, which make the tables shorter.
const GROUPS: &str = r#"
[strata]
extremity = ["extremity"]
pelvis = ["pelvis"]
trunk = ["abdomen", "trunk_wall"]

[histology]
benign = ["myxoma"]
[histology.spellings]
sarcoma = ["leiomyosarcoma", "myxofibrosarcoma", "myxoid_liposarcoma"]

"#;
const TRAINING: &str = "preset = \"small\"\ntarget_spacing_mm = [9.6, 8.0, 8.0]\nepochs = 1\niterations = 1\n\
                        val_iterations = 1\nfolds = \"all\"\n";
/// The document whose text is a table.
const SCORES: &str = "scores.csv";
const GOLDEN: [&str; 4] = [
    SCORES,
    "tables.json",
    "policy.json",
    "policy_evaluation.json",
];

#[test]
fn every_number_of_a_study_is_as_it_was() {
    let bench = study();
    let failed = replace_segmentations(&bench);
    let answer = bench.sarx("study run study.toml");
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    failures_are(&answer.json, &failed);

    let rows = rows(&bench);
    scores_are_those_of_the_files(&bench, &rows);
    a_moved_tumour_has_the_dice_that_is_counted_here(&bench, &rows);
    let tables = bench.read_json("study-out/tables/tables.json");
    medians_are_in_the_middle(&rows, &tables);
    nothing_is_dropped(&rows, &tables);
    models_differ_by_stratum(&bench);

    #[allow(
        clippy::disallowed_methods,
        reason = "no library: the one way to write golden files anew"
    )]
    let is_written = std::env::var_os(WRITE).is_some();
    for name in GOLDEN {
        let found = document(&bench, name);
        if is_written {
            write_golden(name, &found);
        }
        if let Some(difference) = difference(name, &golden(name), &found) {
            panic!(
                "a number of the golden study has changed (see the head of this test):\n{difference}"
            );
        }
    }
}

#[test]
fn a_changed_number_is_found_and_named() {
    for name in GOLDEN {
        let golden = golden(name);
        let places = numbers(&golden);
        assert!(places.len() > 50, "{name} holds {} numbers", places.len());
        assert_eq!(difference(name, &golden, &golden), None);
        for place in places.iter().step_by(1 + places.len() / 200) {
            let mut changed = golden.clone();
            let number = changed.pointer_mut(place).unwrap();
            let near = number.as_f64().unwrap();
            let (other, same) = match number.as_u64() {
                Some(whole) => (Value::from(whole + 1), number.clone()),
                None => (
                    Value::from(near * (1.0 + 1e-8) + 1e-11),
                    Value::from(near * (1.0 + 1e-10)),
                ),
            };
            *number = other;
            let said = difference(name, &golden, &changed).unwrap();
            let last = place.rsplit('/').next().unwrap();
            assert!(said.contains(last), "{place}: {said}");
            *changed.pointer_mut(place).unwrap() = same;
            assert_eq!(difference(name, &golden, &changed), None);
            *changed.pointer_mut(place).unwrap() = Value::Null;
            assert!(difference(name, &golden, &changed).is_some());
        }
    }
}

/// A cohort, its study, and one run of it, with networks of one step, to the scores.
fn study() -> Bench {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 24 --held-out 6 --matrix small --seed 7");
    let table = fs::read_to_string(bench.path("cohort/cohort.csv")).unwrap();
    let healthy = table.lines().find(|line| line.contains(HEALTHY)).unwrap();
    for label in healthy
        .split(',')
        .filter(|field| field.contains("/labelsTs/"))
    {
        let path = bench.path("cohort").join(label);
        let read = sarx_io::read_labels(&path).unwrap();
        let empty = Volume::filled(*read.labels.grid(), 0);
        sarx_io::write_labels(&path, &empty, Some(&read.header)).unwrap();
    }
    bench.done("study init cohort --out study.toml");
    let text = fs::read_to_string(bench.path("study.toml")).unwrap();
    fs::write(bench.path("study.toml"), adjusted(&text)).unwrap();
    bench.done("study run study.toml --stage prepare");
    bench.done("study run study.toml --stage train --parallel 2");
    bench.done("study run study.toml --stage predict");
    bench
}

/// The study file of `init` with other strata, folds and training, by headers, without the late fusion, which needs
/// the probabilities of networks.
fn adjusted(text: &str) -> String {
    let replaced = |text: &str, from: &str, to: &str, by: &str| {
        let (before, rest) = text.split_once(from).unwrap();
        let (_, after) = rest.split_once(to).unwrap();
        format!("{before}{by}{to}{after}")
    };
    let text = replaced(text, "\n[strata]", "[split]", GROUPS);
    let text = replaced(&text, "preset = ", "\n\n#", TRAINING);
    let text = replaced(&text, "folds = 5", "\n", &format!("folds = {N_FOLDS}"));
    let text = replaced(&text, "method = \"auto\"", "\n", "method = \"header\"");
    let (text, _) = text.split_once("[models.t1_planes_late]").unwrap();
    text.to_owned()
}

/// A case of a model: where it stands, and its files.
struct Case {
    model: String,
    id: String,
    patient: String,
    /// `None` in the external set.
    fold: Option<usize>,
    reference: PathBuf,
    prediction: PathBuf,
}

/// All cases of all models, from what the study wrote.
fn cases(bench: &Bench) -> Vec<Case> {
    let mut found = Vec::new();
    for model in MODELS {
        let folder = bench.path("study-out/models").join(model);
        let mut table = csv::Reader::from_path(folder.join("cases.csv")).unwrap();
        for row in table.deserialize() {
            let row: BTreeMap<String, String> = row.unwrap();
            // A case has a row per channel.
            if row["channel"] != "0" {
                continue;
            }
            let fold = row["set"].parse().ok();
            let (part, set) = match fold {
                Some(_) => ("labelsTr", "cross_validation"),
                None => ("labelsTs", "external"),
            };
            let file = format!("{}.nii.gz", row["case"]);
            found.push(Case {
                model: model.to_owned(),
                id: row["case"].clone(),
                patient: row["patient"].clone(),
                fold,
                reference: folder.join("dataset").join(part).join(&file),
                prediction: folder.join("predictions").join(set).join(&file),
            });
        }
    }
    found
}

/// Puts made segmentations where those of the networks are, and takes away what was made of these. The cases that
/// cannot be scored, as `model case`.
fn replace_segmentations(bench: &Bench) -> Vec<String> {
    let strata = strata(bench);
    let mut failed = Vec::new();
    for case in cases(bench) {
        let read = sarx_io::read_labels(&case.reference).unwrap();
        let fate =
            segmentations::fate(&case.model, &case.patient, &strata[&case.patient], &case.id);
        let path = match case.fold {
            None => case.prediction.clone(),
            Some(fold) => {
                let folder = format!(
                    "study-out/models/{}/model/fold_{fold}/validation",
                    case.model
                );
                bench
                    .path(&folder)
                    .join(case.prediction.file_name().unwrap())
            }
        };
        assert!(path.exists(), "{path:?}");
        fs::remove_file(&path).unwrap();
        if let Some(voxels) = segmentations::segmentation(read.labels.voxels(), fate) {
            let labels = Volume::new(voxels, *read.labels.grid()).unwrap();
            sarx_io::write_labels(&path, &labels, Some(&read.header)).unwrap();
        }
        if fate == Fate::Damaged {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
        if matches!(fate, Fate::Damaged | Fate::Missing) {
            failed.push(format!("{} {}", case.model, case.id));
        }
    }
    for model in MODELS {
        let folder = bench.path("study-out/models").join(model);
        fs::remove_dir_all(folder.join("common")).unwrap();
        fs::remove_dir_all(folder.join("predictions/cross_validation")).unwrap();
        fs::remove_file(folder.join("scores.csv")).unwrap();
    }
    failed
}

/// The stratum of every patient, by the table and the study file.
fn strata(bench: &Bench) -> BTreeMap<String, String> {
    let mut table = csv::Reader::from_path(bench.path("cohort/cohort.csv")).unwrap();
    let stratum = |site: &str| match site {
        "extremity" | "pelvis" => site.to_owned(),
        _ => "trunk".to_owned(),
    };
    let rows = table.deserialize::<BTreeMap<String, String>>();
    rows.map(|row| {
        let row = row.unwrap();
        (row["patient"].clone(), stratum(&row["site"]))
    })
    .collect()
}

/// The run tells of every case that has no score, on both grids, and of no other.
fn failures_are(answer: &Value, failed: &[String]) {
    let told: Vec<&str> = answer["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    let of = |line: &str, case: &str| {
        let (model, case) = case.split_once(' ').unwrap();
        line.contains(&format!("model {model}, ")) && line.contains(&format!("\"{case}\""))
    };
    assert_eq!(failed.len(), 2, "{failed:?}");
    for case in failed {
        for grid in ["native grid", "common grid"] {
            let is_told = told
                .iter()
                .any(|line| of(line, case) && line.contains(grid));
            assert!(is_told, "{case}, {grid}: {told:#?}");
        }
    }
    for line in told {
        assert!(failed.iter().any(|case| of(line, case)), "{line}");
    }
}

/// `scores.csv` as text by column.
type Row = BTreeMap<String, String>;

fn rows(bench: &Bench) -> Vec<Row> {
    let mut table = csv::Reader::from_path(bench.path("study-out/scores.csv")).unwrap();
    table.deserialize().map(|row| row.unwrap()).collect()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column]
        .parse()
        .unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

fn native_row<'a>(rows: &'a [Row], case: &Case) -> &'a Row {
    let is_it = |row: &&Row| {
        row["model"] == case.model && row["case"] == case.id && row["grid"] == "native"
    };
    rows.iter().find(is_it).unwrap()
}

fn voxels(path: &Path) -> (Array3<Label>, f64) {
    let labels = sarx_io::read_labels(path).unwrap().labels;
    let ml = labels.grid().spacing.zyx_mm().iter().product::<f64>() / 1000.0;
    (labels.into_voxels(), ml)
}

/// Voxels of the reference, of the prediction and of both.
fn counted(reference: &Array3<Label>, prediction: &Array3<Label>) -> [f64; 3] {
    let mut n = [0.0; 3];
    for (r, p) in reference.iter().zip(prediction) {
        n[0] += f64::from(u8::from(*r == 1));
        n[1] += f64::from(u8::from(*p == 1));
        n[2] += f64::from(u8::from(*r == 1 && *p == 1));
    }
    n
}

fn assert_near(found: f64, expected: f64, what: &str) {
    let off = (found - expected).abs();
    assert!(
        off <= 1e-12 * expected.abs().max(1.0),
        "{what}: {found}, expected {expected}"
    );
}

/// Dice, precision, recall and volumes of every case on its own grid, counted in the files.
fn scores_are_those_of_the_files(bench: &Bench, rows: &[Row]) {
    let mut n_checked = 0;
    for case in cases(bench) {
        let row = native_row(rows, &case);
        let what = format!("{} {}", case.model, case.id);
        if row["finding"] == "failed" {
            assert_eq!(row["dice"], "", "{what}");
            continue;
        }
        let ((reference, ml), (prediction, _)) =
            (voxels(&case.reference), voxels(&case.prediction));
        let [n_ref, n_pred, n_both] = counted(&reference, &prediction);
        assert_near(number(row, "volume_ref_ml"), n_ref * ml, &what);
        assert_near(number(row, "volume_pred_ml"), n_pred * ml, &what);
        if n_ref + n_pred > 0.0 {
            assert_near(number(row, "dice"), 2.0 * n_both / (n_ref + n_pred), &what);
        }
        if n_ref > 0.0 && n_pred > 0.0 {
            assert_near(number(row, "precision"), n_both / n_pred, &what);
            assert_near(number(row, "recall"), n_both / n_ref, &what);
        }
        n_checked += 1;
    }
    // 24 patients of 4 models, twice as many cases of the pooled one, two of them without a file.
    assert_eq!(n_checked, 24 * 6 - 2);
}

/// Dice of a mask and the same mask moved, from the reference alone.
fn a_moved_tumour_has_the_dice_that_is_counted_here(bench: &Bench, rows: &[Row]) {
    let is_it = |case: &Case| (case.model.as_str(), case.patient.as_str()) == MOVED;
    let case = cases(bench).into_iter().find(is_it).unwrap();
    let (reference, _) = voxels(&case.reference);
    let (depth, height, width) = reference.dim();
    let [dz, dy, dx] = SHIFT;
    let inside = |z: isize, y: isize, x: isize| {
        let within = |at: isize, n: usize| (0..n as isize).contains(&at);
        let is_in = within(z, depth) && within(y, height) && within(x, width);
        is_in && reference[[z as usize, y as usize, x as usize]] == 1
    };
    let (mut n_ref, mut n_pred, mut n_both) = (0u32, 0u32, 0u32);
    for z in 0..depth as isize {
        for y in 0..height as isize {
            for x in 0..width as isize {
                let (r, p) = (inside(z, y, x), inside(z - dz, y - dy, x - dx));
                n_ref += u32::from(r);
                n_pred += u32::from(p);
                n_both += u32::from(r && p);
            }
        }
    }
    let dice = 2.0 * f64::from(n_both) / f64::from(n_ref + n_pred);
    assert!((0.3..0.99).contains(&dice), "{dice}");
    assert_near(
        number(native_row(rows, &case), "dice"),
        dice,
        "the moved tumour",
    );
}

/// The entry of a list of the tables that holds these words.
fn entry<'a>(tables: &'a Value, list: &str, words: &[(&str, &str)]) -> &'a Value {
    let mut entries = tables[list].as_array().unwrap().iter();
    let is_it = |entry: &&Value| {
        words
            .iter()
            .all(|(place, word)| entry.pointer(place).is_some_and(|found| found == word))
    };
    entries
        .find(is_it)
        .unwrap_or_else(|| panic!("{list}: no {words:?}"))
}

/// Medians of the main table from `scores.csv`, by sorting; infinite distances are the largest.
fn medians_are_in_the_middle(rows: &[Row], tables: &Value) {
    for (model, column) in [
        ("t1_axial", "dice"),
        ("t2_axial", "recall"),
        ("t1_axial", "hd95_mm"),
    ] {
        for stratum in ["extremity", "pelvis", "trunk"] {
            let of = |row: &&Row| {
                let set = "cross_validation";
                row["model"] == model
                    && row["set"] == set
                    && row["grid"] == "common"
                    && row["stratum"] == stratum
            };
            let scored = rows
                .iter()
                .filter(of)
                .filter(|row| row["finding"] != "failed");
            let mut values: Vec<f64> = scored.map(|row| number(row, column)).collect();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            let median = 0.5 * (values[(n - 1) / 2] + values[n / 2]);
            let words = [
                ("/set", "cross_validation"),
                ("/population", "all"),
                ("/group/by", "stratum"),
                ("/group/value", stratum),
                ("/grid", "common"),
                ("/model", model),
            ];
            let row = entry(tables, "summaries", &words);
            let cell = entry(row, "cells", &[("/metric", column)]);
            assert_eq!(cell["n"], n, "{model} {column} {stratum}");
            assert_near(
                cell["median"].as_f64().unwrap(),
                median,
                &format!("{model} {column} {stratum}"),
            );
            let n_infinite = values.iter().filter(|value| value.is_infinite()).count();
            assert_eq!(cell["n_infinite"], n_infinite);
        }
    }
}

/// Misses, cases elsewhere, false alarms and failures stand in the counts of the right model and set.
fn nothing_is_dropped(rows: &[Row], tables: &Value) {
    // 24 patients of 4 models on both grids; of the pooled one two cases per patient and the common grid.
    assert_eq!(rows.len(), 24 * 4 * 2 + 24 * 3);
    assert_eq!(
        (&tables["n_rows"], &tables["n_failed"]),
        (&rows.len().into(), &4.into())
    );
    for (set, n_patients) in [("cross_validation", 18), ("external", 6)] {
        let cohort = entry(tables, "cohort", &[("/set", set)]);
        assert_eq!(cohort["n_patients"], n_patients, "{cohort}");
        for model in MODELS {
            for grid in ["native", "common"] {
                let words = [
                    ("/set", set),
                    ("/population", "all"),
                    ("/group/by", "all"),
                    ("/grid", grid),
                    ("/model", model),
                ];
                let row = entry(tables, "summaries", &words);
                let is = |other: (&str, &str)| usize::from(other.0 == model);
                let in_folds = set == "cross_validation";
                let expected = if in_folds {
                    [is(MISSED), is(ELSEWHERE), 0, is(MISSING)]
                } else {
                    [0, 0, is((segmentations::FALSE_ALARM, HEALTHY)), is(DAMAGED)]
                };
                let names = ["n_missed", "n_no_overlap", "n_false_alarm", "n_failed"];
                let found = names.map(|name| row[name].as_u64().unwrap() as usize);
                assert_eq!(found, expected, "{set} {model} {grid}: {names:?}");
                let per_patient = if model == "t1_planes_pooled" && grid == "native" {
                    2
                } else {
                    1
                };
                assert_eq!(row["n_patients"], n_patients);
                assert_eq!(row["n_cases"], per_patient * n_patients);
            }
        }
    }
}

/// The policy says one thing for extremities and another for the trunk, and the evaluation has all patients.
fn models_differ_by_stratum(bench: &Bench) {
    let policy = bench.read_json("study-out/policy.json");
    let choice = |stratum: &str| {
        let cells = policy["choices"].as_array().unwrap().iter();
        let mut of = cells.filter(|cell| cell["stratum"] == stratum);
        let all = of
            .find(|cell| cell["available"].as_array().unwrap().len() == 3)
            .unwrap();
        all["choice"]["model"].as_str().unwrap().to_owned()
    };
    assert_ne!(choice("extremity"), choice("trunk"));
    let evaluation = document(bench, "policy_evaluation.json");
    assert_eq!(
        (&evaluation["n_patients"], &evaluation["n_folds"]),
        (&18.into(), &N_FOLDS.into())
    );
}

/// Plans hang on the last bit of the intensities, which another processor may round otherwise.
fn without_hashes(mut policy: Value) -> Value {
    for model in policy["models"].as_array_mut().unwrap() {
        for network in model["networks"].as_array_mut().unwrap() {
            assert!(network["plans_hash"].take().is_string());
        }
    }
    policy
}

/// A document of the study, floats as they are.
fn document(bench: &Bench, name: &str) -> Value {
    match name {
        SCORES => table_document(&fs::read_to_string(bench.path("study-out/scores.csv")).unwrap()),
        "tables.json" => bench.read_json("study-out/tables/tables.json"),
        "policy.json" => without_hashes(bench.read_json("study-out/policy.json")),
        _ => bench.read_json("study-out/policy_evaluation.json")["evaluation"].take(),
    }
}

fn golden_path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_study");
    folder.join(name)
}

fn golden(name: &str) -> Value {
    let path = golden_path(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{e}: {path:?}"));
    if name == SCORES {
        table_document(&text)
    } else {
        parsed(&text)
    }
}

fn write_golden(name: &str, found: &Value) {
    let rounded = rounded(found);
    let text = if name == SCORES {
        table_text(&rounded)
    } else {
        text(&rounded)
    };
    fs::write(golden_path(name), text).unwrap();
}
