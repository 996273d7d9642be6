//! `smartpass completions`: a completion script for a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Exit;
use crate::text::print;

#[derive(Args)]
#[command(
    after_help = "Example: smartpass completions bash > ~/.local/share/bash-completion/completions/smartpass"
)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the script for all of `commands`.
pub(crate) fn run(arguments: &CompletionsArgs, mut commands: Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut commands, "smartpass", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
