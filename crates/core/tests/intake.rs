//! A file that comes in pieces: cut anywhere, it gives the same chunks, and they are the file.

#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use smartpass_core::csv::{ChunkLimits, CutChunk, Encoding, HEAD_BYTES, Intake, IntakeError, Splitter};

const LIMITS: ChunkLimits = ChunkLimits { bytes: 100_000, rows: 40_000, output_bytes: 1 << 30 };

fn chunks(
    bytes: &[u8],
    pieces: &[usize],
    limits: ChunkLimits,
) -> Result<(Intake, Vec<CutChunk>), IntakeError> {
    let mut intake = Intake::new(None, limits, 100);
    let mut chunks = Vec::new();
    let mut rest = bytes;
    let mut sizes = pieces.iter().cycle();
    loop {
        let size = (*sizes.next().unwrap_or(&usize::MAX)).clamp(1, rest.len().max(1)).min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        intake.push(piece, piece.is_empty())?;
        while let Some(chunk) = intake.next_chunk()? {
            chunks.push(chunk);
        }
        if piece.is_empty() {
            return Ok((intake, chunks));
        }
    }
}

/// The same for a reader whose readings have at most these sizes, and that hands every buffer back.
fn read_chunks(bytes: &[u8], readings: &[usize], limits: ChunkLimits) -> Result<Vec<CutChunk>, IntakeError> {
    let mut intake = Intake::new(None, limits, 100);
    let (mut chunks, mut rest) = (Vec::new(), bytes);
    let mut sizes = readings.iter().cycle();
    while !intake.has_ended() {
        let room = intake.room();
        assert!(!room.is_empty(), "a reading of nothing would look like the end");
        let (reading, after) = rest.split_at(rest.len().min(room.len()).min(*sizes.next().unwrap()));
        room[..reading.len()].copy_from_slice(reading);
        rest = after;
        intake.fill(reading.len())?;
        while let Some(chunk) = intake.next_chunk()? {
            chunks.push(chunk.clone());
            intake.recycle(chunk.text);
        }
    }
    Ok(chunks)
}

