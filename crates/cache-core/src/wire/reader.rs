//! Reads numbers and texts from bytes that may come from anyone.

use crate::Timestamp;

/// Takes bytes off the front, and returns `None` rather than read past the end. Numbers are little-endian.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn text(&mut self, len: u16) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(len.into())?).ok()
    }

    /// Returns all that is left, as text.
    pub(crate) fn remaining_text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn timestamp(&mut self) -> Option<Timestamp> {
        self.take().map(|bytes| Timestamp::from_micros(i64::from_le_bytes(bytes)))
    }
}
