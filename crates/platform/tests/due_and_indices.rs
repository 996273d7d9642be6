//! Promises of every state about its lists: what is due, and the indices.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use smartpass_platform::state::{Changes, Due, State};

use support::{commit, fresh, on_every_state, on_every_state_of_its_own, set};

const NOTHING: [&str; 0] = [];

async fn create_due(state: &dyn State, key: &str, time: u64) {
    commit(state, key, 0, Changes { due: Due::At(time), ..set(&[("a", "1")]) }).await;
}

#[tokio::test]
async fn a_due_document_is_handed_out_once_and_again_after_the_lease() {
    on_every_state_of_its_own(async |state| {
        create_due(&*state, "document", 100).await;
        assert_eq!(state.claim_due(99, 50, 10).await.unwrap(), NOTHING, "before its time");
        assert_eq!(state.claim_due(100, 50, 10).await.unwrap(), ["document"]);
        assert_eq!(state.claim_due(100, 50, 10).await.unwrap(), NOTHING, "somebody has it");
        assert_eq!(state.claim_due(149, 50, 10).await.unwrap(), NOTHING, "somebody has it still");
        assert_eq!(state.claim_due(150, 50, 10).await.unwrap(), ["document"], "whoever had it is gone");
        assert_eq!(state.load("document", &[]).await.unwrap().unwrap().version, 1, "a claim is no commit");
    })
    .await;
}

#[tokio::test]
async fn a_commit_replaces_the_lease() {
    on_every_state_of_its_own(async |state| {
        create_due(&*state, "document", 100).await;
        assert_eq!(state.claim_due(100, 50, 10).await.unwrap(), ["document"]);
        commit(&*state, "document", 1, Changes { due: Due::At(110), ..Changes::default() }).await;
        assert_eq!(state.claim_due(109, 50, 10).await.unwrap(), NOTHING);
        assert_eq!(state.claim_due(110, 50, 10).await.unwrap(), ["document"]);
        commit(&*state, "document", 2, Changes { due: Due::Never, ..Changes::default() }).await;
        assert_eq!(state.claim_due(1_000_000, 50, 10).await.unwrap(), NOTHING);
        assert_eq!(state.all_due().await.unwrap(), NOTHING);
    })
    .await;
}

#[tokio::test]
async fn the_longest_due_come_first_and_no_more_than_asked_for() {
    on_every_state_of_its_own(async |state| {
        for (key, time) in [("c", 30), ("a", 10), ("later", 500), ("d", 40), ("b", 20)] {
            create_due(&*state, key, time).await;
        }
        assert_eq!(state.claim_due(100, 1_000, 2).await.unwrap(), ["a", "b"]);
        assert_eq!(state.claim_due(100, 1_000, 1).await.unwrap(), ["c"]);
        assert_eq!(state.claim_due(100, 1_000, 10).await.unwrap(), ["d"]);
        assert_eq!(state.claim_due(2_000, 1_000, 10).await.unwrap(), ["later", "a", "b", "c", "d"]);
    })
    .await;
}

#[tokio::test]
async fn of_many_callers_each_due_document_goes_to_one() {
    on_every_state_of_its_own(async |state| {
        let keys: Vec<String> = (0..40).map(|number| format!("document-{number:02}")).collect();
        for key in &keys {
            create_due(&*state, key, 100).await;
        }
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let state = state.clone();
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    loop {
                        let some = state.claim_due(100, 1_000, 3).await.unwrap();
                        // More than there are would be a fault, and shown below.
                        if some.is_empty() || claimed.len() > 40 {
                            return claimed;
                        }
                        claimed.extend(some);
                    }
                })
            })
            .collect();
        let mut claimed = Vec::new();
        for caller in callers {
            claimed.extend(caller.await.unwrap());
        }
        // Who asked while others were claiming may have heard of none: what is left is still due.
        claimed.extend(state.claim_due(100, 1_000, 100).await.unwrap());
        claimed.sort();
        assert_eq!(claimed, keys);
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_gone_can_still_be_taken_from_the_due_list() {
    on_every_state_of_its_own(async |state| {
        create_due(&*state, "document", 100).await;
        commit(&*state, "document", 1, Changes { clear: true, ..Changes::default() }).await;
        assert_eq!(state.all_due().await.unwrap(), ["document"]);
        commit(&*state, "document", 0, Changes { due: Due::Never, ..Changes::default() }).await;
        assert_eq!(state.all_due().await.unwrap(), NOTHING);
    })
    .await;
}

