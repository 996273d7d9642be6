//! `template`: propose, check, publish, show, list, diff.

use crate::support::{CLUB, Lab, PEOPLE, json};

#[test]
fn infer_prints_a_template_that_fits_its_file() {
    let text = "person.surname,dob,vip,score,id\nMüller,1986-12-01,true,-0.5,12\nSmith,,false,3,-7\n";
    let lab = Lab::with(&[("My Members (new).csv", text.as_bytes())]);
    let toml = lab.ok(&["template", "infer", "My Members (new).csv"]);
    assert!(toml.starts_with("code = \"my-members--new\"\n"), "{toml}");
    lab.write("club.toml", lab.ok(&["template", "infer", "My Members (new).csv", "--code", "club"]));
    assert_eq!(lab.ok(&["template", "check", "club.toml"]), "club: 5 fields\n");
    lab.ok(&["template", "publish", "club.toml"]);
    let schema = "person.surname\tstring\trequired\ndob\tdate\toptional\nvip\tboolean\trequired\n\
                  score\tdecimal\trequired\nid\tinteger\trequired\n";
    assert_eq!(lab.ok(&["template", "show", "club", "--schema-text"]), schema);
    lab.generate(&["My Members (new).csv", "--template", "club"], 0);
    lab.run(&["template", "infer", "My Members (new).csv", "--code", "No Code"])
        .fails_with(1, "template code \"No Code\" is not valid (expected 1 to 64 of a-z, 0-9, - and _");
}

#[test]
fn infer_of_a_pipe_gives_optional_strings() {
    let lab = Lab::new();
    let toml = lab.run_piped(&["template", "infer", "-"], PEOPLE.as_bytes()).expect(0);
    lab.write("t.toml", toml);
    lab.ok(&["template", "publish", "t.toml"]);
    let schema = "surname\tstring\toptional\ncity\tstring\toptional\npoints\tstring\toptional\n";
    assert_eq!(lab.ok(&["template", "show", "template", "--schema-text"]), schema);
}

