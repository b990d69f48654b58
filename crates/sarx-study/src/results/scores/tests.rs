use super::*;

fn scored(finding: Finding) -> Outcome {
    let missed = finding == Finding::Missed;
    let distance = if missed { f64::INFINITY } else { 4.25 };
    Outcome::Scored {
        scores: Scores::none(finding)
            .with(Measure::Dice, if missed { 0.0 } else { 0.1 + 0.2 })
            .with(Measure::Hd95Mm, distance)
            .with(Measure::AssdMm, distance)
            .with(Measure::VolumeRefMl, 12.5),
        lesions: Some(LesionCounts {
            reference: 2,
            found: usize::from(!missed),
            predicted: 1,
            false_alarms: 0,
        }),
    }
}

fn row(model: &str, patient: &str, outcome: Outcome) -> ScoreRow {
    ScoreRow {
        model: model.to_owned(),
        patient: patient.to_owned(),
        case: patient.to_owned(),
        set: StudySet::CrossValidation,
        fold: Some(1),
        grid: ScoreGrid::Common,
        site: "thigh, left".to_owned(),
        stratum: "extremity".to_owned(),
        histology: "UPS".to_owned(),
        benign: false,
        outcome,
    }
}

fn table() -> ScoreTable {
    ScoreTable::new(vec![
        row("t1", "a", scored(Finding::Overlap)),
        row("t1", "b", scored(Finding::Missed)),
        row("t2", "a", Outcome::Failed),
    ])
    .unwrap()
}

/// Replaces the first occurrence on one line (from 1) of the written table.
fn spoiled(line: usize, from: &str, to: &str) -> String {
    let csv = table().to_csv();
    let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    assert!(
        lines[line - 1].contains(from),
        "{from} in {}",
        lines[line - 1]
    );
    lines[line - 1] = lines[line - 1].replacen(from, to, 1);
    lines.join("\n")
}

fn message(text: &str) -> String {
    ScoreTable::parse(text).unwrap_err().to_string()
}

#[test]
fn the_table_is_written_as_the_contract_says_and_read_back() {
    let csv = table().to_csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "model,patient,case,set,fold,grid,site,stratum,histology,benign,finding,dice,f2,precision,recall,hd95_mm,hd95_pooled_mm,assd_mm,assd_masd_mm,nsd_2mm,nsd_slice,volume_ref_ml,volume_pred_ml,lesions_ref,lesions_found,lesions_pred,lesions_false"
    );
    assert_eq!(
        lines[2],
        "t1,b,b,cross_validation,1,common,\"thigh, left\",extremity,UPS,false,missed,0,,,,inf,,inf,,,,12.5,,2,0,1,0"
    );
    assert_eq!(
        lines[3],
        "t2,a,a,cross_validation,1,common,\"thigh, left\",extremity,UPS,false,failed,,,,,,,,,,,,,,,,"
    );
    let back = ScoreTable::parse(&csv).unwrap();
    // NaN is unequal to itself: what is written again tells.
    assert_eq!(back.to_csv(), csv);
    assert_eq!(back.rows()[0].score(Measure::Dice), 0.1 + 0.2);
    assert_eq!(back.rows()[1].score(Measure::Hd95Mm), f64::INFINITY);
    assert!(back.rows()[2].score(Measure::Dice).is_nan() && back.rows()[2].is_failed());
    assert_eq!((back.n_failed(), back.models()), (1, vec!["t1", "t2"]));
}

#[test]
fn a_file_is_written_whole_and_may_have_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.csv");
    table().write(&path).unwrap();
    assert_eq!(ScoreTable::read(&path).unwrap().to_csv(), table().to_csv());
    let marked = format!("\u{feff}{}", table().to_csv());
    assert_eq!(ScoreTable::parse(&marked).unwrap().rows().len(), 3);
    let absent = ScoreTable::read(&folder.path().join("none.csv")).unwrap_err();
    assert!(matches!(absent, ScoreFileError::File { .. }));
    std::fs::write(&path, b"model\xff").unwrap();
    let bytes = ScoreTable::read(&path).unwrap_err();
    assert!(matches!(bytes, ScoreFileError::NotUtf8 { offset: 5 }));
}

#[test]
fn faults_of_the_header_are_named() {
    assert_eq!(
        message(&spoiled(1, "dice,f2", "dice,score")),
        "line 1 of the scores has the unknown column \"score\" (field 13); take it out or write the table with this version"
    );
    assert_eq!(
        message(&spoiled(1, "dice,f2", "dice,dice")),
        "line 1 of the scores has the column \"dice\" twice"
    );
    let short: String = "model,patient\na,b\n".to_owned();
    assert!(message(&short).contains("lacks the columns case, set, fold"));
    assert_eq!(
        message(table().to_csv().lines().next().unwrap()),
        "the scores have no rows"
    );
}

