//! Times in a job's record, and the settings of a job's deadlines.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// The time as text, such as `2026-11-24T15:04:05Z`; `None` after the year 9999.
pub fn time_text(at: Millis) -> Option<String> {
    let seconds = i64::try_from(at / 1_000).ok()?;
    crate::template::calendar::format_local_seconds(seconds).map(|text| text + "Z")
}

/// Deadlines and intervals of a job, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an upload may be silent. A producer renews the lease after a quarter of it.
    pub upload_lease: Millis,
    /// How long released chunks may go without any result before they are published again; doubled each time.
    pub stall: Millis,
    /// The limit of that doubling.
    pub longest_stall: Millis,
    /// How long a tracker that commits has to carry out the next action, before another tracker may.
    pub handover: Millis,
    /// When the blobs of a job are listed and deleted, counted from its purge. Later sweeps find what a worker wrote
    /// that was paused during the purge.
    pub sweeps: Vec<Millis>,
    /// How long the record, which holds no rows, is kept after the purge.
    pub forget: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: Millis = 60_000;
        const HOUR: Millis = 60 * MINUTE;
        Self {
            upload_lease: MINUTE,
            stall: MINUTE / 2,
            longest_stall: 10 * MINUTE,
            handover: 2_000,
            sweeps: vec![0, HOUR, 24 * HOUR],
            forget: 30 * 24 * HOUR,
        }
    }
}
