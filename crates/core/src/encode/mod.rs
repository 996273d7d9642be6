//! The encoder: chunk bytes in, success bytes and error bytes out.
//!
//! The command line and the workers call the same function, so that the same batch spec and rows give the same bytes
//! everywhere. Chunks may be cut anywhere between rows, and encoded by any process, in any order and repeatedly.
//!
//! ```
//! # use smartpass_core::{csv::{Dialect, Encoding}, encode::*, link::LinkKind, template::{Mapping, Template}};
//! let template = Template::from_toml("code = 'club'\nfields = [{ name = 'points', type = 'integer' }]").unwrap();
//! let columns = vec!["points".to_owned()];
//! let mapping = Mapping::build(&template, &columns, &[]).unwrap();
//! let spec = BatchSpec {
//!     project: "wrsynr".parse().unwrap(), batch_id: "0011223344556677".parse().unwrap(),
//!     base_url: "https://example.com/w".parse().unwrap(), columns, has_error_column: false,
//!     output_column: "smartUrl".to_owned(), encoder_revision: ENCODER_REVISION,
//!     dialect: Dialect { delimiter: b',', encoding: Encoding::Utf8, bom: false },
//!     link: LinkSpec::V1 { kind: LinkKind::Encrypted, key_version: 1.try_into().unwrap(),
//!         template_number: 1.try_into().unwrap(), expires: None, mapping: mapping.columns },
//! };
//! let mut encoder = Encoder::v1(&spec, &template, &[7; 32].into()).unwrap();
//! let mut out = ChunkOutput::default();
//! encoder.encode(Chunk { bytes: b"12\nmany\n", first_row: 0, first_line: 2 }, &mut out);
//! assert!(out.success.starts_with(b"12,https://example.com/w/EAEBABEiM0RVZn"));
//! assert!(out.errors.starts_with(b"many,\"row 2, line 3: points: \"\"many\"\" is not an integer"));
//! ```

mod encoder;
mod fault;
mod headers;
mod tally;

pub use crate::batch::{BatchSpec, ENCODER_REVISION, LinkSpec};
pub use encoder::{Chunk, ChunkOutput, Encoder, SpecError};
pub use fault::{ErrorKind, RowError};
pub use headers::{errors_header, success_header};
pub use tally::{ErrorCount, MAX_URL_CHARACTERS, Tally, qr_version, sms_segments};
