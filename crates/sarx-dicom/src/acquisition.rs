//! The attributes from which the kind of an MR sequence is told.

/// Attributes of one series or stack that tell its contrast; empty where the file is silent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcquisitionTags {
    /// Modality, `MR` for magnetic resonance.
    pub modality: String,
    /// Series description.
    pub series_description: String,
    /// Protocol name.
    pub protocol: String,
    /// Sequence name of the vendor.
    pub sequence_name: String,
    /// Scanning sequence: SE, IR, GR, EP, RM.
    pub scanning_sequence: Vec<String>,
    /// Sequence variant: SK, MTC, SS, SP, MP, OSP.
    pub sequence_variant: Vec<String>,
    /// Scan options, among them FS for fat saturation.
    pub scan_options: Vec<String>,
    /// Image type.
    pub image_type: Vec<String>,
    /// Echo pulse sequence of enhanced images: SPIN, GRADIENT, BOTH.
    pub echo_pulse_sequence: String,
    /// Acquisition contrast of enhanced images: T1, T2, PROTON_DENSITY, DIFFUSION, and more.
    pub acquisition_contrast: String,
    /// Spectrally selected suppression of enhanced images: FAT, WATER, NONE.
    pub fat_suppression: String,
    /// Inversion recovery of enhanced images: YES, NO.
    pub inversion_recovery: String,
    /// Repetition time, ms.
    pub repetition_time_ms: Option<f64>,
    /// Echo time, ms.
    pub echo_time_ms: Option<f64>,
    /// Inversion time, ms.
    pub inversion_time_ms: Option<f64>,
    /// Flip angle, degrees.
    pub flip_angle_deg: Option<f64>,
    /// Echoes per excitation.
    pub echo_train_length: Option<i64>,
    /// Contrast agent.
    pub contrast_agent: Option<String>,
    /// Direction of rows, then of columns, LPS+.
    pub orientation: Option<[f64; 6]>,
}
