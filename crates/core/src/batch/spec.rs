//! The batch spec: all that decides a link's bytes besides the row.

use serde::{Deserialize, Serialize};

use crate::csv::Dialect;
use crate::ids::{BaseUrl, BatchId, KeyVersion, ProjectCode, TemplateNumber};
use crate::link::passkit::PasskitKind;
use crate::link::{Expiry, LinkKind};

/// The revision of the encoder. It goes up whenever the same batch spec and rows give other bytes than before.
pub const ENCODER_REVISION: u32 = 2;

/// All that decides a link's bytes besides the row: pinned before the first row, and never looked up later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSpec {
    /// The project.
    pub project: ProjectCode,
    /// Fresh random bytes; see [`BatchId`].
    pub batch_id: BatchId,
    /// The start of every URL.
    pub base_url: BaseUrl,
    /// The file's delimiter, encoding and byte order mark.
    pub dialect: Dialect,
    /// The header's columns, an `error` column of ours included.
    pub columns: Vec<String>,
    /// Whether the last column is an `error` column of ours.
    pub has_error_column: bool,
    /// The name of the column that the links go into.
    pub output_column: String,
    /// The format of the links, and what goes into them.
    pub link: LinkSpec,
    /// The [`ENCODER_REVISION`] that the batch was begun with; an encoder of another revision refuses the spec.
    pub encoder_revision: u32,
}

/// The format of the links, and what goes into them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkSpec {
    /// Format v1.
    V1 {
        /// Encrypted or signed.
        kind: LinkKind,
        /// The version of the project's key.
        key_version: KeyVersion,
        /// The number of the published template.
        template_number: TemplateNumber,
        /// When the links expire; none for never.
        expires: Option<Expiry>,
        /// The index of the column of each field, in the template's order; none for a field without one.
        mapping: Vec<Option<usize>>,
    },
    /// One of PassKit's formats: all columns, no template.
    Passkit(PasskitKind),
}
