//! Objects made for the tests.
#![allow(dead_code, reason = "every test file uses its own part")]

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use std::path::Path;

pub(crate) const ROWS: usize = 6;
pub(crate) const COLUMNS: usize = 5;
/// Turned about two axes; perpendicular unit vectors.
pub(crate) const OBLIQUE: [f64; 6] = [0.8, 0.6, 0.0, -0.36, 0.48, 0.8];

pub(crate) type Object = InMemDicomObject;

pub(crate) fn put(object: &mut Object, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) {
    object.put(DataElement::new(tag, vr, value.into()));
}

pub(crate) fn ds(values: &[f64]) -> PrimitiveValue {
    PrimitiveValue::Strs(values.iter().map(|v| format!("{v:.6}")).collect())
}

pub(crate) fn sequence(object: &mut Object, tag: Tag, items: Vec<Object>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

pub(crate) fn item(fill: impl FnOnce(&mut Object)) -> Object {
    let mut item = Object::new_empty();
    fill(&mut item);
    item
}

/// A single-slice MR image `n` slices along the normal, values `100 * n + index`.
pub(crate) fn slice(orientation: [f64; 6], n: usize, gap_mm: f64) -> Object {
    let mut object = image(&format!("1.2.3.1.{}", n + 1));
    let [a, b, c, d, e, f] = orientation;
    let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    let place = n as f64 * gap_mm;
    put(
        &mut object,
        tags::IMAGE_POSITION_PATIENT,
        VR::DS,
        ds(&[
            -20.0 + normal[0] * place,
            13.5 + normal[1] * place,
            7.25 + normal[2] * place,
        ]),
    );
    put(
        &mut object,
        tags::IMAGE_ORIENTATION_PATIENT,
        VR::DS,
        ds(&orientation),
    );
    put(
        &mut object,
        tags::INSTANCE_NUMBER,
        VR::IS,
        (n + 1).to_string(),
    );
    let values = (0..ROWS * COLUMNS).map(|i| (100 * n + i) as u16).collect();
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OW,
        PrimitiveValue::U16(values),
    ));
    object
}

/// What every made image has.
pub(crate) fn image(uid: &str) -> Object {
    let mut object = Object::new_empty();
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::MR_IMAGE_STORAGE),
        (tags::SOP_INSTANCE_UID, VR::UI, uid),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.1"),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.3.9"),
        (tags::MODALITY, VR::CS, "MR"),
        (tags::PATIENT_ID, VR::LO, "../../etc/passwd"),
        (tags::PATIENT_NAME, VR::PN, "Hidden^Name"),
        (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\M"),
        (tags::PIXEL_SPACING, VR::DS, "0.5\\0.75"),
        (tags::SLICE_THICKNESS, VR::DS, "3"),
        (tags::ECHO_TIME, VR::DS, "12"),
        (tags::ACQUISITION_NUMBER, VR::IS, "1"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
    ] {
        put(&mut object, tag, vr, value);
    }
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1u16),
        (tags::ROWS, ROWS as u16),
        (tags::COLUMNS, COLUMNS as u16),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 16),
        (tags::HIGH_BIT, 15),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        put(&mut object, tag, VR::US, value);
    }
    object
}

/// An enhanced image of `places.len()` frames at these places along an axial normal.
pub(crate) fn enhanced(places: &[f64], echoes: usize) -> Object {
    let mut object = image("1.2.3.1.77");
    for tag in [tags::PIXEL_SPACING, tags::SLICE_THICKNESS, tags::ECHO_TIME] {
        object.remove_element(tag);
    }
    put(
        &mut object,
        tags::SOP_CLASS_UID,
        VR::UI,
        uids::ENHANCED_MR_IMAGE_STORAGE,
    );
    let n = places.len() * echoes;
    put(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, n.to_string());
    let shared = item(|shared| {
        sequence(
            shared,
            tags::PIXEL_MEASURES_SEQUENCE,
            vec![item(|m| {
                put(m, tags::PIXEL_SPACING, VR::DS, "0.5\\0.75");
                put(m, tags::SLICE_THICKNESS, VR::DS, "2");
            })],
        );
        sequence(
            shared,
            tags::PLANE_ORIENTATION_SEQUENCE,
            vec![item(|o| {
                put(
                    o,
                    tags::IMAGE_ORIENTATION_PATIENT,
                    VR::DS,
                    "1\\0\\0\\0\\1\\0",
                );
            })],
        );
        sequence(
            shared,
            tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
            vec![item(|v| {
                put(v, tags::RESCALE_SLOPE, VR::DS, "2");
                put(v, tags::RESCALE_INTERCEPT, VR::DS, "-1");
            })],
        );
    });
    sequence(
        &mut object,
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        vec![shared],
    );
    let frames = (0..n)
        .map(|f| {
            item(|frame| {
                let place = places[f / echoes];
                sequence(
                    frame,
                    tags::PLANE_POSITION_SEQUENCE,
                    vec![item(|p| {
                        put(
                            p,
                            tags::IMAGE_POSITION_PATIENT,
                            VR::DS,
                            ds(&[1.0, 2.0, place]),
                        );
                    })],
                );
                sequence(
                    frame,
                    tags::MR_ECHO_SEQUENCE,
                    vec![item(|e| {
                        put(
                            e,
                            tags::EFFECTIVE_ECHO_TIME,
                            VR::FD,
                            10.0 * (f % echoes + 1) as f64,
                        );
                    })],
                );
            })
        })
        .collect();
    sequence(
        &mut object,
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        frames,
    );
    let values = (0..n * ROWS * COLUMNS).map(|i| i as u16).collect();
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OW,
        PrimitiveValue::U16(values),
    ));
    object
}

/// The bytes of a file in a transfer syntax.
pub(crate) fn bytes(object: &Object, syntax: &str) -> Vec<u8> {
    let uid = |tag| {
        let element = object.element(tag).unwrap();
        element
            .value()
            .to_str()
            .unwrap()
            .trim_matches('\0')
            .to_owned()
    };
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uid(tags::SOP_CLASS_UID))
        .media_storage_sop_instance_uid(uid(tags::SOP_INSTANCE_UID))
        .transfer_syntax(syntax)
        .build()
        .unwrap();
    let mut bytes = Vec::new();
    object
        .clone()
        .with_exact_meta(meta)
        .write_all(&mut bytes)
        .unwrap();
    bytes
}

pub(crate) fn write(folder: &Path, objects: &[Object]) {
    for (i, object) in objects.iter().enumerate() {
        let data = bytes(object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        std::fs::write(folder.join(format!("{i:03}")), data).unwrap();
    }
}
