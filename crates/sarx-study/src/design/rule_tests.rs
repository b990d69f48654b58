//! Faults of names, words and files that a study would trip over hours later.

use super::tests::{STUDY, faults, folder, open, row, rows};
use std::fs;

fn change(from: &str, to: &str) -> String {
    assert!(STUDY.contains(from), "{from}");
    faults(&STUDY.replacen(from, to, 1), &rows()).join("\n")
}

#[test]
fn names_that_cannot_be_files_are_refused() {
    // In a pooled model PATIENT__SERIES of such a series is no name of a case.
    let text = STUDY
        .replace("[series.sag]", "[series.\"sag/1\"]")
        .replace("\"sag\"]", "\"sag/1\"]");
    insta::assert_snapshot!(faults(&text, &rows()).join("\n"), @r#"study file, line 25: series name "sag/1" becomes part of file names; use ASCII letters, digits, "-", "." and single "_", a letter or digit at both ends, at most 64"#);
    insta::assert_snapshot!(change("[series.sag]", "[series.T1]"), @r#"
    study file, line 25: series names "t1" (line 19) and "T1" differ only in upper and lower case
    study file, line 32: series "sag" is not declared; there are t1, T1
    study file, line 44: series "sag" is not declared; there are t1, T1
    study file, line 52: series "sag" is not declared; there are t1, T1
    "#);
    insta::assert_snapshot!(change("[models.late]", "[models.Pooled]"), @r#"study file, line 54: model names "pooled" (line 50) and "Pooled" differ only in upper and lower case"#);
    insta::assert_snapshot!(change("[models.late]", "[models.a__b]"), @r#"study file, line 54: model name "a__b" becomes part of file names; use ASCII letters, digits, "-", "." and single "_", a letter or digit at both ends, at most 64"#);
    let mut twins = rows();
    twins.push(row("p1", "ups", "thigh", "train", &["t1"]));
    insta::assert_snapshot!(faults(STUDY, &twins).join("\n"), @r#"cohort, line 7: patient names "P1" (line 2) and "p1" differ only in upper and lower case"#);
}

#[test]
fn words_that_nobody_knows_are_refused() {
    insta::assert_snapshot!(change("epochs = 3", "preset = \"large\""), @r#"
    study file, line 35: model "t1": preset is "large"; there are plain, resenc, resenc-m, resenc-l, resenc-xl, small
    study file, line 35: model "sag": preset is "large"; there are plain, resenc, resenc-m, resenc-l, resenc-xl, small
    study file, line 35: model "pooled": preset is "large"; there are plain, resenc, resenc-m, resenc-l, resenc-xl, small
    "#);
    insta::assert_snapshot!(change("epochs = 5", "configuration = \"3d_full\""), @r#"study file, line 47: model "sag": configuration is "3d_full"; there are 2d, 3d_fullres, 3d_lowres, 3d_cascade_fullres"#);
    insta::assert_snapshot!(change("benign = [\"myxoma\"]", "benign = [\n  \"myxoma\",\n  \"lipoma\",\n]"), @r#"study file, line 12: benign histology "lipoma" is no patient's; the cohort has myxofibrosarcoma, myxoma, ups"#);
}

#[test]
fn a_part_over_several_lines_is_named_with_its_own() {
    insta::assert_snapshot!(change("members = [\"sag\", \"t1\"]", "members = [\n  \"sag\",\n  \"gone\",\n  \"sag\",\n]"), @r#"
    study file, line 58: model "late": member "gone" is no model; there are t1, sag, pooled, late
    study file, line 59: model "late": "sag" stands twice under `members`
    "#);
}

#[test]
fn a_patient_without_a_word_in_the_external_column_is_not_silently_trained_on() {
    let mut bad = rows();
    bad.push(row("P6", "ups", "thigh", "", &["t1"]));
    insta::assert_snapshot!(faults(STUDY, &bad).join("\n"), @r#"cohort, line 7: patient "P6" has no value in column "set", which tells the external set"#);
}

#[test]
fn an_external_set_after_the_last_patient_is_refused() {
    let text = STUDY.replace(
        "external = { column = \"set\", value = \"test\" }",
        "temporal = { column = \"age\", from = \"20210101\" }",
    );
    let dated: Vec<String> = rows()
        .iter()
        .map(|row| row.replace(",50", ",2020-05-01"))
        .collect();
    insta::assert_snapshot!(faults(&text, &dated).join("\n"), @r#"study file, line 17: no patient is external: none was examined from 20210101 on by column "age"; the last was on 2020-05-01"#);
    let early = text.replace("20210101", "2020-05-01");
    let told = faults(&early, &dated).join("\n");
    assert!(
        told.contains("2 folds of 0 patients"),
        "all are external: {told}"
    );
}

#[test]
fn a_file_is_told_by_where_it_is_and_by_its_ending() {
    let mut bad = rows();
    bad[1] = bad[1].replace("P2_t1.nii.gz", "./P1_t1.nii.gz");
    insta::assert_snapshot!(faults(STUDY, &bad).join("\n"), @r#"cohort, line 3: "P1_t1.nii.gz" is listed twice: as t1 here and as t1 on line 2"#);
    let folder = folder(&STUDY.replace("cohort.csv", "other.csv"), &rows());
    let text = fs::read_to_string(folder.path().join("cohort.csv")).unwrap();
    fs::write(folder.path().join("P1_t1.txt"), "").unwrap();
    fs::write(
        folder.path().join("other.csv"),
        text.replace("P1_t1.nii.gz", "P1_t1.txt"),
    )
    .unwrap();
    let error = open(&folder).unwrap_err().to_string();
    assert!(
        error.contains("column \"t1\": no image that can be read by its name (endings are"),
        "{error}"
    );
}

#[test]
fn empty_lines_of_the_table_count_as_lines() {
    let mut bad = rows();
    bad[0].push_str("\n\r\n");
    bad[3] = bad[3].replace("thigh", "moon");
    insta::assert_snapshot!(faults(STUDY, &bad).join("\n"), @r#"cohort, line 7: site "moon" of patient "P4" is in no stratum; add it under [strata]"#);
}
