//! `generate`: mapping, expiry, kinds of links.

use crate::support::{CLUB, Lab, PEOPLE, json};

fn first_link(lab: &Lab) -> serde_json::Value {
    let url = lab.urls("in.success.csv").remove(0);
    json(&lab.ok(&["open", &url]))
}

#[test]
fn map_names_the_field_of_an_inferred_template() {
    let lab = Lab::with_people();
    let told = lab.ok(&["generate", "in.csv", "--map", "surname=person.surname"]);
    assert!(told.contains("\n          surname is person.surname\n"), "{told}");
    let fields = json(r#"{"person.surname": "Müller", "city": "Ulm", "points": "12"}"#);
    assert_eq!(first_link(&lab)["fields"], fields);
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact", "--map", "surname=person.surname"]);
}

#[test]
fn map_feeds_a_field_of_a_given_template() {
    let lab = Lab::with_people();
    lab.publish_club("name = 'surname'", "name = 'person.surname'");
    lab.run(&["generate", "in.csv", "--template", "club"])
        .fails(1, "no column for required person.surname (perhaps --map 'surname=person.surname')");
    lab.ok(&["generate", "in.csv", "--template", "club", "--map", "city=person.surname"]);
    assert_eq!(first_link(&lab)["fields"], json(r#"{"person.surname": "Ulm", "points": "12"}"#));
}

#[test]
fn a_map_that_names_nothing_is_refused_with_the_likely_name() {
    let lab = Lab::with_people();
    lab.publish_club("", "");
    let run = |map: &str| lab.run(&["generate", "in.csv", "--template", "club", "--map", map]);
    run("Points=points").fails(1, "the file has no column \"Points\" (did you mean \"points\"?)");
    run("points=Points").fails(1, "the template has no field \"Points\" (did you mean \"points\"?)");
    lab.run(&["generate", "in.csv", "--map", "city=points"])
        .fails(64, "two columns would feed field \"points\" (give --map one of them, or another field)");
    assert_eq!(lab.names(), ["club.toml", "in.csv"]);
}

#[test]
fn a_template_that_nothing_feeds_is_refused() {
    let lab = Lab::with(&[
        ("in.csv", b"a,b\n1,2\n"),
        ("club.toml", CLUB.replace("required = true", "").as_bytes()),
    ]);
    lab.run(&["generate", "in.csv", "--template", "club.toml"])
        .fails(1, "no column of the file feeds a field of template \"club\" (see: smartpass template check)");
    lab.run(&["generate", "in.csv", "--template", "other"]).fails(
        1,
        "project local has no template \"other\" \
         (it has none yet; publish one with: smartpass template publish)",
    );
    assert!(!lab.state().exists());
}

#[test]
fn links_expire_when_they_are_told_to() {
    let lab = Lab::with_people();
    for (when, at) in [
        ("2099-06-30", "2099-07-01T00:00:00Z"),
        ("2099-06-30T12:00:00Z", "2099-06-30T12:00:00Z"),
        ("2099-06-30T12:00:01+02:00", "2099-06-30T11:00:00Z"),
    ] {
        let summary = lab.generate(&["in.csv", "--force", "--expires", when], 0);
        assert_eq!(summary["expires"], at);
        assert_eq!((&first_link(&lab)["expires"], &first_link(&lab)["expired"]), (&at.into(), &false.into()));
        lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
    }
    for when in ["90d", "12h"] {
        let summary = lab.generate(&["in.csv", "--force", "--expires", when], 0);
        assert!(summary["expires"].as_str().unwrap().ends_with(":00:00Z"));
    }
    lab.generate(&["in.csv", "--force"], 0);
    assert_eq!(first_link(&lab)["expires"], json("null"));
}

#[test]
fn a_time_that_has_passed_or_is_none_is_wrong_usage() {
    let lab = Lab::with_people();
    for when in ["2021-01-01", "1999-12-31", "2024-06-30T12:00:00Z"] {
        lab.run(&["generate", "in.csv", "--expires", when])
            .fails(64, &format!("--expires {when:?} has passed already (expected a time to come)"));
    }
    for when in ["soon", "0d", "-5d", "2027-02-30", "99999999999999d", "5m", ""] {
        lab.run(&["generate", "in.csv", &format!("--expires={when}")]).fails(
            64,
            &format!("--expires {when:?} is no time (expected 90d, 12h, 2027-06-30 or 2027-06-30T12:00:00Z)"),
        );
    }
    assert_eq!(lab.names(), ["in.csv"]);
}

#[test]
fn signed_links_need_the_templates_permission() {
    let lab = Lab::with_people();
    lab.publish_club("", "");
    lab.run(&["generate", "in.csv", "--link", "signed"]).fails(
        64,
        "signed links can be read by everybody, so a template has to allow them: put signed = true under \
         [link] in one (smartpass template infer IN > F makes it) and give it with --template F",
    );
    let arguments = ["generate", "in.csv", "--template", "club", "--link", "signed"];
    lab.run(&arguments).fails(
        1,
        "template \"club\" does not allow signed links, which everybody can read \
         (put signed = true under [link] and publish it)",
    );
    assert_eq!(lab.names(), ["club.toml", "in.csv"]);
    lab.publish_club("code = 'club'\n", "code = 'club'\n[link]\nsigned = true\n");
    lab.ok(&arguments);
    let link = first_link(&lab);
    assert_eq!((&link["link"], &link["template"]["number"]), (&"signed".into(), &2.into()));
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}

#[test]
fn the_column_of_links_has_the_name_that_it_is_given() {
    let lab = Lab::with_people();
    lab.ok(&["generate", "in.csv", "--column", "dein Link"]);
    assert!(lab.text("in.success.csv").starts_with("surname,city,points,dein Link\n"));
    lab.ok(&["verify", "in.csv", "in.success.csv", "--exact"]);
}

#[test]
fn passkit_links_open_with_the_passkit_key_alone() {
    let text = "surname,city\n M\u{fc}ller ,\"Ulm, \"\"D\"\"\"\nSmith,Bath\n";
    let key = "000102030405060708090a0b0c0d0e0f";
    for kind in ["passkit-encrypted", "passkit-hashed", "passkit-hashed-sha1"] {
        let lab = Lab::with(&[("in.csv", text.as_bytes()), ("key.hex", format!("{key}\n").as_bytes())]);
        let url = "https://pub1.pskt.io/c/abc";
        let told = lab.ok(&["generate", "in.csv", "--link", kind, "--key-file", "key.hex", "--url", url]);
        assert!(told.starts_with(&format!("links     {kind}, {url}?data=…\n")), "{told}");
        assert!(!lab.state().exists(), "PassKit links need no project of ours");

        let link = lab.urls("in.success.csv").remove(0);
        let opened = json(&lab.ok(&["open", &link, "--key-file", "key.hex"]));
        assert_eq!(opened["fields"], json(r#"{"city": "Ulm, \"D\"", "surname": "Müller"}"#));
        assert_eq!(opened["link"], kind.trim_end_matches("-sha1"));
        lab.ok(&["verify", "in.csv", "in.success.csv", "--key-file", "key.hex"]);
        lab.run(&["verify", "in.csv", "in.success.csv", "--key-file", "key.hex", "--exact"]).fails(
            64,
            "--exact takes the batch id from a v1 link, and there is none in SUCCESS (leave it out)",
        );

        let swapped = lab.urls("in.success.csv");
        let text = lab.text("in.success.csv");
        let text = text.replace(&swapped[0], "#").replace(&swapped[1], &swapped[0]).replace('#', &swapped[1]);
        lab.write("swapped.csv", text);
        lab.run(&["verify", "in.csv", "swapped.csv", "--key-file", "key.hex"])
            .fails(1, "row 1, line 2 of IN: the link does not carry the row's values (I2)");
        lab.run(&["open", &link]).fails(
            64,
            "a PassKit link opens with the PassKit project's key: give --key-file or SMARTPASS_KEY",
        );
    }
}

#[test]
fn passkit_links_take_no_template() {
    let lab = Lab::with(&[("in.csv", PEOPLE.as_bytes()), ("key.hex", b"000102030405060708090a0b0c0d0e0f")]);
    let run = |option: &str, value: &str| {
        lab.run(&["generate", "in.csv", "--link", "passkit-hashed", "--key-file", "key.hex", option, value])
    };
    let message = "PassKit links carry all columns as they are: --template, --map and --expires do not apply";
    run("--template", "club").fails(64, message);
    run("--map", "surname=a").fails(64, message);
    run("--expires", "90d").fails(64, message);
}
