//! Remedies: the core says what is wrong, and the command line adds the argument that puts it right.

use anyhow::{anyhow, bail};
use smartpass_core::batch::{OutputColumnError, PlanError};
use smartpass_core::csv::IntakeError;
use smartpass_core::template::MappingError;

use crate::failure::usage;

/// The remedy for a file that cannot be read.
pub(crate) fn of_intake(error: &IntakeError) -> anyhow::Error {
    anyhow!(error.told_with(|encoding| format!("use --encoding {encoding}")))
}

/// The remedy for columns that do not map to fields.
pub(crate) fn of_mapping(error: &MappingError) -> anyhow::Error {
    anyhow!(error.told_with(|column, field| format!("--map '{column}={field}'")))
}

/// The remedy for a run that cannot be planned.
pub(crate) fn of_plan<T>(error: PlanError) -> anyhow::Result<T> {
    match error {
        PlanError::Column(OutputColumnError::Taken(name)) => bail!(
            "the file has a column {name:?} already (rename or remove it, or choose another with --column)"
        ),
        PlanError::Column(error) => usage(format!("--{error}")),
        PlanError::Expiry(error) => usage(format!("--expires {error}")),
        PlanError::NothingMapped(_) => bail!("{error} (see: smartpass template check)"),
        PlanError::Mapping(error) => Err(of_mapping(&error)),
        PlanError::DefaultUrl => usage(format!("{error}; give --url BASE")),
        error => Err(error.into()),
    }
}
