//! Arguments that several commands take.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use smartpass_core::csv::Encoding;
use smartpass_core::ids::ProjectCode;

/// Which project a command is about.
#[derive(Args, Clone, Default)]
pub(crate) struct ProjectArg {
    /// The project's code.
    #[arg(long, value_name = "CODE", env = "SMARTPASS_PROJECT")]
    pub(crate) project: Option<ProjectCode>,
}

impl ProjectArg {
    /// The project; `local` where none is named.
    pub(crate) fn code(&self) -> ProjectCode {
        self.project.clone().unwrap_or_else(|| "local".parse().expect("`local` is a project code"))
    }
}

/// The parser of an encoding's name.
pub(crate) fn encodings() -> impl TypedValueParser<Value = Encoding> {
    let known = PossibleValuesParser::new(Encoding::ALL.map(Encoding::name));
    known.map(|name| Encoding::from_name(&name).expect("only known names come here"))
}

/// The parser of `COLUMN=FIELD`.
pub(crate) fn column_and_field(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((column, field)) if !column.is_empty() && !field.is_empty() => {
            Ok((column.to_owned(), field.to_owned()))
        }
        _ => Err("expected COLUMN=FIELD, such as 'E-Mail=person.emailAddress'".to_owned()),
    }
}
