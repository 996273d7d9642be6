//! Templates: the fields that a link carries, their types, and the design of the pass.
//!
//! A template is a small TOML or JSON file that people write, or that [`infer`] proposes from a CSV. Publishing gives
//! it a number. A published version never changes, since links name it and are read with it.
//!
//! ```
//! use smartpass_core::template::Template;
//! let template = Template::from_toml(r#"
//!     code = "club"
//!     [[fields]]
//!     name = "person.surname"
//!     type = "string"
//!     required = true
//!     [[fields]]
//!     name = "members.tier.id"
//!     type = "enum"
//!     symbols = ["silver", "gold"]
//! "#).unwrap();
//! let schema_text = template.schema_text();
//! assert_eq!(schema_text.lines().next(), Some("person.surname\tstring\trequired"));
//! assert_eq!(schema_text.lines().last(), Some("members.tier.id\tenum\toptional\tsilver\tgold"));
//! ```

pub(crate) mod calendar;
pub(crate) mod cell;
mod design;
mod digits;
mod fault;
pub mod infer;
mod mapping;
pub mod names;
pub(crate) mod parse;
pub mod resolve;
pub(crate) mod types;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::TemplateNumber;
use cell::{CellText, SymbolTable};

pub use design::{AppleDesign, AppleStyle, Barcode, BarcodeFormat, Design, GoogleClass, GoogleDesign};
pub use fault::CellFault;
pub use mapping::{MappedColumn, Mapping, MappingError, MatchedBy, UnmappedColumn};
pub use types::FieldType;

/// The most bytes a template file may have: 4 MiB, enough for 10,000 fields.
pub const MAX_TEMPLATE_BYTES: usize = 4 << 20;
const MAX_FIELDS: usize = 16_384;
const MAX_SYMBOLS: usize = 1_024;
const MAX_NAME_BYTES: usize = 512;

/// A template, as people write it and as it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its short name in the project: `[a-z0-9][a-z0-9_-]{0,63}`.
    pub code: String,
    /// The policy for its links.
    #[serde(default, skip_serializing_if = "LinkPolicy::is_default")]
    pub link: LinkPolicy,
    /// Aliases of fields: column header → field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// The fields, in the order in which links carry them.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// The design of the pass.
    #[serde(default, skip_serializing_if = "Design::is_empty")]
    pub design: Design,
}

/// A named, typed slot of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name, such as `person.surname` or `meta.seat`.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether a blank cell is a row error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The value that the pass shows for a blank; the link itself stores the blank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The most characters (Unicode scalar values) of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// The values of an enum; empty for every other type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
}

/// The policy for the links of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPolicy {
    /// Whether signed links, which everybody can read, may be made.
    #[serde(default)]
    pub signed: bool,
    /// The version under which an opened link is shown.
    #[serde(default)]
    pub show: ShowVersion,
}

impl LinkPolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The version of its template under which an opened link is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShowVersion {
    /// The version that the link was made with.
    #[default]
    Pinned,
    /// The newest published version.
    Current,
}

/// The published version of the template `code` with this number, or the newest one.
pub fn version<'a>(
    published: &'a BTreeMap<TemplateNumber, Template>,
    code: &str,
    number: Option<TemplateNumber>,
) -> Option<(TemplateNumber, &'a Template)> {
    let mut versions = published.iter().rev().filter(|(_, template)| template.code == code);
    let found = versions.find(|(version, _)| number.is_none_or(|wanted| wanted == **version));
    found.map(|(number, template)| (*number, template))
}

/// The number under which a template is published, and whether it is new; `None` where no number is left.
///
/// A template that equals the newest version of its code keeps that version's number. An older version that is
/// published again gets a new number.
pub fn number_for(
    published: &BTreeMap<TemplateNumber, Template>,
    template: &Template,
) -> Option<(TemplateNumber, bool)> {
    if let Some((number, newest)) = version(published, &template.code, None)
        && newest == template
    {
        return Some((number, false));
    }
    let last = published.last_key_value().map_or(0, |(number, _)| number.get());
    Some((TemplateNumber::new(last.checked_add(1)?)?, true))
}

