//! The batch spec: all that decides a link's bytes besides the row.

use serde::{Deserialize, Serialize};

use crate::csv::Dialect;
use crate::ids::{BaseUrl, BatchId, KeyVersion, ProjectCode, TemplateNumber};
use crate::link::passkit::PasskitKind;
use crate::link::{Expiry, LinkKind};

/// Goes up whenever the same batch spec and rows would give other bytes than before.
pub const ENCODER_REVISION: u32 = 2;

/// All that decides a link's bytes besides the row: pinned before the first row, and never looked up later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSpec {
    /// The project.
    pub project: ProjectCode,
    /// Fresh random bytes; see [`BatchId`].
    pub batch_id: BatchId,
    /// What every URL begins with.
    pub base_url: BaseUrl,
    /// How the file is written.
    pub dialect: Dialect,
    /// The header's columns, an `error` column of ours included.
    pub columns: Vec<String>,
    /// Whether the last column is an `error` column of ours.
    pub has_error_column: bool,
    /// The name of the column that the links go into.
    pub output_column: String,
    /// What kind of links, and what goes into them.
    pub link: LinkSpec,
    /// Which [`ENCODER_REVISION`] the batch was begun with; no other may go on with it.
    pub encoder_revision: u32,
}

/// What kind of links, and what goes into them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkSpec {
    /// Format v1.
    V1 {
        /// Encrypted or signed.
        kind: LinkKind,
        /// The project's key.
        key_version: KeyVersion,
        /// The published template.
        template_number: TemplateNumber,
        /// When the links expire.
        expires: Option<Expiry>,
        /// For each of the template's fields, the index of its column.
        mapping: Vec<Option<usize>>,
    },
    /// One of PassKit's formats: all columns, no template.
    Passkit(PasskitKind),
}
