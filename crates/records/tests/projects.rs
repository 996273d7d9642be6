//! Projects: keys and templates are only ever created, API keys open their own project, and the registry
//! brings back what was lost.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::ProjectKey;
use smartpass_core::template::{self, Template};
use smartpass_platform::Error;
use smartpass_platform::blobs::Blobs;
use smartpass_platform::state::{EmbeddedState, State};
use smartpass_records::projects::{Imported, KeyState, Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use tempfile::TempDir;

struct World {
    projects: Projects,
    backend: StateBackend,
    state: Arc<EmbeddedState>,
    blobs: Blobs,
    master: MasterKey,
    _folder: TempDir,
}

fn backend(state: Arc<dyn State>, blobs: &Blobs, master: &MasterKey) -> StateBackend {
    StateBackend::new(state, blobs.clone(), master.wrapping_keys(&[Purpose::Link]))
}

fn world() -> World {
    let folder = TempDir::new().unwrap();
    let state = Arc::new(EmbeddedState::open(&folder.path().join("state")).unwrap());
    let blobs = Blobs::directory(folder.path().join("blobs")).unwrap();
    let master = MasterKey::generate().unwrap();
    let backend = backend(state.clone(), &blobs, &master);
    World { projects: Projects::new(backend.clone()), backend, state, blobs, master, _folder: folder }
}

fn code(text: &str) -> ProjectCode {
    text.parse().unwrap()
}

fn number(number: u32) -> TemplateNumber {
    number.try_into().unwrap()
}

fn key(version: u32, byte: u8) -> (KeyVersion, ProjectKey) {
    (version.try_into().unwrap(), ProjectKey::from([byte; 32]))
}

fn template(code: &str, field: &str) -> Template {
    let text = format!("code = '{code}'\nfields = [{{ name = '{field}', type = 'integer' }}]");
    Template::from_toml(&text).unwrap()
}

/// Everything that the state has of a project.
async fn everything(world: &World, project: &ProjectCode) -> (u64, Vec<(String, Vec<u8>)>) {
    let found = world.state.load_all(&format!("project/{project}")).await.unwrap().unwrap();
    let mut fields = found.fields;
    fields.sort();
    (found.version, fields)
}

/// The same projects after the state was lost, brought back from the registry.
async fn rebuilt(world: &World) -> (TempDir, Projects, StateBackend) {
    let folder = TempDir::new().unwrap();
    let state = Arc::new(EmbeddedState::open(&folder.path().join("state")).unwrap());
    let backend = backend(state, &world.blobs, &world.master);
    let entries = world.blobs.list_below("registry").await.unwrap().len();
    assert_eq!(backend.rebuild().await.unwrap(), entries as u64);
    (folder, Projects::new(backend.clone()), backend)
}

#[tokio::test]
async fn what_is_imported_is_there_and_importing_it_again_changes_nothing() {
    let (world, project) = (world(), code("wrsynr"));
    assert!(world.projects.load(&project).await.unwrap().is_none());
    let (keys, templates) = ([key(1, 11), key(2, 12)], [(number(1), template("club", "points"))]);
    let imported = world.projects.import(&project, &keys, &templates).await.unwrap();
    assert_eq!(imported, Imported { keys: 2, templates: 1 });
    let before = everything(&world, &project).await;
    let again = world.projects.import(&project, &keys, &templates).await.unwrap();
    assert_eq!(again, Imported::default());
    assert_eq!(everything(&world, &project).await, before);

    let record = world.projects.load(&project).await.unwrap().unwrap();
    assert_eq!(record.keys.keys().copied().collect::<Vec<_>>(), [keys[0].0, keys[1].0]);
    assert_eq!(record.templates.into_iter().collect::<Vec<_>>(), templates);
    assert_eq!(world.projects.key(&project, keys[1].0).await.unwrap().expose(), &[12; 32]);
    assert_eq!(world.projects.template(&project, number(1)).await.unwrap(), templates[0].1);
    assert_eq!(world.projects.codes().await.unwrap(), [project]);
}

#[tokio::test]
async fn other_bytes_under_a_known_version_are_refused_and_nothing_is_changed() {
    let (world, project) = (world(), code("wrsynr"));
    let club = [(number(1), template("club", "points"))];
    world.projects.import(&project, &[key(1, 11)], &club).await.unwrap();
    let before = everything(&world, &project).await;
    let registered = world.blobs.list_below("registry").await.unwrap();
    let other_club = (number(1), template("club", "visits"));
    for (keys, templates, complaint) in [
        (vec![key(2, 12), key(1, 99)], vec![], "key 1 of project wrsynr is another one"),
        (vec![key(2, 12)], vec![other_club.clone()], "template number 1 of project wrsynr is another one"),
        (
            vec![],
            vec![(number(2), template("new", "a")), other_club],
            "template number 1 of project wrsynr is another one",
        ),
    ] {
        let Err(error @ Error::Conflict(_)) = world.projects.import(&project, &keys, &templates).await else {
            panic!("imported: {complaint}");
        };
        assert!(error.to_string().contains(complaint), "{error}");
        assert!(error.to_string().contains("nothing was imported"), "{error}");
        assert_eq!(everything(&world, &project).await, before);
        assert_eq!(world.blobs.list_below("registry").await.unwrap(), registered);
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let (world, project) = (world(), code("wrsynr"));
    let missing = |what: &str| Error::Missing(format!("{what} of project wrsynr"));
    assert_eq!(world.projects.key(&project, key(1, 0).0).await.err(), Some(missing("key 1")));
    world.projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    assert_eq!(world.projects.key(&project, key(2, 0).0).await.err(), Some(missing("key 2")));
    assert_eq!(world.projects.template(&project, number(1)).await.err(), Some(missing("template 1")));
}

#[tokio::test]
async fn keys_do_not_show_in_state_or_registry() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 0xab)], &[]).await.unwrap();
    let mut values: Vec<Vec<u8>> =
        everything(&world, &project).await.1.into_iter().map(|(_, value)| value).collect();
    for path in world.blobs.list_below("registry").await.unwrap() {
        values.push(world.blobs.get(&path).await.unwrap().to_vec());
    }
    assert_eq!(values.len(), 2);
    for value in values {
        let shows = |text: &[u8]| value.windows(text.len()).any(|piece| piece == text);
        assert!(!shows(&[0xab; 4]) && !shows(b"abababab"), "{}", String::from_utf8_lossy(&value));
    }
}

