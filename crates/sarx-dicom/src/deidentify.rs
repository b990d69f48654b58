//! De-identification by the basic profile of DICOM PS3.15 annex E, with its two options for dates.
//!
//! The profile lists attributes; vendors and people put names into others as well. So the rules
//! here are closed the other way round: private attributes go, every text of free form goes
//! unless it is on a short list of codes and technical names, every person's name goes, every
//! UID is replaced by one that depends on the old one and a secret, every date goes, moves or stays as
//! the user says, and the attributes of table E.1-1 that are none of these go by name.
//! The rules reach into sequences.
//!
//! The same secret gives the same replacements, so that series of one patient stay together, also
//! when they come in years apart. Without the secret, replacements cannot be undone or guessed.

mod dates;
mod rules;
mod sidecar;

pub use sidecar::{Sidecar, SidecarError};

use crate::attribute::text;
use crate::header::{Object, read_header};
use crate::walk::PixelPlace;
use crate::{FileError, FileFault, Limits, Location, SourceSeries};
use dicom_core::header::Header as _;
use dicom_core::value::{DataSetSequence, PixelFragmentSequence};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileDicomObject, FileMetaTableBuilder};
use rules::Action;
use sha2::{Digest as _, Sha256};

/// Shortest secret, bytes: what cannot be guessed by trying.
const SHORTEST_SECRET: usize = 16;

/// What becomes of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Dates {
    /// They are removed (the basic profile).
    #[default]
    Remove,
    /// They move by the same number of days for all of a patient, so that intervals stay
    /// (retain longitudinal temporal information, modified dates).
    Shift,
    /// They stay (retain longitudinal temporal information, full dates).
    Keep,
}

/// Replaces what identifies a patient.
#[derive(Clone)]
pub struct Deidentifier {
    secret: Vec<u8>,
    dates: Dates,
}

/// A secret that is too short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret has {found} bytes; at least {SHORTEST_SECRET} are needed, from a random source"
)]
pub struct SecretError {
    /// Bytes of the secret.
    pub found: usize,
}

/// A cleaned object and what was done.
#[derive(Debug)]
pub struct Cleaned {
    /// The object with its file meta information; `write_all` writes it.
    pub object: FileDicomObject<Object>,
    /// What was done.
    pub report: CleanReport,
}

/// What de-identification did to one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CleanReport {
    /// Private elements that were removed.
    pub n_private: usize,
    /// Other elements that were removed or emptied.
    pub n_removed: usize,
    /// UIDs that were replaced.
    pub n_uids: usize,
    /// Dates that were moved.
    pub n_dates: usize,
    /// What a person must look at.
    pub warnings: Vec<String>,
}

