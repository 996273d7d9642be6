//! Projects: keys and templates are only ever created, API keys open their own project, and the registry
//! brings back what was lost.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;

use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::ProjectKey;
use smartpass_core::template::{self, Template};
use smartpass_platform::Error;
use smartpass_platform::blobs::Blobs;
use smartpass_records::wrapping_keys::MasterKey;
use smartpass_records::projects::{Imported, Projects};
use smartpass_platform::state::{EmbeddedState, State};
use tempfile::TempDir;

use support::embedded;

struct World {
    projects: Projects,
    state: Arc<EmbeddedState>,
    blobs: Blobs,
    master: MasterKey,
    _folder: TempDir,
}

fn world() -> World {
    let folder = TempDir::new().unwrap();
    let state = Arc::new(embedded(folder.path()));
    let blobs = Blobs::directory(folder.path().join("blobs")).unwrap();
    let master = MasterKey::generate().unwrap();
    let projects = Projects::new(state.clone(), blobs.clone(), master.clone());
    World { projects, state, blobs, master, _folder: folder }
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
async fn rebuilt(world: &World) -> (TempDir, Projects) {
    let folder = TempDir::new().unwrap();
    let state = Arc::new(embedded(folder.path()));
    let projects = Projects::new(state, world.blobs.clone(), world.master.clone());
    let entries = world.blobs.list_below("registry").await.unwrap().len();
    assert_eq!(projects.rebuild().await.unwrap(), entries as u64);
    (folder, projects)
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
    assert_eq!(record.keys, [keys[0].0, keys[1].0]);
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
        (vec![key(2, 12), key(1, 99)], vec![], "another key 1 of project wrsynr"),
        (vec![key(2, 12)], vec![other_club.clone()], "another template number 1 of project wrsynr"),
        (vec![], vec![(number(2), template("new", "a")), other_club], "another template number 1"),
    ] {
        let Err(error @ Error::Exists(_)) = world.projects.import(&project, &keys, &templates).await else {
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
    let other = Projects::new(world.state.clone(), world.blobs.clone(), MasterKey::generate().unwrap());
    assert!(matches!(other.key(&project, key(1, 0).0).await.err(), Some(Error::Setting(_))));
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

    let (_folder, restored) = rebuilt(&world).await;
    let restored = restored.load(&project).await.unwrap().unwrap();
    assert_eq!(restored.templates, record.templates, "whoever lost a number left nothing under it");
}

#[tokio::test]
async fn an_api_key_opens_its_own_project_until_it_is_revoked() {
    let (world, wrsynr, other, none) = (world(), code("wrsynr"), code("other"), code("nobody"));
    let nobody = world.projects.new_api_key(&wrsynr, 5).await.err();
    assert_eq!(nobody, Some(Error::Missing("project wrsynr".to_owned())));
    for project in [&wrsynr, &other] {
        world.projects.import(project, &[key(1, 11)], &[]).await.unwrap();
    }
    assert!(!world.projects.has_api_keys().await.unwrap());
    let first = world.projects.new_api_key(&wrsynr, 5).await.unwrap();
    let second = world.projects.new_api_key(&wrsynr, 5).await.unwrap();
    let foreign = world.projects.new_api_key(&other, 6).await.unwrap();
    assert!(world.projects.has_api_keys().await.unwrap());
    let accepts = async |project, api_key: &str| world.projects.accepts(project, api_key).await.unwrap();
    assert!(
        accepts(&wrsynr, &first).await && accepts(&wrsynr, &second).await && accepts(&other, &foreign).await
    );
    assert!(!accepts(&wrsynr, &foreign).await, "another project's");
    assert!(!accepts(&other, &first).await, "another project's");
    assert!(!accepts(&none, &first).await, "there is no such project");

    let id = first.split('_').nth(1).unwrap();
    assert!(!world.projects.revoke_api_key(&other, id).await.unwrap(), "another project's");
    assert!(accepts(&wrsynr, &first).await);
    assert!(world.projects.revoke_api_key(&wrsynr, id).await.unwrap());
    assert!(!world.projects.revoke_api_key(&wrsynr, id).await.unwrap(), "it is gone already");
    assert!(!accepts(&wrsynr, &first).await);
    assert!(accepts(&wrsynr, &second).await);
}

#[tokio::test]
async fn a_wrong_api_key_is_refused_whatever_is_wrong_with_it() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    let first = world.projects.new_api_key(&project, 5).await.unwrap();
    let second = world.projects.new_api_key(&project, 5).await.unwrap();
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
        assert!(!world.projects.accepts(&project, &wrong).await.unwrap(), "{wrong}");
    }
}

#[tokio::test]
async fn an_api_keys_secret_is_kept_nowhere() {
    let (world, project) = (world(), code("wrsynr"));
    world.projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    let api_key = world.projects.new_api_key(&project, 5).await.unwrap();
    let secret = api_key.rsplit_once('_').unwrap().1;
    for (field, value) in everything(&world, &project).await.1 {
        assert!(!String::from_utf8_lossy(&value).contains(secret), "{field}");
    }
    let record = world.projects.load(&project).await.unwrap().unwrap();
    assert_eq!(record.api_keys.values().map(|record| record.created).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn without_its_last_api_key_a_project_counts_as_open() {
    let (world, projects) = (world(), [code("wrsynr"), code("other")]);
    let mut ids = Vec::new();
    for project in &projects {
        world.projects.import(project, &[key(1, 11)], &[]).await.unwrap();
        for _ in 0..2 {
            let api_key = world.projects.new_api_key(project, 5).await.unwrap();
            ids.push((project, api_key.split('_').nth(1).unwrap().to_owned()));
        }
    }
    for (project, id) in ids {
        assert!(world.projects.has_api_keys().await.unwrap());
        assert!(world.projects.revoke_api_key(project, &id).await.unwrap());
    }
    assert!(!world.projects.has_api_keys().await.unwrap());
}

#[tokio::test]
async fn what_the_state_has_lost_is_brought_back_from_the_registry() {
    let (world, wrsynr, other) = (world(), code("wrsynr"), code("other"));
    let club = [(number(1), template("club", "points"))];
    world.projects.import(&wrsynr, &[key(1, 11), key(2, 12)], &club).await.unwrap();
    world.projects.import(&other, &[key(1, 13)], &[]).await.unwrap();
    let published = world.projects.publish(&wrsynr, &template("gym", "visits")).await.unwrap().0;
    assert_eq!(world.projects.rebuild().await.unwrap(), 0, "nothing is lost");

    let (_folder, projects) = rebuilt(&world).await;
    assert_eq!(projects.rebuild().await.unwrap(), 0, "all is there");
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
            Err(error) => assert!(matches!(error, Error::Exists(_)), "{error}"),
        }
    }
    let [winner] = winners[..] else { panic!("{winners:?} won") };
    let (_folder, restored) = rebuilt(&world).await;
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
    let state = Arc::new(embedded(folder.path()));
    let projects = Projects::new(state, world.blobs.clone(), world.master.clone());
    projects.import(&project, &[key(1, 11)], &[]).await.unwrap();
    assert_eq!(projects.key(&project, key(1, 0).0).await.unwrap().expose(), &[11; 32]);
    let published = projects.publish(&project, &template("gym", "visits")).await.unwrap();
    assert_eq!(published, (number(2), true));
    assert_eq!(projects.template(&project, number(1)).await.unwrap(), template("club", "points"));
}
