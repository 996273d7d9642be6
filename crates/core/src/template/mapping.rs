//! The mapping of CSV columns to fields.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Template, names};

/// The column of each field of a template, and the report about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The index of each field's column, in the template's order; none for a field without one.
    pub columns: Vec<Option<usize>>,
    /// Columns that feed a field, in the file's order.
    pub mapped: Vec<MappedColumn>,
    /// Columns that feed no field. They are kept in the outputs, and are in no link.
    pub unmapped: Vec<UnmappedColumn>,
}

/// A column and the field that it feeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedColumn {
    /// The column's header.
    pub column: String,
    /// The field's name.
    pub field: String,
    /// How the column was matched to the field.
    pub matched_by: MatchedBy,
}

/// How a column was matched to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchedBy {
    /// The header is the field's name.
    Name,
    /// The header is an alias of the field.
    Alias,
    /// The caller chose the field.
    Choice,
}

/// A column that feeds no field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmappedColumn {
    /// The column's header.
    pub column: String,
    /// The field that it probably means, among those without a column.
    pub suggestion: Option<String>,
}

/// The reason why columns and fields cannot be mapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A chosen column that the file lacks.
    #[error("the file has no column {column:?}{}", did_you_mean(.suggestion))]
    NoSuchColumn {
        /// As it was given.
        column: String,
        /// A column that it may mean.
        suggestion: Option<String>,
    },
    /// A chosen field that the template lacks.
    #[error("the template has no field {field:?}{}", did_you_mean(.suggestion))]
    NoSuchField {
        /// As it was given.
        field: String,
        /// A field that it may mean.
        suggestion: Option<String>,
    },
    /// Two columns for one field.
    #[error("columns {first:?} and {second:?} both feed field {field:?} (choose one)")]
    Twice {
        /// The field.
        field: String,
        /// One of its columns.
        first: String,
        /// The other.
        second: String,
    },
    /// Required fields that no column feeds, each with an unmapped column that may be meant.
    #[error("no column for required {}", list_missing(.0, |column, _| format!("column {column:?}")))]
    MissingRequired(Vec<(String, Option<String>)>),
}

