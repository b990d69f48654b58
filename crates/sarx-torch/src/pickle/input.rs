//! The bytes of a pickle, taken one operation's worth at a time.

use crate::PickleError;

/// A place in the bytes. Every length is checked against what is left.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Length of the whole pickle.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes from the start.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], PickleError> {
        let rest = &self.bytes[self.at..];
        match rest.get(..n) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => Err(PickleError::Truncated {
                length: self.bytes.len(),
                what,
            }),
        }
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], PickleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, PickleError> {
        Ok(self.array::<1>(what)?[0])
    }

    /// A length of one, four or eight bytes, then as many bytes.
    pub(super) fn block(
        &mut self,
        width: usize,
        what: &'static str,
    ) -> Result<&'a [u8], PickleError> {
        let mut length = [0; 8];
        length[..width].copy_from_slice(self.take(width, what)?);
        // A length beyond the address space is beyond the file as well.
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
        self.take(length, what)
    }

    /// [`Input::block`] as text.
    pub(super) fn text(&mut self, width: usize) -> Result<&'a str, PickleError> {
        let offset = self.at;
        let bytes = self.block(width, "a text")?;
        std::str::from_utf8(bytes).map_err(|_| PickleError::Text { offset })
    }

    /// The rest of the line, without its end.
    pub(super) fn line(&mut self) -> Result<&'a str, PickleError> {
        let offset = self.at;
        let rest = &self.bytes[offset..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let Some(length) = length else {
            return Err(PickleError::Truncated {
                length: self.bytes.len(),
                what: "a line",
            });
        };
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| PickleError::Text { offset })
    }
}

/// An integer of any number of bytes in two's complement, least significant first.
pub(super) fn long(bytes: &[u8], offset: usize) -> Result<i64, PickleError> {
    let is_negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let filler = if is_negative { 0xff } else { 0 };
    let mut wide = [filler; 8];
    let (low, high) = bytes.split_at(bytes.len().min(8));
    wide[..low.len()].copy_from_slice(low);
    let number = i64::from_le_bytes(wide);
    // Bytes beyond the eighth may only repeat the sign.
    if high.iter().any(|&byte| byte != filler) || (number < 0) != is_negative {
        return Err(PickleError::IntegerRange { offset });
    }
    Ok(number)
}
