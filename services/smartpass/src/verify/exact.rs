//! Encoding the input again and comparing every byte (I4).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail};
use smartpass_core::encode::{errors_header, success_header};

use super::args::VerifyArgs;
use crate::generate::encode;
use crate::generate::plan::Plan;
use crate::pipeline::default_threads;
use crate::source::Source;

/// Compares the outputs with those that `plan` makes of the input.
pub(super) fn compare(arguments: &VerifyArgs, plan: &Plan) -> anyhow::Result<()> {
    let mut source = Source::open(&arguments.input, arguments.encoding)?;
    let mut success = Expected::open(&arguments.success)?;
    let mut errors = arguments.errors.as_deref().map(Expected::open).transpose()?;
    success.take(&success_header(&source.header, &plan.spec))?;
    if let Some(errors) = &mut errors {
        errors.take(&errors_header(&source.header, &plan.spec))?;
    }
    encode(&mut source, plan, default_threads(), &arguments.input, |good, bad| {
        success.take(good)?;
        match &mut errors {
            Some(errors) => errors.take(bad),
            None => Ok(()),
        }
    })?;
    success.end()?;
    errors.map_or(Ok(()), |mut errors| errors.end())
}

/// A file that is compared with expected bytes.
struct Expected {
    name: String,
    file: BufReader<File>,
    offset: u64,
    buffer: Vec<u8>,
}

impl Expected {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        Ok(Self { name, file: BufReader::new(file), offset: 0, buffer: Vec::new() })
    }

    fn take(&mut self, expected: &[u8]) -> anyhow::Result<()> {
        self.buffer.resize(expected.len(), 0);
        let read = self.file.read_exact(&mut self.buffer);
        if read.is_err() || self.buffer != expected {
            let same = self.buffer.iter().zip(expected).take_while(|(one, other)| one == other).count();
            bail!("{}, byte {}: encoding again gives other bytes (I4)", self.name, self.offset + same as u64);
        }
        self.offset += expected.len() as u64;
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if self.file.read(&mut [0])? > 0 {
            bail!("{}, byte {}: encoding again gives no more bytes (I4)", self.name, self.offset);
        }
        Ok(())
    }
}