#[tokio::test]
async fn everything_due_is_listed_whether_its_time_has_come_or_not() {
    on_every_state_of_its_own(async |state| {
        create_due(&*state, "early", 1).await;
        create_due(&*state, "late", 1 << 50).await;
        commit(&*state, "never", 0, set(&[("a", "1")])).await;
        let mut due = state.all_due().await.unwrap();
        due.sort();
        assert_eq!(due, ["early", "late"]);
    })
    .await;
}

async fn put_in(state: &dyn State, index: &str, key: &str, number: Option<u64>) {
    let seen = state.load(key, &[]).await.unwrap().map_or(0, |document| document.version);
    let index = vec![(index.to_owned(), number)];
    commit(state, key, seen, Changes { index, ..set(&[("a", "1")]) }).await;
}

async fn listed(state: &dyn State, index: &str, before: Option<u64>, most: usize) -> Vec<u64> {
    let found = state.list(index, before, most).await.unwrap();
    found.into_iter().map(|(_, number)| number).collect()
}

#[tokio::test]
async fn an_index_lists_the_newest_first_below_a_number() {
    on_every_state(async |state| {
        let index = fresh("index");
        for number in [3, 1, 1_764_000_000_000, 2, 5] {
            put_in(&*state, &index, &fresh("document"), Some(number)).await;
        }
        assert_eq!(listed(&*state, &index, None, 10).await, [1_764_000_000_000, 5, 3, 2, 1]);
        assert_eq!(listed(&*state, &index, None, usize::MAX >> 1).await.len(), 5);
        assert_eq!(listed(&*state, &index, None, 2).await, [1_764_000_000_000, 5]);
        assert_eq!(listed(&*state, &index, Some(5), 2).await, [3, 2]);
        assert_eq!(listed(&*state, &index, Some(4), 10).await, [3, 2, 1]);
        assert_eq!(listed(&*state, &index, Some(1), 10).await, [0; 0]);
        assert_eq!(state.index_len(&index).await.unwrap(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_document_has_one_place_in_each_index() {
    on_every_state(async |state| {
        let (index, other, key) = (fresh("index"), fresh("index"), fresh("document"));
        put_in(&*state, &index, &key, Some(1)).await;
        put_in(&*state, &other, &key, Some(7)).await;
        put_in(&*state, &index, &key, Some(2)).await;
        assert_eq!(state.list(&index, None, 10).await.unwrap(), [(key.clone(), 2)]);
        put_in(&*state, &index, &key, None).await;
        assert_eq!(state.index_len(&index).await.unwrap(), 0);
        assert_eq!(listed(&*state, &index, None, 10).await, [0; 0]);
        assert_eq!(state.list(&other, None, 10).await.unwrap(), [(key.clone(), 7)]);
    })
    .await;
}

#[tokio::test]
async fn an_index_knows_nothing_of_one_with_a_similar_name() {
    on_every_state(async |state| {
        let index = fresh("index");
        let longer = format!("{index}0");
        put_in(&*state, &longer, &fresh("document"), Some(1)).await;
        assert_eq!(state.index_len(&index).await.unwrap(), 0);
        assert_eq!(listed(&*state, &index, None, 10).await, [0; 0]);
        assert_eq!(state.index_len(&longer).await.unwrap(), 1);
    })
    .await;
}
