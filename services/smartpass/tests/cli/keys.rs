//! Where keys come from, and that they never go anywhere else.

use crate::support::{Lab, json};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The digits of a key that the project has on this machine.
fn stored_key(lab: &Lab, project: &str, version: u32) -> String {
    let path = lab.state().join(format!("{project}/keys/{version}.json"));
    json(&std::fs::read_to_string(path).unwrap())["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_raw_key_needs_the_projects_name_and_is_its_version_1() {
    let lab = Lab::with_people();
    lab.write("key.hex", format!("{KEY}\n"));
    lab.run(&["generate", "in.csv", "--key-file", "key.hex"])
        .fails(64, "a raw key needs --project CODE to say whose it is");
    let named = ["--project", "wrsynr", "--key-file", "key.hex"];
    let told = lab.ok(&[&["generate", "in.csv"], &named[..]].concat());
    assert!(told.starts_with("project   wrsynr, key 1 as given\n"), "{told}");
    assert!(!lab.state().join("wrsynr/keys").exists(), "the key stays where it is");

    let url = lab.urls("in.success.csv").remove(0);
    let opened = json(&lab.ok(&[&["open", &url], &named[..]].concat()));
    assert_eq!((&opened["project"], &opened["key_version"]), (&"wrsynr".into(), &1.into()));
    lab.ok(&[&["verify", "in.csv", "in.success.csv", "--exact"], &named[..]].concat());
    lab.run(&["open", &url, "--project", "wrsynr"]).fails_with(1, "project wrsynr has no key in ~/state");
}

#[test]
fn a_key_file_of_ours_says_whose_it_is() {
    let lab = Lab::with_people();
    lab.ok(&["project", "new", "wrsynr"]);
    lab.ok(&["key", "rotate", "--project", "wrsynr"]);
    let key = lab.state().join("wrsynr/keys/1.json").into_os_string().into_string().unwrap();
    let told = lab.ok(&["generate", "in.csv", "--key-file", &key]);
    assert!(told.starts_with("project   wrsynr, key 1 as given\n"), "{told}");
    let url = lab.urls("in.success.csv").remove(0);
    assert_eq!(json(&lab.ok(&["open", &url]))["key_version"], 1);
    lab.run(&["generate", "in.csv", "--force", "--key-file", &key, "--project", "other"])
        .fails(1, "the key belongs to project wrsynr, not to other");
}

#[test]
fn the_environment_gives_key_and_project() {
    let lab = Lab::with_people();
    let run = |arguments: &[&str]| {
        let mut command = lab.command(arguments);
        command.env("SMARTPASS_KEY", KEY).env("SMARTPASS_PROJECT", "wrsynr");
        crate::support::finish(command.output().unwrap())
    };
    run(&["generate", "in.csv"]).expect(0);
    let url = lab.urls("in.success.csv").remove(2);
    assert_eq!(json(&run(&["open", &url]).expect(0))["fields"]["surname"], "O'Neil, Jr");
    run(&["verify", "in.csv", "in.success.csv"]).expect(0);
}

#[test]
fn a_key_that_is_none_is_refused_without_being_shown() {
    let lab = Lab::with_people();
    for (name, key, message) in [
        ("short.hex", &KEY[..62], "the key is not valid (expected 64 hexadecimal digits)"),
        ("letters", "not a key at all", "the key is not valid (expected 64 hexadecimal digits)"),
        ("empty", "", "the key is not valid (expected 64 hexadecimal digits)"),
        (
            "broken.json",
            "{\"project\": \"wrsynr\", \"key\": \"000102",
            "the key looks like one of our key files, but is damaged (bring it back from a backup)",
        ),
    ] {
        lab.write(name, key);
        lab.run(&["generate", "in.csv", "--project", "wrsynr", "--key-file", name]).fails(1, message);
    }
    lab.run(&["generate", "in.csv", "--key-file", "none.hex"])
        .fails(1, "cannot read the key file none.hex: No such file or directory (os error 2)");
    lab.write("short.hex", "0011");
    lab.run(&["generate", "in.csv", "--link", "passkit-hashed", "--key-file", "short.hex"])
        .fails(1, "the key is not valid (expected 32, 48 or 64 hexadecimal digits, as PassKit shows it)");
}

#[test]
fn a_project_that_is_not_here_is_never_made_by_accident() {
    let lab = Lab::with_people();
    let message = "project wrsynr has no key in ~/state (bring it with: smartpass project import FILE, \
                   make one with: smartpass project new wrsynr, or give --key-file)";
    for command in [
        &["generate", "in.csv"][..],
        &["generate", "in.csv", "--dry-run"],
        &["key", "list"],
        &["key", "rotate"],
        &["project", "export"],
    ] {
        lab.run(&[command, &["--project", "wrsynr"]].concat()).fails(1, message);
    }
    assert!(!lab.state().exists());
}

#[test]
fn after_a_rotation_new_links_have_the_new_key_and_old_ones_still_open() {
    let lab = Lab::with_people();
    lab.ok(&["generate", "in.csv"]);
    let old = lab.urls("in.success.csv").remove(0);
    let told = lab.ok(&["key", "rotate"]);
    let expected = "key 2 of project local seals from now on; older ones still open\n\
                    back it up: smartpass project export --project local\n";
    assert_eq!(told, expected);
    lab.ok(&["generate", "in.csv", "--force"]);
    let new = lab.urls("in.success.csv").remove(0);
    assert_eq!(json(&lab.ok(&["open", &old]))["key_version"], 1);
    assert_eq!(json(&lab.ok(&["open", &new]))["key_version"], 2);
    assert_eq!(lab.ok(&["key", "list"]), "   1  retired: opens\n   2  active: seals and opens\n");
    let listed = json(&lab.ok(&["key", "list", "--json"]));
    assert_eq!(listed, json(r#"[{"version": 1, "active": false}, {"version": 2, "active": true}]"#));
    assert_ne!(stored_key(&lab, "local", 1), stored_key(&lab, "local", 2));
}

#[test]
fn no_command_prints_a_key() {
    let lab = Lab::with_people();
    lab.ok(&["generate", "in.csv"]);
    lab.write("pass.txt", "correct horse");
    let url = lab.urls("in.success.csv").remove(0);
    let key = stored_key(&lab, "local", 1);
    let key_path = lab.state().join("local/keys/1.json").into_os_string().into_string().unwrap();
    for arguments in [
        &["generate", "in.csv", "--force", "--json"][..],
        &["generate", "in.csv", "--key-file", &key_path, "--project", "other"],
        &["open", &url],
        &["open", &url, "--key-file", &key_path],
        &["verify", "in.csv", "in.success.csv", "--exact", "--json"],
        &["key", "list", "--json"],
        &["project", "list", "--json"],
        &["project", "export", "--passphrase-file", "pass.txt"],
        &["project", "import", &key_path, "--passphrase-file", "pass.txt"],
        &["template", "check", &key_path],
        &["generate", &key_path, "--out", "x.csv"],
    ] {
        let run = lab.run(arguments);
        assert!(!run.out.contains(&key) && !run.err.contains(&key), "{arguments:?}");
    }
    for name in lab.names() {
        let bytes = lab.read(&name);
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "{name} holds the key");
    }
}

#[test]
fn a_revoked_keys_links_say_so_and_a_destroyed_keys_links_are_nobodys() {
    let lab = Lab::with_people();
    lab.ok(&["generate", "in.csv"]);
    let url = lab.urls("in.success.csv").remove(0);
    lab.ok(&["admin", "key", "retire", "local", "1"]);
    assert_eq!(lab.ok(&["admin", "key", "list", "local"]), "   1  retired: opens\n");
    assert_eq!(json(&lab.ok(&["open", &url]))["key_version"], 1);
    lab.run(&["generate", "in.csv", "--force"])
        .fails(1, "project local has no active key (make one with: smartpass key rotate --project local)");

    lab.ok(&["admin", "key", "revoke", "local", "1"]);
    for arguments in [&["open", &url][..], &["open", &url, "--project", "local"]] {
        lab.run(arguments).fails(1, "the link has been revoked, with its key");
    }
    lab.run(&["admin", "key", "retire", "local", "1"]).fails(1, "key 1 of project local is revoked already");
    lab.ok(&["key", "rotate"]);
    lab.ok(&["generate", "in.csv", "--force"]);

    lab.ok(&["admin", "key", "destroy", "local", "1"]);
    lab.run(&["open", &url]).fails(1, "this is not a link of the project");
    assert!(!lab.state().join("local/keys/1.json").exists());
    let listed = lab.ok(&["key", "list"]);
    assert_eq!(listed, "   1  destroyed: gone\n   2  active: seals and opens\n");
}

#[test]
fn the_states_of_keys_move_with_their_project() {
    let lab = Lab::with_people();
    lab.ok(&["generate", "in.csv"]);
    lab.ok(&["key", "rotate"]);
    lab.ok(&["admin", "key", "revoke", "local", "1"]);
    lab.write("pass.txt", "correct horse");
    let options = ["--passphrase-file", "pass.txt", "--out", "local.age"];
    lab.ok(&[&["admin", "project", "export", "local"][..], &options].concat());
    let other = Lab::with(&[("local.age", &lab.read("local.age")), ("pass.txt", b"correct horse")]);
    other.ok(&["project", "import", "local.age", "--passphrase-file", "pass.txt"]);
    assert_eq!(other.ok(&["key", "list"]), "   1  revoked: opens nothing\n   2  active: seals and opens\n");
}

#[test]
fn an_api_key_is_made_for_a_project_that_is_there() {
    let lab = Lab::new();
    lab.run(&["admin", "api-key", "new", "nobody"]).fails(1, "project nobody is missing");
}

#[test]
fn the_keys_of_a_service_are_its_own_and_only_their_owner_can_read_them() {
    let lab = Lab::new();
    let derive = |service| lab.ok(&["admin", "key", "derive", "--for", service]);
    assert!(derive("encoder-worker").contains("link = ") && derive("encoder-worker").contains("job-data = "));
    for service in ["producer", "tracker"] {
        assert!(!derive(service).contains("link = "), "{service} opens no link");
    }
    assert_eq!(derive("tracker"), derive("tracker"), "derived, not drawn");
    lab.ok(&["admin", "key", "derive", "--for", "tracker", "--out", "tracker.keys"]);
    assert_eq!((lab.text("tracker.keys"), lab.mode("tracker.keys")), (derive("tracker"), 0o600));
    let again = lab.run(&["admin", "key", "derive", "--for", "tracker", "--out", "tracker.keys"]);
    again.fails(1, "tracker.keys exists already (choose another name)");
    let serve = ["serve", "--target", "encoder-worker", "--wrapping-keys-file", "tracker.keys"];
    lab.run(&serve).fails(
        1,
        "this process was not given the wrapping key for \"link\" (make its keys with: smartpass admin key derive \
         --for SERVICE)",
    );
}
