//! `project`: making, listing, exporting and importing.

use crate::support::{Lab, json, names_in};

const PASSPHRASE: [&str; 2] = ["--passphrase-file", "pass.txt"];

/// A project with two keys and two templates, a link of each, and its export in `wrsynr.smartpass.age`.
fn exported() -> (Lab, Vec<String>) {
    let lab = Lab::with_people();
    lab.write("pass.txt", "correct horse battery staple\n");
    lab.write("seats.csv", "seat,row\n12,F\n");
    lab.ok(&["project", "new", "wrsynr"]);
    lab.ok(&["generate", "in.csv", "--project", "wrsynr"]);
    lab.ok(&["key", "rotate", "--project", "wrsynr"]);
    lab.ok(&["generate", "seats.csv", "--project", "wrsynr"]);
    let links = ["in.success.csv", "seats.success.csv"].map(|name| lab.urls(name).remove(0));
    let told = lab.ok(&[&["project", "export", "--project", "wrsynr"], &PASSPHRASE[..]].concat());
    assert_eq!(told, "wrote wrsynr.smartpass.age: keep it and its passphrase apart, and lose neither\n");
    (lab, links.to_vec())
}

/// Another machine, to which the exported file and its passphrase were brought.
fn elsewhere(lab: &Lab) -> Lab {
    let other = Lab::new();
    other.write("wrsynr.smartpass.age", lab.read("wrsynr.smartpass.age"));
    other.write("pass.txt", "correct horse battery staple\n");
    other
}

fn import(lab: &Lab) -> crate::support::Run {
    lab.run(&[&["project", "import", "wrsynr.smartpass.age"], &PASSPHRASE[..]].concat())
}

