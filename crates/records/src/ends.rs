//! Ends of jobs, for services that announce them to people.
//!
//! `JobEnded` goes over the broker, and a broker may forget it: the one in memory with its process, Kafka after its
//! retention. So every end stands in the state too, from the commit that ends the job until the record is deleted.
//! A consumer that starts late, or again, asks for the ends that it has not taken, and takes each once.
//!
//! ```text
//! index ends                        jobs that have ended, by the time of their end
//! delivery/{consumer}/{event_id}    there once the consumer has taken the end
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Job, Millis};
use smartpass_platform::Result;
use smartpass_platform::state::{Changes, State};

use crate::document::Documents;
use crate::jobs::{ENDS, JobStore};

/// The record of an end that a consumer has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The job.
    pub job: JobId,
    /// The time at which it was taken.
    pub taken: Millis,
}

/// The ends of jobs, as one consumer sees them.
#[derive(Clone)]
pub struct Ends {
    jobs: JobStore,
    deliveries: Documents<Delivery>,
    consumer: &'static str,
}

impl Ends {
    /// The ends for the consumer of that name.
    pub fn new(state: Arc<dyn State>, jobs: JobStore, consumer: &'static str) -> Self {
        Self { jobs, deliveries: Documents::new(state, "delivery"), consumer }
    }

    /// Jobs whose end the consumer has not taken, the newest first.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn untaken(&self) -> Result<Vec<Job>> {
        let mut untaken = Vec::new();
        for (key, _) in self.deliveries.state().list(ENDS, None, usize::MAX >> 1).await? {
            let Some(job) = self.jobs.load_by_key(&key).await? else { continue };
            let Some(end) = &job.record.end else { continue };
            if self.deliveries.load(&self.name(&end.event_id)).await?.is_none() {
                untaken.push(job.record);
            }
        }
        Ok(untaken)
    }

    /// Takes an end; `false` where the consumer has taken it before.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn take(&self, job: JobId, event_id: &str) -> Result<bool> {
        let delivery = Delivery { job, taken: self.jobs.clock().now() };
        self.deliveries.create(&self.name(event_id), &delivery, Changes::default()).await
    }

    fn name(&self, event_id: &str) -> String {
        format!("{}/{event_id}", self.consumer)
    }
}
