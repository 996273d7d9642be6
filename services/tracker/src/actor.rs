//! One job in hand: its events wait for each other here.

use actix::{Actor, AtomicResponse, Context, Handler, Message, WrapFuture};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Job};
use smartpass_platform::Result;
use smartpass_platform::retry::through_outages;
use smartpass_platform::shutdown::Shutdown;

use crate::keeper::Keeper;

/// Hands a job's events to the keeper, one after the other.
pub(crate) struct JobActor {
    pub(crate) id: JobId,
    pub(crate) keeper: Keeper,
    pub(crate) shutdown: Shutdown,
}

impl Actor for JobActor {
    type Context = Context<Self>;
}

/// Something happened to the job. Answers when it was dealt with.
#[derive(Message)]
#[rtype(result = "Result<Option<Job>>")]
pub(crate) struct Happened(pub(crate) Event);

impl Handler<Happened> for JobActor {
    type Result = AtomicResponse<Self, Result<Option<Job>>>;

    fn handle(&mut self, Happened(event): Happened, _: &mut Self::Context) -> Self::Result {
        let (id, keeper, shutdown) = (self.id, self.keeper.clone(), self.shutdown.clone());
        let deal =
            async move { through_outages("state", &shutdown, || keeper.handle(id, event.clone())).await };
        AtomicResponse::new(Box::pin(deal.into_actor(self)))
    }
}