/// A header, then rows of every awkward kind, long enough for several chunks.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let row = prop_oneof![
        8 => "[a-z]{1,40},[0-9]{1,9}\n",
        2 => "\"[a-z,\n]{0,30}\",[0-9]{1,3}\r\n",
        1 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => (100usize..90_000).prop_map(|length| format!("{},1\n", "x".repeat(length))),
    ];
    (prop::collection::vec(row, 1..60), 1usize..12, any::<bool>()).prop_map(|(rows, times, ends)| {
        let mut text = String::from("name,points\n") + &rows.concat().repeat(times);
        if !ends {
            text.push_str("last,9");
        }
        text.into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn chunks_are_the_file_however_it_comes(file in file(), pieces in prop::collection::vec(1usize..200_000, 1..6)) {
        let (intake, cut) = chunks(&file, &pieces, LIMITS).unwrap();
        let header = intake.header().unwrap();
        let body = &file[header.bytes()..];
        prop_assert_eq!(cut.iter().flat_map(|chunk| chunk.text.clone()).collect::<Vec<_>>(), body);
        let (_, in_one) = chunks(&file, &[usize::MAX], LIMITS).unwrap();
        prop_assert_eq!(&cut, &in_one);
        prop_assert_eq!(&cut, &read_chunks(&file, &pieces, LIMITS).unwrap());

        let (mut row, mut line) = (0, header.lines + 1);
        for (index, chunk) in cut.iter().enumerate() {
            prop_assert_eq!((chunk.start.index as usize, chunk.start.row, chunk.start.line), (index, row, line));
            let whole = Splitter::new(b',').cut(&chunk.text, index + 1 == cut.len()).unwrap();
            prop_assert_eq!((whole.bytes, whole.rows), (chunk.text.len(), chunk.rows));
            let is_one_look = chunk.text.len() <= 2 * HEAD_BYTES.max(100_000);
            prop_assert!(chunk.text.len() <= LIMITS.bytes || is_one_look);
            row += u64::from(chunk.rows);
            line += chunk.text.iter().filter(|&&byte| byte == b'\n').count() as u64;
        }
    }

    #[test]
    fn utf16_gives_the_same_chunks_as_utf8(file in file(), pieces in prop::collection::vec(1usize..50_000, 1..4)) {
        let mut utf16 = Encoding::Utf16le.bom().to_vec();
        let mut text = file.clone();
        Encoding::Utf16le.encode_in_place(&mut text);
        utf16.extend_from_slice(&text);
        let (_, cut) = chunks(&utf16, &pieces, LIMITS).unwrap();
        let (_, expected) = chunks(&file, &[usize::MAX], LIMITS).unwrap();
        prop_assert_eq!(&cut, &expected);
        prop_assert_eq!(read_chunks(&utf16, &pieces, LIMITS).unwrap(), expected);
    }
}

#[test]
fn a_chunk_ends_at_its_limits() {
    let file = format!("name\n{}", "ab\n".repeat(200_000)).into_bytes();
    let by_rows = chunks(&file, &[7_000], ChunkLimits { rows: 50_000, ..ChunkLimits::default() }).unwrap().1;
    assert!(by_rows.len() >= 4 && by_rows.iter().all(|chunk| chunk.rows <= 50_000), "{}", by_rows.len());
    let blank_lines = format!("name\n{}", "\n".repeat(1_000_000));
    let limits = ChunkLimits::of_bytes(200_000);
    let of_blank_lines = chunks(blank_lines.as_bytes(), &[7_000], limits).unwrap().1;
    assert!(of_blank_lines.iter().all(|chunk| chunk.text.len() <= 200_000 && chunk.rows == 0));
    let by_bytes =
        chunks(&file, &[7_000], ChunkLimits { bytes: 130_000, ..ChunkLimits::default() }).unwrap().1;
    assert!(by_bytes.iter().all(|chunk| chunk.text.len() <= 130_000));
    let limits = ChunkLimits { output_bytes: 5_000_000, ..ChunkLimits::default() };
    let by_output = chunks(&file, &[7_000], limits).unwrap().1;
    assert!(by_output.iter().all(|chunk| chunk.text.len() * 7 / 3 + chunk.rows as usize * 100 <= 5_000_000));
    assert!(by_output.len() > by_bytes.len() / 10);
}

#[test]
fn a_row_without_an_end_is_named_by_row_line_and_byte() {
    let rows = "ann,1\n\"b\nob\",2\n".repeat(10_000);
    let unclosed = format!("name,points\n{rows}\"carl,3\n");
    let error = chunks(unclosed.as_bytes(), &[5_000], LIMITS).unwrap_err();
    let byte = 12 + rows.len() as u64;
    assert_eq!(
        error,
        IntakeError::EndlessRow { row: 20_001, line: 30_002, byte, unclosed_quote: true },
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        format!("row 20001, line 30002, byte {byte}: a quote is opened and never closed")
    );

    assert_eq!(read_chunks(unclosed.as_bytes(), &[5_000], LIMITS), Err(error));

    let long = format!("name,points\nann,1\n{},2\n", "x".repeat(2 << 20));
    let error = chunks(long.as_bytes(), &[100_000], LIMITS).unwrap_err();
    assert_eq!(error, IntakeError::EndlessRow { row: 2, line: 3, byte: 18, unclosed_quote: false });
    assert_eq!(read_chunks(long.as_bytes(), &[usize::MAX], LIMITS), Err(error));
}

#[test]
fn a_file_without_a_usable_header_is_refused() {
    for (file, expected) in [
        (&b""[..], "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,a\n1,2\n", "are both called"),
        (b"PK\x03\x04 zip", "is a spreadsheet"),
        (b"a\0b\n", "NUL"),
    ] {
        let error = chunks(file, &[3], LIMITS).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let endless = "x".repeat(3 << 20);
    assert!(chunks(endless.as_bytes(), &[60_000], LIMITS).unwrap_err().to_string().contains("longer than"));
    let told = Intake::new(Some(Encoding::Windows1252), LIMITS, 0).push(b"\xef\xbb\xbfa\n1\n", true);
    assert_eq!(told, Err(IntakeError::ByteOrderMark));
}

#[test]
fn there_is_room_even_where_no_chunk_was_taken() {
    let mut intake = Intake::new(None, ChunkLimits::of_bytes(70_000), 0);
    let file = format!("name\n{}", "ann\n".repeat(100_000));
    let mut rest = file.as_bytes();
    while !rest.is_empty() {
        let room = intake.room();
        assert!(!room.is_empty(), "a reading of nothing would look like the end");
        let (reading, after) = rest.split_at(rest.len().min(room.len()));
        room[..reading.len()].copy_from_slice(reading);
        rest = after;
        intake.fill(reading.len()).unwrap();
    }
    intake.fill(0).unwrap();
    let mut rows = 0;
    while let Some(chunk) = intake.next_chunk().unwrap() {
        rows += chunk.rows;
    }
    assert_eq!((rows, intake.has_no_more_rows()), (100_000, true));
}