impl MappingError {
    /// The message, with the caller's words for how to choose a column for a field.
    pub fn told_with(&self, to_choose: impl Fn(&str, &str) -> String) -> String {
        match self {
            Self::Twice { field, first, second } => {
                let choice = to_choose(first, field);
                format!(
                    "columns {first:?} and {second:?} both feed field {field:?} (choose one, as with {choice})"
                )
            }
            Self::MissingRequired(missing) => {
                format!("no column for required {}", list_missing(missing, to_choose))
            }
            other => other.to_string(),
        }
    }
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

fn list_missing(missing: &[(String, Option<String>)], to_choose: impl Fn(&str, &str) -> String) -> String {
    let one = |(field, column): &(String, Option<String>)| match column {
        Some(column) => format!("{field} (perhaps {})", to_choose(column, field)),
        None => field.clone(),
    };
    missing.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Mapping {
    /// Matches columns to fields by the caller's `choices` (column, field), then by name, then by alias. The template's
    /// aliases come before PassKit's.
    ///
    /// # Errors
    /// [`MappingError`]: a choice has an unknown name, two columns feed a field, or a required field has no column.
    pub fn build(
        template: &Template,
        columns: &[String],
        choices: &[(String, String)],
    ) -> Result<Self, MappingError> {
        let fields: HashMap<&str, usize> =
            template.fields.iter().enumerate().map(|(index, field)| (field.name.as_str(), index)).collect();
        let mut fed: Vec<Option<(usize, MatchedBy)>> = vec![None; template.fields.len()];
        let mut feeds: Vec<Vec<(usize, MatchedBy)>> = vec![Vec::new(); columns.len()];
        let mut feed = |column: usize, field: usize, by: MatchedBy| {
            if let Some((first, _)) = fed[field].filter(|(first, earlier)| *earlier == by && *first != column)
            {
                let names =
                    (template.fields[field].name.clone(), columns[first].clone(), columns[column].clone());
                return Err(MappingError::Twice { field: names.0, first: names.1, second: names.2 });
            }
            if fed[field].is_none() {
                fed[field] = Some((column, by));
                feeds[column].push((field, by));
            }
            Ok(())
        };

        for (column, field) in choices {
            let (column, field) = resolve_choice(template, columns, &fields, column, field)?;
            feed(column, field, MatchedBy::Choice)?;
        }
        let chosen: Vec<bool> =
            columns.iter().map(|name| choices.iter().any(|(column, _)| column == name)).collect();
        let free = || columns.iter().enumerate().filter(|(index, _)| !chosen[*index]);
        for (index, column) in free() {
            if let Some(&field) = fields.get(column.as_str()) {
                feed(index, field, MatchedBy::Name)?;
            }
        }
        for (index, column) in free() {
            let alias = template.aliases.get(column).map(String::as_str).or_else(|| names::alias_of(column));
            if let Some(&field) = alias.and_then(|name| fields.get(name))
                && !fields.contains_key(column.as_str())
            {
                feed(index, field, MatchedBy::Alias)?;
            }
        }
        let columns_of_fields = fed.iter().map(|fed| fed.map(|(column, _)| column)).collect();
        Self::report(template, columns, columns_of_fields, &feeds)
    }

    fn report(
        template: &Template,
        columns: &[String],
        columns_of_fields: Vec<Option<usize>>,
        feeds: &[Vec<(usize, MatchedBy)>],
    ) -> Result<Self, MappingError> {
        let unfed: Vec<_> =
            template.fields.iter().zip(&columns_of_fields).filter(|(_, column)| column.is_none()).collect();
        let is_unmapped = |index: &usize| feeds[*index].is_empty();
        let unmapped_names: Vec<&str> =
            (0..columns.len()).filter(is_unmapped).map(|index| columns[index].as_str()).collect();
        let missing: Vec<_> = unfed
            .iter()
            .filter(|(field, _)| field.required)
            .map(|(field, _)| {
                let column = unmapped_names
                    .iter()
                    .find(|column| names::suggestion(column, [field.name.as_str()]).is_some());
                (field.name.clone(), column.map(|name| (*name).to_owned()))
            })
            .collect();
        if !missing.is_empty() {
            return Err(MappingError::MissingRequired(missing));
        }
        let mapped = feeds.iter().enumerate().flat_map(|(column, fields)| {
            fields.iter().map(move |&(field, matched_by)| MappedColumn {
                column: columns[column].clone(),
                field: template.fields[field].name.clone(),
                matched_by,
            })
        });
        let mapped = mapped.collect();
        let unmapped = unmapped_names
            .iter()
            .map(|column| {
                let suggestion =
                    names::suggestion(column, unfed.iter().map(|(field, _)| field.name.as_str()));
                UnmappedColumn { column: (*column).to_owned(), suggestion: suggestion.map(str::to_owned) }
            })
            .collect();
        Ok(Self { columns: columns_of_fields, mapped, unmapped })
    }
}

fn resolve_choice(
    template: &Template,
    columns: &[String],
    fields: &HashMap<&str, usize>,
    column: &str,
    field: &str,
) -> Result<(usize, usize), MappingError> {
    let column_index = columns.iter().position(|name| name == column).ok_or_else(|| {
        let suggestion = names::suggestion(column, columns.iter().map(String::as_str)).map(str::to_owned);
        MappingError::NoSuchColumn { column: column.to_owned(), suggestion }
    })?;
    let field_index = *fields.get(field).ok_or_else(|| {
        let candidates = template.fields.iter().map(|field| field.name.as_str());
        let suggestion = names::suggestion(field, candidates).map(str::to_owned);
        MappingError::NoSuchField { field: field.to_owned(), suggestion }
    })?;
    Ok((column_index, field_index))
}
