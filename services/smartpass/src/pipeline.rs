//! The pipeline: threads work on chunks, and results are delivered in order.
//!
//! Every thread takes the next chunk from the source, works on it, and waits for its turn to deliver. There are as
//! many chunks in memory as threads, whatever the file's size, and no queue between the steps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use smartpass_core::csv::Start;

use crate::source::Source;

/// The work of one thread on its chunks.
pub(crate) trait Worker: Send {
    /// Works on a chunk, alone and in any order.
    fn process(&mut self, chunk: &[u8], start: Start);
}

/// The chunk whose turn it is to be delivered.
struct Turn<D> {
    next: u32,
    deliver: D,
}

/// Runs every chunk of `source` through one of `workers`, each on a thread of its own.
///
/// After each chunk its worker is handed to `deliver`, one at a time and in the chunks' order, with the bytes read
/// from the file so far. Answers the workers when the source has ended.
///
/// # Errors
/// The first error of the source or of `deliver`; the other threads then stop.
pub(crate) fn run<W, D>(source: &mut Source, workers: Vec<W>, deliver: D) -> anyhow::Result<Vec<W>>
where
    W: Worker,
    D: FnMut(&mut W, u64) -> anyhow::Result<()> + Send,
{
    let source = Mutex::new(source);
    let turn = Mutex::new(Turn { next: 0, deliver });
    let (turn_taken, failed) = (Condvar::new(), AtomicBool::new(false));
    let one_thread = |mut worker: W| -> anyhow::Result<W> {
        let mut text = Vec::new();
        loop {
            let (start, bytes_read) = {
                let mut source = lock(&source);
                if failed.load(Ordering::Acquire) {
                    return Ok(worker);
                }
                match source.next_chunk(&mut text)? {
                    Some(start) => (start, source.bytes_read),
                    None => return Ok(worker),
                }
            };
            worker.process(&text, start);
            let mut turn = lock(&turn);
            while turn.next != start.index && !failed.load(Ordering::Acquire) {
                turn = turn_taken.wait(turn).unwrap_or_else(PoisonError::into_inner);
            }
            if failed.load(Ordering::Acquire) {
                return Ok(worker);
            }
            (turn.deliver)(&mut worker, bytes_read)?;
            turn.next += 1;
            turn_taken.notify_all();
        }
    };
    let stop_others_on_error = |worker: W| {
        // The turn passes on even where the worker panics, so that no other thread waits for ever.
        let outcome = catch_unwind(AssertUnwindSafe(|| one_thread(worker)));
        if !matches!(outcome, Ok(Ok(_))) {
            let _turn = lock(&turn);
            failed.store(true, Ordering::Release);
            turn_taken.notify_all();
        }
        outcome
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            workers.into_iter().map(|worker| scope.spawn(|| stop_others_on_error(worker))).collect();
        let outcomes: Vec<_> =
            threads.into_iter().map(|thread| thread.join().and_then(|outcome| outcome)).collect();
        let panicked = |_| anyhow::anyhow!("a worker thread panicked: this is a fault of SmartPass");
        outcomes.into_iter().map(|outcome| outcome.map_err(panicked)?).collect()
    })
}

/// The default number of threads: one per core.
pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A poisoned lock means that a thread panicked: the run fails anyway, and nothing of it is kept.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
