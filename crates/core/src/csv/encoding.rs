//! Text encodings: input is decoded to UTF-8 and output encoded back, byte for byte.

use encoding_rs::WINDOWS_1252;
use serde::{Deserialize, Serialize};

/// The encoding of a file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16, low byte first: Excel's "Unicode text".
    Utf16le,
    /// UTF-16, high byte first.
    Utf16be,
    /// Windows-1252, written by older Windows programs in Western Europe.
    Windows1252,
}

/// Input that its encoding does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// UTF-16 with an odd number of bytes.
    #[error("the file ends in the middle of a UTF-16 character: is it cut off?")]
    HalfCharacter,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 4] = [Self::Utf8, Self::Utf16le, Self::Utf16be, Self::Windows1252];

    /// Its name, for the command line and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16le => "utf-16le",
            Self::Utf16be => "utf-16be",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The encoding of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name() == name)
    }

    /// The encoding that a byte order mark at the start of a file announces, and the mark's length in bytes.
    pub fn from_bom(start: &[u8]) -> Option<(Self, usize)> {
        match start {
            [0xef, 0xbb, 0xbf, ..] => Some((Self::Utf8, 3)),
            [0xff, 0xfe, ..] => Some((Self::Utf16le, 2)),
            [0xfe, 0xff, ..] => Some((Self::Utf16be, 2)),
            _ => None,
        }
    }

    /// The byte order mark of the encoding; empty where it has none.
    pub fn bom(self) -> &'static [u8] {
        match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Utf16le => b"\xff\xfe",
            Self::Utf16be => b"\xfe\xff",
            Self::Windows1252 => b"",
        }
    }

    /// Encodes `text`, which is the output of a [`Decoder`] and texts of our own, in place.
    ///
    /// Decoded text goes back byte for byte. A character that Windows-1252 lacks can only be in a text of our own; it
    /// is written as a numeric character reference.
    pub fn encode_in_place(self, text: &mut Vec<u8>) {
        match self {
            Self::Utf8 => {}
            Self::Utf16le => *text = utf16_units(text).flat_map(u16::to_le_bytes).collect(),
            Self::Utf16be => *text = utf16_units(text).flat_map(u16::to_be_bytes).collect(),
            Self::Windows1252 => *text = WINDOWS_1252.encode(&String::from_utf8_lossy(text)).0.into_owned(),
        }
    }

    /// The number of bytes of `text` in the encoding.
    pub fn encoded_len(self, text: &[u8]) -> usize {
        if self == Self::Utf8 {
            return text.len();
        }
        let mut encoded = text.to_vec();
        self.encode_in_place(&mut encoded);
        encoded.len()
    }
}

/// Decodes a stream to UTF-8, piece by piece.
///
/// A lone surrogate in UTF-16 has no UTF-8. It becomes its three bytes of generalised UTF-8 (WTF-8), which no field
/// type accepts, and two bytes of UTF-16 again in the output.
#[derive(Debug)]
pub struct Decoder {
    encoding: Encoding,
    half_unit: Option<u8>,
    high_surrogate: Option<u16>,
}

impl Decoder {
    /// A decoder at the start of a stream, after its byte order mark.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, half_unit: None, high_surrogate: None }
    }

    /// Appends `input` to `out` as UTF-8. UTF-8 is not validated. With `last`, nothing follows.
    ///
    /// # Errors
    /// UTF-16 input ends in half a code unit.
    pub fn decode(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), EncodingError> {
        match self.encoding {
            Encoding::Utf8 => out.extend_from_slice(input),
            Encoding::Windows1252 => {
                let (text, _) = WINDOWS_1252.decode_without_bom_handling(input);
                out.extend_from_slice(text.as_bytes());
            }
            Encoding::Utf16le | Encoding::Utf16be => return self.decode_utf16(input, last, out),
        }
        Ok(())
    }

    fn decode_utf16(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), EncodingError> {
        let mut bytes = self.half_unit.take().into_iter().chain(input.iter().copied());
        while let Some(first) = bytes.next() {
            let Some(second) = bytes.next() else {
                self.half_unit = Some(first);
                break;
            };
            let pair = [first, second];
            let big = self.encoding == Encoding::Utf16be;
            self.push_unit(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }, out);
        }
        if last {
            if let Some(high) = self.high_surrogate.take() {
                push_surrogate(high, out);
            }
            if self.half_unit.is_some() {
                return Err(EncodingError::HalfCharacter);
            }
        }
        Ok(())
    }

    fn push_unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        if let Some(high) = self.high_surrogate.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                push_char(character, out);
                return;
            }
            push_surrogate(high, out);
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => push_char(character, out),
            None if unit < 0xdc00 => self.high_surrogate = Some(unit),
            None => push_surrogate(unit, out),
        }
    }
}

fn push_char(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn push_surrogate(unit: u16, out: &mut Vec<u8>) {
    let low_six = |bits: u16| 0x80 | (bits & 0x3f) as u8;
    out.extend_from_slice(&[0xe0 | (unit >> 12) as u8, low_six(unit >> 6), low_six(unit)]);
}

/// UTF-16 code units of UTF-8 text that may hold surrogates as [`push_surrogate`] writes them.
fn utf16_units(text: &[u8]) -> impl Iterator<Item = u16> + '_ {
    let mut rest = text;
    let mut second_unit = None;
    std::iter::from_fn(move || {
        if let Some(unit) = second_unit.take() {
            return Some(unit);
        }
        let &first = rest.first()?;
        let length = (first.leading_ones() as usize).max(1).min(rest.len());
        let (sequence, after) = rest.split_at(length);
        rest = after;
        let lead = if length == 1 { u32::from(first) } else { u32::from(first) & (0x7f >> length) };
        let code = sequence[1..].iter().fold(lead, |code, &byte| code << 6 | u32::from(byte & 0x3f));
        if code < 0x1_0000 {
            return Some(code as u16);
        }
        second_unit = Some(0xdc00 | (code & 0x3ff) as u16);
        Some((0xd7c0 + (code >> 10)) as u16)
    })
}