#[test]
fn faults_of_a_value_name_line_and_column() {
    for (line, from, to, expected) in [
        (
            2,
            "t1,",
            ",",
            "line 2, column model: found \"\", expected a name",
        ),
        (
            3,
            "cross_validation",
            "cv",
            "line 3, column set: found \"cv\", expected \"cross_validation\" or \"external\"",
        ),
        (
            3,
            ",1,common",
            ",one,common",
            "line 3, column fold: found \"one\", expected the number of a fold, or nothing",
        ),
        (
            3,
            ",1,common",
            ",,common",
            "line 3, column fold: found \"\", expected the number of the fold, since the set is cross_validation",
        ),
        (
            3,
            "common",
            "world",
            "line 3, column grid: found \"world\", expected \"common\" or \"native\"",
        ),
        (
            2,
            "false",
            "no",
            "line 2, column benign: found \"no\", expected \"true\" or \"false\"",
        ),
        (
            2,
            "overlap",
            "hit",
            "line 2, column finding: found \"hit\", expected \"overlap\" or \"no overlap\" or \"missed\" or \"false alarm\" or \"both empty\" or \"failed\"",
        ),
        (
            2,
            "4.25",
            "-4.25",
            "line 2, column hd95_mm: found \"-4.25\", expected a distance in mm, zero or more, `inf` for a missed lesion, or nothing",
        ),
        (
            2,
            "4.25",
            "NaN",
            "line 2, column hd95_mm: found \"NaN\", expected a distance in mm, zero or more, `inf` for a missed lesion, or nothing",
        ),
        (
            2,
            "0.30000000000000004",
            "inf",
            "line 2, column dice: found \"inf\", expected a number from 0 to 1, or nothing",
        ),
        (
            2,
            "0.30000000000000004",
            "30",
            "line 2, column dice: found \"30\", expected a number from 0 to 1, or nothing",
        ),
        (
            3,
            "12.5",
            "inf",
            "line 3, column volume_ref_ml: found \"inf\", expected a volume in ml, zero or more, or nothing",
        ),
        (
            3,
            "inf",
            "7",
            "line 3, column hd95_mm: found \"7\", expected `inf`, since one of the two masks is empty",
        ),
        (
            4,
            "failed,",
            "failed,0.5",
            "line 4, column dice: found \"0.5\", expected nothing, since the case failed",
        ),
        (
            2,
            "2,1,1,0",
            "2,1,,0",
            "line 2, column lesions_pred: found \"\", expected a number, since the other columns of lesions have one",
        ),
        (
            2,
            "2,1,1,0",
            "2,3,1,0",
            "line 2, column lesions_found: found \"3\", expected at most lesions_ref, 2",
        ),
        (
            2,
            "2,1,1,0",
            "2,1,1,2",
            "line 2, column lesions_false: found \"2\", expected at most lesions_pred, 1",
        ),
        (
            3,
            "2,0,1,0",
            "2,0,1",
            "line 3 of the scores has 26 fields but the header has 27",
        ),
    ] {
        assert_eq!(message(&spoiled(line, from, to)), expected);
    }
}

#[test]
fn rows_that_contradict_each_other_are_refused() {
    let twice = ScoreTable::join([table(), table()]).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "lines 2 and 5 both hold case \"a\" of model \"t1\" on the common grid; keep one"
    );
    let mut rows = table().rows().to_vec();
    rows[1].patient = "a".to_owned();
    assert!(matches!(
        ScoreTable::new(rows).unwrap_err(),
        ScoreFileError::PatientTwice {
            first: 2,
            second: 3,
            ..
        }
    ));
    assert_eq!(
        message(&spoiled(4, "UPS", "myxoma")),
        "line 4, column histology: patient \"a\" has \"myxoma\" here but \"UPS\" on line 2"
    );
    assert_eq!(
        message(&spoiled(4, ",1,common", ",2,common")),
        "line 4, column fold: patient \"a\" has \"2\" here but \"1\" on line 2"
    );
    let mut rows = table().rows().to_vec();
    rows[0].set = StudySet::External;
    assert!(
        ScoreTable::new(rows)
            .unwrap_err()
            .to_string()
            .contains("nothing, since the set is external")
    );
}

#[test]
fn a_pooled_model_has_several_cases_of_a_patient_on_native_grids() {
    let mut rows = vec![
        row("pooled", "a", scored(Finding::Overlap)),
        row("pooled", "a", scored(Finding::Overlap)),
    ];
    for (row, case) in rows.iter_mut().zip(["a__t1_axial", "a__t1_sagittal"]) {
        row.grid = ScoreGrid::Native;
        row.case = case.to_owned();
    }
    assert_eq!(ScoreTable::new(rows).unwrap().rows().len(), 2);
}