impl Deidentifier {
    /// A de-identifier with a secret of at least 16 bytes.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the secret is too short.
    pub fn new(secret: &[u8], dates: Dates) -> Result<Self, SecretError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(SecretError {
                found: secret.len(),
            });
        }
        Ok(Self {
            secret: secret.to_vec(),
            dates,
        })
    }

    /// What becomes of dates.
    #[must_use]
    pub fn dates(&self) -> Dates {
        self.dates
    }

    /// The pseudonym of a patient: `P` and sixteen hexadecimal digits, safe in file names.
    #[must_use]
    pub fn pseudonym(&self, patient: &str) -> String {
        format!("P{}", sarx_core::hex(&self.hash("patient", patient)[..8]))
    }

    /// The replacement of a UID: `2.25.` and a number of 128 bits (PS3.5 B.2). UIDs of the standard
    /// itself stay.
    #[must_use]
    pub fn uid(&self, uid: &str) -> String {
        if uid.is_empty() || is_standard(uid) {
            return uid.to_owned();
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.hash("uid", uid)[..16]);
        // Version and variant of a random UUID, so that the number is one.
        bytes[6] = bytes[6] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        format!("2.25.{}", u128::from_be_bytes(bytes))
    }

    /// By how many days all dates of a patient move: from ten years to one day into the past.
    #[must_use]
    pub fn shift_days(&self, patient: &str) -> i64 {
        let hash = self.hash("days", patient);
        let number = u64::from_be_bytes([
            hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
        ]);
        -1 - (number % 3650) as i64
    }

    /// A keyed hash: SHA-256 over the secret around another of secret, purpose and value.
    fn hash(&self, purpose: &str, value: &str) -> [u8; 32] {
        let inner = Sha256::new()
            .chain_update(&self.secret)
            .chain_update([0])
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(value)
            .finalize();
        let outer = Sha256::new()
            .chain_update(&self.secret)
            .chain_update([1])
            .chain_update(inner)
            .finalize();
        outer.into()
    }

    /// Reads a file and returns it cleaned, pixels included and untouched.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file cannot be read.
    pub fn clean(&self, location: &Location, limits: &Limits) -> Result<Cleaned, FileError> {
        self.cleaned(location, limits).map_err(|f| f.at(location))
    }

    fn cleaned(&self, location: &Location, limits: &Limits) -> Result<Cleaned, FileFault> {
        let header = read_header(location, limits).map_err(|e| e.fault)?;
        let mut report = CleanReport::default();
        let mut object = self.clean_data_set(&header.object, &mut report);
        report.n_private += header.n_unknown;
        let mut syntax = header.meta.transfer_syntax.clone();
        let deflated = header.meta.syntax().deflated;
        if deflated {
            uids::EXPLICIT_VR_LITTLE_ENDIAN.clone_into(&mut syntax);
        }
        if let Some(place) = header.pixels {
            object.put(pixel_element(location, place, deflated, limits)?);
        }
        let class = text(&header.object, tags::SOP_CLASS_UID)
            .unwrap_or_else(|| header.meta.sop_class.clone());
        let instance = text(&object, tags::SOP_INSTANCE_UID)
            .unwrap_or_else(|| self.uid(&header.meta.sop_instance));
        let meta = FileMetaTableBuilder::new()
            .media_storage_sop_class_uid(class)
            .media_storage_sop_instance_uid(instance)
            .transfer_syntax(syntax)
            .build()
            .map_err(|_| FileFault::Missing {
                name: "SOPClassUID",
            })?;
        Ok(Cleaned {
            object: object.with_exact_meta(meta),
            report,
        })
    }

    /// Cleans a data set without pixels and says in it what was done.
    pub(crate) fn clean_data_set(&self, object: &Object, report: &mut CleanReport) -> Object {
        let patient = patient_key(object);
        warnings(object, report);
        let mut clean = self.clean_level(object, &patient, report);
        let mut put = |tag, vr, value: &str| {
            clean.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        };
        let pseudonym = self.pseudonym(&patient);
        put(tags::PATIENT_NAME, VR::PN, &pseudonym);
        put(tags::PATIENT_ID, VR::LO, &pseudonym);
        put(tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
        put(tags::DEIDENTIFICATION_METHOD, VR::LO, METHOD);
        let (word, code) = match self.dates {
            Dates::Remove => ("REMOVED", None),
            Dates::Shift => (
                "MODIFIED",
                Some((
                    "113107",
                    "Retain Longitudinal Temporal Information Modified Dates Option",
                )),
            ),
            Dates::Keep => (
                "UNMODIFIED",
                Some((
                    "113106",
                    "Retain Longitudinal Temporal Information Full Dates Option",
                )),
            ),
        };
        put(
            tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
            VR::CS,
            word,
        );
        let basic = ("113100", "Basic Application Confidentiality Profile");
        let codes: Vec<Object> = std::iter::once(basic)
            .chain(code)
            .map(|(value, meaning)| {
                let mut item = Object::new_empty();
                for (tag, vr, value) in [
                    (tags::CODE_VALUE, VR::SH, value),
                    (tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM"),
                    (tags::CODE_MEANING, VR::LO, meaning),
                ] {
                    item.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
                }
                item
            })
            .collect();
        clean.put(DataElement::new(
            tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
            VR::SQ,
            DataSetSequence::from(codes),
        ));
        clean
    }

    fn clean_level(&self, object: &Object, patient: &str, report: &mut CleanReport) -> Object {
        let mut clean = Object::new_empty();
        for element in object.iter() {
            let tag = element.tag();
            let action = rules::action(tag, element.vr());
            let put = |clean: &mut Object, value: PrimitiveValue| {
                clean.put(DataElement::new(tag, element.vr(), value));
            };
            match action {
                Action::Keep if element.value().items().is_some() => {
                    let items: Vec<Object> = element
                        .value()
                        .items()
                        .unwrap_or(&[])
                        .iter()
                        .map(|item| self.clean_level(item, patient, report))
                        .collect();
                    clean.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
                }
                Action::Keep => {
                    clean.put(element.clone());
                }
                Action::Uid => {
                    let mapped: Vec<String> = crate::attribute::texts(object, tag)
                        .iter()
                        .map(|uid| self.uid(uid))
                        .collect();
                    report.n_uids += mapped.len();
                    put(&mut clean, PrimitiveValue::Strs(mapped.into()));
                }
                Action::Date { empty } => match self.date(object, tag, patient) {
                    Some(values) => {
                        report.n_dates += usize::from(self.dates == Dates::Shift);
                        put(&mut clean, PrimitiveValue::Strs(values.into()));
                    }
                    None => {
                        report.n_removed += 1;
                        if empty {
                            put(&mut clean, PrimitiveValue::Empty);
                        }
                    }
                },
                Action::Empty => {
                    report.n_removed += 1;
                    put(&mut clean, PrimitiveValue::Empty);
                }
                Action::Private => report.n_private += 1,
                Action::Remove => report.n_removed += 1,
            }
        }
        clean
    }

    /// What a date, time or both becomes; `None` if it goes, as one that cannot be read does.
    fn date(&self, object: &Object, tag: Tag, patient: &str) -> Option<Vec<String>> {
        let values = crate::attribute::texts(object, tag);
        let vr = object.get(tag)?.vr();
        match self.dates {
            Dates::Remove => None,
            Dates::Keep => Some(values),
            Dates::Shift if vr == VR::TM => Some(values),
            Dates::Shift => {
                let days = self.shift_days(patient);
                values.iter().map(|v| dates::shifted(v, days)).collect()
            }
        }
    }

    /// Cleans what a volume remembers of its source.
    #[must_use]
    pub fn source(&self, source: &SourceSeries) -> SourceSeries {
        let get = |name: &str| source.attributes.get(name).cloned().unwrap_or_default();
        let patient = key_of(
            get("PatientID"),
            get("PatientName"),
            get("PatientBirthDate"),
            source.study_instance_uid.clone(),
        );
        let days = self.shift_days(&patient);
        let mut clean = source.clone();
        clean.study_instance_uid = self.uid(&source.study_instance_uid);
        clean.series_instance_uid = self.uid(&source.series_instance_uid);
        clean.frame_of_reference_uid = source.frame_of_reference_uid.as_ref().map(|u| self.uid(u));
        for slice in &mut clean.slices {
            slice.sop_instance_uid = self.uid(&slice.sop_instance_uid);
        }
        clean.attributes = source
            .attributes
            .iter()
            .filter_map(|(name, value)| {
                let value = match name.as_str() {
                    "PatientID" | "PatientName" => return None,
                    "Modality" | "SeriesNumber" | "BodyPartExamined" => value.clone(),
                    "FrameOfReferenceUID" => self.uid(value),
                    "StudyDate" | "SeriesDate" => match self.dates {
                        Dates::Remove => return None,
                        Dates::Keep => value.clone(),
                        Dates::Shift => dates::shifted(value, days)?,
                    },
                    "StudyTime" | "SeriesTime" if self.dates != Dates::Remove => value.clone(),
                    _ => return None,
                };
                Some((name.clone(), value))
            })
            .collect();
        let pseudonym = self.pseudonym(&patient);
        for name in ["PatientID", "PatientName"] {
            clean.attributes.insert(name.to_owned(), pseudonym.clone());
        }
        clean
    }
}

/// What the profile is called in the file, at most 64 characters.
const METHOD: &str = "sarx: PS3.15 basic profile, closed for free text";

impl std::fmt::Debug for Deidentifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret must not reach a log.
        f.debug_struct("Deidentifier")
            .field("dates", &self.dates)
            .finish_non_exhaustive()
    }
}

