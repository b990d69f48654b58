use super::*;
use crate::results::fixture::{facts, table};
use crate::results::tables::study_tables;

fn tables() -> StudyTables {
    study_tables(&table(), &facts()).unwrap()
}

fn text(name: &str) -> String {
    let files = table_files(&tables());
    let file = files.into_iter().find(|file| file.name == name);
    file.unwrap_or_else(|| panic!("{name}")).text
}

#[test]
fn csv_has_as_many_fields_in_every_line_as_in_its_header() {
    for file in table_files(&tables()) {
        if !file.name.ends_with(".csv") {
            continue;
        }
        let mut reader = csv::Reader::from_reader(file.text.as_bytes());
        let n = reader.headers().unwrap().len();
        let mut n_rows = 0;
        for record in reader.records() {
            assert_eq!(record.unwrap().len(), n, "{}", file.name);
            n_rows += 1;
        }
        assert!(n_rows > 0, "{}", file.name);
    }
}

#[test]
fn latex_has_as_many_cells_in_every_line_as_columns() {
    let mut n_files = 0;
    for file in table_files(&tables()) {
        let Some((_, rest)) = file.text.split_once("\\begin{tabular}{") else {
            continue;
        };
        let (columns, body) = rest.split_once('}').unwrap();
        for line in body.lines().filter(|line| line.ends_with("\\\\")) {
            // An escaped ampersand is text.
            let n = line.replace("\\&", "").matches('&').count() + 1;
            assert_eq!(n, columns.len(), "{}: {line}", file.name);
        }
        assert!(is_ours(&file.name), "{}", file.name);
        n_files += 1;
    }
    // Cohort, two summaries, two groupings, two of models, strata, best, volumes, detection.
    assert_eq!(n_files, 11);
}

#[test]
fn csv_of_models_and_their_pairs() {
    insta::assert_snapshot!(text("model_tests.csv"));
    let pairs = text("model_pairs.csv");
    let head: Vec<&str> = pairs.lines().take(4).collect();
    insta::assert_snapshot!(head.join("\n"));
}

#[test]
fn latex_of_the_main_table() {
    insta::assert_snapshot!(text("summary_cross_validation_common_all.tex"));
}

#[test]
fn latex_of_tests_and_best_models() {
    insta::assert_snapshot!(text("model_pairs_cross_validation.tex"));
    insta::assert_snapshot!(text("strata_tests_cross_validation.tex"));
    insta::assert_snapshot!(text("best_models_cross_validation.tex"));
    insta::assert_snapshot!(text("detection_cross_validation.tex"));
    insta::assert_snapshot!(text("cohort_cross_validation.tex"));
}

#[test]
fn files_are_written_with_the_document_last_and_stale_ones_go() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("tables");
    std::fs::create_dir(&folder).unwrap();
    for (name, stays) in [
        ("summary_external_common_all.tex", false),
        ("detection.csv", true),
        ("notes.csv", true),
        ("summarys.tex", true),
    ] {
        std::fs::write(folder.join(name), "old").unwrap();
        let paths = write_tables(&tables(), &folder).unwrap();
        assert_eq!(folder.join(name).exists(), stays, "{name}");
        assert_eq!(paths.last().unwrap(), &folder.join("tables.json"));
        assert!(paths.iter().all(|path| path.exists()));
    }
    assert_ne!(
        std::fs::read_to_string(folder.join("detection.csv")).unwrap(),
        "old"
    );
    let back = StudyTables::read(&folder.join("tables.json")).unwrap();
    assert!(back.to_json().unwrap() == tables().to_json().unwrap());
    let taken = parent.path().join("file");
    std::fs::write(&taken, "").unwrap();
    let fault = write_tables(&tables(), &taken).unwrap_err();
    assert!(matches!(fault, WriteTablesError::Folder { .. }));
}
