//! What kind of MR sequence a series is, told from its attributes with the evidence in words.
//!
//! Every statement is a small rule with a weight; the weights of a contrast are added up, and the
//! share of the strongest is the confidence. Timing counts more than names, because names are free
//! text in any language; explicit attributes of enhanced images count most. The bounds of
//! repetition and echo times are the usual ones of spin echo at 1.5 and 3 T (McRobbie and others,
//! *MRI from Picture to Proton*, chapter on contrast): short TR below 800 ms, long TR above 1800 ms,
//! short TE below 30 ms, long TE above 60 ms.
//!
//! The result is a proposal: [`SequenceTable`] lets the user overrule it.

mod table;

pub use table::{SequenceRow, SequenceTable, SequenceTableError};

use crate::AcquisitionTags;
use crate::geometry::Axes;
use std::fmt;

const SHORT_TR_MS: f64 = 800.0;
const LONG_TR_MS: f64 = 1800.0;
const SHORT_TE_MS: f64 = 30.0;
const LONG_TE_MS: f64 = 60.0;
/// Inversion times that null fat: about 150 ms at 1.5 T, up to 230 ms at 3 T.
const FAT_NULL_TI_MS: std::ops::RangeInclusive<f64> = 80.0..=260.0;

/// Weighting of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Weighting {
    /// T1.
    T1,
    /// T2 (and T2*).
    T2,
    /// Proton density.
    Pd,
    /// Short inversion time that nulls fat; fluid is bright.
    Stir,
    /// Diffusion-weighted.
    Dwi,
    /// Apparent diffusion coefficient.
    Adc,
    /// The attributes do not tell.
    Unknown,
}

/// Plane of the slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Plane {
    /// Across the body's length.
    Axial,
    /// Left and right apart.
    Sagittal,
    /// Front and back apart.
    Coronal,
    /// More than 30 degrees from all three, or no orientation.
    Oblique,
}

/// A yes or no with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// The attributes say so.
    Yes,
    /// The attributes say the contrary.
    No,
    /// Nothing says it; taken as no.
    NotSaid,
}

/// What a series seems to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognized {
    /// Its weighting.
    pub weighting: Weighting,
    /// Whether fat is suppressed.
    pub fat_suppressed: Certainty,
    /// Whether a contrast agent was given.
    pub contrast: Certainty,
    /// Plane of its slices.
    pub plane: Plane,
    /// From 0 (nothing speaks for the weighting) to 1 (everything that speaks agrees).
    pub confidence: f64,
    /// Every rule that applied, in words.
    pub evidence: Vec<String>,
}

/// Tells what a series is.
#[must_use]
pub fn recognize(tags: &AcquisitionTags) -> Recognized {
    let mut votes = Votes::default();
    votes.attributes(tags);
    votes.timing(tags);
    votes.names(tags);
    let fat_suppressed = fat(tags, &mut votes.evidence);
    let contrast = contrast(tags, &mut votes.evidence);
    let plane = plane(tags.orientation, &mut votes.evidence);
    let (weighting, confidence) = votes.result();
    let fat_suppressed = if weighting == Weighting::Stir {
        Certainty::Yes
    } else {
        fat_suppressed
    };
    Recognized {
        weighting,
        fat_suppressed,
        contrast,
        plane,
        confidence,
        evidence: votes.evidence,
    }
}

/// Weights for each weighting.
#[derive(Default)]
struct Votes {
    votes: Vec<(Weighting, f64)>,
    evidence: Vec<String>,
}

impl Votes {
    fn add(&mut self, weighting: Weighting, weight: f64, why: impl fmt::Display) {
        self.votes.push((weighting, weight));
        self.evidence.push(format!("{weighting}: {why}"));
    }

