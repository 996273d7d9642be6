//! `smartpass topics`: creating and checking Kafka's topics.

use clap::Subcommand;
use smartpass_platform::broker::{apply_topics, check_topics};

use crate::failure::{Exit, usage};
use crate::serve::connection::{KafkaConnection, topic_layouts};
use crate::text::print;

#[derive(Subcommand)]
pub(crate) enum TopicsCommand {
    /// Create the topics that are not there yet.
    #[command(after_help = "Example: smartpass topics apply --kafka localhost:9092 --replication 1")]
    Apply {
        #[command(flatten)]
        kafka: KafkaConnection,
        /// On how many of Kafka's servers each message is: 3 in production, 1 on a laptop.
        #[arg(long, value_name = "N", default_value_t = 3, env = "SMARTPASS_REPLICATION")]
        replication: i32,
    },
    /// Say what is not as it should be with the topics.
    #[command(
        after_help = "Exit code 1 where anything is wrong.\nExample: smartpass topics check --kafka localhost:9092"
    )]
    Check {
        #[command(flatten)]
        kafka: KafkaConnection,
    },
}

/// Runs the command.
pub(crate) fn run(command: TopicsCommand) -> anyhow::Result<Exit> {
    let (TopicsCommand::Apply { kafka, .. } | TopicsCommand::Check { kafka }) = &command;
    let Some(settings) = kafka.settings()? else {
        return usage("say where Kafka is: --kafka HOST:PORT or SMARTPASS_KAFKA");
    };
    actix_web::rt::System::new().block_on(async {
        match command {
            TopicsCommand::Apply { replication, .. } => {
                let created = apply_topics(&settings, &topic_layouts(), replication).await?;
                let text = match &created[..] {
                    [] => "all topics are there already\n".to_owned(),
                    names => names.iter().map(|name| format!("created {name}\n")).collect(),
                };
                print(&text)?;
                Ok(Exit::Success)
            }
            TopicsCommand::Check { .. } => {
                let faults = check_topics(&settings, &topic_layouts()).await?;
                if faults.is_empty() {
                    print("all topics are as they should be\n")?;
                    return Ok(Exit::Success);
                }
                print(&faults.iter().map(|fault| format!("{fault}\n")).collect::<String>())?;
                Ok(Exit::Failure)
            }
        }
    })
}
