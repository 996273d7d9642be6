//! API keys: each opens its own project, and its secret is kept nowhere.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use smartpass_core::ids::ProjectCode;
use smartpass_platform::state::State;
use smartpass_records::api_keys::{ApiKeys, Scope};
use smartpass_testkit::MemoryState;

struct World {
    keys: ApiKeys,
    state: Arc<MemoryState>,
}

fn world() -> World {
    let state = Arc::new(MemoryState::default());
    World { keys: ApiKeys::new(state.clone()), state }
}

fn code(text: &str) -> ProjectCode {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_api_key_opens_its_own_project_until_it_is_revoked() {
    let (world, wrsynr, other, none) = (world(), code("wrsynr"), code("other"), code("nobody"));
    assert!(!world.keys.any().await.unwrap());
    let first = world.keys.create(&wrsynr, &Scope::ALL, 5).await.unwrap();
    let second = world.keys.create(&wrsynr, &Scope::ALL, 5).await.unwrap();
    let foreign = world.keys.create(&other, &Scope::ALL, 6).await.unwrap();
    assert!(world.keys.any().await.unwrap());
    let accepts = async |project, api_key: &str| world.keys.find(project, api_key).await.unwrap().is_some();
    assert!(
        accepts(&wrsynr, &first).await && accepts(&wrsynr, &second).await && accepts(&other, &foreign).await
    );
    assert!(!accepts(&wrsynr, &foreign).await, "another project's");
    assert!(!accepts(&other, &first).await, "another project's");
    assert!(!accepts(&none, &first).await, "there is no such project");

    let id = first.split('_').nth(1).unwrap();
    assert!(!world.keys.revoke(&other, id).await.unwrap(), "another project's");
    assert!(accepts(&wrsynr, &first).await);
    assert!(world.keys.revoke(&wrsynr, id).await.unwrap());
    assert!(!world.keys.revoke(&wrsynr, id).await.unwrap(), "it is gone already");
    assert!(!accepts(&wrsynr, &first).await);
    assert!(accepts(&wrsynr, &second).await);
}

#[tokio::test]
async fn a_wrong_api_key_is_refused_whatever_is_wrong_with_it() {
    let (world, project) = (world(), code("wrsynr"));
    let first = world.keys.create(&project, &Scope::ALL, 5).await.unwrap();
    let second = world.keys.create(&project, &Scope::ALL, 5).await.unwrap();
    let (id, secret) = first.strip_prefix("sp_").unwrap().split_once('_').unwrap();
    let other_secret = second.rsplit_once('_').unwrap().1;
    let last = if secret.ends_with('0') { "1" } else { "0" };
    for wrong in [
        String::new(),
        "sp_".to_owned(),
        "sp__".to_owned(),
        format!("sp_{id}"),
        format!("sp_{id}_"),
        format!("sp_{id}_{other_secret}"),
        format!("sp_{id}_{}{last}", &secret[..secret.len() - 1]),
        format!("sp_{id}_{secret}00"),
        format!("sp_{id}_{}", &secret[2..]),
        format!("sp_000000000000_{secret}"),
        format!("{id}_{secret}"),
    ] {
        assert!(world.keys.find(&project, &wrong).await.unwrap().is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn an_api_keys_secret_is_kept_nowhere() {
    let (world, project) = (world(), code("wrsynr"));
    let api_key = world.keys.create(&project, &Scope::ALL, 5).await.unwrap();
    let secret = api_key.rsplit_once('_').unwrap().1;
    let stored = world.state.load_all(&format!("api-keys/{project}")).await.unwrap().unwrap();
    assert_eq!(stored.fields.len(), 1);
    for (field, value) in stored.fields {
        assert!(!String::from_utf8_lossy(&value).contains(secret), "{field}");
    }
    let listed = world.keys.list(&project).await.unwrap();
    assert_eq!(listed.values().map(|record| record.created).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn without_its_last_api_key_a_project_counts_as_open() {
    let (world, projects) = (world(), [code("wrsynr"), code("other")]);
    let mut ids = Vec::new();
    for project in &projects {
        for _ in 0..2 {
            let api_key = world.keys.create(project, &Scope::ALL, 5).await.unwrap();
            ids.push((project, api_key.split('_').nth(1).unwrap().to_owned()));
        }
    }
    for (project, id) in ids {
        assert!(world.keys.any().await.unwrap());
        assert!(world.keys.revoke(project, &id).await.unwrap());
    }
    assert!(!world.keys.any().await.unwrap());
}

#[tokio::test]
async fn a_key_has_the_scopes_that_it_was_made_with() {
    let (world, project) = (world(), code("wrsynr"));
    let reader = world.keys.create(&project, &[Scope::Read], 5).await.unwrap();
    assert_eq!(world.keys.find(&project, &reader).await.unwrap().unwrap().scopes, [Scope::Read]);
}
