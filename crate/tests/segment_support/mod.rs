//! What the tests of segments share: a directory of their own, and child processes.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod watched;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use shmring::error::Code;
use shmring::layout::Kind;
use shmring::mapped::MappedMemory;
use shmring::mapping::Mapping;
use shmring::segment::{CreateOptions, OpenOptions, Segment};

/// A directory in /dev/shm that goes with its value.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/dev/shm/shmring-test-{}-{next}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Place(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("shmring.{name}"))
    }

    /// Options for a small spsc ring here.
    pub fn small(&self) -> CreateOptions {
        CreateOptions {
            directory: Some(self.0.clone()),
            kind: Some(Kind::Spsc),
            capacity: Some(4096),
            ..Default::default()
        }
    }

    pub fn here(&self) -> OpenOptions {
        OpenOptions { directory: Some(self.0.clone()), ..Default::default() }
    }

    pub fn open(&self, name: &str) -> shmring::error::Result<Segment> {
        Segment::open(name, &self.here())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A mapped segment and the memory over it.
pub struct View {
    pub memory: MappedMemory,
    _mapping: Mapping,
}

pub fn view(segment: &Segment) -> View {
    let mapping = segment.map().unwrap();
    // SAFETY: both go together.
    let memory = unsafe { MappedMemory::new(&mapping, segment.layout()) };
    View { memory, _mapping: mapping }
}

/// The code of an expected failure.
#[track_caller]
pub fn code<T>(result: shmring::error::Result<T>) -> Code {
    match result {
        Ok(_) => panic!("this must fail"),
        Err(error) => {
            assert!(error.message.len() > 20, "a sentence to act on: {error}");
            error.code
        }
    }
}

/// A child process: this test binary, told by an environment variable to play a role.
pub struct Child {
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

const ROLE: &str = "SHMRING_TEST_ROLE";
const MARK: &str = "@@";

impl Child {
    /// Starts a child; its binary must have a test `child_role` that calls [`role`].
    pub fn start(role: &str, directory: &Path) -> Child {
        let mut process = same_program(role)
            .env("SHMRING_DIR", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Child { process, stdin, stdout }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next thing that the child tells.
    pub fn hear(&mut self) -> String {
        self.try_hear().expect("the child ended")
    }

    /// The next thing that the child tells, unless it ends before.
    pub fn try_hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.trim_end().to_owned());
            }
        }
    }

    /// Lets the child go on from its [`listen`].
    pub fn tell(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, which has not been waited for.
        assert_eq!(unsafe { libc::kill(self.pid() as i32, signal) }, 0);
    }

    /// SIGKILL, and waits until nothing is left of it.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for a good end.
    pub fn end(mut self) {
        self.stdin.take();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// This test binary, told to play a role.
pub fn same_program(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_role", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// In a child: the role to play. In a normal run of the tests: none.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// In a child: tells the parent.
pub fn say(what: impl std::fmt::Display) {
    println!("{MARK}{what}");
    std::io::stdout().flush().unwrap();
}

/// In a child: waits for [`Child::tell`], or for the parent's end.
pub fn listen() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
