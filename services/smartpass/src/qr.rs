//! `smartpass qr`: a link as a QR code.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::failure::Exit;
use crate::staged::{Staged, refuse_existing};
use crate::text::print;

/// The width of the white border that readers need, in modules (ISO/IEC 18004 §6.3.8).
const QUIET_ZONE: i32 = 4;
/// The side of a module in a PNG, in pixels.
const PIXELS: i32 = 8;

const QR_HELP: &str = "Examples:
  smartpass qr https://pass.example.com/club/EAEB…
  smartpass qr https://pass.example.com/club/EAEB… --png link.png";

#[derive(Args)]
#[command(after_help = QR_HELP)]
pub(crate) struct QrArgs {
    /// The link.
    pub(crate) url: String,
    /// Write a PNG picture.
    #[arg(long, value_name = "F", conflicts_with = "svg")]
    pub(crate) png: Option<PathBuf>,
    /// Write an SVG picture.
    #[arg(long, value_name = "F")]
    pub(crate) svg: Option<PathBuf>,
    /// Dark on light, for terminals with a light background.
    #[arg(long)]
    pub(crate) light: bool,
    /// Replace an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: QrArgs) -> anyhow::Result<Exit> {
    let code = QrCode::encode_binary(arguments.url.as_bytes(), QrCodeEcc::Medium);
    let code = code.ok().context("the URL is too long for a QR code (expected at most 2,331 characters)")?;
    match (&arguments.png, &arguments.svg) {
        (Some(path), _) => write(path, &png(&code)?, arguments.force)?,
        (_, Some(path)) => write(path, svg(&code).as_bytes(), arguments.force)?,
        _ => print(&blocks(&code, arguments.light))?,
    }
    Ok(Exit::Success)
}

fn write(path: &Path, bytes: &[u8], force: bool) -> anyhow::Result<()> {
    refuse_existing(&[path], force)?;
    // A link is a secret of its recipient.
    let mut file = Staged::create(path, 0o600)?;
    file.write(bytes)?;
    file.publish(force)
}

/// The positions of a row or column, its quiet zone included.
fn span(code: &QrCode) -> std::ops::Range<i32> {
    -QUIET_ZONE..code.size() + QUIET_ZONE
}

/// The code as text: each character is two modules, an upper and a lower half. Light modules are drawn by default,
/// since most terminals are dark.
fn blocks(code: &QrCode, on_light: bool) -> String {
    let drawn = |x, y| span(code).contains(&y) && code.get_module(x, y) == on_light;
    let mut text = String::new();
    for y in span(code).step_by(2) {
        for x in span(code) {
            text.push(match (drawn(x, y), drawn(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push('\n');
    }
    text
}

fn svg(code: &QrCode) -> String {
    let side = span(code).len();
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|&x| code.get_module(x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET_ZONE, y + QUIET_ZONE));
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>\n"
    )
}

fn png(code: &QrCode) -> anyhow::Result<Vec<u8>> {
    let side = span(code).len() as u32 * PIXELS as u32;
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header()?;
    let mut pixels = writer.stream_writer()?;
    for y in span(code) {
        let row: Vec<u8> =
            span(code).flat_map(|x| [if code.get_module(x, y) { 0 } else { 255 }; PIXELS as usize]).collect();
        (0..PIXELS).try_for_each(|_| pixels.write_all(&row))?;
    }
    pixels.finish()?;
    writer.finish()?;
    Ok(picture)
}
