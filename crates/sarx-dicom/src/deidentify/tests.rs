use super::*;
use crate::index;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn patient() -> Object {
    let mut object = Object::new_empty();
    let mut put = |tag, vr, value: &str| {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    };
    put(tags::SOP_CLASS_UID, VR::UI, uids::MR_IMAGE_STORAGE);
    put(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4");
    put(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3");
    put(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.1");
    put(tags::STUDY_DATE, VR::DA, "20240301");
    put(tags::ACQUISITION_DATE_TIME, VR::DT, "20240302101500");
    put(tags::PATIENT_NAME, VR::PN, "Secret^Sarah");
    put(tags::PATIENT_ID, VR::LO, "SECRET-1");
    put(tags::PATIENT_BIRTH_DATE, VR::DA, "19700101");
    put(tags::SERIES_DESCRIPTION, VR::LO, "T1 SECRET");
    put(tags::INSTITUTION_NAME, VR::LO, "SECRET hospital");
    put(tags::OPERATORS_NAME, VR::PN, "SECRET");
    put(tags::IMAGE_COMMENTS, VR::LT, "SECRET");
    put(tags::MANUFACTURER, VR::LO, "ACME");
    put(tags::REPETITION_TIME, VR::DS, "500");
    put(tags::BURNED_IN_ANNOTATION, VR::CS, "YES");
    put(Tag(0x0009, 0x0010), VR::LO, "SECRET CREATOR");
    put(Tag(0x0009, 0x1001), VR::UN, "SECRET");
    let mut item = Object::new_empty();
    item.put(DataElement::new(
        tags::REFERENCED_SOP_INSTANCE_UID,
        VR::UI,
        PrimitiveValue::from("1.2.3.4"),
    ));
    item.put(DataElement::new(
        tags::PERSON_NAME,
        VR::PN,
        PrimitiveValue::from("SECRET"),
    ));
    object.put(DataElement::new(
        tags::REFERENCED_IMAGE_SEQUENCE,
        VR::SQ,
        DataSetSequence::from(vec![item]),
    ));
    object
}

fn clean(dates: Dates) -> (Object, CleanReport) {
    let mut report = CleanReport::default();
    let clean = Deidentifier::new(SECRET, dates)
        .unwrap()
        .clean_data_set(&patient(), &mut report);
    (clean, report)
}

#[test]
fn no_name_survives_and_uids_stay_consistent() {
    let (object, report) = clean(Dates::Remove);
    let mut bytes = Vec::new();
    object
        .write_dataset_with_ts(
            &mut bytes,
            &dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN.erased(),
        )
        .unwrap();
    let text_of = String::from_utf8_lossy(&bytes).to_uppercase();
    assert!(!text_of.contains("SECRET") && !text_of.contains("SARAH"));
    assert!(text_of.contains("ACME"));
    let own = text(&object, tags::SOP_INSTANCE_UID).unwrap();
    let items = crate::attribute::items(&object, tags::REFERENCED_IMAGE_SEQUENCE);
    assert_eq!(
        text(&items[0], tags::REFERENCED_SOP_INSTANCE_UID).unwrap(),
        own
    );
    assert!(own.starts_with("2.25.") && own.len() <= 64);
    assert_eq!(
        text(&object, tags::SOP_CLASS_UID).unwrap(),
        uids::MR_IMAGE_STORAGE
    );
    assert_eq!(report.n_private, 2);
    assert_eq!(report.warnings.len(), 1);
    assert!(object.get(tags::STUDY_DATE).is_some() && text(&object, tags::STUDY_DATE).is_none());
    assert!(object.get(tags::ACQUISITION_DATE_TIME).is_none());
    assert_eq!(text(&object, tags::REPETITION_TIME).unwrap(), "500");
}

#[test]
fn shifted_dates_keep_their_interval_and_birth_dates_always_go() {
    let (object, report) = clean(Dates::Shift);
    let days = Deidentifier::new(SECRET, Dates::Shift)
        .unwrap()
        .shift_days("SECRET-1");
    assert!((-3650..=-1).contains(&days));
    let date = text(&object, tags::STUDY_DATE).unwrap();
    assert_eq!(date, dates::shifted("20240301", days).unwrap());
    let time = text(&object, tags::ACQUISITION_DATE_TIME).unwrap();
    assert_eq!(time, dates::shifted("20240302101500", days).unwrap());
    assert_eq!(report.n_dates, 2);
    assert!(text(&object, tags::PATIENT_BIRTH_DATE).is_none());
    let (kept, _) = clean(Dates::Keep);
    assert_eq!(text(&kept, tags::STUDY_DATE).unwrap(), "20240301");
}

#[test]
fn another_secret_gives_other_names_and_a_short_one_is_refused() {
    let a = Deidentifier::new(SECRET, Dates::Remove).unwrap();
    let b = Deidentifier::new(b"another secret of length", Dates::Remove).unwrap();
    assert_ne!(a.uid("1.2.3"), b.uid("1.2.3"));
    assert_ne!(a.pseudonym("x"), b.pseudonym("x"));
    assert_eq!(a.uid("1.2.3"), a.clone().uid("1.2.3"));
    assert!(!format!("{a:?}").contains("0123"));
    let error = Deidentifier::new(b"short", Dates::Remove).unwrap_err();
    assert_eq!(error.found, 5);
}

#[test]
fn a_cleaned_file_has_the_same_voxels_and_the_sidecar_comes_back() {
    let Some(folder) = sarx_testkit::shared("data/knee_sagittal_dicom/echo1") else {
        return;
    };
    let limits = Limits::default();
    let target = tempfile::tempdir().unwrap();
    let deidentifier = Deidentifier::new(SECRET, Dates::Shift).unwrap();
    let load = |folder: &std::path::Path| {
        let index = index(folder, &limits).unwrap();
        assert!(index.faults.is_empty(), "{:?}", index.faults);
        let series = index.series().next().unwrap();
        let stack = &crate::stacks(series)[0];
        stack.load(series, crate::Padding::Keep, &limits).unwrap()
    };
    for (i, entry) in std::fs::read_dir(&folder).unwrap().enumerate() {
        let location = Location::File(entry.unwrap().path());
        let cleaned = deidentifier.clean(&location, &limits).unwrap();
        let path = target.path().join(i.to_string());
        cleaned.object.write_to_file(path).unwrap();
    }
    let (before, after) = (load(&folder), load(target.path()));
    assert_eq!(before.image, after.image);
    let source = deidentifier.source(&before.source);
    assert_eq!(source.slices, after.source.slices);
    assert_eq!(source.series_instance_uid, after.source.series_instance_uid);
    assert_ne!(
        source.series_instance_uid,
        before.source.series_instance_uid
    );
    assert_eq!(
        source.attributes["PatientID"],
        after.source.attributes["PatientID"]
    );
    let path = target.path().join("a.source.json");
    let sidecar = Sidecar::new(&before.source, Some(&deidentifier), Vec::new());
    sidecar.write(&path).unwrap();
    assert_eq!(Sidecar::read(&path).unwrap(), sidecar);
    std::fs::write(&path, "{\"version\": 2}").unwrap();
    assert!(matches!(
        Sidecar::read(&path),
        Err(SidecarError::Document { .. })
    ));
}
