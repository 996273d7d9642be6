//! `smartpass verify`: proof that a finished run did what it says.
//!
//! The command reads input and outputs side by side and keeps a chunk of each: memory does not grow with the job.

mod args;
mod exact;
mod links;
mod records;

use anyhow::bail;
use serde_json::json;
use smartpass_core::csv::ERROR_COLUMN;

use crate::failure::{Exit, usage};
use crate::key_material::GivenKey;
use crate::progress::Progress;
use crate::text::{counted, print, print_json};
pub(crate) use args::VerifyArgs;
use links::LinkCheck;
use records::{Record, Records};

/// Runs the command.
pub(crate) fn run(arguments: VerifyArgs) -> anyhow::Result<Exit> {
    let encoding = arguments.encoding;
    let mut input = Records::open(&arguments.input, encoding, None)?;
    let delimiter = Some(input.dialect().delimiter);
    let mut success = Records::open(&arguments.success, encoding, delimiter)?;
    let mut errors = match &arguments.errors {
        Some(path) => Some(Records::open(path, encoding, delimiter)?),
        None => None,
    };
    check_headers(&input, &success, errors.as_ref())?;
    let given = GivenKey::find(arguments.key_file.as_deref())?;
    let mut check = LinkCheck::new(&arguments, given);

    let mut counts = Counts::default();
    let mut progress = Progress::start("verify", &arguments.input);
    while let Some(row) = input.next()? {
        match take_row(&row, input.has_error_column(), &mut success, errors.as_mut())? {
            FoundIn::Success(url) => {
                check.row(&url, counts.rows, &row, input.data_columns())?;
                counts.links += 1;
            }
            FoundIn::Errors => counts.errors += 1,
        }
        counts.rows += 1;
        progress.advance(1, input.bytes_read());
    }
    drop(progress);
    check_ends(&mut success, "SUCCESS")?;
    if let Some(errors) = &mut errors {
        check_ends(errors, "ERRORS")?;
    }
    if arguments.exact {
        let Some(plan) = check.plan(&input, &success)? else {
            return usage(
                "--exact takes the batch id from a v1 link, and there is none in SUCCESS (leave it out)",
            );
        };
        exact::compare(&arguments, &plan)?;
    }
    tell(&counts, &arguments)
}

#[derive(Default)]
struct Counts {
    rows: u64,
    links: u64,
    errors: u64,
}

enum FoundIn {
    /// The row's URL.
    Success(String),
    Errors,
}

fn check_headers(input: &Records, success: &Records, errors: Option<&Records>) -> anyhow::Result<()> {
    if success.columns().split_last().is_none_or(|(_, kept)| kept != input.columns()) {
        bail!("SUCCESS is not an output of IN: its columns are not those of IN and one more");
    }
    let is_of_input =
        |errors: &Records| errors.has_error_column() && errors.data_columns() == input.data_columns();
    if !errors.is_none_or(is_of_input) {
        bail!("ERRORS is not an output of IN: its columns are not those of IN and {ERROR_COLUMN:?}");
    }
    Ok(())
}

/// Finds the input's row at the front of one of the outputs, and takes it from there.
fn take_row(
    row: &Record,
    has_error_column: bool,
    success: &mut Records,
    errors: Option<&mut Records>,
) -> anyhow::Result<FoundIn> {
    if let Some(candidate) = success.peek()?
        && candidate.text_before_last_cell() == row.text
        && candidate.line_end == row.line_end
    {
        let url = String::from_utf8_lossy(candidate.last_cell()).into_owned();
        success.next()?;
        return Ok(FoundIn::Success(url));
    }
    let remedy = if errors.is_some() { "" } else { ", or give ERRORS if the run wrote one" };
    if let Some(errors) = errors
        && let Some(candidate) = errors.peek()?
    {
        let replaced = has_error_column && candidate.text_before_last_cell() == row.text_before_last_cell();
        if replaced || candidate.text_before_last_cell() == row.text {
            errors.next()?;
            return Ok(FoundIn::Errors);
        }
    }
    bail!(
        "row {}, line {} of IN: it is not the next row of either output (I1){remedy}",
        row.number + 1,
        row.line
    )
}

fn check_ends(records: &mut Records, name: &str) -> anyhow::Result<()> {
    match records.next()? {
        Some(row) => bail!("row {}, line {} of {name}: IN has no such row (I1)", row.number + 1, row.line),
        None => Ok(()),
    }
}

fn tell(counts: &Counts, arguments: &VerifyArgs) -> anyhow::Result<Exit> {
    if arguments.json {
        print_json(&json!({
            "rows": counts.rows, "links": counts.links, "errors": counts.errors, "exact": arguments.exact,
        }))?;
        return Ok(Exit::Success);
    }
    let exact = if arguments.exact { ", and encoding it again gives the same bytes" } else { "" };
    print(&format!(
        "verified {}: {} open to their own rows, {} in errors, in order, nothing lost or changed{exact}\n",
        counted(counts.rows, "row"),
        counted(counts.links, "link"),
        counted(counts.errors, "row"),
    ))?;
    Ok(Exit::Success)
}
