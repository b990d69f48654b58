use super::*;
use crate::Finding;

const GOOD: &str = "\u{feff}case,patient,site,note\r\n\
    sts_1,p1, extremity ,\"large, lobulated\"\r\n\
    \r\n\
    sts_2,p2,pelvis,\"said \"\"no\"\"\nand left\"\r\n\
    sts_3,p3,,\r\n";

fn scored(names: &[&str]) -> Vec<(CaseId, Scores)> {
    names
        .iter()
        .map(|n| (CaseId::new(*n).unwrap(), Scores::none(Finding::Overlap)))
        .collect()
}

#[test]
fn quotes_marks_blanks_and_unknown_columns_are_read() {
    let cohort = Cohort::parse(GOOD).unwrap();
    assert_eq!(cohort.columns(), ["case", "patient", "site", "note"]);
    assert_eq!(
        cohort.rows()[0].values,
        ["sts_1", "p1", "extremity", "large, lobulated"]
    );
    assert_eq!(cohort.rows()[1].values[3], "said \"no\"\nand left");
    assert_eq!(
        cohort.row(&CaseId::new("sts_3").unwrap()).unwrap().values[2],
        ""
    );
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let lines: Vec<u64> = Cohort::parse("case,a\nx,1\ny,2\n")
        .unwrap()
        .rows()
        .iter()
        .map(|r| r.line)
        .collect();
    assert_eq!(lines, [2, 3]);
    let error = Cohort::parse("case,site\nx,1\ny\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3 of the cohort cannot be read: it has 1 fields but the header has 2"
    );
}

#[test]
fn semicolons_of_a_spreadsheet_are_understood() {
    let cohort = Cohort::parse("case;site\nx;pelvis\n").unwrap();
    assert_eq!(cohort.rows()[0].values, ["x", "pelvis"]);
}

#[test]
fn every_fault_has_its_error() {
    let text = |file: &str| Cohort::parse(file).unwrap_err().to_string();
    assert_eq!(
        text(""),
        "the cohort has no column \"case\"; its header is "
    );
    assert_eq!(text("case,site\n"), "the cohort has no cases");
    assert_eq!(
        text("name,site\nx,y\n"),
        r#"the cohort has no column "case"; its header is "name", "site""#
    );
    assert_eq!(
        text("case,site,site\nx,y,z\n"),
        r#"the cohort has two columns "site"; give each column its own name"#
    );
    assert_eq!(
        text("case\nx\nz\nx\n"),
        "case \"x\" stands on lines 2 and 4 of the cohort; keep one line per case"
    );
    assert_eq!(
        text("case,site\n../x,y\n"),
        "line 2 of the cohort has no good case name"
    );
}

#[test]
fn a_join_names_every_case_and_column_that_is_missing() {
    let cohort = Cohort::parse(GOOD).unwrap();
    let rows = cohort
        .join(&scored(&["sts_2"]), &["site".to_owned()])
        .unwrap();
    assert_eq!(rows[0].strata, [("site".to_owned(), "pelvis".to_owned())]);
    let error = cohort
        .join(&scored(&["sts_2", "sts_8", "sts_9"]), &[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"2 of 3 scored cases are not in the cohort: "sts_8", "sts_9""#
    );
    let error = cohort
        .join(&scored(&["sts_2"]), &["grade".to_owned()])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(r#"the cohort has no column "grade""#)
    );
}

#[test]
fn text_of_another_encoding_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"case,site\nx,M\xfcnchen\n").unwrap();
    let error = Cohort::read(file.path()).unwrap_err();
    assert!(
        matches!(error, CohortError::NotUtf8 { offset: 13 }),
        "{error}"
    );
    assert!(matches!(
        Cohort::read(Path::new("/no/such.csv")),
        Err(CohortError::File { .. })
    ));
}
