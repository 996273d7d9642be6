//! Producer, workers, trackers and users as step machines: whatever a real one does between two awaits is a
//! step here, so that another's step, a crash or an outage can come between any two.

use std::collections::BTreeSet;

use smartpass_core::job::{
    Action, ChunkEntry, Decision, Event, ManifestEntry, Outcome, Refusal, decide, next_action,
};

use crate::world::{Message, Seen, World, blob_ref, counts, part};

/// Attempts after which a worker gives a chunk up.
const MAX_ATTEMPTS: u64 = 3;

/// Reads, decides and commits until nobody commits in between: `JobStore::apply`.
pub(crate) struct Apply {
    pub event: Event,
    decided: Option<(Seen, Decision)>,
}

impl Apply {
    pub(crate) fn new(event: Event) -> Self {
        Self { event, decided: None }
    }

    /// One step; the answer once there is one.
    pub(crate) fn step(&mut self, world: &mut World) -> Option<Result<(), Option<Refusal>>> {
        if let Some((seen, decision)) = self.decided.take() {
            return world.commit(&seen, &self.event, &decision, 0).map(|_| Ok(()));
        }
        let Some(seen) = world.load() else { return Some(Err(None)) };
        match decide(&seen.job, &self.event, world.now, &world.settings) {
            Err(refusal) => Some(Err(Some(refusal))),
            Ok(None) => Some(Ok(())),
            Ok(Some(decision)) => {
                self.decided = Some((seen, decision));
                None
            }
        }
    }
}

pub(crate) struct Producer {
    chunks: u32,
    fails: Option<Outcome>,
    next: u32,
    apply: Option<Apply>,
    is_over: bool,
}

impl Producer {
    pub(crate) fn new(chunks: u32, fails: Option<Outcome>) -> Self {
        Self { chunks, fails, next: 0, apply: None, is_over: false }
    }

    pub(crate) fn crash(&mut self) {
        (self.is_over, self.apply) = (true, None);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.is_over
    }

    pub(crate) fn step(&mut self, world: &mut World, has_faults: bool) {
        if self.is_over {
            return;
        }
        let Some(apply) = &mut self.apply else {
            self.apply = Some(Apply::new(self.next_event(world)));
            return;
        };
        let Some(answer) = apply.step(world) else { return };
        if answer.is_ok() && has_faults && world.rng.chance(10) {
            // The answer is lost: the producer does it again.
            self.apply = Some(Apply::new(apply.event.clone()));
            return;
        }
        match (answer, &apply.event) {
            (Ok(()), Event::ChunkCut { .. }) => self.next += 1,
            (Ok(()), Event::StillUploading) => {}
            (Ok(()), _) => self.is_over = true,
            (Err(Some(Refusal::OutOfOrder { .. })), _) => panic!("the only producer is out of order"),
            (Err(_), _) => self.is_over = true,
        }
        self.apply = None;
    }

    fn next_event(&mut self, world: &mut World) -> Event {
        if world.rng.chance(15) {
            return Event::StillUploading;
        }
        if self.next == self.chunks {
            let failed =
                self.fails.map(|outcome| Event::UploadFailed { outcome, reason: "cut off".to_owned() });
            return failed.unwrap_or(Event::UploadEnded);
        }
        let (index, blob) = (self.next, format!("in/{}.1", self.next));
        world.put_blob(blob.clone());
        let first_line = u64::from(index) * 10 + 2;
        let chunk = ChunkEntry { first_row: index * 10, first_line, rows: 10, blob: blob_ref(blob) };
        Event::ChunkCut { index, chunk }
    }
}

#[derive(Default)]
pub(crate) enum Worker {
    #[default]
    Idle,
    Begin(u32),
    Encode {
        index: u32,
        attempt: u64,
        unresolved: u64,
    },
    Say(Message),
}

impl Worker {
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    pub(crate) fn step(&mut self, world: &mut World, has_faults: bool, poison: Option<u32>) {
        *self = match std::mem::take(self) {
            Self::Idle => Self::Idle,
            Self::Begin(index) => Self::begin(world, index),
            Self::Encode { index, unresolved, .. } if unresolved > MAX_ATTEMPTS => {
                Self::Say(Message::Failed(index))
            }
            Self::Encode { index, attempt, unresolved } => {
                let is_outage = has_faults && world.rng.chance(10);
                let is_fault = poison == Some(index) || has_faults && world.rng.chance(5);
                if is_outage {
                    if world.is_open {
                        *world.returned.entry(index).or_default() += 1;
                    }
                    Self::Begin(index)
                } else if is_fault && unresolved >= MAX_ATTEMPTS {
                    Self::Say(Message::Failed(index))
                } else if is_fault {
                    Self::Begin(index)
                } else {
                    world.put_blob(format!("out/{index}.{attempt}"));
                    Self::Say(Message::Encoded(index, attempt))
                }
            }
            Self::Say(message) => {
                world.messages.push(message);
                Self::Idle
            }
        };
    }

