//! Which offsets of a partition may be committed.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The deliveries of one partition: where the unbroken run of finished ones ends.
///
/// ```
/// use smartpass_platform::broker::FinishedPrefix;
/// let mut prefix = FinishedPrefix::default();
/// (5..8).for_each(|offset| prefix.begin(offset));
/// prefix.finish(6);
/// assert_eq!(prefix.next_to_commit(), Some(5));
/// prefix.finish(5);
/// assert_eq!(prefix.next_to_commit(), Some(7));
/// ```
#[derive(Debug, Default)]
pub struct FinishedPrefix {
    /// Offsets taken and not yet below the prefix, and whether they are finished.
    taken: BTreeMap<i64, bool>,
    /// The offset to read on from, once anything was taken.
    next: Option<i64>,
}

impl FinishedPrefix {
    /// Takes the delivery at `offset`. Offsets rise; a broker may leave some out.
    pub fn begin(&mut self, offset: i64) {
        self.next.get_or_insert(offset);
        self.taken.insert(offset, false);
    }

    /// Finishes the delivery at `offset`.
    pub fn finish(&mut self, offset: i64) {
        if let Some(is_finished) = self.taken.get_mut(&offset) {
            *is_finished = true;
        }
        while let Some(entry) = self.taken.first_entry().filter(|entry| *entry.get()) {
            self.next = Some(entry.remove_entry().0 + 1);
        }
        if let Some((&lowest, _)) = self.taken.first_key_value() {
            self.next = Some(lowest);
        }
    }

    /// The offset to commit: the lowest that is not finished.
    pub fn next_to_commit(&self) -> Option<i64> {
        self.next
    }
}

/// A broker's callback for a delivery that ends: its offset, and whether it is finished.
type OnEnd = Box<dyn Fn(i64, bool) + Send + Sync>;

/// One partition as it is assigned to this process, from assignment to revocation.
#[derive(Default)]
pub(crate) struct Assignment {
    inner: Mutex<Inner>,
    ended: Condvar,
    on_end: Option<OnEnd>,
}

#[derive(Debug, Default)]
struct Inner {
    prefix: FinishedPrefix,
    /// Deliveries that were taken and have not ended.
    taken: usize,
    /// Deliveries among them whose work has started.
    started: usize,
    is_revoked: bool,
    stored: Option<i64>,
}

impl Assignment {
    /// An assignment whose broker is told of every delivery that ends.
    pub(crate) fn telling(on_end: OnEnd) -> Self {
        Self { on_end: Some(on_end), ..Self::default() }
    }

    pub(crate) fn begin(&self, offset: i64) {
        let mut inner = self.lock();
        inner.prefix.begin(offset);
        inner.taken += 1;
    }

    /// Starts a delivery; `false` where the partition was revoked, and another member gets the delivery.
    pub(crate) fn start(&self) -> bool {
        let mut inner = self.lock();
        if !inner.is_revoked {
            inner.started += 1;
        }
        !inner.is_revoked
    }

    pub(crate) fn end(&self, offset: i64, was_started: bool, is_finished: bool) {
        let mut inner = self.lock();
        inner.taken -= 1;
        inner.started -= usize::from(was_started);
        if is_finished {
            inner.prefix.finish(offset);
        }
        drop(inner);
        self.ended.notify_all();
        if let Some(on_end) = &self.on_end {
            on_end(offset, is_finished);
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// The offset to store, where it has risen since the last call.
    pub(crate) fn to_store(&self) -> Option<i64> {
        let mut inner = self.lock();
        let next = inner.prefix.next_to_commit();
        let has_risen = next > inner.stored && next.is_some();
        inner.stored = inner.stored.max(next);
        next.filter(|_| has_risen)
    }

    /// Lets nothing start any more, and waits until what has started ends, or the deadline comes.
    pub(crate) fn revoke(&self, deadline: Instant) {
        let mut inner = self.lock();
        inner.is_revoked = true;
        while inner.started > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return;
            }
            inner = self.ended.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Assignment, FinishedPrefix};

    #[test]
    fn nothing_starts_any_more_while_a_revocation_waits_for_what_has_started() {
        let assignment = Assignment::default();
        assignment.begin(0);
        assert!(assignment.start());
        std::thread::scope(|scope| {
            let revocation = scope.spawn(|| assignment.revoke(Instant::now() + Duration::from_secs(60)));
            for offset in 1.. {
                assignment.begin(offset);
                let starts = assignment.start();
                assignment.end(offset, starts, starts);
                if !starts {
                    break;
                }
            }
            assert!(!revocation.is_finished(), "it did not wait");
            assignment.end(0, true, true);
        });
    }

    proptest! {
        #[test]
        fn no_offset_at_or_above_the_lowest_unfinished_one_is_committed(
            gaps in proptest::collection::vec(1i64..4, 1..40),
            order in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
        ) {
            let mut prefix = FinishedPrefix::default();
            let mut offset = 100;
            let mut unfinished: BTreeSet<i64> = BTreeSet::new();
            for gap in gaps {
                unfinished.insert(offset);
                prefix.begin(offset);
                offset += gap;
            }
            let last = *unfinished.last().unwrap();
            for choice in order {
                let Some(&finished) = unfinished.iter().nth(choice.index(unfinished.len().max(1))) else { break };
                unfinished.remove(&finished);
                prefix.finish(finished);
                let expected = unfinished.first().copied().unwrap_or(last + 1);
                prop_assert_eq!(prefix.next_to_commit(), Some(expected));
            }
        }
    }
}