#[tokio::test]
async fn another_master_key_is_told_apart() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    let other = Projects::new(backend(world.state.clone(), &world.blobs, &MasterKey::generate().unwrap()));
    assert!(matches!(other.key(&project, key(1, 0).0).await.err(), Some(Error::Config(_))));
}

#[tokio::test]
async fn a_published_template_gets_the_next_number_and_an_equal_one_keeps_its_own() {
    let (world, project) = (world(), code("wrsynr"));
    let missing = world.projects.publish(&project, &template("club", "a")).await;
    assert_eq!(missing.err(), Some(Error::Missing("project wrsynr".to_owned())));
    world.projects.import(&project, &[key(1, 11)], &[(number(4), template("old", "a"))]).await.unwrap();
    let publish = async |code, field| world.projects.publish(&project, &template(code, field)).await.unwrap();
    assert_eq!(publish("club", "a").await, (number(5), true));
    assert_eq!(publish("club", "a").await, (number(5), false));
    assert_eq!(publish("gym", "a").await, (number(6), true));
    assert_eq!(publish("club", "b").await, (number(7), true));
    assert_eq!(publish("club", "a").await, (number(8), true), "the newest is another one");

    let record = world.projects.load(&project).await.unwrap().unwrap();
    let found = |code, wanted: Option<u32>| {
        template::version(&record.templates, code, wanted.map(number)).map(|found| found.0.get())
    };
    assert_eq!((found("club", None), found("gym", None), found("none", None)), (Some(8), Some(6), None));
    assert_eq!((found("club", Some(5)), found("club", Some(6))), (Some(5), None));
}

#[tokio::test]
async fn templates_published_at_once_get_numbers_of_their_own() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|index| {
            let (projects, project) = (world.projects.clone(), project.clone());
            let template = template(&format!("club{index}"), "points");
            tokio::spawn(async move { projects.publish(&project, &template).await.unwrap().0.get() })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    let record = world.projects.load(&project).await.unwrap().unwrap();
    for (index, given) in numbers.iter().enumerate() {
        assert_eq!(record.templates[&number(*given)].code, format!("club{index}"));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);

    let (_folder, restored, _) = rebuilt(&world).await;
    let restored = restored.load(&project).await.unwrap().unwrap();
    assert_eq!(restored.templates, record.templates, "whoever lost a number left nothing under it");
}

