//! One object of a series: its identity, its frames and where its pixels are.

use crate::attribute::{Scope, integer, number, numbers, text};
use crate::header::{Header, Object};
use crate::walk::PixelPlace;
use crate::{AcquisitionTags, FileFault, Frame, Location, frame};
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Most frames of one object; the standard's number is a text of at most 12 digits.
const MOST_FRAMES: i64 = 1 << 20;

/// One object as the index keeps it: no pixels, no patient.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Where it lies.
    pub location: Location,
    /// UID of the transfer syntax.
    pub transfer_syntax: String,
    /// UID of the kind of object.
    pub sop_class: String,
    /// UID of the object.
    pub sop_instance: String,
    /// Number of the instance in its series, if it has one.
    pub instance_number: Option<i64>,
    /// How its pixels are stored; `None` for objects without an image that sarx can read.
    pub pixels: Option<PixelLayout>,
    /// Its slices; one for a classic image.
    pub frames: Vec<Frame>,
    /// What tells the kind of MR sequence.
    pub acquisition: AcquisitionTags,
    /// What says that names may be written into the picture.
    pub burned_in: Option<bool>,
}

/// How the pixels of an object are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelLayout {
    /// Voxels along a column.
    pub rows: u16,
    /// Voxels along a row.
    pub columns: u16,
    /// Values per voxel.
    pub samples: u16,
    /// Bits of a stored value.
    pub bits_allocated: u16,
    /// Bits that carry the value.
    pub bits_stored: u16,
    /// Highest of these bits, from 0.
    pub high_bit: u16,
    /// Two's complement.
    pub signed: bool,
    /// Small values are bright.
    pub monochrome1: bool,
    /// Photometric interpretation is one of the two monochrome ones.
    pub monochrome: bool,
    /// Stored values from the first to the second mean "nothing here".
    pub padding: Option<(i64, i64)>,
    pub(crate) place: PixelPlace,
}

/// What an object says of its patient, study and series; texts as they stand in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) study: String,
    pub(crate) series: String,
    pub(crate) texts: Vec<(Tag, String)>,
}

/// Attributes that identify a patient, a study and a series; they are kept to be written into
/// results (SEG, RTSTRUCT, SR) and never printed.
pub(crate) const IDENTITY: [Tag; 20] = [
    tags::PATIENT_ID,
    tags::PATIENT_NAME,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::PATIENT_WEIGHT,
    tags::STUDY_ID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_DESCRIPTION,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::MODALITY,
    tags::SERIES_NUMBER,
    tags::SERIES_DESCRIPTION,
    tags::SERIES_DATE,
    tags::SERIES_TIME,
    tags::BODY_PART_EXAMINED,
    tags::FRAME_OF_REFERENCE_UID,
    tags::POSITION_REFERENCE_INDICATOR,
];

impl Instance {
    pub(crate) fn new(location: &Location, header: &Header) -> Result<(Self, Identity), FileFault> {
        let object = &header.object;
        let required = |tag, name| text(object, tag).ok_or(FileFault::Missing { name });
        let sop_instance = text(object, tags::SOP_INSTANCE_UID)
            .or_else(|| Some(header.meta.sop_instance.clone()).filter(|uid| !uid.is_empty()))
            .ok_or(FileFault::Missing {
                name: "SOPInstanceUID",
            })?;
        let identity = Identity {
            study: required(tags::STUDY_INSTANCE_UID, "StudyInstanceUID")?,
            series: required(tags::SERIES_INSTANCE_UID, "SeriesInstanceUID")?,
            texts: IDENTITY
                .iter()
                .filter_map(|&tag| Some((tag, text(object, tag)?)))
                .collect(),
        };
        let pixels = header
            .pixels
            .map(|place| PixelLayout::new(object, place))
            .transpose()?;
        let n_frames = if pixels.is_some() {
            n_frames(object)?
        } else {
            0
        };
        let instance = Self {
            location: location.clone(),
            transfer_syntax: header.meta.transfer_syntax.clone(),
            sop_class: text(object, tags::SOP_CLASS_UID)
                .unwrap_or_else(|| header.meta.sop_class.clone()),
            sop_instance,
            instance_number: integer(object, tags::INSTANCE_NUMBER),
            pixels,
            frames: frame::frames(object, n_frames),
            acquisition: AcquisitionTags::new(&Scope::shared(object), object),
            burned_in: match text(object, tags::BURNED_IN_ANNOTATION).as_deref() {
                Some("YES") => Some(true),
                Some("NO") => Some(false),
                _ => None,
            },
        };
        Ok((instance, identity))
    }

    /// Whether the object is an image whose slices can make a volume: pixels that are numbers,
    /// and no segmentation.
    #[must_use]
    pub fn is_image(&self) -> bool {
        self.pixels.as_ref().is_some_and(|p| p.bits_allocated >= 8)
            && self.sop_class != dicom_dictionary_std::uids::SEGMENTATION_STORAGE
    }
}

/// The announced number of frames, held against what the header says of each.
fn n_frames(object: &Object) -> Result<u32, FileFault> {
    let bad = FileFault::Bad {
        name: "NumberOfFrames",
        expected: "a whole number from 1 to 1048576",
    };
    match integer(object, tags::NUMBER_OF_FRAMES) {
        None => Ok(1),
        Some(n) if (1..=MOST_FRAMES).contains(&n) => Ok(n as u32),
        Some(_) => Err(bad),
    }
}

