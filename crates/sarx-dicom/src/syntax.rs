//! Transfer syntaxes: how a file is encoded, and who can decode it when sarx cannot.

use dicom_dictionary_std::uids;

/// How pixel data are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// Plain numbers.
    Native,
    /// Run lengths of byte planes (PS3.5 annex G).
    Rle,
    /// JPEG, sequential or lossless.
    Jpeg,
    /// JPEG-LS (ITU-T T.87).
    JpegLs,
    /// JPEG 2000 and its high-throughput variant.
    Jpeg2000,
    /// One deflated stream per frame.
    DeflatedFrame,
    /// Something that sarx does not decode.
    Other,
}

/// What sarx knows of a transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) packing: Packing,
    pub(crate) big_endian: bool,
    pub(crate) explicit: bool,
    pub(crate) deflated: bool,
    pub(crate) name: &'static str,
    /// What to run on files that do not decode here.
    pub(crate) tool: &'static str,
}

const DCMTK_JPEG: &str = "dcmdjpeg (DCMTK)";
const DCMTK_JPEG_LS: &str = "dcmdjpls (DCMTK)";
const GDCM: &str = "gdcmconv --raw (GDCM)";
const RLE: &str = "dcmdrle (DCMTK)";
const PLAIN: &str = "dcmconv (DCMTK)";

/// Looks a transfer syntax up by its UID. Unknown ones are taken as encapsulated explicit little
/// endian, as PS3.5 10 demands of every future one.
pub(crate) fn syntax(uid: &str) -> Syntax {
    let explicit = |packing, name, tool| Syntax {
        packing,
        big_endian: false,
        explicit: true,
        deflated: false,
        name,
        tool,
    };
    let native = explicit(Packing::Native, "explicit little endian", PLAIN);
    match uid {
        uids::EXPLICIT_VR_LITTLE_ENDIAN => native,
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Syntax {
            explicit: false,
            name: "implicit little endian",
            ..native
        },
        "1.2.840.10008.1.2.2" => Syntax {
            big_endian: true,
            name: "explicit big endian",
            ..native
        },
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Syntax {
            deflated: true,
            name: "deflated explicit little endian",
            ..native
        },
        uids::RLE_LOSSLESS => explicit(Packing::Rle, "RLE", RLE),
        uids::JPEG_BASELINE8_BIT => explicit(Packing::Jpeg, "JPEG baseline", DCMTK_JPEG),
        uids::JPEG_EXTENDED12_BIT => explicit(Packing::Jpeg, "JPEG extended", DCMTK_JPEG),
        uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
            explicit(Packing::Jpeg, "JPEG lossless", DCMTK_JPEG)
        }
        uids::JPEGLS_LOSSLESS => explicit(Packing::JpegLs, "JPEG-LS lossless", DCMTK_JPEG_LS),
        uids::JPEGLS_NEAR_LOSSLESS => {
            explicit(Packing::JpegLs, "JPEG-LS near-lossless", DCMTK_JPEG_LS)
        }
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => explicit(Packing::Jpeg2000, "JPEG 2000", GDCM),
        uids::HTJ2K_LOSSLESS | uids::HTJ2K_LOSSLESS_RPCL | uids::HTJ2K => {
            explicit(Packing::Jpeg2000, "high-throughput JPEG 2000", GDCM)
        }
        "1.2.840.10008.1.2.8.1" => explicit(Packing::DeflatedFrame, "deflated image frames", GDCM),
        "1.2.840.10008.1.2.4.110" | "1.2.840.10008.1.2.4.111" | "1.2.840.10008.1.2.4.112" => {
            explicit(
                Packing::Other,
                "JPEG XL",
                "dicom-transcode (dicom-rs, feature jpegxl)",
            )
        }
        "1.2.840.10008.1.2.4.94"
        | "1.2.840.10008.1.2.4.95"
        | "1.2.840.10008.1.2.4.204"
        | "1.2.840.10008.1.2.4.205" => explicit(
            Packing::Other,
            "JPIP: the pixels are on a server",
            "a query for a plain copy of the series to the archive it came from",
        ),
        _ => explicit(Packing::Other, "unknown or video", GDCM),
    }
}