/// UIDs that the standard gives to classes, syntaxes and well-known frames of reference.
fn is_standard(uid: &str) -> bool {
    uid.starts_with("1.2.840.10008.")
}

fn key_of(id: String, name: String, born: String, study: String) -> String {
    if !id.is_empty() {
        id
    } else if !name.is_empty() {
        format!("{name}\\{born}")
    } else {
        // Without any name, only a study says which objects belong together.
        study
    }
}

fn patient_key(object: &Object) -> String {
    let get = |tag| text(object, tag).unwrap_or_default();
    key_of(
        get(tags::PATIENT_ID),
        get(tags::PATIENT_NAME),
        get(tags::PATIENT_BIRTH_DATE),
        get(tags::STUDY_INSTANCE_UID),
    )
}

/// What no rule on attributes can clean.
fn warnings(object: &Object, report: &mut CleanReport) {
    let mut warn = |text: &str| report.warnings.push(text.to_owned());
    let class = text(object, tags::SOP_CLASS_UID).unwrap_or_default();
    let captured = class.starts_with(uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    let modality = text(object, tags::MODALITY).unwrap_or_default();
    match text(object, tags::BURNED_IN_ANNOTATION).as_deref() {
        Some("YES") => warn("BurnedInAnnotation is YES: names may be written into the picture"),
        Some("NO") => {}
        _ if captured || matches!(modality.as_str(), "US" | "XA" | "RF" | "ES" | "OT" | "SC") => {
            warn("pictures of this kind often have names written into them; look at them");
        }
        _ => {}
    }
    if text(object, tags::RECOGNIZABLE_VISUAL_FEATURES).as_deref() == Some("YES") {
        warn("RecognizableVisualFeatures is YES: a face may be seen in the picture");
    }
    if class == uids::ENCAPSULATED_PDF_STORAGE || class == uids::ENCAPSULATED_CDA_STORAGE {
        warn("an encapsulated document; its content is removed");
    }
}

/// The pixel data as they are stored.
fn pixel_element(
    location: &Location,
    place: PixelPlace,
    deflated: bool,
    limits: &Limits,
) -> Result<DataElement<Object>, FileFault> {
    let vr = if place.words { VR::OW } else { VR::OB };
    let Some(n_bytes) = place.n_bytes else {
        let bytes = location.read_tail(place.offset, limits)?;
        let mut items = crate::pixels::fragment_ranges(&bytes)?.into_iter();
        let table = items.next().map_or(&[][..], |range| &bytes[range]);
        let offsets: Vec<u32> = table
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let fragments: Vec<Vec<u8>> = items.map(|range| bytes[range].to_vec()).collect();
        return Ok(DataElement::new(
            tags::PIXEL_DATA,
            VR::OB,
            PixelFragmentSequence::new(offsets, fragments),
        ));
    };
    let bytes = if deflated {
        crate::pixels::inflated_range(location, place.offset, n_bytes, limits)?
    } else {
        if n_bytes > limits.unpacked_bytes {
            return Err(FileFault::TooLarge {
                part: "pixel data",
                limit: limits.unpacked_bytes,
            });
        }
        location.read_range(place.offset, n_bytes)?
    };
    Ok(DataElement::new(
        tags::PIXEL_DATA,
        vr,
        PrimitiveValue::U8(bytes.into()),
    ))
}

#[cfg(test)]
mod tests;
