//! `baseline csv-copy IN OUT` and `baseline passkit IN OUT --key-file HEX --url BASE`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use smartpass_load_tests::baseline;

/// The programs that SmartPass is measured against.
#[derive(Parser)]
#[command(name = "baseline")]
enum Arguments {
    /// Copy a CSV record by record with the csv crate
    CsvCopy {
        /// The file to read
        input: PathBuf,
        /// The file to write
        output: PathBuf,
    },
    /// Make PassKit's encrypted links the way PassKit's public tool does
    Passkit {
        /// The file to read
        input: PathBuf,
        /// The file to write
        output: PathBuf,
        /// A file with the project key: 64 hexadecimal digits
        #[arg(long)]
        key_file: PathBuf,
        /// The landing page's URL
        #[arg(long)]
        url: String,
    },
}

fn main() -> Result<()> {
    let rows = match Arguments::parse() {
        Arguments::CsvCopy { input, output } => baseline::csv_copy(&input, &output)?,
        Arguments::Passkit { input, output, key_file, url } => {
            let text = fs::read_to_string(&key_file)
                .with_context(|| format!("cannot read the key file {}", key_file.display()))?;
            baseline::passkit(&input, &output, &baseline::parse_key(&text)?, &url)?
        }
    };
    eprintln!("{rows} rows");
    Ok(())
}
