//! A cell's text, with the bytes after it at hand.
//!
//! Cells are short, so a copy or a check of one is mostly calls and branches for its length. A [`CellText`] reads a
//! fixed number of bytes instead, beyond the cell's end, and masks or truncates.

use wide::u8x16;

const WINDOW: usize = 64;
const COPIED: usize = 32;

/// The text of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellText<'a> {
    text: &'a [u8],
    /// The same text and the bytes that follow it.
    beyond: &'a [u8],
}

impl<'a> From<&'a [u8]> for CellText<'a> {
    #[inline(always)]
    fn from(text: &'a [u8]) -> Self {
        Self { text, beyond: text }
    }
}

impl<'a> CellText<'a> {
    /// The text at `start..end` of a chunk.
    #[inline(always)]
    pub(crate) fn in_chunk(chunk: &'a [u8], start: usize, end: usize) -> Self {
        let beyond = &chunk[start..];
        Self { text: &beyond[..end - start], beyond }
    }

    /// The text alone.
    #[inline(always)]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.text
    }

    /// Appends the text.
    #[inline(always)]
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        match self.beyond.first_chunk::<COPIED>() {
            Some(window) if self.text.len() <= COPIED => {
                let end = out.len() + self.text.len();
                out.extend_from_slice(window);
                out.truncate(end);
            }
            _ => out.extend_from_slice(self.text),
        }
    }

    /// A hash of the text, of its length and first eight bytes.
    ///
    /// The hash of a text of up to seven bytes is unique: its highest byte is one that UTF-8 never has. In the hash of
    /// a longer text, that is the text's eighth byte.
    #[inline(always)]
    pub(crate) fn fingerprint(self) -> u64 {
        let length = self.text.len();
        let kept = u64::MAX >> (64 - 8 * length.clamp(1, 8));
        let start = match self.beyond.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => self.text.iter().rev().fold(0, |start, &byte| start << 8 | u64::from(byte)),
        };
        let mark = if length < 8 { 0xf8 << 56 | (length as u64) << 56 } else { length as u64 };
        (start & kept) ^ mark
    }

    /// Whether the text has one `@`, something before it, dotted labels after it, no white space, and at most 254 bytes
    /// (RFC 5321 §4.5.3.1).
    #[inline(always)]
    pub(crate) fn is_email(self) -> bool {
        let Some(Graphic { at, dot }) = self.graphic() else { return is_long_email(self.text) };
        if at == 0 || at & (at - 1) != 0 {
            return false;
        }
        let domain_start = at.trailing_zeros() + 1;
        let domain_length = self.text.len() as u32 - domain_start;
        if domain_start == 1 || domain_length == 0 {
            return false;
        }
        let dots = dot >> domain_start;
        let last = 1 << (domain_length - 1);
        dots != 0 && dots & (1 | last) == 0 && dots & dots >> 1 == 0
    }

    /// Whether the text is `https://` or `http://`, an authority with a host, and has no white space.
    #[inline(always)]
    pub(crate) fn is_url(self) -> bool {
        let rest = self.text.strip_prefix(b"https://").or_else(|| self.text.strip_prefix(b"http://"));
        let Some(rest) = rest else { return false };
        let starts_with_host = rest.first().is_some_and(u8::is_ascii_alphanumeric);
        match self.graphic() {
            Some(Graphic { at: 0, .. }) if starts_with_host => true,
            _ => has_host(rest) && has_no_space(self.text),
        }
    }

    /// The positions of `@` and `.` in a text of up to 63 printable ASCII characters; none for other texts, and at the
    /// end of a chunk.
    #[inline(always)]
    fn graphic(self) -> Option<Graphic> {
        let window = self.beyond.first_chunk::<WINDOW>()?;
        let length = self.text.len();
        if length == 0 || length >= WINDOW {
            return None;
        }
        let inside = (1 << length) - 1;
        let (mut at, mut dot, mut graphic) = (0u64, 0u64, 0u64);
        for (index, sixteen) in window.as_chunks::<16>().0.iter().enumerate() {
            let lane = u8x16::new(*sixteen);
            let mask = |matches: u8x16| u64::from(matches.to_bitmask()) << (16 * index);
            at |= mask(lane.simd_eq(u8x16::splat(b'@')));
            dot |= mask(lane.simd_eq(u8x16::splat(b'.')));
            // Wrapping moves `!`..=`~` to 0..=93; everything else is above.
            let moved = lane - u8x16::splat(b'!');
            graphic |= mask(moved.simd_eq(moved.min(u8x16::splat(b'~' - b'!'))));
        }
        (graphic & inside == inside).then_some(Graphic { at: at & inside, dot: dot & inside })
    }
}

/// A hash table of an enum's symbols. Most cells are found with one comparison of numbers.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable {
    /// Fingerprint and index of each symbol. The number of slots is a power of two, and at least half of them are free.
    /// An empty table means a search of the list.
    slots: Vec<Option<(u64, usize)>>,
}

impl SymbolTable {
    pub(crate) fn new(symbols: &[String]) -> Self {
        if symbols.is_empty() {
            return Self::default();
        }
        let mut table = Self { slots: vec![None; (4 * symbols.len()).next_power_of_two()] };
        for (index, symbol) in symbols.iter().enumerate() {
            let fingerprint = CellText::from(symbol.as_bytes()).fingerprint();
            let mut slot = table.home(fingerprint);
            while table.slots[slot].is_some() {
                slot = (slot + 1) % table.slots.len();
            }
            table.slots[slot] = Some((fingerprint, index));
        }
        table
    }

    /// The index of the symbol that `text` is.
    #[inline(always)]
    pub(crate) fn find(&self, symbols: &[String], text: CellText<'_>) -> Option<usize> {
        if self.slots.is_empty() {
            return symbols.iter().position(|symbol| symbol.as_bytes() == text.text);
        }
        let wanted = text.fingerprint();
        let mut slot = self.home(wanted);
        while let Some((fingerprint, index)) = self.slots[slot] {
            // The fingerprint of up to seven bytes is unique.
            if fingerprint == wanted && (text.text.len() < 8 || symbols[index].as_bytes() == text.text) {
                return Some(index);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        None
    }

    /// The slot at which the search for a fingerprint starts (Fibonacci hashing).
    #[inline(always)]
    fn home(&self, fingerprint: u64) -> usize {
        (fingerprint.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }
}

/// Bit masks of positions in a text of up to 63 bytes.
struct Graphic {
    at: u64,
    dot: u64,
}

#[cold]
fn is_long_email(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|&byte| byte == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let labels = domain.split(|&byte| byte == b'.');
    text.len() <= 254
        && !local.is_empty()
        && domain.contains(&b'.')
        && !domain.contains(&b'@')
        && labels.into_iter().all(|label| !label.is_empty())
        && has_no_space(text)
}

#[cold]
fn has_host(after_scheme: &[u8]) -> bool {
    let authority = after_scheme.split(|byte| b"/?#".contains(byte)).next().unwrap_or_default();
    let host = authority.rsplit(|&byte| byte == b'@').next();
    host.is_some_and(|host| !matches!(host.first(), None | Some(b':')))
}

/// Whether the text is UTF-8 without Unicode's white space and control characters.
fn has_no_space(text: &[u8]) -> bool {
    if text.is_ascii() {
        return text.iter().all(u8::is_ascii_graphic);
    }
    std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(|c| c.is_whitespace() || c.is_control()))
}
