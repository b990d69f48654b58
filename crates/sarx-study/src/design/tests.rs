//! A study folder on disk, and every way in which it can be wrong.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

pub(super) const STUDY: &str = r#"version = 1
name = "A study"
cohort = "cohort.csv"

[strata]
limb = ["thigh", "calf"]
pelvis = ["pelvis"]

[histology]
benign = ["myxoma"]

[histology.spellings]
myxofibrosarcoma = ["MFS"]

[split]
folds = 2
external = { column = "set", value = "test" }

[series.t1]
image = "t1"
label = "t1_label"
sequence = "T1"
plane = "axial"

[series.sag]
image = "sag"
label = "sag_label"
sequence = "T1"
plane = "sagittal"

[common]
series = ["t1", "sag"]

[training]
epochs = 3
iterations = 4

[models.t1]
kind = "single"
series = ["t1"]

[models.sag]
kind = "single"
series = ["sag"]

[models.sag.training]
epochs = 5
folds = [1, 0, 1]

[models.pooled]
kind = "pooled"
series = ["t1", "sag"]

[models.late]
kind = "late"
members = ["sag", "t1"]
weights = "inner"
"#;

const HEADER: &str = "patient,histology,site,set,t1,t1_label,sag,sag_label,age";

/// Patient, histology, site, set, and which series there are.
pub(super) fn row(
    patient: &str,
    histology: &str,
    site: &str,
    set: &str,
    series: &[&str],
) -> String {
    let file = |name: &str| {
        let has = series.contains(&name);
        if has {
            format!("{patient}_{name}.nii.gz")
        } else {
            String::new()
        }
    };
    let (t1, sag) = (file("t1"), file("sag"));
    let label = |image: &str| image.replace(".nii", "_label.nii");
    format!(
        "{patient},{histology},{site},{set},{t1},{},{sag},{},50",
        label(&t1),
        label(&sag)
    )
}

pub(super) fn rows() -> Vec<String> {
    let both = ["t1", "sag"];
    vec![
        row("P1", "myxoma", "thigh", "train", &both),
        row("P2", "MFS", "pelvis", "train", &both),
        row("P3", "myxofibrosarcoma", "calf", "train", &both),
        row("P4", "ups", "thigh", "train", &["t1"]),
        row("P5", "ups", "pelvis", "test", &both),
    ]
}

/// A folder with the study, its table and empty files for all that the table names.
pub(super) fn folder(study: &str, rows: &[String]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("study.toml"), study).unwrap();
    let table = format!("{HEADER}\n{}\n", rows.join("\n"));
    fs::write(folder.path().join("cohort.csv"), table).unwrap();
    for row in rows {
        for field in row.split(',').filter(|field| field.ends_with(".nii.gz")) {
            fs::write(folder.path().join(field), "").unwrap();
        }
    }
    folder
}

pub(super) fn open(folder: &TempDir) -> Result<Design, DesignError> {
    Design::open(&folder.path().join("study.toml"))
}

