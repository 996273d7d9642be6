//! The report of what a newer version of a template means for the links of an older one.

use std::{collections::HashMap, fmt};

use crate::template::{Field, FieldType, Template};

/// The change of one field for the links of an older version under a newer version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// What links show for it.
    pub outcome: Shown,
}

/// What links of an older version show for a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The link's value, or its blank.
    Same,
    /// Nothing: the field is new.
    Blank,
    /// The newer version's default: the field is new.
    Default,
    /// Some links, or all, cannot be shown at all.
    Failure {
        /// The reasons, at least one, each with its links.
        reasons: Vec<FailureReason>,
    },
    /// Links carry the field, and the newer version does not show it.
    Dropped,
}

/// The reason why links cannot be shown under the newer version, and which links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// The field is new, required and without a default: every link.
    New,
    /// The field was optional and is required: links in which it is blank.
    RequiredNow,
    /// The field has another type: links in which it is not blank.
    TypeChanged {
        /// The older type.
        from: FieldType,
        /// The newer type.
        to: FieldType,
    },
    /// The newer enum lacks symbols, in the older version's order: links with one of them.
    SymbolsRemoved(Vec<String>),
}

/// The report of what links made with `older` show under `newer`: every field of `newer` in its order, then the fields
/// that only `older` has.
pub fn compare(older: &Template, newer: &Template) -> Vec<FieldChange> {
    let (older_fields, newer_fields) = (by_name(older), by_name(newer));
    let kept_and_new = newer.fields.iter().map(|field| {
        let outcome = match older_fields.get(field.name.as_str()) {
            Some(older) => outcome_of_kept(older, field),
            None => outcome_of_new(field),
        };
        FieldChange { field: field.name.clone(), outcome }
    });
    let dropped = older.fields.iter().filter(|field| !newer_fields.contains_key(field.name.as_str()));
    let dropped = dropped.map(|field| FieldChange { field: field.name.clone(), outcome: Shown::Dropped });
    kept_and_new.chain(dropped).collect()
}

fn outcome_of_new(field: &Field) -> Shown {
    match (&field.default, field.required) {
        (Some(_), _) => Shown::Default,
        (None, false) => Shown::Blank,
        (None, true) => Shown::Failure { reasons: vec![FailureReason::New] },
    }
}

fn outcome_of_kept(older: &Field, newer: &Field) -> Shown {
    let mut reasons = Vec::new();
    if newer.required && !older.required {
        reasons.push(FailureReason::RequiredNow);
    }
    let (from, to) = (older.field_type, newer.field_type);
    if are_of_one_kind(from, to) {
        let removed = older.symbols.iter().filter(|symbol| !newer.symbols.contains(symbol));
        let removed: Vec<_> = removed.cloned().collect();
        if !removed.is_empty() {
            reasons.push(FailureReason::SymbolsRemoved(removed));
        }
    } else {
        reasons.push(FailureReason::TypeChanged { from, to });
    }
    if reasons.is_empty() { Shown::Same } else { Shown::Failure { reasons } }
}

pub(super) fn by_name(template: &Template) -> HashMap<&str, &Field> {
    template.fields.iter().map(|field| (field.name.as_str(), field)).collect()
}

/// Whether a value of one type can be shown as one of the other.
pub(super) fn are_of_one_kind(one: FieldType, other: FieldType) -> bool {
    let is_text = |kind| matches!(kind, FieldType::String | FieldType::Email | FieldType::Url);
    one == other || is_text(one) && is_text(other)
}

impl fmt::Display for FieldChange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.field, self.outcome)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => out.write_str("same"),
            Self::Blank => out.write_str("blank (the field is new)"),
            Self::Default => out.write_str("default (the field is new)"),
            Self::Dropped => out.write_str("dropped (the field is shown no longer)"),
            Self::Failure { reasons } => {
                let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
                write!(out, "failure {}", reasons.join(", and "))
            }
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => out.write_str("for every link (the field is new, required and without a default)"),
            Self::RequiredNow => out.write_str("for links where it is blank (the field is required now)"),
            Self::TypeChanged { from, to } => {
                let (from, to) = (from.name(), to.name());
                write!(out, "for links where it is not blank (the type was {from} and is {to})")
            }
            Self::SymbolsRemoved(symbols) => {
                let quoted: Vec<_> = symbols.iter().map(|symbol| format!("{symbol:?}")).collect();
                let what = if symbols.len() == 1 { "the symbol is" } else { "the symbols are" };
                write!(out, "for links with {} ({what} removed)", quoted.join(" or "))
            }
        }
    }
}
