//! Promises of every state about one document: versions, fields and counters.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use smartpass_platform::state::{Changes, Commit, Document, Due, Precondition, State};

use support::{commit, fresh, on_every_state, set};

async fn all_fields(state: &dyn State, key: &str) -> Vec<(String, String)> {
    let found = state.load_all(key).await.unwrap().unwrap();
    let mut fields: Vec<(String, String)> =
        found.fields.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect();
    fields.sort();
    fields
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

on_every_state!(a_document_that_nobody_wrote_does_not_exist, async |state| {
    let key = fresh("document");
    assert_eq!(state.load(&key, &["a"]).await.unwrap(), None);
    assert_eq!(state.load(&key, &[]).await.unwrap(), None);
    assert_eq!(state.load_all(&key).await.unwrap(), None);
});

on_every_state!(a_document_is_created_where_none_was_seen_and_only_once, async |state| {
    let key = fresh("document");
    assert_eq!(commit(&*state, &key, 0, set(&[("a", "1")])).await, 1);
    assert_eq!(state.commit(&key, 0, set(&[("a", "2")])).await.unwrap(), Commit::Conflict);
    assert_eq!(all_fields(&*state, &key).await, pairs(&[("a", "1")]));
    assert_eq!(state.commit(&fresh("other"), 1, set(&[("a", "1")])).await.unwrap(), Commit::Conflict);
});

on_every_state!(a_wrong_version_changes_nothing_at_all, async |state| {
    let created = Changes {
        due: Due::At(5),
        index: vec![("index".to_owned(), Some(7))],
        ..set(&[("a", "1"), ("b", "2")])
    };
    let version = commit(&*state, "document", 0, created).await;
    let version = commit(&*state, "document", version, set(&[("a", "3")])).await;
    for wrong in [0, version - 1, version + 1] {
        let everything = Changes {
            clear: true,
            remove: vec!["b".to_owned()],
            due: Due::Never,
            index: vec![("index".to_owned(), None), ("another".to_owned(), Some(1))],
            ..set(&[("a", "9"), ("c", "9")])
        };
        assert_eq!(state.commit("document", wrong, everything).await.unwrap(), Commit::Conflict);
    }
    assert_eq!(state.load("document", &[]).await.unwrap().unwrap().version, version);
    assert_eq!(all_fields(&*state, "document").await, pairs(&[("a", "3"), ("b", "2")]));
    assert_eq!(state.all_due("document").await.unwrap(), ["document"]);
    assert_eq!(state.claim_due("document", 4, 100, 10).await.unwrap(), [""; 0]);
    assert_eq!(state.claim_due("document", 5, 100, 10).await.unwrap(), ["document"]);
    assert_eq!(state.list("index", None, 10).await.unwrap(), [("document".to_owned(), 7)]);
    assert_eq!(state.index_len("another").await.unwrap(), 0);
});

on_every_state!(the_version_grows_with_every_commit_even_of_nothing, async |state| {
    let key = fresh("document");
    let mut version = commit(&*state, &key, 0, set(&[("a", "1")])).await;
    for changes in [set(&[("a", "1")]), Changes::default(), set(&[("b", "2")])] {
        let next = commit(&*state, &key, version, changes).await;
        assert!(next > version, "{next} after {version}");
        assert_eq!(state.load(&key, &["a"]).await.unwrap().unwrap().version, next);
        assert_eq!(state.load_all(&key).await.unwrap().unwrap().version, next);
        version = next;
    }
});

on_every_state!(one_commit_clears_removes_sets_and_moves_due_and_index, async |state| {
    let index = |number| vec![("index".to_owned(), number)];
    let created =
        Changes { due: Due::At(5), index: index(Some(1)), ..set(&[("a", "1"), ("b", "2"), ("c", "3")]) };
    let version = commit(&*state, "document", 0, created).await;

    let removed = Changes { remove: vec!["a".to_owned(), "none".to_owned()], ..set(&[("b", "4")]) };
    let version = commit(&*state, "document", version, removed).await;
    assert_eq!(all_fields(&*state, "document").await, pairs(&[("b", "4"), ("c", "3")]));
    assert_eq!(state.all_due("document").await.unwrap(), ["document"], "unchanged");
    assert_eq!(state.list("index", None, 9).await.unwrap(), [("document".to_owned(), 1)], "unchanged");

    let replaced = Changes { remove: vec!["b".to_owned()], ..set(&[("b", "5")]) };
    let version = commit(&*state, "document", version, replaced).await;
    assert_eq!(all_fields(&*state, "document").await, pairs(&[("b", "5"), ("c", "3")]), "remove, then set");

    let cleared = Changes {
        clear: true,
        due: Due::Never,
        index: vec![("index".to_owned(), None), ("another".to_owned(), Some(2))],
        ..set(&[("d", "6")])
    };
    commit(&*state, "document", version, cleared).await;
    assert_eq!(all_fields(&*state, "document").await, pairs(&[("d", "6")]));
    assert_eq!(state.all_due("document").await.unwrap(), [""; 0]);
    assert_eq!(state.index_len("index").await.unwrap(), 0);
    assert_eq!(state.list("another", None, 9).await.unwrap(), [("document".to_owned(), 2)]);
});

on_every_state!(clearing_a_document_leaves_those_with_similar_names_alone, async |state| {
    let key = fresh("document");
    let neighbours = [format!("{key}0"), format!("{key}/a"), key[..key.len() - 1].to_owned()];
    for neighbour in &neighbours {
        commit(&*state, neighbour, 0, set(&[("a", "1")])).await;
    }
    commit(&*state, &key, 0, set(&[("a", "2")])).await;
    commit(&*state, &key, 1, Changes { clear: true, ..Changes::default() }).await;
    assert_eq!(state.load_all(&key).await.unwrap(), None);
    for neighbour in &neighbours {
        assert_eq!(all_fields(&*state, neighbour).await, pairs(&[("a", "1")]));
    }
});

on_every_state!(a_document_vanishes_with_its_last_field_and_can_be_created_again, async |state| {
    let key = fresh("document");
    let clear = Changes { clear: true, ..Changes::default() };
    let remove = Changes { remove: vec!["a".to_owned(), "b".to_owned()], ..Changes::default() };
    for last in [clear, remove] {
        commit(&*state, &key, 0, set(&[("a", "1"), ("b", "2")])).await;
        let one = Changes { remove: vec!["a".to_owned()], ..Changes::default() };
        commit(&*state, &key, 1, one).await;
        assert!(state.load(&key, &[]).await.unwrap().is_some());
        commit(&*state, &key, 2, last).await;
        assert_eq!(state.load(&key, &["a"]).await.unwrap(), None);
        assert_eq!(state.load_all(&key).await.unwrap(), None);
        assert_eq!(state.commit(&key, 3, set(&[("a", "1")])).await.unwrap(), Commit::Conflict);
    }
});

on_every_state!(loading_gives_the_fields_that_were_asked_for_and_exist, async |state| {
    let key = fresh("document");
    let version = commit(&*state, &key, 0, set(&[("a", "1"), ("b", ""), ("c", "3")])).await;
    let found = state.load(&key, &["none", "c", "b"]).await.unwrap().unwrap();
    assert_eq!((found.get("c"), found.get("b")), (Some(&b"3"[..]), Some(&b""[..])));
    assert_eq!((found.get("none"), found.get("a"), found.fields.len()), (None, None, 2));
    let nothing = state.load(&key, &[]).await.unwrap();
    assert_eq!(nothing, Some(Document { version, fields: vec![] }));
    assert_eq!(state.load(&key, &["none"]).await.unwrap(), Some(Document { version, fields: vec![] }));
});

on_every_state!(values_of_all_bytes_come_back_as_they_were, async |state| {
    let key = fresh("document");
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = every_byte.repeat(1_000);
    let fields = vec![("short".to_owned(), every_byte.clone()), ("ä/long ".to_owned(), long.clone())];
    commit(&*state, &key, 0, Changes { set: fields.clone(), ..Changes::default() }).await;
    let found = state.load(&key, &["short", "ä/long "]).await.unwrap().unwrap();
    assert_eq!(found.fields, fields);
    let mut all = state.load_all(&key).await.unwrap().unwrap().fields;
    all.sort();
    assert_eq!(all, fields);
    let gate = Precondition::default();
    let counted = state.count(&key, gate, "counter", &["short"]).await.unwrap().unwrap();
    assert_eq!(counted.values, [Some(every_byte)]);
});

on_every_state!(counting_adds_one_and_answers_the_fields_that_were_asked_for, async |state| {
    let key = fresh("document");
    commit(&*state, &key, 0, set(&[("a", "1"), ("old", "41")])).await;
    let count = async |counter, read: &'static [&'static str]| {
        let counted = state.count(&key, Precondition::default(), counter, read).await.unwrap().unwrap();
        (counted.count, counted.values)
    };
    assert_eq!(count("new", &[]).await, (1, vec![]));
    assert_eq!(count("new", &["none", "a"]).await, (2, vec![None, Some(b"1".to_vec())]));
    assert_eq!(count("old", &["new", "old"]).await, (42, vec![Some(b"2".to_vec()), Some(b"42".to_vec())]));
    assert_eq!(all_fields(&*state, &key).await, pairs(&[("a", "1"), ("new", "2"), ("old", "42")]));
});

