//! JPEG and JPEG 2000 through the decoders of `dicom-transfer-syntax-registry`.

use crate::PixelLayout;
use dicom_encoding::TransferSyntaxIndex as _;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One frame as the registry's decoders ask for it.
struct OneFrame<'a> {
    packed: &'a [u8],
    layout: &'a PixelLayout,
    uid: &'a str,
}

/// Decodes one frame to little endian.
///
/// The libraries index their buffers by what the stream says; what they panic with on a damaged
/// stream becomes an error here. They share no state between frames.
pub(super) fn decode(packed: &[u8], layout: &PixelLayout, uid: &str) -> Result<Vec<u8>, String> {
    let syntax = TransferSyntaxRegistry
        .get(uid)
        .ok_or("there is no such decoder")?;
    let reader = syntax.pixel_data_reader().ok_or("there is no decoder")?;
    let frame = OneFrame {
        packed,
        layout,
        uid,
    };
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let mut bytes = Vec::new();
        reader.decode_frame(&frame, 0, &mut bytes).map(|()| bytes)
    }));
    match decoded {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            Err(text)
        }
        Err(_) => Err("the stream is damaged".to_owned()),
    }
}

impl PixelDataObject for OneFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.uid
    }

    fn rows(&self) -> Option<u16> {
        Some(self.layout.rows)
    }

    fn cols(&self) -> Option<u16> {
        Some(self.layout.columns)
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(self.layout.samples)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.layout.bits_allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.layout.bits_stored)
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some("MONOCHROME2")
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.packed))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        Some(Cow::Borrowed(&[]))
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData {
            fragments: vec![self.packed.to_vec()].into(),
            offset_table: Vec::new().into(),
        })
    }
}