impl PixelLayout {
    fn new(object: &Object, place: PixelPlace) -> Result<Self, FileFault> {
        let required = |tag, name| {
            let value = integer(object, tag).ok_or(FileFault::Missing { name })?;
            u16::try_from(value).map_err(|_| FileFault::Bad {
                name,
                expected: "a whole number from 0 to 65535",
            })
        };
        let bits_allocated = required(tags::BITS_ALLOCATED, "BitsAllocated")?;
        let optional = |tag, otherwise: u16| {
            integer(object, tag)
                .and_then(|v| u16::try_from(v).ok())
                .unwrap_or(otherwise)
        };
        let bits_stored = optional(tags::BITS_STORED, bits_allocated);
        let photometric = text(object, tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
        let layout = Self {
            rows: required(tags::ROWS, "Rows")?,
            columns: required(tags::COLUMNS, "Columns")?,
            samples: optional(tags::SAMPLES_PER_PIXEL, 1),
            bits_allocated,
            bits_stored,
            high_bit: optional(tags::HIGH_BIT, bits_stored.saturating_sub(1)),
            signed: integer(object, tags::PIXEL_REPRESENTATION) == Some(1),
            monochrome1: photometric == "MONOCHROME1",
            monochrome: photometric.is_empty() || photometric.starts_with("MONOCHROME"),
            padding: padding(object),
            place,
        };
        layout.check()?;
        Ok(layout)
    }

    fn check(&self) -> Result<(), FileFault> {
        if self.rows == 0 || self.columns == 0 {
            return Err(FileFault::Bad {
                name: "Rows or Columns",
                expected: "at least one",
            });
        }
        let bits = self.bits_allocated;
        let sound = self.bits_stored >= 1
            && self.bits_stored <= bits
            && self.high_bit < bits
            && self.high_bit + 1 >= self.bits_stored;
        if bits == 0 || !sound {
            return Err(FileFault::Bad {
                name: "BitsAllocated, BitsStored or HighBit",
                expected: "stored bits that lie within the allocated ones",
            });
        }
        Ok(())
    }

    /// Bytes of one frame of plain numbers; a frame of single bits is rounded up.
    #[must_use]
    pub fn frame_bytes(&self) -> u64 {
        let bits = u64::from(self.rows)
            * u64::from(self.columns)
            * u64::from(self.samples)
            * u64::from(self.bits_allocated);
        bits.div_ceil(8)
    }
}

/// The stored values that mean padding (PS3.3 C.7.5.1.1.2), in either order. A file may write a
/// negative one as unsigned; what is compared are the bits, see the reader of pixels.
fn padding(object: &Object) -> Option<(i64, i64)> {
    let first = integer(object, tags::PIXEL_PADDING_VALUE)?;
    let last = integer(object, tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(first);
    Some((first.min(last), first.max(last)))
}

impl AcquisitionTags {
    pub(crate) fn new(scope: &Scope<'_>, top: &Object) -> Self {
        let number_of = |tag| scope.number(tag).or_else(|| number(top, tag));
        Self {
            modality: text(top, tags::MODALITY).unwrap_or_default(),
            series_description: text(top, tags::SERIES_DESCRIPTION).unwrap_or_default(),
            protocol: text(top, tags::PROTOCOL_NAME).unwrap_or_default(),
            sequence_name: scope
                .text(tags::SEQUENCE_NAME)
                .or_else(|| scope.text(tags::PULSE_SEQUENCE_NAME))
                .unwrap_or_default(),
            scanning_sequence: scope.texts(tags::SCANNING_SEQUENCE),
            sequence_variant: scope.texts(tags::SEQUENCE_VARIANT),
            scan_options: scope.texts(tags::SCAN_OPTIONS),
            image_type: scope.texts(tags::IMAGE_TYPE),
            echo_pulse_sequence: scope.text(tags::ECHO_PULSE_SEQUENCE).unwrap_or_default(),
            acquisition_contrast: scope.text(tags::ACQUISITION_CONTRAST).unwrap_or_default(),
            fat_suppression: scope
                .text(tags::SPECTRALLY_SELECTED_SUPPRESSION)
                .unwrap_or_default(),
            inversion_recovery: scope.text(tags::INVERSION_RECOVERY).unwrap_or_default(),
            repetition_time_ms: number_of(tags::REPETITION_TIME),
            echo_time_ms: number_of(tags::EFFECTIVE_ECHO_TIME)
                .or_else(|| number_of(tags::ECHO_TIME)),
            inversion_time_ms: number_of(tags::INVERSION_TIME)
                .or_else(|| numbers(top, tags::INVERSION_TIMES).and_then(|t| t.first().copied())),
            flip_angle_deg: number_of(tags::FLIP_ANGLE),
            echo_train_length: scope
                .integer(tags::RF_ECHO_TRAIN_LENGTH)
                .filter(|&n| n > 0)
                .or_else(|| scope.integer(tags::ECHO_TRAIN_LENGTH)),
            contrast_agent: contrast_agent(top),
            orientation: scope.vector(tags::IMAGE_ORIENTATION_PATIENT),
        }
    }
}

fn contrast_agent(top: &Object) -> Option<String> {
    text(top, tags::CONTRAST_BOLUS_AGENT).or_else(|| {
        let items = crate::attribute::items(top, tags::CONTRAST_BOLUS_AGENT_SEQUENCE);
        items
            .first()
            .and_then(|item| text(item, tags::CODE_MEANING))
    })
}