#[test]
fn check_shows_which_column_feeds_which_field() {
    let template = "code = 'club'\n[aliases]\n'Stadt' = 'meta.city'\n\
        [[fields]]\nname = 'person.emailAddress'\ntype = 'email'\n\
        [[fields]]\nname = 'meta.city'\ntype = 'string'\n\
        [[fields]]\nname = 'points'\ntype = 'integer'\n\
        [[fields]]\nname = 'person.surname'\ntype = 'string'\n";
    let lab = Lab::with(&[
        ("in.csv", b"person.email,Stadt,points,Surname,shoe\na@b.example,Ulm,1,Smith,44\n"),
        ("club.toml", template.as_bytes()),
    ]);
    let expected = "person.email -> person.emailAddress   (another name for it)\n\
        Stadt -> meta.city   (another name for it)\n\
        points -> points\n\
        Surname stays out of the links (perhaps --map 'Surname=person.surname')\n\
        shoe stays out of the links\n\
        person.surname has no column: it will be blank\n";
    assert_eq!(lab.ok(&["template", "check", "club.toml", "in.csv"]), expected);
    let mapped = ["template", "check", "club.toml", "in.csv", "--map", "Surname=person.surname"];
    assert!(lab.ok(&mapped).contains("Surname -> person.surname   (as you chose)\n"));
    let report = json(&lab.ok(&["template", "check", "club.toml", "in.csv", "--json"]));
    assert_eq!(report["template"], "club");
    assert_eq!(report["unmapped"][0], json(r#"{"column": "Surname", "suggestion": "person.surname"}"#));
    assert_eq!(report["mapped"][0]["matched_by"], "alias");
    assert!(!lab.state().exists(), "a check publishes nothing");
}

#[test]
fn check_refuses_what_generate_would() {
    let lab = Lab::with(&[("in.csv", b"a,b\n1,2\n"), ("club.toml", CLUB.as_bytes())]);
    lab.run(&["template", "check", "club.toml", "in.csv"]).fails(1, "no column for required surname");
    lab.write("club.toml", CLUB.replace("required = true", "required = maybe"));
    let run = lab.run(&["template", "check", "club.toml"]);
    run.fails_with(1, "smartpass: club.toml: the template cannot be read: ");
    lab.run(&["template", "check", "none.toml"])
        .fails(1, "cannot read none.toml: No such file or directory (os error 2)");
}

#[test]
fn publishing_numbers_what_is_new_and_only_that() {
    let lab = Lab::new();
    lab.write("club.toml", CLUB);
    let told = lab.ok(&["template", "publish", "club.toml"]);
    assert_eq!(told, "published club as number 1 of project local\n");
    let told = lab.ok(&["template", "publish", "club.toml"]);
    assert_eq!(told, "club is published already, as number 1: nothing changed\n");
    lab.write("other.toml", CLUB.replace("'club'", "'other'"));
    lab.ok(&["template", "publish", "other.toml"]);
    lab.write("club.toml", CLUB.replace("'points'", "'score'"));
    let told = lab.ok(&["template", "publish", "club.toml"]);
    assert!(
        told.starts_with("published club as number 3 of project local\n  older links, if shown with it: ")
    );
    assert!(told.contains("surname: same") && told.contains("score: "), "{told}");
    let again = json(&lab.ok(&["template", "publish", "club.toml", "--json"]));
    assert_eq!(again, json(r#"{"code": "club", "number": 3, "new": false, "older_links": null}"#));

    let expected = "number  code                     fields\n     1  club                     2\n     \
                    2  other                    2\n     3  club                     2\n";
    assert_eq!(lab.ok(&["template", "list"]), expected);
    let listed = json(&lab.ok(&["template", "list", "--json"]));
    assert_eq!(listed[1], json(r#"{"number": 2, "code": "other", "fields": 2}"#));
}

#[test]
fn show_finds_the_newest_or_the_numbered_version() {
    let lab = Lab::new();
    lab.publish_club("", "");
    lab.publish_club("'points'", "'score'");
    let newest = lab.ok(&["template", "show", "club"]);
    assert!(newest.starts_with("# number 2\ncode = \"club\"\n") && newest.contains("\"score\""), "{newest}");
    lab.write("again.toml", &newest);
    let told = lab.ok(&["template", "publish", "again.toml"]);
    assert_eq!(
        told, "club is published already, as number 2: nothing changed\n",
        "what is shown can be published"
    );
    assert!(lab.ok(&["template", "show", "club", "--number", "1"]).contains("\"points\""));
    let schema = "surname\tstring\trequired\npoints\tinteger\toptional\n";
    assert_eq!(lab.ok(&["template", "show", "club", "--number", "1", "--schema-text"]), schema);
    assert_eq!(json(&lab.ok(&["template", "show", "club", "--json"]))["number"], 2);
    lab.run(&["template", "show", "club", "--number", "3"])
        .fails(1, "template \"club\" has no version number 3 (see: smartpass template list)");
    lab.run(&["template", "show", "glub"]).fails(
        1,
        "project local has no template \"glub\" \
         (it has club; publish one with: smartpass template publish)",
    );
}

#[test]
fn diff_tells_what_older_links_will_show() {
    let lab = Lab::new();
    lab.publish_club("", "");
    lab.write("new.toml", CLUB.replace("'points'", "'score'"));
    let told = lab.ok(&["template", "diff", "club", "new.toml"]);
    assert!(told.contains("surname: same\n"), "{told}");
    assert_eq!(lab.ok(&["template", "diff", "1", "new.toml"]), told);
    let changes = json(&lab.ok(&["template", "diff", "1", "new.toml", "--json"]));
    assert_eq!(changes[0], json(r#"{"field": "surname", "text": "surname: same"}"#));
    lab.run(&["template", "diff", "1", "7"]).fails_with(1, "project local has no template number 7");
}

#[test]
fn a_published_version_never_changes() {
    let lab = Lab::with_people();
    lab.publish_club("", "");
    let file = lab.state().join("local/templates/1.json");
    let before = std::fs::read(&file).unwrap();
    lab.publish_club("'points'", "'score'");
    lab.generate(&["in.csv", "--template", "club.toml", "--map", "points=score"], 0);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn an_inferred_template_is_as_valid_as_a_written_one() {
    let name = "x".repeat(600);
    let lab = Lab::with(&[("in.csv", format!("{name}\nvalue\n").as_bytes())]);
    let run = lab.run(&["generate", "in.csv"]);
    run.fails_with(1, "not a field name (expected 1 to 512 bytes without control characters)");
    assert_eq!(lab.names(), ["in.csv"]);
    assert!(!lab.state().exists());
}
