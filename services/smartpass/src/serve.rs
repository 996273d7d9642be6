//! `smartpass serve`: the services, all in one process or one of them.

mod args;
mod local_projects;
mod ops;
mod platform;

use std::time::Duration;

use actix_web::rt::System;
use anyhow::{Context, bail};
use smartpass_core::csv::ChunkLimits;
use smartpass_platform::Platform;
use smartpass_platform::shutdown::Shutdown;
use smartpass_platform::telemetry::{LogFormat, start_logging};
use tokio::task::JoinHandle;
use tracing::{error, info};

pub(crate) use args::{ConnectArgs, KafkaArgs, ServeArgs, Target};
pub(crate) use platform::{connect_state, kafka_settings};

use platform::connect;

use crate::failure::Exit;

/// What shutting down may take beyond the time that work in hand is given.
const BEYOND_DRAIN: Duration = Duration::from_secs(5);

/// Runs the command.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<Exit> {
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = match args.log_format {
        Some(args::LogFormatArg::Text) => LogFormat::Text,
        Some(args::LogFormatArg::Json) => LogFormat::Json,
        None if is_terminal => LogFormat::Text,
        None => LogFormat::Json,
    };
    start_logging(&args.log, format)?;
    System::new().block_on(serve(args))
}

/// A service that runs, and what stops it.
struct Running {
    name: &'static str,
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<()>>,
}

async fn serve(args: ServeArgs) -> anyhow::Result<Exit> {
    let targets = args.targets();
    let drain = Duration::from_secs(args.drain_seconds);
    let platform = connect(&args.connect, &args.job_settings(), args.window(), Shutdown::new(drain)).await?;
    let projects =
        if args.connect.is_embedded() { Some(local_projects::follow(&platform).await?) } else { None };
    let ops = ops::start(args.ops_listen, platform.clone())?;
    let mut running = Vec::new();
    // In the order in which they stop: who makes work first, who records it last.
    for target in [Target::Producer, Target::EncoderWorker, Target::Tracker] {
        if targets.contains(&target) {
            running.push(start(target, &args, &platform, drain));
        }
    }
    info!(version = env!("CARGO_PKG_VERSION"), targets = ?targets, "smartpass serves");
    let outcome = run_until_told(&mut running).await;
    info!("stopping");
    let deadline = drain + BEYOND_DRAIN;
    let stopped = tokio::time::timeout(deadline * running.len() as u32, stop(running)).await;
    platform.broker.flush(BEYOND_DRAIN).await;
    if let Some(projects) = projects {
        projects.abort();
    }
    ops.stop(false).await;
    outcome?;
    if stopped.is_err() {
        bail!(
            "not everything stopped within {} seconds: what was left is taken up again",
            deadline.as_secs()
        );
    }
    info!("stopped");
    Ok(Exit::Success)
}

fn start(target: Target, args: &ServeArgs, platform: &Platform, drain: Duration) -> Running {
    let shutdown = Shutdown::new(drain);
    let platform = Platform { shutdown: shutdown.clone(), ..platform.clone() };
    let (name, task) = match target {
        Target::Producer => {
            let config = smartpass_producer::Config {
                listen: args.listen,
                link_base: args.link_base.clone(),
                limits: ChunkLimits {
                    bytes: args.chunk_bytes,
                    rows: args.chunk_rows,
                    output_bytes: 4 * args.chunk_bytes,
                },
                uploads: args.uploads,
                chunk_buffers: args.chunk_buffers,
                minimum_rate: args.minimum_rate,
                max_bytes: args.max_bytes,
                retention: args.retention_hours * 3_600_000,
                outage_patience: Duration::from_secs(args.outage_patience_seconds),
            };
            ("producer", actix_web::rt::spawn(smartpass_producer::run(config, platform)))
        }
        Target::EncoderWorker => {
            let config = smartpass_encoder_worker::Config {
                encoders: args.encoders(),
                max_attempts: args.max_attempts,
            };
            ("encoder-worker", actix_web::rt::spawn(smartpass_encoder_worker::run(config, platform)))
        }
        Target::Tracker => {
            let config = smartpass_tracker::Config { tick: Duration::from_millis(args.tick_ms) };
            ("tracker", actix_web::rt::spawn(smartpass_tracker::run(config, platform)))
        }
    };
    Running { name, shutdown, task }
}

/// Answers at the first signal, or when a service ends by itself, which none should.
async fn run_until_told(running: &mut [Running]) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let first_end = futures_util::future::select_all(running.iter_mut().map(|service| &mut service.task));
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        (ended, index, _) = first_end => {
            let name = running[index].name;
            let outcome = ended.with_context(|| format!("the {name} panicked: this is a fault of SmartPass"))?;
            outcome.with_context(|| format!("the {name} cannot run"))?;
            bail!("the {name} ended by itself: this is a fault of SmartPass")
        }
    }
}

async fn stop(running: Vec<Running>) {
    for service in running {
        service.shutdown.begin();
        if service.task.is_finished() {
            continue;
        }
        match service.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => error!(service = service.name, "{error:#}"),
            Err(error) => error!(service = service.name, %error, "ended badly"),
        }
    }
}
