//! `generate`: which files it writes, what it says, and how it ends.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{Lab, PEOPLE, json, names_in};

/// People of whom the second has no proper number of points; fits [`crate::support::CLUB`].
const SOME_BAD: &str = "surname,city,points\nMüller,Ulm,12\nSmith,Bath,many\n";

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn with_nothing_but_a_file_it_works_and_says_what_it_chose() {
    let lab = Lab::with_people();
    let told = lab.ok(&["generate", "in.csv"]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "project   local, new key in ~/state    back up: smartpass project export");
    assert_eq!(lines[1], "template  in, inferred: 3 of 3 columns");
    let links = "links     encrypted, http://localhost:8080/local/…      set --url before you send them";
    assert_eq!(lines[2], links);
    assert!(
        lines[3].starts_with("rows 3   links 3   errors 0   ") && lines[3].ends_with(" rows/s"),
        "{told}"
    );
    assert_eq!(lines[4], "url       mean 86, max 90 characters: 1 SMS segment, QR version 6");
    assert_eq!(lines[5..], ["wrote     in.success.csv"]);
    assert_eq!(lab.names(), ["in.csv", "in.success.csv"]);

    let urls = lab.urls("in.success.csv");
    let expected = format!(
        "surname,city,points,smartUrl\nMüller,Ulm,12,{}\nSmith,Bath,7,{}\n\"O'Neil, Jr\",Cork,0,{}\n",
        urls[0], urls[1], urls[2]
    );
    assert_eq!(lab.text("in.success.csv"), expected);

    let second = lab.ok(&["generate", "in.csv", "--force", "--url", "https://pass.example/club/"]);
    let lines: Vec<&str> = second.lines().collect();
    assert_eq!(lines[0], "project   local, key 1");
    assert_eq!(lines[2], "links     encrypted, https://pass.example/club/…");
    assert!(lab.ok(&["template", "list"]).ends_with("     1  in                       3\n"));
}

#[test]
fn some_bad_rows_end_with_2_and_are_counted_by_kind() {
    let lab = Lab::with(&[("in.csv", SOME_BAD.as_bytes())]);
    lab.publish_club("", "");
    let told = lab.run(&["generate", "in.csv", "--template", "club"]).expect(2);
    assert!(told.contains("\nrows 2   links 1   errors 1   "), "{told}");
    assert!(told.contains("\n                  1  points: not of its type\n"), "{told}");
    assert!(
        told.contains("template  club, published: 2 of 3 columns\n          not in the links: city\n"),
        "{told}"
    );
    assert!(told.ends_with("wrote     in.success.csv, in.errors.csv\n"), "{told}");
    let reason = "row 2, line 3: points: \"\"many\"\" is not an integer (expected ";
    let errors = lab.text("in.errors.csv");
    assert!(
        errors.starts_with(&format!("surname,city,points,error\nSmith,Bath,many,\"{reason}")),
        "{errors}"
    );
}

#[test]
fn the_json_summary_has_these_keys() {
    let lab = Lab::with(&[("in.csv", SOME_BAD.as_bytes())]);
    lab.publish_club("", "");
    let summary = lab.generate(&["in.csv", "--template", "club", "--expires", "2099-12-31"], 2);
    let expected = [
        "project",
        "key_version",
        "new_key",
        "template",
        "link",
        "batch_id",
        "url",
        "expires",
        "rows",
        "links",
        "errors",
        "errors_by_kind",
        "url_length",
        "sms_segments",
        "qr_version",
        "seconds",
        "success_file",
        "errors_file",
        "dry_run",
    ];
    assert_eq!(keys(&summary), expected);
    assert_eq!(keys(&summary["template"]), ["code", "number", "origin", "mapped", "unmapped"]);
    assert_eq!(keys(&summary["url_length"]), ["mean", "p99", "max"]);
    assert_eq!(keys(&summary["errors_by_kind"][0]), ["field", "kind", "rows"]);
    assert_eq!(keys(&summary["template"]["mapped"][0]), ["column", "field", "matched_by"]);
    assert_eq!(summary["expires"], "2100-01-01T00:00:00Z");
    assert_eq!(
        (&summary["success_file"], &summary["errors_file"]),
        (&"in.success.csv".into(), &"in.errors.csv".into())
    );
}