    /// Explicit attributes.
    fn attributes(&mut self, tags: &AcquisitionTags) {
        let named = match tags.acquisition_contrast.as_str() {
            "T1" => Some(Weighting::T1),
            "T2" | "T2_STAR" => Some(Weighting::T2),
            "PROTON_DENSITY" => Some(Weighting::Pd),
            "STIR" => Some(Weighting::Stir),
            "DIFFUSION" => Some(Weighting::Dwi),
            _ => None,
        };
        if let Some(weighting) = named {
            let value = &tags.acquisition_contrast;
            self.add(
                weighting,
                6.0,
                format_args!("AcquisitionContrast is {value}"),
            );
        }
        let has = |name: &str| tags.image_type.iter().any(|v| v == name);
        if has("ADC") {
            self.add(Weighting::Adc, 8.0, "ImageType holds ADC");
        } else if has("DIFFUSION") {
            self.add(Weighting::Dwi, 6.0, "ImageType holds DIFFUSION");
        }
        if let Some(ti) = tags
            .inversion_time_ms
            .filter(|ti| FAT_NULL_TI_MS.contains(ti))
        {
            let inverts = tags.scanning_sequence.iter().any(|s| s == "IR")
                || tags.inversion_recovery == "YES"
                || tags.scanning_sequence.is_empty();
            let slow = tags.repetition_time_ms.is_none_or(|tr| tr >= LONG_TR_MS);
            if inverts && slow {
                let why = format!("inversion recovery with TI {ti} ms, which nulls fat");
                self.add(Weighting::Stir, 6.0, why);
            }
        }
    }

    /// Repetition and echo time, flip angle.
    fn timing(&mut self, tags: &AcquisitionTags) {
        let (Some(tr), Some(te)) = (tags.repetition_time_ms, tags.echo_time_ms) else {
            return;
        };
        let is = |name: &str| tags.scanning_sequence.iter().any(|s| s == name);
        let gradient = (is("GR") && !is("SE")) || tags.echo_pulse_sequence == "GRADIENT";
        if gradient {
            self.gradient_timing(tags, tr, te);
            return;
        }
        let timing = format!("TR {tr} ms and TE {te} ms");
        if tr < SHORT_TR_MS && te < SHORT_TE_MS {
            self.add(Weighting::T1, 4.0, format_args!("short {timing}"));
        } else if tr < 1300.0 && te < SHORT_TE_MS {
            self.add(Weighting::T1, 2.0, format_args!("rather short {timing}"));
        } else if tr >= LONG_TR_MS && te >= LONG_TE_MS {
            self.add(Weighting::T2, 4.0, format_args!("long {timing}"));
        } else if tr >= LONG_TR_MS && te < SHORT_TE_MS {
            self.add(
                Weighting::Pd,
                4.0,
                format_args!("long TR, short TE: {timing}"),
            );
        } else if tr >= LONG_TR_MS {
            // Between 30 and 60 ms vendors call it either; the nearer end gets more.
            let share = (te - SHORT_TE_MS) / (LONG_TE_MS - SHORT_TE_MS);
            self.add(
                Weighting::Pd,
                3.0 * (1.0 - share),
                format_args!("intermediate {timing}"),
            );
            self.add(
                Weighting::T2,
                3.0 * share,
                format_args!("intermediate {timing}"),
            );
        }
    }

    fn gradient_timing(&mut self, tags: &AcquisitionTags, tr: f64, te: f64) {
        let flip = tags.flip_angle_deg;
        if te < 8.0 && tr < 50.0 && flip.is_none_or(|f| f >= 5.0) {
            self.add(
                Weighting::T1,
                3.0,
                format_args!("fast gradient echo, TR {tr} ms, TE {te} ms"),
            );
        } else if te < 12.0 && flip.is_some_and(|f| f >= 50.0) {
            self.add(
                Weighting::T1,
                3.0,
                "gradient echo with a large flip angle and short TE",
            );
        } else if te >= 12.0 && flip.is_none_or(|f| f < 50.0) {
            let why = format!("gradient echo with TE {te} ms (T2*)");
            self.add(Weighting::T2, 3.0, why);
        }
    }