#[tokio::test]
async fn what_the_state_has_lost_is_brought_back_from_the_registry() {
    let (world, wrsynr, other) = (world(), code("wrsynr"), code("other"));
    let club = [(number(1), template("club", "points"))];
    world.projects.import(&wrsynr, &[key(1, 11), key(2, 12)], &club).await.unwrap();
    world.projects.import(&other, &[key(1, 13)], &[]).await.unwrap();
    let published = world.projects.publish(&wrsynr, &template("gym", "visits")).await.unwrap().0;
    assert_eq!(world.backend.rebuild().await.unwrap(), 0, "nothing is lost");

    let (_folder, projects, backend) = rebuilt(&world).await;
    assert_eq!(backend.rebuild().await.unwrap(), 0, "all is there");
    let mut codes = projects.codes().await.unwrap();
    codes.sort();
    assert_eq!(codes, [other.clone(), wrsynr.clone()]);
    for (project, version, byte) in [(&wrsynr, 1, 11), (&wrsynr, 2, 12), (&other, 1, 13)] {
        assert_eq!(projects.key(project, key(version, 0).0).await.unwrap().expose(), &[byte; 32]);
    }
    assert_eq!(projects.template(&wrsynr, number(1)).await.unwrap(), club[0].1);
    assert_eq!(projects.template(&wrsynr, published).await.unwrap(), template("gym", "visits"));
}

#[tokio::test]
async fn of_two_keys_imported_at_once_under_one_version_the_same_one_is_brought_back() {
    let (world, project) = (world(), code("wrsynr"));
    let tasks: Vec<_> = (1..=6)
        .map(|byte| {
            let (projects, project) = (world.projects.clone(), project.clone());
            tokio::spawn(async move { projects.import(&project, &[key(1, byte)], &[]).await })
        })
        .collect();
    let mut winners = Vec::new();
    for (byte, task) in (1..=6).zip(tasks) {
        match task.await.unwrap() {
            Ok(_) => winners.push(byte),
            Err(error) => assert!(matches!(error, Error::Conflict(_)), "{error}"),
        }
    }
    let [winner] = winners[..] else { panic!("{winners:?} won") };
    let (_folder, restored, _) = rebuilt(&world).await;
    for projects in [&world.projects, &restored] {
        assert_eq!(projects.key(&project, key(1, 0).0).await.unwrap().expose(), &[winner; 32]);
    }
}

#[tokio::test]
async fn what_was_registered_and_then_lost_its_process_takes_effect_with_the_next_import() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 11)], &[(number(1), template("club", "points"))]).await.unwrap();
    // A state without what the registry has: as after a kill between the two.
    let folder = TempDir::new().unwrap();
    let state = Arc::new(EmbeddedState::open(&folder.path().join("state")).unwrap());
    let projects = Projects::new(backend(state, &world.blobs, &world.master));
    projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    assert_eq!(projects.key(&project, key(1, 0).0).await.unwrap().expose(), &[11; 32]);
    let published = projects.publish(&project, &template("gym", "visits")).await.unwrap();
    assert_eq!(published, (number(2), true));
    assert_eq!(projects.template(&project, number(1)).await.unwrap(), template("club", "points"));
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked_and_its_states_never_go_back() {
    let (world, project) = (world(), code("wrsynr"));
    let (first, second) = (
        world.projects.rotate_key(&project).await.unwrap(),
        world.projects.rotate_key(&project).await.unwrap(),
    );
    let states = async || world.projects.load(&project).await.unwrap().unwrap();
    assert_eq!(
        (states().await.sealing_key(), states().await.keys[&first]),
        (Some(second), KeyState::Retired)
    );
    assert!(world.projects.key(&project, first).await.is_ok(), "a retired key opens");

    world.projects.set_key_state(&project, first, KeyState::Revoked).await.unwrap();
    assert!(matches!(world.projects.key(&project, first).await, Err(Error::Conflict(_))));
    assert!(world.projects.key_to_export(&project, first).await.is_ok(), "it can still be backed up");
    for earlier in [KeyState::Active, KeyState::Retired, KeyState::Revoked] {
        let refused = world.projects.set_key_state(&project, first, earlier).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{earlier:?}");
    }
    world.projects.set_key_state(&project, second, KeyState::Retired).await.unwrap();
    assert_eq!(states().await.sealing_key(), None);
    assert_eq!(world.projects.rotate_key(&project).await.unwrap(), number(3));
    assert_eq!(states().await.sealing_key(), Some(number(3)));
}

#[tokio::test]
async fn a_destroyed_key_is_gone_from_state_and_registry_and_does_not_come_back() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 11), key(2, 12)], &[]).await.unwrap();
    world.projects.set_key_state(&project, number(1), KeyState::Destroyed).await.unwrap();
    let (_folder, restored, backend) = rebuilt(&world).await;
    for projects in [&world.projects, &restored] {
        let project_now = projects.load(&project).await.unwrap().unwrap();
        assert_eq!(project_now.keys[&number(1)], KeyState::Destroyed);
        assert!(projects.key(&project, number(1)).await.is_err());
        assert!(projects.key_to_export(&project, number(1)).await.is_err());
    }
    assert_eq!(backend.rebuild().await.unwrap(), 0);
    assert_eq!(
        world.projects.rotate_key(&project).await.unwrap(),
        number(3),
        "its version is not used again"
    );
}
