//! Promises of projects that hold wherever they are kept: in a folder of files, and in state and registry.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use smartpass_core::ids::{KeyVersion, ProjectCode};
use smartpass_core::link::{KeyState, ProjectKey};
use smartpass_core::template::Template;
use smartpass_platform::Error;
use smartpass_records::projects::{DirectoryBackend, Imported, Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::{MemoryBlobs, MemoryState};
use tempfile::TempDir;

/// Runs a promise on projects of both kinds.
async fn on_both(promise: impl AsyncFn(Projects, ProjectCode)) {
    let folder = TempDir::new().unwrap();
    eprintln!("in a folder:");
    promise(Projects::new(DirectoryBackend::new(folder.path().join("projects"))), code()).await;
    eprintln!("in state and registry:");
    let keys = MasterKey::generate().unwrap().wrapping_keys(&[Purpose::Link]);
    let backend = StateBackend::new(Arc::new(MemoryState::default()), MemoryBlobs::default().blobs(), keys);
    promise(Projects::new(backend), code()).await;
}

fn code() -> ProjectCode {
    "wrsynr".parse().unwrap()
}

fn key(version: u32, byte: u8) -> (KeyVersion, ProjectKey) {
    (version.try_into().unwrap(), ProjectKey::from([byte; 32]))
}

fn template(code: &str, field: &str) -> Template {
    let text = format!("code = '{code}'\nfields = [{{ name = '{field}', type = 'integer' }}]");
    Template::from_toml(&text).unwrap()
}

#[tokio::test]
async fn what_is_imported_is_there_and_other_bytes_under_its_version_are_refused() {
    on_both(async |projects, code| {
        assert!(projects.load(&code).await.unwrap().is_none() && !projects.exists(&code).await.unwrap());
        let club = (1.try_into().unwrap(), template("club", "points"));
        let imported = projects.import(&code, &[key(1, 11)], std::slice::from_ref(&club)).await.unwrap();
        assert_eq!(imported, Imported { keys: 1, templates: 1 });
        let again = projects.import(&code, &[key(1, 11)], std::slice::from_ref(&club)).await.unwrap();
        assert_eq!(again, Imported::default());
        let other_club = (club.0, template("club", "visits"));
        for (keys, templates) in
            [(vec![key(2, 12), key(1, 99)], vec![]), (vec![key(2, 12)], vec![other_club])]
        {
            let refused = projects.import(&code, &keys, &templates).await;
            assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        }
        let project = projects.load(&code).await.unwrap().unwrap();
        assert_eq!(project.keys.into_keys().collect::<Vec<_>>(), [key(1, 0).0], "nothing of it was added");
        assert_eq!(projects.key(&code, key(1, 0).0).await.unwrap().expose(), &[11; 32]);
        assert_eq!(projects.template(&code, club.0).await.unwrap(), club.1);
        assert_eq!(projects.codes().await.unwrap(), [code]);
    })
    .await;
}

#[tokio::test]
async fn a_published_template_gets_the_next_number_and_an_equal_one_keeps_its_own() {
    on_both(async |projects, code| {
        projects.rotate_key(&code).await.unwrap();
        let publish = async |name, field| {
            let (number, is_new) = projects.publish(&code, &template(name, field)).await.unwrap();
            (number.get(), is_new)
        };
        assert_eq!(publish("club", "a").await, (1, true));
        assert_eq!(publish("club", "a").await, (1, false));
        assert_eq!(publish("gym", "a").await, (2, true));
        assert_eq!(publish("club", "b").await, (3, true));
    })
    .await;
}

#[tokio::test]
async fn the_states_of_keys_only_go_on_and_the_newest_active_key_seals() {
    on_both(async |projects, code| {
        let first = projects.rotate_key(&code).await.unwrap();
        let second = projects.rotate_key(&code).await.unwrap();
        let load = async || projects.load(&code).await.unwrap().unwrap();
        assert_eq!(
            (load().await.sealing_key(), load().await.keys[&first]),
            (Some(second), KeyState::Retired)
        );
        assert!(projects.key(&code, first).await.is_ok(), "a retired key opens");
        projects.set_key_state(&code, first, KeyState::Revoked).await.unwrap();
        assert!(matches!(projects.key(&code, first).await, Err(Error::Conflict(_))));
        assert!(projects.key_to_export(&code, first).await.is_ok());
        assert!(matches!(
            projects.set_key_state(&code, first, KeyState::Retired).await,
            Err(Error::Conflict(_))
        ));
        projects.set_key_state(&code, first, KeyState::Destroyed).await.unwrap();
        assert!(projects.key_to_export(&code, first).await.is_err(), "it is gone");
        assert_eq!(load().await.keys[&first], KeyState::Destroyed);
        assert_eq!(projects.rotate_key(&code).await.unwrap().get(), 3, "its version is not used again");
        let unknown = projects.set_key_state(&code, 9.try_into().unwrap(), KeyState::Retired).await;
        assert!(matches!(unknown, Err(Error::Missing(_))), "{unknown:?}");
    })
    .await;
}