    fn begin(world: &mut World, index: u32) -> Self {
        let may = world.is_open && world.chunks.contains_key(&index) && !world.parts.contains_key(&index);
        if !may {
            return Self::Idle;
        }
        let begun = world.begun.entry(index).or_default();
        *begun += 1;
        let attempt = *begun;
        let returned = world.returned.get(&index).copied().unwrap_or(0);
        Self::Encode { index, attempt, unresolved: attempt.saturating_sub(returned) }
    }
}

/// What a `Keeper` does, await by await.
#[allow(clippy::large_enum_variant, reason = "there are two of them")]
#[derive(Default)]
pub(crate) enum Tracker {
    #[default]
    Idle,
    Load(Option<Event>),
    Decide(Option<Event>, Seen),
    Commit(Event, Seen, Decision),
    Do(Action, Seen),
    Publish {
        seen: Seen,
        known: BTreeSet<u32>,
        left: Vec<u32>,
        says: Event,
    },
}

impl Tracker {
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    pub(crate) fn hear(&mut self, event: Event) {
        *self = Self::Load(Some(event));
    }

    pub(crate) fn step(&mut self, world: &mut World, has_faults: bool) {
        *self = match std::mem::take(self) {
            Self::Idle => Self::Idle,
            Self::Load(event) => match world.load() {
                Some(seen) => Self::Decide(event, seen),
                None => Self::Idle,
            },
            Self::Decide(Some(event), seen) => match decide(&seen.job, &event, world.now, &world.settings) {
                Ok(Some(decision)) => Self::Commit(event, seen, decision),
                _ => Self::Decide(None, seen),
            },
            Self::Decide(None, seen) => {
                // Other jobs of the project come and go: the job's share of the window with them.
                let share =
                    if has_faults { 1 + world.rng.below(world.window as usize) as u32 } else { world.window };
                match next_action(&seen.job, world.now, share, &world.settings) {
                    Some(action) => Self::Do(action, seen),
                    None => Self::Idle,
                }
            }
            Self::Commit(event, seen, decision) => {
                match world.commit(&seen, &event, &decision, world.settings.handover) {
                    Some(_) if world.is_forgotten() => Self::Idle,
                    Some(committed) => Self::Decide(None, committed),
                    None => Self::Load(Some(event)),
                }
            }
            Self::Do(action, seen) => Self::carry_out(world, action, seen),
            Self::Publish { seen, known, mut left, says } => {
                let position = world.rng.below(left.len());
                world.publish_ready(left.swap_remove(position), &known);
                if left.is_empty() {
                    Self::Decide(Some(says), seen)
                } else {
                    Self::Publish { seen, known, left, says }
                }
            }
        };
    }

    fn carry_out(world: &mut World, action: Action, seen: Seen) -> Self {
        match action {
            Action::Publish { chunks, released } => {
                assert!(!chunks.is_empty(), "nothing is published");
                if !chunks.iter().all(|index| world.chunks.contains_key(index)) {
                    assert!(!world.is_still(&seen), "a chunk is to be published that is not recorded");
                    return Self::Load(None);
                }
                if released.is_none() {
                    world.check_patience(&seen);
                }
                let says = released.map_or(Event::PublishedAgain, |upto| Event::Released { upto });
                let known = world.chunks.keys().copied().collect();
                Self::Publish { seen, known, left: chunks, says }
            }
            Action::WriteManifest { parts } => {
                if !world.has_key || !(0..parts).all(|index| world.parts.contains_key(&index)) {
                    assert!(!world.is_still(&seen), "the manifest wants parts that are not recorded");
                    return Self::Load(None);
                }
                let blob = format!("manifest.{:016x}", world.rng.next());
                world.put_blob(blob.clone());
                let manifest = ManifestEntry { blob: blob_ref(blob), success_bytes: 1, errors_bytes: 1 };
                Self::Decide(Some(Event::ManifestWritten(manifest)), seen)
            }
            Action::Announce => {
                let end = seen.job.end.clone().expect("an end is announced");
                world.announce(&end.event_id, end.outcome);
                Self::Decide(Some(Event::Announced { event_id: end.event_id }), seen)
            }
            Action::Sweep { nth } => {
                assert!(!world.has_key, "blobs are swept while they can be read");
                world.blobs.clear();
                Self::Decide(Some(Event::Swept { nth }), seen)
            }
        }
    }
}

/// What a tracker hears from a message of the results topic.
pub(crate) fn event_of(message: &Message) -> Option<Event> {
    match message {
        Message::Ready(_) => None,
        Message::Encoded(index, attempt) => {
            Some(Event::ChunkEncoded { index: *index, part: part(*index, *attempt), counts: counts(10) })
        }
        Message::Failed(index) => {
            Some(Event::ChunkFailed { index: *index, reason: "it is poison".to_owned() })
        }
    }
}
