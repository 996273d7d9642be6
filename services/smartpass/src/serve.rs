//! `smartpass serve`: the services, all in one process or some of them.

pub(crate) mod args;
mod backends;
pub(crate) mod connection;
pub(crate) mod services;
mod settings;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::rt::System;
use anyhow::{Context, bail};
use smartpass_http::ops;
use smartpass_http::server::Server;
use smartpass_platform::shutdown::Shutdown;
use smartpass_platform::telemetry::{LogFormat, start_logging};
use smartpass_records::wrapping_keys::Purpose;
use tokio::task::JoinHandle;
use tracing::{error, info};

use args::ServeArgs;
use backends::Backends;
use services::{SERVICES, Service};
use settings::{LogFormatSetting, ProcessSettings, Settings};

use crate::failure::Exit;

/// The time that a shutdown may take beyond the drain of work in hand.
const BEYOND_DRAIN: Duration = Duration::from_secs(5);

/// Runs the command.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<Exit> {
    let settings = args.settle()?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = match settings.process.log_format {
        Some(LogFormatSetting::Text) => LogFormat::Text,
        Some(LogFormatSetting::Json) => LogFormat::Json,
        None if is_terminal => LogFormat::Text,
        None => LogFormat::Json,
    };
    start_logging(settings.process.log.as_deref().unwrap_or("info"), format)?;
    System::new().block_on(serve(settings))
}

/// A running service.
struct Running {
    name: &'static str,
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<()>>,
}

async fn serve(settings: Settings) -> anyhow::Result<Exit> {
    let targets: Vec<&Service> = chosen(&settings.process);
    let purposes: BTreeSet<Purpose> = targets.iter().flat_map(|service| service.purposes).copied().collect();
    let backends = Backends::connect(&settings, &purposes.into_iter().collect::<Vec<_>>()).await?;
    let drain = settings.process.drain();
    // The operations server binds first: an address that is taken is reported before any work begins.
    let ops = start_ops(&settings.process, &backends)?;
    let start = |service: &&Service| {
        let shutdown = Shutdown::new(drain);
        let task = actix_web::rt::spawn((service.run)(&settings, &backends, shutdown.clone()));
        Running { name: service.name, shutdown, task }
    };
    let mut running: Vec<Running> = targets.iter().map(start).collect();
    running.push(ops);
    let names: Vec<&str> = targets.iter().map(|service| service.name).collect();
    info!(version = env!("CARGO_PKG_VERSION"), targets = ?names, "smartpass started");
    let outcome = run_until_told(&mut running).await;
    info!("shutting down");
    let deadline = drain + BEYOND_DRAIN;
    let stopped = tokio::time::timeout(deadline * running.len() as u32, stop(running)).await;
    backends.broker.flush(BEYOND_DRAIN).await;
    outcome?;
    if stopped.is_err() {
        bail!(
            "not everything stopped within {} seconds: what was left is taken up again",
            deadline.as_secs()
        );
    }
    info!("shutdown complete");
    Ok(Exit::Success)
}

/// The targets in the order of the list; all services where no target is given.
fn chosen(settings: &ProcessSettings) -> Vec<&'static Service> {
    let is_asked_for = |service: &&Service| {
        settings.target.as_ref().is_none_or(|targets| targets.iter().any(|target| target == service.name))
    };
    SERVICES.iter().filter(is_asked_for).collect()
}

/// Starts the operations server. It has no work in hand, so it stops at once.
fn start_ops(settings: &ProcessSettings, backends: &Backends) -> anyhow::Result<Running> {
    let shutdown = Shutdown::new(Duration::ZERO);
    let listen = settings.ops_listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9600)));
    let server =
        Server { name: "operations", listen, setting: "--ops-listen", workers: 1, counts_requests: false };
    let ready = backends.readiness();
    let bound = server.bind(shutdown.drain, move |config| ops::routes(config, ready.clone()))?;
    let task = actix_web::rt::spawn(bound.run(shutdown.clone()));
    Ok(Running { name: "operations server", shutdown, task })
}

/// Waits for the first signal. A service that ends before is an error.
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
            Err(error) => error!(service = service.name, %error, "service panicked"),
        }
    }
}
