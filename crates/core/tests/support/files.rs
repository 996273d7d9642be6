//! CSV files as generators make them, from tidy to damaged.

use proptest::collection::vec;
use proptest::prelude::*;
use smartpass_core::csv::{Cell, Cut, Row, Rows, SplitError, Splitter};

pub(crate) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A generated file and the delimiter it is written with.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) delimiter: u8,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    fn with(delimiter: u8, mut bytes: Vec<u8>) -> Self {
        // Generators write '\0' where the delimiter goes.
        bytes.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = delimiter);
        Self { delimiter, bytes }
    }
}

/// Tidy rows, ragged rows, blank lines, quotes and damage, with or without a final line end.
pub(crate) fn files() -> impl Strategy<Value = File> {
    let delimiter = proptest::sample::select(&DELIMITERS[..]);
    let bytes = prop_oneof![6 => mixed_rows(), 1 => soup(), 1 => quote_soup()];
    (delimiter, bytes).prop_map(|(delimiter, bytes)| File::with(delimiter, bytes))
}

/// Files without damage: every row has `width` cells of UTF-8, quoted where need be.
pub(crate) fn sound_files(width: usize) -> impl Strategy<Value = File> {
    let row = (vec(sound_cell(), width), line_end()).prop_map(|(cells, end)| [joined(&cells), end].concat());
    let line = prop_oneof![9 => row, 1 => line_end()];
    let delimiter = proptest::sample::select(&DELIMITERS[..]);
    (delimiter, vec(line, 0..25)).prop_map(|(delimiter, lines)| File::with(delimiter, lines.concat()))
}

fn mixed_rows() -> impl Strategy<Value = Vec<u8>> {
    let width = prop_oneof![8 => Just(3usize), 1 => 1..6usize];
    let cell = prop_oneof![30 => sound_cell(), 1 => damaged_cell()];
    let cells = width.prop_flat_map(move |width| vec(cell.clone(), width));
    let row = (cells, line_end()).prop_map(|(cells, end)| [joined(&cells), end].concat());
    let line = prop_oneof![9 => row, 1 => line_end()];
    let unfinished = vec(sound_cell(), 0..4).prop_map(|cells| joined(&cells));
    (vec(line, 0..30), unfinished).prop_map(|(lines, last)| [lines.concat(), last].concat())
}

fn joined(cells: &[Vec<u8>]) -> Vec<u8> {
    cells.join(&0)
}

fn line_end() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![Just(b"\n".to_vec()), Just(b"\r\n".to_vec())]
}

fn sound_cell() -> impl Strategy<Value = Vec<u8>> + Clone {
    let plain = "[a-zA-Z0-9 é山😀'.@+-]{0,12}".prop_map(String::into_bytes);
    let number = "-?[1-9][0-9]{0,6}".prop_map(String::into_bytes);
    let long = "[a-z]{40,140}".prop_map(String::into_bytes);
    let inside = prop_oneof![
        4 => "[a-z é山]{1,5}".prop_map(String::into_bytes),
        1 => Just(b"\"\"".to_vec()),
        1 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\0".to_vec()),
    ];
    let quoted = vec(inside, 0..8).prop_map(|parts| [b"\"", &parts.concat()[..], b"\""].concat());
    prop_oneof![4 => plain, 2 => number, 1 => long, 3 => quoted]
}

fn damaged_cell() -> impl Strategy<Value = Vec<u8>> + Clone {
    let examples: [&[u8]; 12] = [
        b"ab\"c",
        b"ab\"",
        b"\"ab\"c",
        b"\"ab\" ",
        b"\"ab\"c\"d\"",
        b"a\rb",
        b"\r",
        b"\"a\"\r",
        b"\xff",
        b"\xed\xa0\x80",
        b"\"caf\xe9\"",
        b"\"",
    ];
    proptest::sample::select(examples.map(<[u8]>::to_vec).to_vec())
}

/// Structure without sense.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let byte = proptest::sample::select(&b"aaab\"\0\n\n\r\xff"[..]);
    vec(byte, 0..300)
}

fn quote_soup() -> impl Strategy<Value = Vec<u8>> {
    let byte = proptest::sample::select(&b"\"\"\"\0\n\ra"[..]);
    vec(byte, 0..140)
}

/// The chunks that a reader cuts whose buffer grows by each of `steps` in turn.
pub(crate) fn cut_in_steps(
    file: &[u8],
    delimiter: u8,
    steps: &[usize],
) -> Result<Vec<(usize, Cut)>, (usize, SplitError)> {
    let splitter = Splitter::new(delimiter);
    let mut steps = steps.iter().cycle();
    let (mut start, mut end, mut chunks) = (0, 0, Vec::new());
    loop {
        end = file.len().min(end + steps.next().unwrap());
        let last = end == file.len();
        let cut = splitter.cut(&file[start..end], last).map_err(|error| (start, error))?;
        if cut.bytes > 0 {
            chunks.push((start, cut));
        }
        start += cut.bytes;
        if last {
            assert_eq!(start, end, "the last cut takes all");
            return Ok(chunks);
        }
    }
}

/// Rows, blank lines too, with their cells.
pub(crate) fn rows(text: &[u8], delimiter: u8) -> Vec<(Row, Vec<Cell>)> {
    let mut walk = Rows::new(text, delimiter);
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    while let Some(row) = walk.next(&mut cells) {
        rows.push((row, cells.clone()));
    }
    rows
}