#[test]
fn wrong_usage_ends_with_64() {
    let lab = Lab::with_people();
    for arguments in [
        &["generate"][..],
        &["nonsense"],
        &["generate", "in.csv", "--threads", "0"],
        &["generate", "in.csv", "--map", "surname"],
        &["generate", "in.csv", "--project", "No!"],
        &["generate", "in.csv", "--url", "ftp://example.com"],
        &["generate", "in.csv", "--url", "http://example.com"],
        &["generate", "in.csv", "--encoding", "latin"],
        &["generate", "in.csv", "--column", "a,b"],
        &["generate", "in.csv", "--column", "error"],
        &["generate", "in.csv", "--link", "passkit-encrypted"],
        &[],
    ] {
        let run = lab.run(arguments);
        assert_eq!(run.code, Some(64), "{arguments:?}: {}", run.err);
        assert!(run.out.is_empty() && !run.err.is_empty());
    }
    assert_eq!(lab.names(), ["in.csv"]);
    lab.run(&["generate", "-"])
        .fails(64, "reading standard input needs --out FILE to say where the links go");
}

#[test]
fn help_and_version_end_with_0_and_every_command_shows_an_example() {
    let lab = Lab::new();
    assert!(lab.ok(&["--help"]).contains("130  interrupted; no output was written"));
    assert!(lab.ok(&["--version"]).starts_with("smartpass "));
    for command in [
        &["generate"][..],
        &["open"],
        &["verify"],
        &["qr"],
        &["completions"],
        &["template", "infer"],
        &["template", "check"],
        &["template", "publish"],
        &["template", "show"],
        &["template", "list"],
        &["template", "diff"],
        &["project", "new"],
        &["project", "list"],
        &["project", "export"],
        &["project", "import"],
        &["key", "list"],
        &["key", "rotate"],
    ] {
        let help = lab.ok(&[command, &["--help"]].concat());
        assert!(help.contains("Example") && help.contains("smartpass "), "{command:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(lab.ok(&["completions", shell]).contains("smartpass"));
    }
}

#[test]
fn existing_outputs_are_kept_unless_forced() {
    for existing in ["in.success.csv", "in.errors.csv"] {
        let lab = Lab::with_people();
        lab.write(existing, "precious");
        lab.run(&["generate", "in.csv"]).fails(
            1,
            &format!("{existing} exists already (use --force to replace it, or choose another name)"),
        );
        assert_eq!(lab.text(existing), "precious");
        assert!(!lab.state().exists(), "nothing is published for a run that cannot be");
        lab.ok(&["generate", "in.csv", "--force"]);
        assert_eq!(lab.names(), ["in.csv", "in.success.csv"], "errors of an older run are gone");
        lab.ok(&["verify", "in.csv", "in.success.csv"]);
    }
}

#[test]
fn the_input_is_never_an_output() {
    let lab = Lab::with_people();
    symlink("in.csv", lab.path("link.csv")).unwrap();
    std::fs::hard_link(lab.path("in.csv"), lab.path("hard.csv")).unwrap();
    for name in ["in.csv", "./in.csv", "../lab/in.csv", "link.csv", "hard.csv"] {
        for option in ["--out", "--errors"] {
            lab.run(&["generate", "in.csv", option, name, "--force"])
                .fails(1, &format!("{option} {name} is the input itself (choose another name)"));
        }
    }
    assert_eq!(lab.text("in.csv"), PEOPLE);
    assert_eq!(lab.names(), ["hard.csv", "in.csv", "link.csv"]);
}

#[test]
fn the_two_outputs_are_never_one_file() {
    let lab = Lab::with_people();
    for errors in ["x.csv", "./x.csv", "../lab/x.csv"] {
        lab.run(&["generate", "in.csv", "--out", "x.csv", "--errors", errors])
            .fails(1, "--out and --errors are the same file: x.csv (choose another name)");
    }
}

#[test]
fn only_regular_files_are_replaced() {
    let lab = Lab::with_people();
    lab.write("elsewhere.csv", "precious");
    symlink("elsewhere.csv", lab.path("link.csv")).unwrap();
    std::fs::create_dir(lab.path("folder")).unwrap();
    let expected = "(expected the name of a file to write)";
    for (out, what) in
        [("link.csv", "a symbolic link"), ("folder", "a directory"), ("/dev/null", "not a regular file")]
    {
        lab.run(&["generate", "in.csv", "--force", "--out", out])
            .fails(1, &format!("{out} is {what} {expected}"));
    }
    lab.run(&["generate", "in.csv", "--out", "nowhere/x.csv"])
        .fails(1, "nowhere is not a folder, so nowhere/x.csv cannot be written in it");
    assert_eq!(lab.text("elsewhere.csv"), "precious");
}

#[test]
fn a_pipe_gives_optional_strings() {
    let lab = Lab::new();
    lab.run_piped(&["generate", "-", "--out", "club.csv"], PEOPLE.as_bytes()).expect(0);
    let schema = "surname\tstring\toptional\ncity\tstring\toptional\npoints\tstring\toptional\n";
    assert_eq!(lab.ok(&["template", "show", "club", "--schema-text"]), schema);
    assert_eq!(lab.mode("club.csv"), 0o600);
    lab.write("in.csv", PEOPLE);
    lab.ok(&["verify", "in.csv", "club.csv", "--exact"]);
}

#[test]
fn a_file_called_minus_is_not_mistaken_for_the_pipe() {
    let lab = Lab::with(&[("-", b"other,columns\n1,2\n")]);
    lab.run_piped(&["generate", "-", "--out", "club.csv"], PEOPLE.as_bytes()).expect(0);
    assert_eq!(lab.urls("club.csv").len(), 3);
}

#[test]
fn outputs_may_be_read_by_whom_the_input_may_and_secrets_only_by_their_owner() {
    for mode in [0o600, 0o640, 0o644] {
        let lab = Lab::with(&[("in.csv", SOME_BAD.as_bytes())]);
        lab.publish_club("", "");
        std::fs::set_permissions(lab.path("in.csv"), PermissionsExt::from_mode(mode)).unwrap();
        lab.generate(&["in.csv", "--template", "club"], 2);
        assert_eq!((lab.mode("in.success.csv"), lab.mode("in.errors.csv")), (mode, mode));
    }
    let lab = Lab::with_people();
    lab.ok(&["generate", "in.csv"]);
    let mode = |path: &str| std::fs::metadata(lab.state().join(path)).unwrap().permissions().mode() & 0o7777;
    for folder in ["", "local", "local/keys", "local/templates"] {
        assert_eq!(mode(folder), 0o700, "{folder:?}");
    }
    assert_eq!([mode("local/keys/1.json"), mode("local/templates/1.json")], [0o600, 0o600]);
    assert_eq!(names_in(&lab.state().join("local/keys")), ["1.json"]);
}

#[test]
fn a_dry_run_writes_nothing_and_publishes_nothing() {
    let lab = Lab::with_people();
    let told = lab.ok(&["generate", "in.csv", "--dry-run"]);
    assert!(told.starts_with("project   local, key made for this dry run only\n"), "{told}");
    assert!(told.ends_with("\ndry run   nothing was written or published\n"), "{told}");
    let summary = lab.generate(&["in.csv", "--dry-run"], 0);
    assert_eq!((&summary["dry_run"], &summary["success_file"]), (&true.into(), &json("null")));
    assert_eq!(summary["template"]["number"], json("null"));
    assert_eq!(lab.names(), ["in.csv"]);
    assert!(!lab.state().exists());
    lab.run_piped(&["generate", "-", "--dry-run"], PEOPLE.as_bytes()).expect(0);
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let rows: String = (0..40_000).map(|row| format!("Name{row},\"city\n{row}\",{}\n", row % 977)).collect();
    let bad = "Bad,row\n".repeat(100);
    let lab = Lab::with(&[("in.csv", format!("surname,city,points\n{rows}{bad}{rows}").as_bytes())]);
    for threads in ["1", "2", "7"] {
        lab.generate(&["in.csv", "--threads", threads, "--force"], 2);
        lab.ok(&["verify", "in.csv", "in.success.csv", "in.errors.csv", "--exact"]);
    }
}

#[test]
fn a_path_that_is_not_text_is_no_obstacle() {
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::with_people();
    let name = std::ffi::OsStr::from_bytes(b"o\xffut.csv");
    let arguments = ["generate", "in.csv", "--json", "--out"].map(std::ffi::OsStr::new);
    lab.run(&[&arguments[..], &[name]].concat()).expect(0);
    assert!(lab.path("").join(name).exists());
}
