//! `smartpass admin`: an operator's commands on a server's state.

mod api_keys;
mod keys;
mod projects;

use clap::{Args, Subcommand};
use smartpass_records::wrapping_keys::Purpose;

use crate::failure::Exit;
use crate::serve::connection::ConnectionSettings;
use crate::text::{counted, print};

const ADMIN_HELP: &str = "These commands work on the server's own state (--redis-url, or --data of a server that is \
stopped), and need its master key. On a laptop, the server has the command line's projects, and so have these commands.

Example: smartpass admin project import wrsynr.smartpass.age --redis-url redis://localhost:6379";

#[derive(Args)]
#[command(after_help = ADMIN_HELP)]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Bring projects to the server, list them, and back them up.
    #[command(subcommand)]
    Project(projects::ProjectCommand),
    /// List, rotate, retire and revoke a project's keys; derive the keys that a service needs.
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// Make, list and revoke the keys that programs ask the API with.
    #[command(subcommand)]
    ApiKey(api_keys::ApiKeyCommand),
    /// Bring back keys and templates that the state has lost.
    #[command(subcommand)]
    State(StateCommand),
}

#[derive(Subcommand)]
enum StateCommand {
    /// Read the registry in the blobs, and add what is not in the state.
    Rebuild {
        #[command(flatten)]
        connection: ConnectionSettings,
    },
}

/// Runs the command.
pub(crate) fn run(args: AdminArgs) -> anyhow::Result<Exit> {
    actix_web::rt::System::new().block_on(async {
        match args.command {
            AdminCommand::Project(command) => projects::run(command).await?,
            AdminCommand::Key(command) => keys::run(command).await?,
            AdminCommand::ApiKey(command) => api_keys::run(command).await?,
            AdminCommand::State(StateCommand::Rebuild { connection }) => {
                let stores = connection.connect(&[Purpose::Link]).await?;
                let restored = stores.registered_projects(&[Purpose::Link]).rebuild().await?;
                print(&format!("restored {}\n", counted(restored, "key or template version")))?;
            }
        }
        Ok(Exit::Success)
    })
}
