//! The topics and their layout. `smartpass topics` creates and checks them.

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Chunks that are ready to be encoded.
    Chunks,
    /// Chunks that were encoded or given up.
    Results,
    /// Jobs that began or ended.
    Jobs,
    /// Passes that were made.
    Passes,
    /// Undecodable messages, and chunks that were given up.
    DeadLetters,
}

/// The layout of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// The topic.
    pub topic: Topic,
    /// The number of its partitions, which may grow and never shrinks. Chunks have at least twice as many as workers.
    pub partitions: i32,
    /// The retention of messages, in days.
    pub retention_days: u32,
}

/// Every topic.
pub const TOPICS: [TopicSpec; 5] = [
    TopicSpec { topic: Topic::Chunks, partitions: 64, retention_days: 3 },
    TopicSpec { topic: Topic::Results, partitions: 12, retention_days: 3 },
    TopicSpec { topic: Topic::Jobs, partitions: 12, retention_days: 30 },
    TopicSpec { topic: Topic::Passes, partitions: 12, retention_days: 30 },
    TopicSpec { topic: Topic::DeadLetters, partitions: 3, retention_days: 30 },
];

impl Topic {
    /// Its name on the broker.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chunks => "smartpass.chunks",
            Self::Results => "smartpass.results",
            Self::Jobs => "smartpass.jobs",
            Self::Passes => "smartpass.passes",
            Self::DeadLetters => "smartpass.dead-letters",
        }
    }

    /// Its layout.
    pub fn spec(self) -> &'static TopicSpec {
        TOPICS.iter().find(|spec| spec.topic == self).expect("every topic is in the list")
    }
}
