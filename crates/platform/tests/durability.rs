//! What each state does so that nothing is forgotten: one reopens its file, the other looks at its server's
//! settings.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use smartpass_platform::Error;
use smartpass_platform::state::{Changes, Due, EmbeddedState, Precondition, RedisState, State};
use tempfile::TempDir;

use support::{RedisServer, answered, commit, embedded, set, setting};

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let folder = TempDir::new().unwrap();
    let state = embedded(folder.path());
    let index = vec![("index".to_owned(), Some(3))];
    commit(&state, "document", 0, Changes { due: Due::At(9), index, ..set(&[("a", "1")]) }).await;
    state.count("document", Precondition::default(), "counter", &[]).await.unwrap();
    drop(state);

    let state = embedded(folder.path());
    let found = state.load("document", &["a", "counter"]).await.unwrap().unwrap();
    assert_eq!((found.version, found.get("a"), found.get("counter")), (1, Some(&b"1"[..]), Some(&b"1"[..])));
    assert_eq!(state.list("index", None, 9).await.unwrap(), [("document".to_owned(), 3)]);
    assert_eq!(state.claim_due("document", 9, 1, 9).await.unwrap(), ["document"]);
    state.check().await.unwrap();
}

#[test]
fn a_file_that_is_in_use_is_refused_and_the_message_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let _first = embedded(folder.path());
    let Err(Error::Config(message)) = EmbeddedState::open(&folder.path().join("state")) else {
        panic!("the file was opened twice");
    };
    assert!(message.contains("in use by another smartpass"), "{message}");
    assert!(message.contains("stop it first, or choose another --data"), "{message}");
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn the_redis_of_the_servers_keeps_what_it_is_told() {
    let state = answered(RedisState::connect(&setting("SMARTPASS_REDIS_URL")).await);
    answered(state.check().await);
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn a_redis_that_could_forget_is_refused() {
    let forgetful = [
        (["no", "always", "noeviction"], "appendonly no (expected yes"),
        (["yes", "everysec", "noeviction"], "appendfsync everysec (expected always"),
        (["yes", "always", "allkeys-lru"], "maxmemory-policy allkeys-lru (expected noeviction"),
    ];
    for ([append, fsync, policy], complaint) in forgetful {
        let settings = ["--appendonly", append, "--appendfsync", fsync, "--maxmemory-policy", policy];
        let server = RedisServer::start(&settings);
        let outcome = server.connect().await.check().await;
        let Err(Error::Config(message)) = outcome else { panic!("{settings:?}: {outcome:?}") };
        assert!(message.contains(complaint), "{message}");
    }
}

#[tokio::test]
async fn a_redis_url_that_is_none_is_not_repeated() {
    let Err(error) = RedisState::connect("http://user:hunter2@127.0.0.1").await else { panic!("connected") };
    assert!(matches!(error, Error::Config(_)), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
