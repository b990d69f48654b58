use super::*;

fn spin_echo(tr: f64, te: f64) -> AcquisitionTags {
    AcquisitionTags {
        modality: "MR".to_owned(),
        scanning_sequence: vec!["SE".to_owned()],
        repetition_time_ms: Some(tr),
        echo_time_ms: Some(te),
        orientation: Some([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]),
        ..AcquisitionTags::default()
    }
}

#[test]
fn timing_alone_tells_the_usual_spin_echoes() {
    for (tr, te, expected) in [
        (500.0, 12.0, Weighting::T1),
        (4000.0, 90.0, Weighting::T2),
        (3000.0, 15.0, Weighting::Pd),
    ] {
        let found = recognize(&spin_echo(tr, te));
        assert_eq!(found.weighting, expected, "TR {tr} TE {te}");
        assert_eq!(found.plane, Plane::Sagittal);
        assert!(found.confidence > 0.9);
        assert_eq!(found.contrast, Certainty::NotSaid);
    }
}

#[test]
fn inversion_that_nulls_fat_is_stir_and_fat_suppressed() {
    let found = recognize(&AcquisitionTags {
        scanning_sequence: vec!["SE".to_owned(), "IR".to_owned()],
        inversion_time_ms: Some(160.0),
        ..spin_echo(4500.0, 60.0)
    });
    assert_eq!(found.weighting, Weighting::Stir);
    assert_eq!(found.fat_suppressed, Certainty::Yes);
}

#[test]
fn names_that_contradict_the_timing_lower_the_confidence() {
    let named = |description: &str| {
        recognize(&AcquisitionTags {
            series_description: description.to_owned(),
            ..spin_echo(500.0, 12.0)
        })
    };
    let (agrees, contradicts) = (named("T1 tse fs sag + Gd"), named("T2 tse sag"));
    assert_eq!(agrees.weighting, Weighting::T1);
    assert_eq!(agrees.fat_suppressed, Certainty::Yes);
    assert_eq!(agrees.contrast, Certainty::Yes);
    assert!(contradicts.confidence < agrees.confidence);
    assert!(contradicts.evidence.iter().any(|e| e.contains("names T2")));
}

#[test]
fn nothing_said_is_unknown() {
    let found = recognize(&AcquisitionTags::default());
    assert_eq!(found.weighting, Weighting::Unknown);
    assert_eq!((found.confidence, found.plane), (0.0, Plane::Oblique));
}

#[test]
fn an_edited_table_comes_back_and_faults_name_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.csv");
    let row = |uid: &str| SequenceRow {
        series_uid: uid.to_owned(),
        stack: 1,
        used: true,
        recognized: recognize(&AcquisitionTags {
            series_description: "T2, \"fett\"".to_owned(),
            ..spin_echo(4000.0, 90.0)
        }),
    };
    let table = SequenceTable {
        rows: vec![row("1.2.3"), row("1.2.4")],
    };
    table.write(&path).unwrap();
    let mut read = SequenceTable::read(&path).unwrap();
    for (a, b) in read.rows.iter_mut().zip(&table.rows) {
        assert!((a.recognized.confidence - b.recognized.confidence).abs() < 0.005);
        a.recognized.confidence = b.recognized.confidence;
    }
    assert_eq!(read, table);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen(",T2,", ",stir,", 1)).unwrap();
    let read = SequenceTable::read(&path).unwrap();
    let found = read.row("1.2.3", 1).unwrap();
    assert_eq!(found.recognized.weighting, Weighting::Stir);
    std::fs::write(&path, text.replacen(",T2,", ",T3,", 1)).unwrap();
    let error = SequenceTable::read(&path).unwrap_err().to_string();
    assert!(error.starts_with("line 2: weighting is \"T3\""), "{error}");
}