/// The reason why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The file is not TOML or JSON of a template's shape.
    #[error("the template cannot be read: {0}")]
    Syntax(String),
    /// A file over the limit.
    #[error("the template is larger than {MAX_TEMPLATE_BYTES} bytes")]
    TooLarge,
    /// The code is not valid.
    #[error(
        "template code {0:?} is not valid (expected 1 to 64 of a-z, 0-9, - and _, a letter or digit first)"
    )]
    Code(String),
    /// A field breaks a rule.
    #[error("field {field:?}: {problem}")]
    Field {
        /// The field's name.
        field: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// More fields than allowed.
    #[error("the template has {0} fields (expected at most {MAX_FIELDS})")]
    TooManyFields(usize),
    /// An alias for a field that does not exist, or that hides one.
    #[error("alias {header:?}: {problem}")]
    Alias {
        /// The alias.
        header: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

impl Template {
    /// Reads a template from TOML.
    ///
    /// # Errors
    /// [`TemplateError`]; the message names line and column of a syntax error.
    pub fn from_toml(text: &str) -> Result<Self, TemplateError> {
        Self::check_size(text)?;
        let template: Self = toml::from_str(text).map_err(|error| {
            let lines: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
            TemplateError::Syntax(lines.join("\n"))
        })?;
        template.validated()
    }

    /// Reads a template from JSON.
    ///
    /// # Errors
    /// [`TemplateError`]; the message names line and column of a syntax error.
    pub fn from_json(text: &str) -> Result<Self, TemplateError> {
        Self::check_size(text)?;
        let template: Self =
            serde_json::from_str(text).map_err(|error| TemplateError::Syntax(error.to_string()))?;
        template.validated()
    }

    fn check_size(text: &str) -> Result<(), TemplateError> {
        if text.len() > MAX_TEMPLATE_BYTES { Err(TemplateError::TooLarge) } else { Ok(()) }
    }

    /// The template as TOML, for people to edit.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a template holds nothing that TOML cannot")
    }

    /// The template as JSON; equal templates give equal text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a template holds nothing that JSON cannot")
    }

    /// Checks the rules that deserialization does not: names, symbols, lengths, defaults and aliases.
    ///
    /// # Errors
    /// [`TemplateError`]: the first rule that is broken.
    pub fn validated(self) -> Result<Self, TemplateError> {
        let mut code = self.code.bytes();
        let starts_well = code.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let goes_on_well =
            code.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
        if !starts_well || !goes_on_well || self.code.len() > 64 {
            return Err(TemplateError::Code(self.code));
        }
        if self.fields.len() > MAX_FIELDS {
            return Err(TemplateError::TooManyFields(self.fields.len()));
        }
        let mut names = HashSet::new();
        for field in &self.fields {
            let fault = |problem| TemplateError::Field { field: field.name.clone(), problem };
            if !names.insert(field.name.as_str()) {
                return Err(fault("stands twice (expected every name once)".to_owned()));
            }
            field.check().map_err(fault)?;
        }
        for (header, target) in &self.aliases {
            let fault = |problem: String| TemplateError::Alias { header: header.clone(), problem };
            if !names.contains(target.as_str()) {
                return Err(fault(format!("there is no field {target:?}")));
            }
            if names.contains(header.as_str()) {
                return Err(fault("a field has this name already".to_owned()));
            }
        }
        Ok(self)
    }

    /// The text whose digest binds a link to its schema: one line per field (`schemas/link-v1.md`).
    pub fn schema_text(&self) -> String {
        let mut text = String::new();
        for field in &self.fields {
            let blank = if field.required { "required" } else { "optional" };
            text.push_str(&format!("{}\t{}\t{blank}", field.name, field.field_type.name()));
            for symbol in &field.symbols {
                text.push('\t');
                text.push_str(symbol);
            }
            text.push('\n');
        }
        text
    }

    /// SHA-256 of the schema text.
    pub fn schema_digest(&self) -> [u8; 32] {
        Sha256::digest(self.schema_text()).into()
    }

    /// Appends a row's values, given as text in field order, as Avro binary.
    ///
    /// # Errors
    /// The index of the first field whose value does not fit, and why.
    pub fn encode<'a>(
        &self,
        values: impl IntoIterator<Item = Option<&'a str>>,
        datum: &mut Vec<u8>,
    ) -> Result<(), (usize, CellFault)> {
        let mut values = values.into_iter();
        for (index, field) in self.fields.iter().enumerate() {
            let text = values.next().flatten().unwrap_or("");
            field.encode(text.as_bytes(), true, datum).map_err(|fault| (index, fault))?;
        }
        Ok(())
    }

    /// Reads a datum back into the cells' text; `None` unless [`Self::encode`] could have written it.
    pub fn decode(&self, datum: &[u8]) -> Option<Vec<Option<String>>> {
        let mut rest = datum;
        let values = self.fields.iter().map(|field| field.decode(&mut rest)).collect::<Option<_>>()?;
        rest.is_empty().then_some(values)
    }
}

