//! A folder of its own for each test, with its own projects, and the binary run in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Three people, all of whom become links.
pub(crate) const PEOPLE: &str = "surname,city,points\nMüller,Ulm,12\nSmith,Bath,7\n\"O'Neil, Jr\",Cork,0\n";

/// The template that [`PEOPLE`] fits.
pub(crate) const CLUB: &str = "code = 'club'\n\
    [[fields]]\nname = 'surname'\ntype = 'string'\nrequired = true\n\
    [[fields]]\nname = 'points'\ntype = 'integer'\n";

/// A test's own folder; it goes away with it.
pub(crate) struct Lab {
    folder: TempDir,
}

/// A finished run.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("lab")).unwrap();
        Self { folder }
    }

    /// A lab with files in it.
    pub(crate) fn with(files: &[(&str, &[u8])]) -> Self {
        let lab = Self::new();
        files.iter().for_each(|(name, bytes)| lab.write(name, bytes));
        lab
    }

    /// A lab with [`PEOPLE`] in `in.csv`.
    pub(crate) fn with_people() -> Self {
        Self::with(&[("in.csv", PEOPLE.as_bytes())])
    }

    /// Where projects are kept.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The folder that commands run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Every name in the work folder, hidden ones too, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        names_in(&self.work())
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    /// The command, knowing nothing of the machine's own projects and keys.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smartpass"));
        self.isolate(&mut command).args(arguments);
        command
    }

    /// Another program in the same surroundings.
    pub(crate) fn isolate<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // The tests may run among servers, to whom the variables point.
        let is_ours = |name: &String| name.starts_with("SMARTPASS_") || name == "XDG_STATE_HOME";
        std::env::vars().map(|(name, _)| name).filter(is_ours).for_each(|name| {
            command.env_remove(name);
        });
        command.env("SMARTPASS_STATE", self.state()).env("HOME", self.folder.path());
        command.current_dir(self.work()).stdin(Stdio::null())
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Run {
        finish(self.command(arguments).output().unwrap())
    }

    /// Runs with `input` on a pipe. The command need not read all of it.
    pub(crate) fn run_piped(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut child = self.start(arguments);
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || std::io::Write::write_all(&mut stdin, input));
            finish(child.wait_with_output().unwrap())
        })
    }

    /// Starts a command with a pipe for its input.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs what must succeed, and answers what it printed.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        self.run(arguments).expect(0)
    }

    /// Runs `generate` with `--json`, and answers the summary.
    pub(crate) fn generate(&self, arguments: &[&str], code: i32) -> Value {
        let all = [&["generate"], arguments, &["--json"]].concat();
        json(&self.run(&all).expect(code))
    }

    /// The URLs of a success file, each at the end of its line, in order.
    pub(crate) fn urls(&self, name: &str) -> Vec<String> {
        let text = self.text(name);
        let urls = text.lines().filter_map(|line| line.find("http").map(|start| line[start..].to_owned()));
        urls.collect()
    }

    /// Publishes [`CLUB`], with one change, from `club.toml`.
    pub(crate) fn publish_club(&self, from: &str, to: &str) {
        self.write("club.toml", CLUB.replace(from, to));
        self.ok(&["template", "publish", "club.toml"]);
    }
}

impl Run {
    /// Demands an exit code, and answers what was printed.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> String {
        let Self { code: actual, out, err } = self;
        assert_eq!(actual, Some(code), "printed:\n{out}\ntold:\n{err}");
        out
    }

    /// Demands a failure told in exactly these words.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, message: &str) {
        assert_eq!((self.code, self.err), (Some(code), format!("smartpass: {message}\n")));
        assert_eq!(self.out, "", "a failure prints nothing");
    }

    /// Demands a failure whose words hold these.
    #[track_caller]
    pub(crate) fn fails_with(self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "told:\n{}", self.err);
        assert!(self.err.contains(words), "{:?} is not in {:?}", words, self.err);
    }
}

#[track_caller]
pub(crate) fn finish(output: Output) -> Run {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!run.err.contains("panicked"), "{}", run.err);
    run
}

#[track_caller]
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Sends a signal to a process that the test started.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success(), "kill {name}");
}