on_every_state!(counting_leaves_the_version_as_it_was, async |state| {
    let key = fresh("document");
    let version = commit(&*state, &key, 0, set(&[("a", "1")])).await;
    state.count(&key, Precondition::default(), "counter", &[]).await.unwrap().unwrap();
    assert_eq!(state.load(&key, &[]).await.unwrap().unwrap().version, version);
    commit(&*state, &key, version, set(&[("a", "2")])).await;
    assert_eq!(all_fields(&*state, &key).await, pairs(&[("a", "2"), ("counter", "1")]));
});

on_every_state!(a_closed_gate_counts_nothing, async |state| {
    let key = fresh("document");
    let open = Precondition { present: &["a", "b"], absent: &["c", "d"] };
    assert_eq!(
        state.count(&key, Precondition::default(), "counter", &[]).await.unwrap(),
        None,
        "no document"
    );
    assert_eq!(state.load_all(&key).await.unwrap(), None);
    commit(&*state, &key, 0, set(&[("a", ""), ("b", "2")])).await;
    for closed in [
        Precondition { present: &["a", "c"], absent: &[] },
        Precondition { present: &["c", "a"], absent: &[] },
        Precondition { present: &[], absent: &["b"] },
        Precondition { present: &["a"], absent: &["c", "b"] },
    ] {
        assert_eq!(state.count(&key, closed, "counter", &["a"]).await.unwrap(), None, "{closed:?}");
    }
    assert_eq!(all_fields(&*state, &key).await, pairs(&[("a", ""), ("b", "2")]));
    assert_eq!(state.count(&key, open, "counter", &[]).await.unwrap().unwrap().count, 1);
});