/// The faults as a user reads them, without the folder.
pub(super) fn faults(study: &str, rows: &[String]) -> Vec<String> {
    let folder = folder(study, rows);
    match open(&folder) {
        Ok(_) => Vec::new(),
        Err(DesignError::Faults { faults, .. }) => {
            let root = format!("{}/", folder.path().display());
            faults
                .iter()
                .map(|fault| fault.to_string().replace(&root, ""))
                .collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_sound_study_is_read_whole() {
    let folder = folder(STUDY, &rows());
    let design = open(&folder).unwrap();
    assert_eq!(design.strata(), ["limb", "pelvis"]);
    let p2 = design.patient("P2").unwrap();
    assert_eq!(
        (p2.histology.as_str(), p2.stratum.as_str(), p2.benign),
        ("myxofibrosarcoma", "pelvis", false)
    );
    assert!(design.patient("P1").unwrap().benign);
    assert_eq!(p2.free["age"], "50");
    let names: Vec<&str> = design
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["t1", "sag", "pooled", "late"],
        "models keep the order of the file"
    );
    let sag = design.model("sag").unwrap();
    assert_eq!((sag.training.epochs, sag.training.iterations), (5, 4));
    assert_eq!(sag.training.folds.numbers(2), [0, 1]);
    assert_eq!(design.model("late").unwrap().series, ["sag", "t1"]);
    assert_eq!(design.split.external(), ["P5"]);
}

#[test]
fn cases_follow_what_a_patient_has() {
    let folder = folder(STUDY, &rows());
    let design = open(&folder).unwrap();
    let ids = |name: &str| -> Vec<String> {
        let cases = design.cases_of(design.model(name).unwrap());
        cases.iter().map(|case| case.id.to_string()).collect()
    };
    assert_eq!(ids("t1"), ["P1", "P2", "P3", "P4", "P5"]);
    assert_eq!(
        ids("late"),
        ["P1", "P2", "P3", "P5"],
        "P4 has no sagittal series"
    );
    assert_eq!(ids("pooled").len(), 9);
    assert!(ids("pooled").contains(&"P4__t1".to_owned()));
    let cases = design.cases_of(design.model("late").unwrap());
    assert_eq!(cases[0].channels.len(), 2);
    assert!(
        cases[0].label.ends_with("P1_sag_label.nii.gz"),
        "the grid is the first member's"
    );
    let pooled = design.cases_of(design.model("pooled").unwrap());
    for case in &pooled {
        let of_patient = pooled.iter().filter(|other| other.patient == case.patient);
        assert!(
            of_patient.into_iter().all(|other| other.set == case.set),
            "patients are split, not cases"
        );
    }
}

#[test]
fn every_fault_is_named_with_its_line() {
    let mut bad = rows();
    bad.push(row("P1", "myxoma", "thigh", "test", &["t1"]));
    bad.push(row("P6", "Myxo-Fibrosarcoma", "knee", "train", &[]));
    bad.push("P7,ups,pelvis,train,P1_t1.nii.gz,,,,50".to_owned());
    bad.push("P8,ups,pelvis,train,,P8_t1_label.nii.gz,,,50".to_owned());
    bad.push("P__9,ups,pelvis,train,,,,,50".to_owned());
    insta::assert_snapshot!(faults(STUDY, &bad).join("\n"), @r#"
    cohort, line 7: patient "P1" is in two splits: external here and training on line 2; patients are split, not cases
    cohort, line 8: site "knee" of patient "P6" is in no stratum; add it under [strata]
    cohort, line 10: patient "P8" has a reference of series "t1" but no image of it
    cohort, line 11: patient "P__9" has two underscores in a row, which part patient and series; use one
    cohort, line 8: histology "Myxo-Fibrosarcoma" is written "myxofibrosarcoma" on line 3; use one way, or say under [histology.spellings] that they are the same
    cohort, line 9: "P1_t1.nii.gz" is listed twice: as t1 here and as t1 on line 2
    "#);
}

#[test]
fn faults_of_the_file_name_their_line() {
    let change = |from: &str, to: &str| {
        assert!(STUDY.contains(from), "{from}");
        faults(&STUDY.replacen(from, to, 1), &rows()).join("\n")
    };
    let all = [
        change("cohort = ", "cohrt = "),
        change("version = 1", "version = 9"),
        change("\"calf\"]", "\"calf\", \"pelvis\"]\nnowhere = [\"moon\"]"),
        change("plane = \"sagittal\"", "plane = \"oblique\""),
        change("image = \"sag\"", "image = \"sagittal\""),
        change("value = \"test\"", "value = \"extern\""),
        change(
            "external = { column = \"set\", value = \"test\" }",
            "temporal = { column = \"age\", from = \"1.1.2020\" }",
        ),
        change(
            "series = [\"t1\", \"sag\"]\n\n[training]",
            "series = [\"t2\", \"sag\", \"sag\"]\n\n[training]",
        ),
        change("folds = 2", "folds = 9"),
        change(
            "members = [\"sag\", \"t1\"]",
            "members = [\"late\", \"gone\"]",
        ),
        change(
            "kind = \"single\"\nseries = [\"sag\"]",
            "kind = \"single\"\nseries = [\"sag\", \"t1\"]\nweights = \"equal\"",
        ),
        change("folds = [1, 0, 1]", "folds = [7]\ninitial_lr = -1.0"),
        change("epochs = 3", "epochs = 0"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    study file, line 1: missing field `cohort`
    study file, line 3: unknown field `cohrt`, expected one of `version`, `name`, `cohort`, `out`, `columns`, `strata`, `histology`, `split`, `labels`, `series`, `common`, `alignment`, `training`, `models`
    study file, line 1: version 9 of the study file; this program reads version 1
    study file, line 8: site "pelvis" is in two strata, "limb" and "pelvis"
    study file, line 7: stratum "nowhere" is empty: no patient has one of its sites (moon)
    study file, line 29: plane "oblique" is none of axial, sagittal, coronal
    study file, line 26: the cohort has no column "sagittal"; it has patient, histology, site, set, t1, t1_label, sag, sag_label, age
    study file, line 17: no patient is external: none has "extern" in column "set", which holds test, train
    cohort, line 2: "50" is no date; write 2020-01-31 (or 20200131)
    cohort, line 3: "50" is no date; write 2020-01-31 (or 20200131)
    cohort, line 4: "50" is no date; write 2020-01-31 (or 20200131)
    cohort, line 5: "50" is no date; write 2020-01-31 (or 20200131)
    cohort, line 6: "50" is no date; write 2020-01-31 (or 20200131)
    study file, line 17: "1.1.2020" is no date; write 2020-01-31 (or 20200131)
    study file, line 32: series "t2" is not declared; there are t1, sag
    study file, line 32: series "sag" stands twice in the list
    study file, line 16: 9 folds of 4 patients; at least 2 folds and a patient for each are needed
    study file, line 56: model "late": member "late" is a late fusion itself; members are models of one set of series each
    study file, line 56: model "late": member "gone" is no model; there are t1, sag, pooled, late
    study file, line 44: model "sag": this kind takes exactly one of `series`, 2 are given
    study file, line 45: model "sag": only a late fusion has weights
    study file, line 49: model "sag": initial_lr must be a positive number, not -1
    study file, line 48: model "sag": folds [7] of a split with folds 0 to 1
    study file, line 35: model "t1": epochs must be at least 1
    study file, line 35: model "pooled": epochs must be at least 1
    "#);
}

#[test]
fn a_missing_file_is_named() {
    let folder = folder(STUDY, &rows());
    fs::remove_file(folder.path().join("P3_sag.nii.gz")).unwrap();
    let error = open(&folder).unwrap_err().to_string();
    assert!(
        error.contains("cohort, line 4: patient \"P3\", column \"sag\": there is no such file"),
        "{error}"
    );
}

#[test]
fn a_first_study_file_is_a_study_file() {
    let folder = TempDir::new().unwrap();
    let table = folder.path().join("cohort.csv");
    let text = "patient,histology,site,mri_date,set,t1_axial,t1_axial_label,t1_sagittal,t1_sagittal_label,\
                t2_axial,t2_axial_label\nP1,Myxoma,upper arm,2020-01-31,external,a,b,c,d,e,f\n";
    fs::write(&table, text).unwrap();
    let text = study_text(&table, "cohort.csv").unwrap();
    let (file, _) = StudyFile::parse(&text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
    assert_eq!(
        file.series.keys().collect::<Vec<_>>(),
        ["t1_axial", "t1_sagittal", "t2_axial"]
    );
    let sagittal = &file.series["t1_sagittal"];
    assert_eq!(
        (sagittal.plane.as_str(), sagittal.sequence.as_str()),
        ("sagittal", "T1")
    );
    assert_eq!(file.split.external.as_ref().unwrap().value, "external");
    assert_eq!(file.columns.date.as_deref(), Some("mri_date"));
    assert_eq!(file.histology.benign, ["Myxoma"]);
    assert_eq!(file.strata["upper arm"], ["upper arm"]);
    let models: Vec<&String> = file.models.keys().collect();
    assert_eq!(
        models,
        [
            "t1_axial",
            "t1_sagittal",
            "t2_axial",
            "t1_t2",
            "t1_planes_pooled",
            "t1_planes_late"
        ],
        "{text}"
    );
    assert_eq!(
        file.models["t1_planes_late"].members,
        ["t1_axial", "t1_sagittal"]
    );
}

#[test]
fn a_split_of_other_patients_is_refused() {
    let folder = folder(STUDY, &rows());
    let design = open(&folder).unwrap();
    let path = folder.path().join("splits.json");
    design.split.write_or_check(&path).unwrap();
    design.split.write_or_check(&path).unwrap();
    let other = StudySplit::draw(&design.patients, 3, 1);
    let error = other.write_or_check(&path).unwrap_err().to_string();
    assert!(error.contains("it has 2 folds, the study 3"), "{error}");
    fs::write(&path, "{}").unwrap();
    assert!(matches!(
        design.split.write_or_check(&path),
        Err(SplitError::Document { .. })
    ));
}

fn patient(number: usize, histology: u8, stratum: u8) -> Patient {
    Patient {
        id: sarx_core::CaseId::new(format!("P{number:03}")).unwrap(),
        line: number as u64 + 2,
        histology: histology.to_string(),
        benign: false,
        site: stratum.to_string(),
        stratum: stratum.to_string(),
        date: None,
        external: false,
        series: std::collections::BTreeMap::new(),
        free: std::collections::BTreeMap::new(),
    }
}

proptest! {
    #[test]
    fn a_split_is_even_over_all_and_in_every_cell(
        kinds in prop::collection::vec((0u8..4, 0u8..3), 10..80),
        n_folds in 2usize..6,
        seed in 0u64..50,
    ) {
        let patients: Vec<Patient> =
            kinds.iter().enumerate().map(|(at, &(h, s))| patient(at, h, s)).collect();
        let split = StudySplit::draw(&patients, n_folds, seed);
        prop_assert_eq!(&split, &StudySplit::draw(&patients, n_folds, seed));
        let all: BTreeSet<&String> = (0..n_folds).flat_map(|fold| split.fold(fold)).collect();
        prop_assert_eq!(all.len(), patients.len(), "every patient once");
        let spread = |counts: Vec<usize>| counts.iter().max().unwrap() - counts.iter().min().unwrap();
        prop_assert!(spread((0..n_folds).map(|fold| split.fold(fold).len()).collect()) <= 1);
        for cell in kinds.iter().collect::<BTreeSet<_>>() {
            let of_cell = |id: &String| kinds[id[1..].parse::<usize>().unwrap()] == *cell;
            let counts = (0..n_folds).map(|fold| split.fold(fold).iter().filter(|id| of_cell(id)).count());
            prop_assert!(spread(counts.collect()) <= 1);
        }
    }
}