    /// Names given by people and vendors.
    fn names(&mut self, tags: &AcquisitionTags) {
        let fields = [
            ("SeriesDescription", &tags.series_description),
            ("ProtocolName", &tags.protocol),
            ("SequenceName", &tags.sequence_name),
        ];
        let mut seen = Vec::new();
        for (field, text) in fields {
            let words = words(text);
            let any = |names: &[&str]| names.iter().any(|name| words.iter().any(|w| w == name));
            let starts = |names: &[&str]| {
                names
                    .iter()
                    .any(|name| words.iter().any(|w| w.starts_with(name)))
            };
            let found = if any(&["adc"]) {
                Some((Weighting::Adc, "ADC"))
            } else if any(&["dwi", "diff", "diffusion", "resolve"]) || starts(&["diff", "ep2d"]) {
                Some((Weighting::Dwi, "diffusion"))
            } else if any(&["stir", "tirm"]) {
                Some((Weighting::Stir, "STIR"))
            } else if any(&["pd", "proton", "dp"]) || starts(&["pdw", "pdfs", "pdtse"]) {
                Some((Weighting::Pd, "PD"))
            } else if any(&["t2"]) || starts(&["t2w", "t2fs", "t2tse", "t2*"]) {
                Some((Weighting::T2, "T2"))
            } else if any(&["t1"]) || starts(&["t1w", "t1fs", "t1tse", "t1se", "t1gd"]) {
                Some((Weighting::T1, "T1"))
            } else if any(&["vibe", "lava", "thrive", "mprage", "tfl"]) {
                Some((Weighting::T1, "a T1 sequence"))
            } else {
                None
            };
            // The same word in description and protocol is one statement.
            if let Some((weighting, name)) = found
                && !seen.contains(&weighting)
            {
                seen.push(weighting);
                let weight = if weighting == Weighting::Adc {
                    8.0
                } else {
                    3.0
                };
                self.add(weighting, weight, format_args!("{field} names {name}"));
            }
        }
    }