#[test]
fn links_of_two_templates_open_under_another_home() {
    let (lab, links) = exported();
    let other = elsewhere(&lab);
    assert_eq!(import(&other).expect(0), "imported project wrsynr: 2 new keys, 2 new template versions\n");
    let opened = links.iter().map(|link| json(&other.ok(&["open", link]))).collect::<Vec<_>>();
    assert_eq!(opened[0]["fields"], json(r#"{"surname": "Müller", "city": "Ulm", "points": "12"}"#));
    assert_eq!(opened[1]["fields"], json(r#"{"seat": "12", "row": "F"}"#));
    assert_eq!((&opened[0]["key_version"], &opened[1]["key_version"]), (&1.into(), &2.into()));
    other.write("in.csv", crate::support::PEOPLE);
    other.write("in.success.csv", lab.read("in.success.csv"));
    other.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);

    assert_eq!(import(&other).expect(0), "imported project wrsynr: 0 new keys, 0 new template versions\n");
    let again = other.generate(&["in.csv", "--project", "wrsynr", "--force"], 0);
    assert_eq!((&again["template"]["number"], &again["key_version"]), (&1.into(), &2.into()));
}

#[test]
fn the_exported_file_holds_nothing_in_clear_and_is_for_its_owner_alone() {
    let (lab, _) = exported();
    let sealed = lab.read("wrsynr.smartpass.age");
    let key = std::fs::read_to_string(lab.state().join("wrsynr/keys/1.json")).unwrap();
    let key = json(&key)["key"].as_str().unwrap().to_owned();
    let raw: Vec<u8> = key
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    for clear in [key.as_bytes(), &raw, b"surname", b"wrsynr", b"template", b"correct horse"] {
        assert!(!sealed.windows(clear.len()).any(|window| window == clear), "{clear:?}");
    }
    assert!(sealed.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert_eq!(lab.mode("wrsynr.smartpass.age"), 0o600);
}

#[test]
fn an_import_that_contradicts_what_is_here_writes_nothing() {
    let (lab, _) = exported();
    let other = elsewhere(&lab);
    other.ok(&["project", "new", "wrsynr"]);
    import(&other).fails(1, "key 1 of project wrsynr is another one here: nothing was imported");
    assert_eq!(names_in(&other.state().join("wrsynr")), ["keys"]);
    assert_eq!(names_in(&other.state().join("wrsynr/keys")), ["1.json"]);

    let other = elsewhere(&lab);
    std::fs::create_dir_all(other.state().join("wrsynr/keys")).unwrap();
    let key = std::fs::read(lab.state().join("wrsynr/keys/1.json")).unwrap();
    std::fs::write(other.state().join("wrsynr/keys/1.json"), key).unwrap();
    other.write("other.toml", crate::support::CLUB);
    other.ok(&["template", "publish", "other.toml", "--project", "wrsynr"]);
    import(&other).fails(1, "template number 1 of project wrsynr is another one here: nothing was imported");
    assert_eq!(names_in(&other.state().join("wrsynr/keys")), ["1.json"]);
    assert_eq!(names_in(&other.state().join("wrsynr/templates")), ["1.json"]);
}

#[test]
fn a_wrong_passphrase_and_a_damaged_file_are_one_answer_and_write_nothing() {
    let (lab, _) = exported();
    let message = "wrsynr.smartpass.age does not open: not an exported project, or another passphrase";
    let other = elsewhere(&lab);
    other.write("pass.txt", "wrong horse");
    import(&other).fails(1, message);
    let other = elsewhere(&lab);
    let mut sealed = lab.read("wrsynr.smartpass.age");
    *sealed.last_mut().unwrap() ^= 1;
    other.write("wrsynr.smartpass.age", sealed);
    import(&other).fails(1, message);
    other.write("wrsynr.smartpass.age", "not age at all");
    import(&other).fails(1, message);
    assert!(!other.state().exists());
    other.write("pass.txt", "\n");
    import(&other).fails(1, "the passphrase is empty");
    other
        .run(&["project", "import", "nothing.age"])
        .fails(1, "cannot open nothing.age: No such file or directory (os error 2)");
}

#[test]
fn the_passphrase_may_come_from_the_environment() {
    let (lab, _) = exported();
    let other = elsewhere(&lab);
    let mut command = other.command(&["project", "import", "wrsynr.smartpass.age"]);
    command.env("SMARTPASS_PASSPHRASE", "correct horse battery staple");
    crate::support::finish(command.output().unwrap()).expect(0);
}

#[test]
fn an_export_replaces_a_file_only_when_told() {
    let (lab, _) = exported();
    let before = lab.read("wrsynr.smartpass.age");
    let export = [&["project", "export", "--project", "wrsynr"], &PASSPHRASE[..]].concat();
    lab.run(&export)
        .fails(1, "wrsynr.smartpass.age exists already (use --force to replace it, or choose another name)");
    assert_eq!(lab.read("wrsynr.smartpass.age"), before);
    lab.ok(&[&export[..], &["--force"]].concat());
    assert_ne!(lab.read("wrsynr.smartpass.age"), before, "age draws fresh salt and keys");
}

#[test]
fn projects_are_made_once_and_listed() {
    let lab = Lab::new();
    assert_eq!(lab.ok(&["project", "list"]), "no projects in ~/state yet\n");
    assert_eq!(json(&lab.ok(&["project", "list", "--json"])), json("[]"));
    let told = lab.ok(&["project", "new", "wrsynr"]);
    let expected = "made project wrsynr with a new key in ~/state\n\
                    back it up: smartpass project export --project wrsynr\n";
    assert_eq!(told, expected);
    lab.run(&["project", "new", "wrsynr"])
        .fails(1, "project wrsynr exists already (a new key for it: smartpass key rotate --project wrsynr)");
    lab.run(&["project", "new", "No"]).fails_with(64, "3 to 32 lower-case letters and digits");
    lab.ok(&["project", "new", "abc"]);
    lab.ok(&["key", "rotate", "--project", "abc"]);
    let expected = "abc                               2 keys, 0 template versions\n\
                    wrsynr                            1 key, 0 template versions\n";
    assert_eq!(lab.ok(&["project", "list"]), expected);
    let listed = json(&lab.ok(&["project", "list", "--json"]));
    assert_eq!(listed[0], json(r#"{"project": "abc", "keys": 2, "templates": 0}"#));
}
