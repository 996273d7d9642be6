//! The services, one line each: what `--target` names, which keys each needs, and how it is started.

use std::pin::Pin;

use smartpass_platform::shutdown::Shutdown;
use smartpass_records::wrapping_keys::Purpose;

use super::backends::Backends;
use super::settings::Settings;

type Running = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// A service of this program.
pub(crate) struct Service {
    /// As `--target` names it.
    pub(crate) name: &'static str,
    /// The wrapping keys that it needs, and gets.
    pub(crate) purposes: &'static [Purpose],
    /// Runs it until shutdown begins.
    pub(crate) run: fn(&Settings, &Backends, Shutdown) -> Running,
}

/// Every service, in the order in which they stop: the service that makes work first, the one that records it last.
pub(crate) static SERVICES: [Service; 3] = [
    Service {
        name: "producer",
        purposes: smartpass_producer::Backends::PURPOSES,
        run: |settings, backends, shutdown| {
            let config = settings.producer.clone().into();
            Box::pin(smartpass_producer::run(config, backends.for_producer(shutdown)))
        },
    },
    Service {
        name: "encoder-worker",
        purposes: smartpass_encoder_worker::Backends::PURPOSES,
        run: |settings, backends, shutdown| {
            let config = settings.encoder_worker.clone().into();
            Box::pin(smartpass_encoder_worker::run(config, backends.for_encoder_worker(shutdown)))
        },
    },
    Service {
        name: "tracker",
        purposes: smartpass_tracker::Backends::PURPOSES,
        run: |settings, backends, shutdown| {
            let config = settings.tracker.clone().into();
            Box::pin(smartpass_tracker::run(config, backends.for_tracker(shutdown)))
        },
    },
];

/// The names of all services.
pub(crate) fn names() -> Vec<&'static str> {
    SERVICES.iter().map(|service| service.name).collect()
}

/// The service of a name.
pub(crate) fn named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}
