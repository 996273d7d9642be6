//! Resolution: the values that a link of one version of a template shows under another version.
//!
//! A published version never changes, and a link is read with the version that wrote it. Where the template's policy
//! is `current`, its values are shown under the newest version, which may differ:
//!
//! - [`avro_schema`] gives a version as an Avro schema. A link's datum is Avro binary of exactly this schema, so that
//!   any Avro library can read it.
//! - [`compare`] reports, before a new version is published, what the links of an older one will show.
//! - [`resolve`] resolves the values of one link.
//!
//! Fields are matched by name and enum symbols by symbol; their order does not matter. The rules are those of Avro's
//! schema resolution with one exception: Avro promotes an int to a long and has no phone numbers, so that a date would
//! become an integer and a phone number a balance. Here a value keeps its type; only string, email and url, which are
//! all text, can be shown as each other. Text is shown unchanged, even if it does not fit the newer type or length.
//!
//! A default is applied when the pass is made; a link stores the blank. A new *optional* field therefore resolves to a
//! blank, and the pass shows its default, if it has one. A new *required* field resolves to its default; without one,
//! no older link can be shown. A blank that is stored in a link stays blank, and fails under a version that requires
//! the field, with or without a default.
//!
//! ```
//! use smartpass_core::template::{Template, resolve};
//! let older = Template::from_toml(r#"
//!     code = "club"
//!     fields = [
//!         { name = "person.surname", type = "string", required = true },
//!         { name = "tier", type = "enum", symbols = ["silver", "gold"] },
//!     ]
//! "#).unwrap();
//! let newer = Template::from_toml(r#"
//!     code = "club"
//!     fields = [
//!         { name = "tier", type = "enum", symbols = ["platinum", "gold"] },
//!         { name = "points", type = "integer", required = true, default = "0" },
//!         { name = "person.surname", type = "string" },
//!     ]
//! "#).unwrap();
//!
//! let report: Vec<_> = resolve::compare(&older, &newer).iter().map(ToString::to_string).collect();
//! assert_eq!(report, [
//!     r#"tier: failure for links with "silver" (the symbol is removed)"#,
//!     "points: default (the field is new)",
//!     "person.surname: same",
//! ]);
//!
//! let mut datum = Vec::new();
//! older.encode([Some("Müller"), Some("gold")], &mut datum).unwrap();
//! let shown = resolve::resolve(&older, &newer, &datum).unwrap();
//! assert_eq!(shown, [Some("gold".to_owned()), Some("0".to_owned()), Some("Müller".to_owned())]);
//! ```

mod avro;
mod compatibility;

use std::collections::HashMap;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value as AvroValue, writer::datum::GenericDatumWriter,
};

use super::{FieldType, Template};
use compatibility::{are_of_one_kind, by_name};

pub use avro::avro_schema;
pub use compatibility::{FailureReason, FieldChange, Shown, compare};

/// The reason why a link cannot be shown under another version. It holds nothing of the link's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A datum that the writer's template does not write.
    #[error("the link's values do not fit its own template (expected the template that wrote them)")]
    Datum,
    /// A field that the link lacks.
    #[error("field {field:?} is required and new (expected an optional field, or a default)")]
    Missing {
        /// The field's name.
        field: String,
    },
    /// A blank where the reader requires a value.
    #[error("field {field:?} is blank in the link and required now (expected an optional field)")]
    Blank {
        /// The field's name.
        field: String,
    },
    /// A value of another type.
    #[error("field {field:?} is {} in the link and {} now (expected one type)", .from.name(), .to.name())]
    TypeChanged {
        /// The field's name.
        field: String,
        /// Its type in the link.
        from: FieldType,
        /// Its type in the reader's template.
        to: FieldType,
    },
    /// An enum's symbol that the reader does not have.
    #[error("field {field:?} has a symbol that is removed (expected all symbols of the link's template)")]
    SymbolRemoved {
        /// The field's name.
        field: String,
    },
    /// A template that was never validated.
    #[error("the templates have no Avro schema (expected validated templates)")]
    Schema,
}

/// The values that a link made with `writer` shows under `reader`, as the cells' text, in the reader's order.
///
/// # Errors
/// [`ResolveError`]; [`compare`] reports beforehand which links fail.
pub fn resolve(
    writer: &Template,
    reader: &Template,
    datum: &[u8],
) -> Result<Vec<Option<String>>, ResolveError> {
    // The Avro library reads a truncated datum as blanks, and ignores bytes behind its end.
    let values = writer.decode(datum).ok_or(ResolveError::Datum)?;
    refuse_changed_types(writer, reader, &values)?;

    let writer_schema = parse(writer)?;
    let reader_schema = parse(reader)?;
    // Avro's errors are dropped, because they quote values.
    let resolved = GenericDatumReader::builder(&writer_schema)
        .reader_schema(&reader_schema)
        .build()
        .map_err(|_| ResolveError::Schema)?
        .read_value(&mut &datum[..])
        .map_err(|_| explain(writer, reader, &values))?;
    let shown = GenericDatumWriter::builder(&reader_schema)
        .build()
        .and_then(|writer| writer.write_value_to_vec(mend_fixed_defaults(resolved)))
        .map_err(|_| ResolveError::Schema)?;
    reader.decode(&shown).ok_or(ResolveError::Schema)
}

fn parse(template: &Template) -> Result<Schema, ResolveError> {
    Schema::parse_str(&avro_schema(template)).map_err(|_| ResolveError::Schema)
}

fn refuse_changed_types(
    writer: &Template,
    reader: &Template,
    values: &[Option<String>],
) -> Result<(), ResolveError> {
    let newer = by_name(reader);
    for (field, value) in writer.fields.iter().zip(values) {
        let Some(newer) = newer.get(field.name.as_str()) else { continue };
        if value.is_some() && !are_of_one_kind(field.field_type, newer.field_type) {
            let (from, to) = (field.field_type, newer.field_type);
            return Err(ResolveError::TypeChanged { field: field.name.clone(), from, to });
        }
    }
    Ok(())
}

/// Repairs the default of a fixed type: apache-avro 0.22 reads it as UTF-8, so that each byte from 0x80 on becomes two.
fn mend_fixed_defaults(mut resolved: AvroValue) -> AvroValue {
    let AvroValue::Record(fields) = &mut resolved else { return resolved };
    for (_, value) in fields {
        if let AvroValue::Fixed(size, bytes) = value
            && *size > 16
        {
            *bytes = String::from_utf8_lossy(bytes).chars().map(|character| character as u8).collect();
            *size = bytes.len();
        }
    }
    resolved
}

/// The error for a link that the Avro library refused.
fn explain(writer: &Template, reader: &Template, values: &[Option<String>]) -> ResolveError {
    let names = writer.fields.iter().map(|field| field.name.as_str());
    let values: HashMap<_, _> = names.zip(values.iter().map(Option::as_deref)).collect();
    for FieldChange { field, outcome } in compare(writer, reader) {
        let Shown::Failure { reasons } = outcome else { continue };
        let value = values.get(field.as_str()).copied().flatten();
        for reason in reasons {
            match (reason, value) {
                (FailureReason::New, _) => return ResolveError::Missing { field },
                (FailureReason::RequiredNow, None) => return ResolveError::Blank { field },
                (FailureReason::SymbolsRemoved(symbols), Some(value))
                    if symbols.iter().any(|symbol| symbol == value) =>
                {
                    return ResolveError::SymbolRemoved { field };
                }
                _ => {}
            }
        }
    }
    ResolveError::Schema
}
