//! `qr`: the same code on the terminal, as PNG and as SVG.

use crate::support::Lab;

const URL: &str = "https://pass.example/club/EAEBABEiM0RVZneAgAHn-Qi3tgAfboKzqB_Q9B2VNfZm68MwRCI3Il3jxjhD";
/// Version 6, which takes 106 bytes at level M, has 41 modules a side, and 4 more of white on each.
const SIDE: usize = 41 + 2 * 4;

/// The modules of a PNG, `true` where dark.
fn modules(png: &[u8]) -> Vec<Vec<bool>> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (8 * SIDE as u32, 8 * SIDE as u32));
    let dark = |x: usize, y: usize| {
        pixels[y * 8 * info.line_size + x * 8 * info.line_size / info.width as usize] == 0
    };
    (0..SIDE).map(|y| (0..SIDE).map(|x| dark(x, y)).collect()).collect()
}

#[test]
fn terminal_png_and_svg_show_the_same_modules() {
    let lab = Lab::new();
    lab.ok(&["qr", URL, "--png", "link.png"]);
    let modules = modules(&lab.read("link.png"));
    assert!(modules[4][4..11].iter().all(|dark| *dark), "the finder pattern's upper edge");
    assert!(modules[..4].iter().flatten().all(|dark| !dark), "the quiet zone");

    let svg = lab.ok(&["qr", URL, "--svg", "link.svg"]) + &lab.text("link.svg");
    assert!(svg.contains(&format!("viewBox=\"0 0 {SIDE} {SIDE}\"")));
    for (y, row) in modules.iter().enumerate() {
        for (x, dark) in row.iter().enumerate() {
            assert_eq!(svg.contains(&format!("M{x},{y}h1v1h-1z")), *dark, "module {x}, {y}");
        }
    }
    let drawn: Vec<Vec<char>> =
        lab.ok(&["qr", URL, "--light"]).lines().map(|line| line.chars().collect()).collect();
    assert_eq!((drawn.len(), drawn[0].len()), (SIDE.div_ceil(2), SIDE));
    for (y, row) in modules.iter().enumerate() {
        for (x, dark) in row.iter().enumerate() {
            let half = if y % 2 == 0 { ['█', '▀'] } else { ['█', '▄'] };
            assert_eq!(half.contains(&drawn[y / 2][x]), *dark, "module {x}, {y}");
        }
    }
}

#[test]
fn a_picture_replaces_a_file_only_when_told() {
    let lab = Lab::new();
    lab.write("link.png", "precious");
    lab.run(&["qr", URL, "--png", "link.png"])
        .fails(1, "link.png exists already (use --force to replace it, or choose another name)");
    assert_eq!(lab.text("link.png"), "precious");
    lab.ok(&["qr", URL, "--png", "link.png", "--force"]);
    assert!(lab.read("link.png").starts_with(b"\x89PNG"));
    lab.run(&["qr", URL, "--png", "a.png", "--svg", "a.svg"]).fails_with(64, "cannot be used with");
}

#[test]
fn a_url_that_no_code_holds_is_refused() {
    let lab = Lab::new();
    lab.ok(&["qr", &"x".repeat(2331)]);
    lab.run(&["qr", &"x".repeat(2332), "--png", "a.png"])
        .fails(1, "the URL is too long for a QR code (expected at most 2,331 characters)");
    assert!(lab.names().is_empty());
}
