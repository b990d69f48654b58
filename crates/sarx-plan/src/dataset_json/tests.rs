//! Documents, sound and broken.

use super::*;

fn parse(text: &str) -> Result<DatasetJson, DatasetJsonError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.json");
    std::fs::write(&path, text).unwrap();
    DatasetJson::read(&path)
}

fn with(channels: &str, rest: &str) -> Result<DatasetJson, DatasetJsonError> {
    parse(&format!(
        r#"{{{channels}, "labels": {{"background": 0, "tumour": 1}}, "numTraining": 3,
           "file_ending": ".nii.gz"{rest}}}"#
    ))
}

#[test]
fn channels_are_sorted_by_index_and_legacy_names_are_read() {
    let json = with(r#""modality": {"1": "T2", "0": "T1"}"#, "").unwrap();
    assert_eq!(json.channel_names(), ["T1", "T2"]);
    assert_eq!(json.n_training(), 3);
    assert_eq!(json.labels().n_heads(), 2);
}

#[test]
fn unknown_keys_and_their_order_are_kept() {
    let json = with(
        r#""channel_names": {"0": "T1"}"#,
        r#", "zoo": 1, "ants": [2]"#,
    )
    .unwrap();
    let keys: Vec<&String> = json.document().as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "channel_names",
            "labels",
            "numTraining",
            "file_ending",
            "zoo",
            "ants"
        ]
    );
}

#[test]
fn the_word_none_is_no_reader() {
    let rest = r#", "overwrite_image_reader_writer": "None""#;
    let json = with(r#""channel_names": {"0": "T1"}"#, rest).unwrap();
    assert_eq!(json.image_reader(), ImageReader::SimpleItk);
}

#[test]
fn channel_indices_must_count_from_zero() {
    for bad in [
        r#"{"1": "T1"}"#,
        r#"{"0": "a", "00": "b"}"#,
        r#"{"0": "a", "0": "b"}"#,
        "{}",
    ] {
        let error = with(&format!("\"channel_names\": {bad}"), "").unwrap_err();
        assert!(
            matches!(error, DatasetJsonError::ChannelIndices { .. }),
            "{error}"
        );
    }
}

#[test]
fn a_case_listed_twice_is_an_error() {
    let rest = r#", "dataset": {"a": {"images": ["x"], "label": "y"},
                                "a": {"images": ["z"], "label": "y"}}"#;
    let error = with(r#""channel_names": {"0": "T1"}"#, rest).unwrap_err();
    assert!(
        error.to_string().starts_with("case \"a\" is listed twice"),
        "{error}"
    );
}

#[test]
fn missing_keys_and_bad_values_are_named() {
    let error = parse(r#"{"channel_names": {"0": "T1"}}"#).unwrap_err();
    assert!(
        error.to_string().starts_with("key \"labels\" is missing"),
        "{error}"
    );
    let error = with(
        r#""channel_names": {"0": "T1"}"#,
        r#", "regions_class_order": [1.5]"#,
    );
    assert!(matches!(error.unwrap_err(), DatasetJsonError::Document(_)));
    let error = parse(
        r#"{"channel_names": {"0": "T1"}, "numTraining": 1, "file_ending": "nii",
            "labels": {"background": 0, "a": 1}}"#,
    );
    assert!(matches!(
        error.unwrap_err(),
        DatasetJsonError::FileEnding { .. }
    ));
}

#[test]
fn files_and_readers_that_sarx_does_not_have_are_refused() {
    let refused = |json: &str| match parse(json).unwrap_err() {
        DatasetJsonError::Reader { source, .. } => source.to_string(),
        other => panic!("{other}"),
    };
    let with_ending = |ending: &str, rest: &str| {
        format!(
            r#"{{"channel_names": {{"0": "T1"}}, "labels": {{"background": 0, "a": 1}},
            "numTraining": 1, "file_ending": "{ending}"{rest}}}"#
        )
    };
    for ending in [".png", ".bmp", ".tif", ".tiff", ".gipl"] {
        let text = refused(&with_ending(ending, ""));
        assert!(text.contains(ending) && text.contains(".nii.gz"), "{text}");
    }
    for name in [
        "NibabelIOWithReorient",
        "SimpleITKIOWithReorient",
        "Tiff3DIO",
        "MyIO",
    ] {
        let rest = format!(r#", "overwrite_image_reader_writer": "{name}""#);
        let text = refused(&with_ending(".nii.gz", &rest));
        assert!(text.contains(name), "{text}");
    }
    for (ending, class) in [(".nii", "NibabelIO"), (".mhd", "SimpleITKIO")] {
        let json = parse(&with_ending(ending, "")).unwrap();
        assert_eq!(json.image_reader().class_name(), class);
    }
}