/// Adds one to a number by load and commit, until nobody commits in between; answers the version it made.
async fn increment(state: Arc<dyn State>, key: String) -> u64 {
    loop {
        let seen = state.load(&key, &["number"]).await.unwrap().unwrap();
        let number: u64 = std::str::from_utf8(seen.get("number").unwrap()).unwrap().parse().unwrap();
        let next = (number + 1).to_string();
        let committed = state.commit(&key, seen.version, set(&[("number", &next)])).await.unwrap();
        if let Commit::Done(version) = committed {
            return version;
        }
    }
}

on_every_state!(of_many_commits_to_a_version_exactly_one_wins, async |state| {
    const TASKS: u64 = 24;
    let key = fresh("document");
    commit(&*state, &key, 0, set(&[("number", "0")])).await;
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(increment(state.clone(), key.clone()))).collect();
    let mut versions = BTreeSet::new();
    for task in tasks {
        versions.insert(task.await.unwrap());
    }
    assert_eq!(versions, (2..2 + TASKS).collect());
    assert_eq!(all_fields(&*state, &key).await, pairs(&[("number", &TASKS.to_string())]));
});

on_every_state!(of_many_counts_none_is_lost_or_given_twice, async |state| {
    const TASKS: u64 = 24;
    let key = fresh("document");
    commit(&*state, &key, 0, set(&[("a", "1")])).await;
    let count = |state: Arc<dyn State>, key: String| async move {
        state.count(&key, Precondition::default(), "counter", &[]).await.unwrap().unwrap().count
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(count(state.clone(), key.clone()))).collect();
    let mut counts = BTreeSet::new();
    for task in tasks {
        counts.insert(task.await.unwrap());
    }
    assert_eq!(counts, (1..=TASKS).collect());
});
