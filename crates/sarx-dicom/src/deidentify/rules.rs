//! What becomes of each attribute.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

/// What becomes of one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It stays; in a sequence the rules apply to what it holds.
    Keep,
    /// It is replaced by a UID that depends on the old one.
    Uid,
    /// It goes, moves or stays as the user says; `empty`: where it goes, an empty one stays.
    Date {
        /// The standard demands the attribute, though it may be empty (type 2).
        empty: bool,
    },
    /// It stays without a value (type 2 of the standard).
    Empty,
    /// It is removed because it is private.
    Private,
    /// It is removed.
    Remove,
}

/// Attributes that stay without a value.
const EMPTY: [Tag; 6] = [
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::POSITION_REFERENCE_INDICATOR,
];

/// Dates and times that must not be missing (type 2).
const EMPTY_DATES: [Tag; 4] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::CONTENT_DATE,
    tags::CONTENT_TIME,
];

/// Texts of free form that stay: codes and names of technique.
const TEXTS: [Tag; 26] = [
    tags::CODE_VALUE,
    tags::CODING_SCHEME_DESIGNATOR,
    tags::CODING_SCHEME_VERSION,
    tags::CODE_MEANING,
    tags::CONTEXT_IDENTIFIER,
    tags::MANUFACTURER,
    tags::MANUFACTURER_MODEL_NAME,
    tags::SOFTWARE_VERSIONS,
    tags::SEQUENCE_NAME,
    tags::PULSE_SEQUENCE_NAME,
    tags::IMAGED_NUCLEUS,
    tags::RESONANT_NUCLEUS,
    tags::RECEIVE_COIL_NAME,
    tags::TRANSMIT_COIL_NAME,
    tags::STACK_ID,
    tags::SEGMENT_LABEL,
    tags::SEGMENT_ALGORITHM_NAME,
    tags::TRACKING_ID,
    tags::DIMENSION_DESCRIPTION_LABEL,
    tags::WINDOW_CENTER_WIDTH_EXPLANATION,
    tags::RESCALE_TYPE,
    tags::LUT_EXPLANATION,
    tags::LUT_LABEL,
    tags::MODALITY_LUT_TYPE,
    tags::UNIVERSAL_ENTITY_ID,
    tags::CONTENT_QUALIFICATION,
];

/// Attributes of PS3.15 table E.1-1 that are no text, date, UID or person's name.
const REMOVED: [Tag; 52] = [
    tags::PATIENT_WEIGHT,
    tags::PATIENT_SIZE,
    tags::PATIENT_AGE,
    tags::PREGNANCY_STATUS,
    tags::SMOKING_STATUS,
    tags::PATIENT_SEX_NEUTERED,
    tags::PATIENT_STATE,
    tags::OTHER_PATIENT_I_DS_SEQUENCE,
    tags::PATIENT_PRIMARY_LANGUAGE_CODE_SEQUENCE,
    tags::PATIENT_INSURANCE_PLAN_CODE_SEQUENCE,
    tags::PATIENT_BREED_CODE_SEQUENCE,
    tags::PATIENT_SPECIES_CODE_SEQUENCE,
    tags::RESPONSIBLE_PERSON_ROLE,
    tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE,
    tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
    tags::ISSUER_OF_ADMISSION_ID_SEQUENCE,
    tags::INSTITUTION_CODE_SEQUENCE,
    tags::INSTITUTIONAL_DEPARTMENT_TYPE_CODE_SEQUENCE,
    tags::OPERATOR_IDENTIFICATION_SEQUENCE,
    tags::PHYSICIANS_OF_RECORD_IDENTIFICATION_SEQUENCE,
    tags::PERFORMING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
    tags::PHYSICIANS_READING_STUDY_IDENTIFICATION_SEQUENCE,
    tags::REFERRING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
    tags::CONSULTING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
    tags::REQUESTING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
    tags::PERSON_IDENTIFICATION_CODE_SEQUENCE,
    tags::ADMITTING_DIAGNOSES_CODE_SEQUENCE,
    tags::REFERENCED_PATIENT_SEQUENCE,
    Tag(0x0038, 0x0004), // ReferencedPatientAliasSequence, retired
    tags::REFERENCED_STUDY_SEQUENCE,
    tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE,
    tags::REQUEST_ATTRIBUTES_SEQUENCE,
    tags::REASON_FOR_REQUESTED_PROCEDURE_CODE_SEQUENCE,
    tags::REQUESTED_PROCEDURE_CODE_SEQUENCE,
    tags::PERFORMED_PROTOCOL_CODE_SEQUENCE,
    tags::SCHEDULED_PROTOCOL_CODE_SEQUENCE,
    tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE,
    tags::PROCEDURE_CODE_SEQUENCE,
    tags::ACQUISITION_CONTEXT_SEQUENCE,
    tags::ORIGINAL_ATTRIBUTES_SEQUENCE,
    tags::MODIFIED_ATTRIBUTES_SEQUENCE,
    tags::CONTRIBUTING_EQUIPMENT_SEQUENCE,
    tags::AUTHOR_OBSERVER_SEQUENCE,
    tags::VERIFYING_OBSERVER_SEQUENCE,
    tags::PARTICIPANT_SEQUENCE,
    tags::CUSTODIAL_ORGANIZATION_SEQUENCE,
    tags::CONTENT_CREATOR_IDENTIFICATION_CODE_SEQUENCE,
    tags::DIGITAL_SIGNATURES_SEQUENCE,
    tags::ENCRYPTED_ATTRIBUTES_SEQUENCE,
    tags::MAC_PARAMETERS_SEQUENCE,
    tags::GRAPHIC_ANNOTATION_SEQUENCE,
    tags::ICON_IMAGE_SEQUENCE,
];

/// Whole groups that go: curves, overlays and retired texts may hold anything.
fn is_removed_group(group: u16) -> bool {
    matches!(group, 0x5000..=0x50FF | 0x6000..=0x60FF | 0x4000 | 0x4008 | 0xFFFA | 0xFFFC)
}

/// What becomes of an attribute.
pub(super) fn action(tag: Tag, vr: VR) -> Action {
    if tag.0 % 2 == 1 {
        return Action::Private;
    }
    if EMPTY.contains(&tag) {
        return Action::Empty;
    }
    if REMOVED.contains(&tag) || is_removed_group(tag.0) || tag.1 == 0 {
        return Action::Remove;
    }
    match vr {
        VR::UI => Action::Uid,
        VR::DA | VR::TM | VR::DT => Action::Date {
            empty: EMPTY_DATES.contains(&tag),
        },
        VR::SH | VR::LO | VR::LT | VR::ST | VR::UC | VR::UR | VR::UT if TEXTS.contains(&tag) => {
            Action::Keep
        }
        // Inside an identified content item a name is demanded; outside it is optional.
        VR::PN | VR::AE | VR::AS => Action::Remove,
        VR::SH | VR::LO | VR::LT | VR::ST | VR::UC | VR::UR | VR::UT | VR::UN => Action::Remove,
        // Bytes of unknown meaning, except tables of grey values.
        VR::OB | VR::OW | VR::OD | VR::OF | VR::OL | VR::OV if tag.0 != 0x0028 => Action::Remove,
        _ => Action::Keep,
    }
}