impl Field {
    /// An optional field.
    pub fn new(name: impl Into<String>, field_type: FieldType) -> Self {
        let (required, default, max_length, symbols) = (false, None, None, Vec::new());
        Self { name: name.into(), field_type, required, default, max_length, symbols }
    }

    /// Appends a cell's value to a datum; an empty text is a blank. With `is_utf8`, the text is known to be UTF-8.
    ///
    /// # Errors
    /// [`CellFault`]: the text does not fit; `datum` may then hold part of it.
    #[inline(always)]
    pub fn encode(&self, text: &[u8], is_utf8: bool, datum: &mut Vec<u8>) -> Result<(), CellFault> {
        self.encode_cell(text.into(), is_utf8, &SymbolTable::default(), datum)
    }

    /// As [`Self::encode`], for a cell in its chunk, with a table of the field's symbols or an empty one.
    #[inline(always)]
    pub(crate) fn encode_cell(
        &self,
        text: CellText<'_>,
        is_utf8: bool,
        table: &SymbolTable,
        datum: &mut Vec<u8>,
    ) -> Result<(), CellFault> {
        if text.bytes().is_empty() {
            if self.required {
                return Err(CellFault::Blank);
            }
            datum.push(0);
            return Ok(());
        }
        // Branch 1 of the union [null, T], in zigzag.
        let branch = (!self.required).then_some(2);
        self.field_type.encode(text, is_utf8, (&self.symbols, table), branch, datum)?;
        match self.max_length {
            Some(limit) if count_characters(text.bytes()) > limit as usize => Err(CellFault::TooLong),
            _ => Ok(()),
        }
    }

    fn decode(&self, datum: &mut &[u8]) -> Option<Option<String>> {
        if !self.required {
            let (&branch, rest) = datum.split_first()?;
            *datum = rest;
            if branch == 0 {
                return Some(None);
            }
            if branch != 2 {
                return None;
            }
        }
        self.field_type.decode(&self.symbols, datum).map(Some)
    }

    fn check(&self) -> Result<(), String> {
        let is_plain = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        if !is_plain(&self.name) || self.name.len() > MAX_NAME_BYTES {
            return Err(format!(
                "not a field name (expected 1 to {MAX_NAME_BYTES} bytes without control characters)"
            ));
        }
        let is_enum = self.field_type == FieldType::Enum;
        if is_enum == self.symbols.is_empty() {
            return Err("symbols belong to an enum, and an enum needs some".to_owned());
        }
        if self.symbols.len() > MAX_SYMBOLS {
            return Err(format!("has {} symbols (expected at most {MAX_SYMBOLS})", self.symbols.len()));
        }
        let mut seen = HashSet::new();
        for symbol in &self.symbols {
            if !is_plain(symbol) {
                return Err(format!("symbol {symbol:?} is empty or has a control character"));
            }
            if !seen.insert(symbol) {
                return Err(format!("symbol {symbol:?} stands twice"));
            }
        }
        let is_text = matches!(self.field_type, FieldType::String | FieldType::Email | FieldType::Url);
        if self.max_length == Some(0) || self.max_length.is_some() && !is_text {
            return Err("max_length is for string, email and url, and at least 1".to_owned());
        }
        if let Some(default) = &self.default
            && (default.is_empty() || self.encode(default.as_bytes(), true, &mut Vec::new()).is_err())
        {
            let name = self.field_type.name();
            return Err(format!(
                "default {default:?} is not a valid {name} (expected {})",
                self.field_type.expected()
            ));
        }
        Ok(())
    }
}

#[cold]
fn count_characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}
