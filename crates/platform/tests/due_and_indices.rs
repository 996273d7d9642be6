//! Promises of every state about its lists: what is due, and the indices.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use smartpass_platform::state::{Changes, Due, State};

use support::{commit, fresh, on_every_state, set};

const NOTHING: [&str; 0] = [];

/// The kind of the tests' documents.
const KIND: &str = "test";

fn key(name: &str) -> String {
    format!("{KIND}/{name}")
}

/// The names of keys of the tests' kind.
fn names(keys: Vec<String>) -> Vec<String> {
    keys.iter().map(|key| key.strip_prefix("test/").unwrap().to_owned()).collect()
}

async fn claim(state: &dyn State, now: u64, lease: u64, limit: usize) -> Vec<String> {
    names(state.claim_due(KIND, now, lease, limit).await.unwrap())
}

async fn all_due(state: &dyn State) -> Vec<String> {
    names(state.all_due(KIND).await.unwrap())
}

async fn create_due(state: &dyn State, name: &str, time: u64) {
    commit(state, &key(name), 0, Changes { due: Due::At(time), ..set(&[("a", "1")]) }).await;
}

on_every_state!(a_due_document_is_handed_out_once_and_again_after_the_lease, async |state| {
    create_due(&*state, "document", 100).await;
    assert_eq!(claim(&*state, 99, 50, 10).await, NOTHING, "before its time");
    assert_eq!(claim(&*state, 100, 50, 10).await, ["document"]);
    assert_eq!(claim(&*state, 100, 50, 10).await, NOTHING, "somebody has it");
    assert_eq!(claim(&*state, 149, 50, 10).await, NOTHING, "somebody has it still");
    assert_eq!(claim(&*state, 150, 50, 10).await, ["document"], "whoever had it is gone");
    assert_eq!(state.load(&key("document"), &[]).await.unwrap().unwrap().version, 1, "a claim is no commit");
});

on_every_state!(a_commit_replaces_the_lease, async |state| {
    create_due(&*state, "document", 100).await;
    assert_eq!(claim(&*state, 100, 50, 10).await, ["document"]);
    commit(&*state, &key("document"), 1, Changes { due: Due::At(110), ..Changes::default() }).await;
    assert_eq!(claim(&*state, 109, 50, 10).await, NOTHING);
    assert_eq!(claim(&*state, 110, 50, 10).await, ["document"]);
    commit(&*state, &key("document"), 2, Changes { due: Due::Never, ..Changes::default() }).await;
    assert_eq!(claim(&*state, 1_000_000, 50, 10).await, NOTHING);
    assert_eq!(all_due(&*state).await, NOTHING);
});

on_every_state!(the_longest_due_come_first_and_no_more_than_asked_for, async |state| {
    for (key, time) in [("c", 30), ("a", 10), ("later", 500), ("d", 40), ("b", 20)] {
        create_due(&*state, key, time).await;
    }
    assert_eq!(claim(&*state, 100, 1_000, 2).await, ["a", "b"]);
    assert_eq!(claim(&*state, 100, 1_000, 1).await, ["c"]);
    assert_eq!(claim(&*state, 100, 1_000, 10).await, ["d"]);
    assert_eq!(claim(&*state, 2_000, 1_000, 10).await, ["later", "a", "b", "c", "d"]);
});

on_every_state!(of_many_callers_each_due_document_goes_to_one, async |state| {
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
                    let some = claim(&*state, 100, 1_000, 3).await;
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
    claimed.extend(claim(&*state, 100, 1_000, 100).await);
    claimed.sort();
    assert_eq!(claimed, keys);
});

on_every_state!(a_document_that_is_gone_can_still_be_taken_from_the_due_list, async |state| {
    create_due(&*state, "document", 100).await;
    commit(&*state, &key("document"), 1, Changes { clear: true, ..Changes::default() }).await;
    assert_eq!(all_due(&*state).await, ["document"]);
    commit(&*state, &key("document"), 0, Changes { due: Due::Never, ..Changes::default() }).await;
    assert_eq!(all_due(&*state).await, NOTHING);
});

on_every_state!(everything_due_is_listed_whether_its_time_has_come_or_not, async |state| {
    create_due(&*state, "early", 1).await;
    create_due(&*state, "late", 1 << 50).await;
    commit(&*state, &key("never"), 0, set(&[("a", "1")])).await;
    let mut due = all_due(&*state).await;
    due.sort();
    assert_eq!(due, ["early", "late"]);
});

async fn put_in(state: &dyn State, index: &str, key: &str, number: Option<u64>) {
    let seen = state.load(key, &[]).await.unwrap().map_or(0, |document| document.version);
    let index = vec![(index.to_owned(), number)];
    commit(state, key, seen, Changes { index, ..set(&[("a", "1")]) }).await;
}

async fn listed(state: &dyn State, index: &str, before: Option<u64>, most: usize) -> Vec<u64> {
    let found = state.list(index, before, most).await.unwrap();
    found.into_iter().map(|(_, number)| number).collect()
}

on_every_state!(an_index_lists_the_newest_first_below_a_number, async |state| {
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
});

on_every_state!(a_document_has_one_place_in_each_index, async |state| {
    let (index, other, key) = (fresh("index"), fresh("index"), fresh("document"));
    put_in(&*state, &index, &key, Some(1)).await;
    put_in(&*state, &other, &key, Some(7)).await;
    put_in(&*state, &index, &key, Some(2)).await;
    assert_eq!(state.list(&index, None, 10).await.unwrap(), [(key.clone(), 2)]);
    put_in(&*state, &index, &key, None).await;
    assert_eq!(state.index_len(&index).await.unwrap(), 0);
    assert_eq!(listed(&*state, &index, None, 10).await, [0; 0]);
    assert_eq!(state.list(&other, None, 10).await.unwrap(), [(key.clone(), 7)]);
});

on_every_state!(an_index_knows_nothing_of_one_with_a_similar_name, async |state| {
    let index = fresh("index");
    let longer = format!("{index}0");
    put_in(&*state, &longer, &fresh("document"), Some(1)).await;
    assert_eq!(state.index_len(&index).await.unwrap(), 0);
    assert_eq!(listed(&*state, &index, None, 10).await, [0; 0]);
    assert_eq!(state.index_len(&longer).await.unwrap(), 1);
});

on_every_state!(a_due_list_has_documents_of_its_own_kind_alone, async |state| {
    for document in ["job/1", "job/2", "jobs/3", "delivery/1", "jo/4"] {
        commit(&*state, document, 0, Changes { due: Due::At(100), ..set(&[("a", "1")]) }).await;
    }
    assert_eq!(state.claim_due("delivery", 100, 50, 10).await.unwrap(), ["delivery/1"]);
    assert_eq!(state.claim_due("job", 100, 50, 10).await.unwrap(), ["job/1", "job/2"], "nobody took them");
    assert_eq!(state.all_due("jobs").await.unwrap(), ["jobs/3"]);
    commit(&*state, "jobs/3", 1, Changes { due: Due::Never, ..Changes::default() }).await;
    assert_eq!(state.all_due("jobs").await.unwrap(), NOTHING);
    assert_eq!(state.claim_due("jo", 1_000, 50, 10).await.unwrap(), ["jo/4"]);
    assert_eq!(state.claim_due("", 1_000, 50, 10).await.unwrap(), NOTHING);
});
