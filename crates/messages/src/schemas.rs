//! The schemas of every message, in every version that was ever written.

use std::sync::LazyLock;

use crate::framing::{Message, Schemas};
use crate::{ChunkEncoded, ChunkFailed, ChunkReady, DeadLetter, JobAccepted, JobEnded, PassIssued};

macro_rules! message {
    ($message:ty, $($version:literal),+) => {
        impl Message for $message {
            fn schemas() -> &'static Schemas {
                static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
                    Schemas::new(&[$(include_str!(concat!("../../../schemas/messages/", $version))),+])
                });
                &SCHEMAS
            }
        }
    };
}

message!(ChunkReady, "chunk-ready.v1.avsc");
message!(ChunkEncoded, "chunk-encoded.v1.avsc");
message!(ChunkFailed, "chunk-failed.v1.avsc");
message!(JobAccepted, "job-accepted.v1.avsc");
message!(JobEnded, "job-ended.v1.avsc");
message!(PassIssued, "pass-issued.v1.avsc");
message!(DeadLetter, "dead-letter.v1.avsc");
