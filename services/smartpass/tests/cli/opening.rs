//! `open`: what a link carries, one answer for every bad one, and help where something is missing here.

use crate::support::{CLUB, Lab, json};

const BAD: &str = "this is not a link of the project";

fn lab_with_link() -> (Lab, String) {
    let lab = Lab::with_people();
    lab.generate(&["in.csv"], 0);
    let url = lab.urls("in.success.csv").remove(1);
    (lab, url)
}

#[test]
fn a_link_is_told_as_json_from_its_url_or_its_token() {
    let (lab, url) = lab_with_link();
    let mut opened = json(&lab.ok(&["open", &url]));
    assert_eq!(json(&lab.ok(&["open", url.rsplit('/').next().unwrap()])), opened);
    assert_eq!(opened["batch_id"].take().as_str().unwrap().len(), 16);
    let expected = r#"{"project": "local", "template": {"code": "in", "number": 1}, "link": "encrypted",
        "key_version": 1, "batch_id": null, "row": 2, "expires": null, "expired": false,
        "fields": {"surname": "Smith", "city": "Bath", "points": "7"}}"#;
    assert_eq!(opened, json(expected));
}

#[test]
fn a_blank_cell_is_null() {
    let lab = Lab::with(&[("in.csv", b"surname,city\nSmith,\nJones,\"\"\n")]);
    lab.generate(&["in.csv"], 0);
    for url in lab.urls("in.success.csv") {
        assert_eq!(json(&lab.ok(&["open", &url]))["fields"]["city"], json("null"));
    }
}

/// Nobody can make an expired link any more, so it comes from the link format's vectors.
#[test]
fn an_expired_link_is_told_with_what_it_carries() {
    let vectors = include_str!("../../../../schemas/link-v1-vectors.json");
    let vectors = json(vectors)["valid"].take();
    let is_expired = |vector: &&serde_json::Value| {
        (1..50_000).contains(&vector["expires_hours"].as_u64().unwrap())
            && vector["key_version"] == 1
            && vector["template_number"] == 1
    };
    let vector = vectors.as_array().unwrap().iter().find(is_expired).unwrap();
    let project = vector["project"].as_str().unwrap();
    let lab = Lab::new();
    lab.write("key.hex", vector["project_key"].as_str().unwrap());
    lab.write("club.json", serde_json::json!({"code": "club", "fields": vector["fields"]}).to_string());
    lab.ok(&["project", "new", project]);
    lab.ok(&["template", "publish", "club.json", "--project", project]);
    let token = vector["token"].as_str().unwrap();
    let opened = json(&lab.ok(&["open", token, "--project", project, "--key-file", "key.hex"]));
    assert_eq!(opened["expired"], true);
    assert!(opened["expires"].as_str().unwrap().starts_with("202"));
    let values: Vec<_> = opened["fields"].as_object().unwrap().values().cloned().collect();
    assert_eq!(values, *vector["values"].as_array().unwrap());
}

#[test]
fn every_bad_token_gets_the_same_answer() {
    let (lab, url) = lab_with_link();
    let token = url.rsplit('/').next().unwrap();
    let mut bad: Vec<String> =
        ["", "x", "not a token", "https://example.com/", "....", "EAEB", "ü"].map(str::to_owned).to_vec();
    bad.push(token[1..].to_owned());
    bad.push(token[..token.len() - 1].to_owned());
    bad.push(format!("{token}="));
    bad.push("A".repeat(10_000));
    for index in (0..token.len()).step_by(7) {
        let other = if token.as_bytes()[index] == b'A' { "B" } else { "A" };
        bad.push(format!("{}{other}{}", &token[..index], &token[index + 1..]));
    }
    for project in [&[][..], &["--project", "local"]] {
        for token in &bad {
            lab.run(&[&["open", token][..], project].concat()).fails(1, BAD);
        }
    }
}

#[test]
fn the_right_project_among_several_is_found() {
    let lab = Lab::with_people();
    lab.write("club.toml", CLUB);
    let mut links = Vec::new();
    for project in ["alpha", "beta", "gamma"] {
        lab.ok(&["project", "new", project]);
        lab.generate(&["in.csv", "--project", project, "--template", "club.toml", "--force"], 0);
        links.push((project, lab.urls("in.success.csv").remove(0)));
    }
    for (project, url) in &links {
        assert_eq!(json(&lab.ok(&["open", url]))["project"], *project);
        assert_eq!(json(&lab.ok(&["open", url, "--project", project]))["project"], *project);
    }
    lab.run(&["open", &links[0].1, "--project", "beta"]).fails(1, BAD);
}

#[test]
fn a_missing_project_key_or_template_is_told_apart_from_a_bad_link() {
    let (lab, url) = lab_with_link();
    lab.run(&["open", &url, "--project", "other"]).fails(
        1,
        "project other has no key in ~/state (bring it with: smartpass project import FILE, \
         make one with: smartpass project new other, or give --key-file)",
    );
    lab.ok(&["project", "new", "other"]);
    lab.run(&["open", &url, "--project", "other"]).fails(
        1,
        "project other has no template here, and links are read with theirs \
         (bring it with: smartpass project import FILE)",
    );
    assert_eq!(
        json(&lab.ok(&["open", &url]))["project"],
        "local",
        "a project without templates is passed over"
    );
    std::fs::remove_dir_all(lab.state().join("local")).unwrap();
    lab.run(&["open", &url]).fails(
        1,
        "no project with a key and a template is in ~/state (bring one with: smartpass project import FILE)",
    );
}

#[test]
fn a_damaged_state_file_is_named_and_a_stray_file_is_passed_over() {
    let (lab, url) = lab_with_link();
    std::fs::write(lab.state().join("notes"), "mine").unwrap();
    lab.ok(&["open", &url]);
    let key = lab.state().join("local/keys/1.json");
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, &text[..text.len() - 9]).unwrap();
    let run = lab.run(&["open", &url]);
    run.fails_with(1, "state/local/keys/1.json is damaged (bring it back from a backup)");
}
