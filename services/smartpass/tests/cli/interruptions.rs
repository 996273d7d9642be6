//! What stops a run: Ctrl-C, a kill, a full disk, a file that turns bad. None of them leaves a name behind.

use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdin, Command};

use crate::support::{Lab, finish, signal};

/// Starts a run on a pipe that stays open, and answers when it has read far more than a pipe holds.
fn in_the_middle(lab: &Lab) -> (Child, ChildStdin) {
    lab.write("club.toml", "code = 'club'\nfields = [{ name = 'points', type = 'integer' }]\n");
    let mut child = lab.start(&["generate", "-", "--out", "out.csv", "--template", "club.toml"]);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"surname,points\n").unwrap();
    // Half of the rows are row errors, so that both files are begun.
    let rows = b"Smith,7\nJones,many\n".repeat(1 << 16);
    for _ in 0..4 {
        pipe.write_all(&rows).unwrap();
    }
    (child, pipe)
}

#[test]
fn ctrl_c_ends_with_130_and_leaves_nothing() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let lab = Lab::new();
        let (child, _pipe) = in_the_middle(&lab);
        signal(&child, name);
        let run = finish(child.wait_with_output().unwrap());
        assert_eq!((run.code, &run.out[..]), (Some(130), ""), "{name}");
        assert_eq!(run.err, "\nsmartpass: interrupted: no output was written\n");
        assert_eq!(lab.names(), ["club.toml"]);
    }
}

#[test]
fn ctrl_c_leaves_the_outputs_of_an_older_run_alone() {
    let lab = Lab::with(&[("out.csv", b"precious"), ("out.errors.csv", b"precious too")]);
    lab.write("club.toml", "code = 'club'\nfields = [{ name = 'points', type = 'integer' }]\n");
    let mut child = lab.start(&["generate", "-", "--out", "out.csv", "--template", "club.toml", "--force"]);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"surname,points\n").unwrap();
    pipe.write_all(&b"Smith,7\n".repeat(1 << 18)).unwrap();
    signal(&child, "-INT");
    assert_eq!(finish(child.wait_with_output().unwrap()).code, Some(130));
    assert_eq!((lab.text("out.csv"), lab.text("out.errors.csv")), ("precious".into(), "precious too".into()));
    assert_eq!(lab.names(), ["club.toml", "out.csv", "out.errors.csv"]);
}

/// On Linux an output has no name before it is whole. Where the file system has no unnamed files, this fails.
#[test]
fn a_kill_leaves_no_name_at_all() {
    let lab = Lab::new();
    let (mut child, _pipe) = in_the_middle(&lab);
    signal(&child, "-KILL");
    assert_eq!(child.wait().unwrap().code(), None);
    assert_eq!(lab.names(), ["club.toml"]);
}

#[test]
fn a_file_that_turns_bad_in_the_middle_leaves_nothing() {
    let lab = Lab::new();
    lab.write("club.toml", "code = 'club'\nfields = [{ name = 'points', type = 'integer' }]\n");
    let rows = "Smith,7\nJones,many\n".repeat(100_000);
    lab.write("in.csv", format!("surname,points\n{rows}Brown,\"8\n"));
    for threads in ["1", "2", "7"] {
        lab.run(&["generate", "in.csv", "--template", "club.toml", "--threads", threads])
            .fails(1, "in.csv: row 200001, line 200002, byte 1900015: a quote is opened and never closed");
        assert_eq!(lab.names(), ["club.toml", "in.csv"]);
    }
}

/// Needs a tmpfs of its own: as root by `unshare --mount`, else in a user namespace. Without either it fails.
#[test]
fn a_full_disk_is_named_and_nothing_is_left_on_it() {
    let lab = Lab::new();
    lab.write("club.toml", "code = 'club'\nfields = [{ name = 'points', type = 'integer' }]\n");
    lab.write("in.csv", format!("surname,points\n{}", "Smith,7\nJones,many\n".repeat(20_000)));
    fs::create_dir(lab.path("small")).unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs small || exit 99\n\
        \"$0\" generate in.csv --template club.toml --out small/out.csv; code=$?\n\
        ls -A small; exit $code";
    let namespaces =
        if may_unshare(&["--mount"]) { &["--mount"][..] } else { &["--mount", "--map-root-user"] };
    assert!(
        may_unshare(namespaces),
        "this test mounts a small tmpfs: run it as root, or allow user namespaces"
    );
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", script, env!("CARGO_BIN_EXE_smartpass")]);
    finish(lab.isolate(&mut command).output().unwrap()).fails(
        1,
        "no space left in small for small/out.csv: nothing was written (free some, or put --out elsewhere)",
    );
}

fn may_unshare(namespaces: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
    command.output().is_ok_and(|output| output.status.success())
}