    fn result(&self) -> (Weighting, f64) {
        let sum = |weighting| -> f64 {
            let votes = self.votes.iter().filter(|(w, _)| *w == weighting);
            votes.map(|(_, weight)| weight).sum()
        };
        let all: f64 = self.votes.iter().map(|(_, weight)| weight).sum();
        let best = [
            Weighting::Adc,
            Weighting::Dwi,
            Weighting::Stir,
            Weighting::T1,
            Weighting::T2,
            Weighting::Pd,
        ]
        .into_iter()
        .map(|w| (w, sum(w)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
        match best {
            // Little evidence is little confidence, even if nothing contradicts it.
            Some((weighting, weight)) if weight > 0.0 => {
                (weighting, weight / all * (weight / 4.0).min(1.0))
            }
            _ => (Weighting::Unknown, 0.0),
        }
    }
}

/// Lower-case words of letters, digits and asterisks.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '*')
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

fn fat(tags: &AcquisitionTags, evidence: &mut Vec<String>) -> Certainty {
    let mut say = |answer, why: String| {
        evidence.push(why);
        answer
    };
    match tags.fat_suppression.as_str() {
        "FAT" | "FAT_AND_WATER" => {
            return say(
                Certainty::Yes,
                "fat suppressed: SpectrallySelectedSuppression is FAT".to_owned(),
            );
        }
        "NONE" | "WATER" => {
            return say(
                Certainty::No,
                "fat not suppressed: SpectrallySelectedSuppression says so".to_owned(),
            );
        }
        _ => {}
    }
    let option = tags.scan_options.iter().find(|o| {
        matches!(
            o.as_str(),
            "FS" | "SFS" | "FATSAT" | "FSS_GEMS" | "WE" | "SAT_GEMS+FS"
        )
    });
    if let Some(option) = option {
        return say(
            Certainty::Yes,
            format!("fat suppressed: ScanOptions holds {option}"),
        );
    }
    let fields = [
        ("SeriesDescription", &tags.series_description),
        ("ProtocolName", &tags.protocol),
        ("SequenceName", &tags.sequence_name),
    ];
    for (field, text) in fields {
        let found = words(text).iter().any(|w| {
            matches!(
                w.as_str(),
                "fs" | "fatsat" | "fatsup" | "spair" | "spir" | "fsat" | "stir" | "tirm" | "we"
            ) || w.ends_with("fs") && (w.starts_with('t') || w.starts_with("pd"))
        });
        if found {
            return say(Certainty::Yes, format!("fat suppressed: {field} names it"));
        }
    }
    Certainty::NotSaid
}

fn contrast(tags: &AcquisitionTags, evidence: &mut Vec<String>) -> Certainty {
    if let Some(agent) = &tags.contrast_agent {
        let none = matches!(
            agent.to_lowercase().as_str(),
            "no" | "none" | "n" | "nein" | "without"
        );
        evidence.push(if none {
            "no contrast: ContrastBolusAgent says so".to_owned()
        } else {
            "contrast: ContrastBolusAgent is filled in".to_owned()
        });
        return if none { Certainty::No } else { Certainty::Yes };
    }
    let fields = [
        ("SeriesDescription", &tags.series_description),
        ("ProtocolName", &tags.protocol),
    ];
    for (field, text) in fields {
        let words = words(text);
        let any = |names: &[&str]| names.iter().any(|name| words.iter().any(|w| w == name));
        if any(&["nativ", "native", "pre", "precontrast", "noncontrast", "nc"]) {
            evidence.push(format!("no contrast: {field} says so"));
            return Certainty::No;
        }
        if any(&[
            "gd",
            "gad",
            "post",
            "postcontrast",
            "ce",
            "km",
            "contrast",
            "kontrast",
        ]) || text.to_lowercase().contains("+c")
        {
            evidence.push(format!("contrast: {field} names it"));
            return Certainty::Yes;
        }
    }
    Certainty::NotSaid
}

/// The plane whose normal is within 30 degrees of the slices'.
fn plane(orientation: Option<[f64; 6]>, evidence: &mut Vec<String>) -> Plane {
    let Some(axes) = orientation.and_then(Axes::new) else {
        evidence.push("plane unknown: no ImageOrientationPatient".to_owned());
        return Plane::Oblique;
    };
    let named = [Plane::Sagittal, Plane::Coronal, Plane::Axial];
    let nearest = axes
        .normal
        .iter()
        .map(|v| v.abs().min(1.0))
        .zip(named)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((cosine, plane)) = nearest else {
        return Plane::Oblique;
    };
    let degrees = cosine.acos().to_degrees();
    if degrees > 30.0 {
        evidence.push(format!(
            "oblique: {degrees:.0} degrees from the nearest plane, {plane}"
        ));
        return Plane::Oblique;
    }
    evidence.push(format!(
        "{plane}: the normal is {degrees:.0} degrees from that plane's"
    ));
    plane
}

impl Weighting {
    /// All, with the words of the table.
    pub(crate) const NAMES: [(Self, &'static str); 7] = [
        (Self::T1, "T1"),
        (Self::T2, "T2"),
        (Self::Pd, "PD"),
        (Self::Stir, "STIR"),
        (Self::Dwi, "DWI"),
        (Self::Adc, "ADC"),
        (Self::Unknown, "unknown"),
    ];
}

impl Plane {
    /// All, with the words of the table.
    pub(crate) const NAMES: [(Self, &'static str); 4] = [
        (Self::Axial, "axial"),
        (Self::Sagittal, "sagittal"),
        (Self::Coronal, "coronal"),
        (Self::Oblique, "oblique"),
    ];
}

impl Certainty {
    /// All, with the words of the table.
    pub(crate) const NAMES: [(Self, &'static str); 3] = [
        (Self::Yes, "yes"),
        (Self::No, "no"),
        (Self::NotSaid, "not said"),
    ];
}

fn name<T: PartialEq>(names: &[(T, &'static str)], value: &T) -> &'static str {
    names
        .iter()
        .find(|(v, _)| v == value)
        .map_or("unknown", |(_, n)| n)
}

impl fmt::Display for Weighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&Self::NAMES, self))
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&Self::NAMES, self))
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&Self::NAMES, self))
    }
}

#[cfg(test)]
mod tests;
