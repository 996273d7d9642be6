//! The topics: declared here, created and checked by `smartpass topics`.

/// A topic of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Chunks that wait to be encoded.
    Chunks,
    /// What became of them.
    Results,
    /// Jobs that began and ended.
    Jobs,
    /// Passes that were made.
    Passes,
    /// What nobody can go on with.
    DeadLetters,
}

/// How a topic is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// The topic.
    pub topic: Topic,
    /// Its partitions. Chunks: at least twice the most workers; their number may grow, and never shrinks.
    pub partitions: i32,
    /// How long messages are kept, in days.
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

    /// How it is laid out.
    pub fn spec(self) -> &'static TopicSpec {
        TOPICS.iter().find(|spec| spec.topic == self).expect("every topic is in the list")
    }
}
