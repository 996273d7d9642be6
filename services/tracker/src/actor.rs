//! The actor of one job in hand, where the job's events wait for each other.

use actix::{Actor, AtomicResponse, Context, Handler, Message, WrapFuture};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Job};
use smartpass_platform::Result;
use smartpass_platform::retry::retry_until_shutdown;
use smartpass_platform::shutdown::Shutdown;

use crate::driver::JobDriver;

/// Hands a job's events to the driver, one after the other.
pub(crate) struct JobActor {
    pub(crate) id: JobId,
    pub(crate) driver: JobDriver,
    pub(crate) shutdown: Shutdown,
}

impl Actor for JobActor {
    type Context = Context<Self>;
}

/// An event of the job. The answer comes when the event is applied and its actions are carried out.
#[derive(Message)]
#[rtype(result = "Result<Option<Job>>")]
pub(crate) struct JobEvent(pub(crate) Event);

impl Handler<JobEvent> for JobActor {
    type Result = AtomicResponse<Self, Result<Option<Job>>>;

    fn handle(&mut self, JobEvent(event): JobEvent, _: &mut Self::Context) -> Self::Result {
        let (id, driver, shutdown) = (self.id, self.driver.clone(), self.shutdown.clone());
        let handle = async move {
            retry_until_shutdown("state", &shutdown, async || driver.handle(id, event.clone()).await).await
        };
        AtomicResponse::new(Box::pin(handle.into_actor(self)))
    }
}
