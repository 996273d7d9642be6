//! `smartpass generate`: a CSV in, the same rows with links out.

mod args;
pub(crate) mod outputs;
pub(crate) mod plan;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use smartpass_core::csv::Start;
use smartpass_core::encode::{Chunk, ChunkOutput, Encoder, Tally, errors_header, success_header};

use crate::failure::Exit;
use crate::pipeline::{self, Worker};
use crate::progress::Progress;
use crate::source::{Source, source_name};
use crate::staged::{Outputs, remove_unfinished};
use crate::summary::Summary;
pub(crate) use args::GenerateArgs;
use outputs::OutputPaths;
use plan::Plan;

/// Runs the command.
pub(crate) fn run(arguments: Box<GenerateArgs>) -> anyhow::Result<Exit> {
    let paths = OutputPaths::choose(&arguments)?;
    exit_when_interrupted()?;
    let mut source = Source::open(&arguments.input, arguments.encoding)?;
    if source.has_no_rows() {
        return no_rows(&arguments.input);
    }
    let plan = Plan::make(&arguments, &source)?;

    let started = Instant::now();
    let mut outputs = None;
    if !arguments.dry_run {
        let headers =
            (&success_header(&source.header, &plan.spec)[..], errors_header(&source.header, &plan.spec));
        outputs = Some(Outputs::create(&paths.success, &paths.errors, headers, paths.mode, arguments.force)?);
    }
    let threads = arguments.threads.map_or_else(pipeline::default_threads, usize::from);
    let tally =
        encode(&mut source, &plan, threads, &arguments.input, |success, errors| match &mut outputs {
            Some(outputs) => outputs.write(success, errors),
            None => Ok(()),
        })?;
    if tally.rows() == 0 {
        return no_rows(&arguments.input);
    }
    let seconds = started.elapsed().as_secs_f64();
    let wrote_errors = outputs.map_or(Ok(false), Outputs::publish)?;

    let errors = wrote_errors.then_some(paths.errors.as_path());
    let success = (!arguments.dry_run).then_some(paths.success.as_path());
    let summary = Summary { plan: &plan, tally: &tally, seconds, success, errors };
    if let Err(error) = summary.print(arguments.json) {
        // The outputs are written, so the exit code must not say that none was.
        let _ = writeln!(std::io::stderr(), "smartpass: {error:#}");
    }
    Ok(if tally.errors() == 0 { Exit::Success } else { Exit::SomeRowsFailed })
}

fn no_rows(input: &Path) -> anyhow::Result<Exit> {
    bail!("{} has a header and no rows (expected at least one row)", source_name(input))
}

/// Encodes every chunk of `source` and hands the outputs on, in order.
pub(crate) fn encode(
    source: &mut Source,
    plan: &Plan,
    threads: usize,
    input: &Path,
    mut write: impl FnMut(&[u8], &[u8]) -> anyhow::Result<()> + Send,
) -> anyhow::Result<Tally> {
    let mut workers = Vec::new();
    for _ in 0..threads {
        workers.push(EncodingWorker { encoder: plan.encoder()?, output: ChunkOutput::default(), rows: 0 });
    }
    let mut progress = Progress::start("links", input);
    let workers = pipeline::run(source, workers, |worker, bytes_read| {
        progress.advance(worker.rows, bytes_read);
        write(&worker.output.success, &worker.output.errors)
    })?;
    let mut tally = Tally::default();
    workers.iter().for_each(|worker| tally.add(&worker.output.tally));
    Ok(tally)
}

struct EncodingWorker {
    encoder: Encoder,
    output: ChunkOutput,
    /// Rows of the last chunk.
    rows: u64,
}

impl Worker for EncodingWorker {
    fn process(&mut self, chunk: &[u8], start: Start) {
        // The intake refuses files with more rows than a row number can count.
        let first_row = start.row as u32;
        self.rows =
            self.encoder.encode(Chunk { bytes: chunk, first_row, first_line: start.line }, &mut self.output);
    }
}

/// Ends the process at Ctrl-C and the like. Unfinished outputs do not have their names yet, so nothing is to be undone.
fn exit_when_interrupted() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if remove_unfinished() {
            // The terminal may be gone.
            let _ = writeln!(std::io::stderr(), "\nsmartpass: interrupted: no output was written");
            std::process::exit(Exit::Interrupted as i32);
        }
    })?;
    Ok(())
}
