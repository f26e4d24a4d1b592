//! Rings of other users: tried by child processes that give up being root before they do anything,
//! since root is refused nothing by the kernel.

mod segment_support;
#[path = "skipping/mod.rs"]
mod skipping;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::sync::Arc;

use segment_support::{Child, Place, role, say};
use shmring::attached::{Consumer, EndWhen, Producer};
use shmring::error::{Code, Result};
use shmring::ring::spsc::Payload;
use shmring::segment::{Access, CreateOptions, OpenOptions, Segment, Share, list, unlink};
use skipping::skip;

const NAME: &str = "x";
/// Nobody here, whatever the machine calls them. What counts is the number.
const USER: u32 = 65_534;
const OTHER: u32 = 65_533;
const GROUP: u32 = 64_242;

/// A result in a word: what `ok` makes of it, or the code.
fn word<T>(result: Result<T>, ok: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => ok(value),
        Err(error) => {
            assert!(error.message.len() > 20, "a sentence to act on: {error}");
            error.code.name().to_owned()
        }
    }
}

/// What a refused call says, in one word.
fn sentence<T>(result: Result<T>) -> String {
    let Err(error) = result else { return "nothing".to_owned() };
    assert_eq!(error.code, Code::Permission, "{error}");
    assert!(error.details.iter().any(|(name, _)| *name == "errno"), "{error:?}");
    error.message.replace(' ', "_")
}

fn small(share: Option<Share>) -> CreateOptions {
    let kind = Some(shmring::layout::Kind::Spsc);
    CreateOptions { kind, capacity: Some(4096), share, ..Default::default() }
}

fn ok<T>(_: T) -> String {
    "ok".to_owned()
}

/// One call, by its name.
fn call(name: &str) -> String {
    let (share, name) = match name.strip_prefix("group-") {
        Some(name) => (Some(Share::Group), name),
        None => (None, name),
    };
    let options = OpenOptions { share, ..Default::default() };
    let attach = || Segment::open(NAME, &options).map(Arc::new);
    match name {
        "open" => word(Segment::open(NAME, &options), ok),
        "inspect" => word(Segment::open(NAME, &OpenOptions { access: Access::Inspect, ..options }), ok),
        "openOrCreate" => word(Segment::open_or_create(NAME, &small(share)), ok),
        "create" => word(Segment::create(NAME, &small(share)), ok),
        "temporary" => word(Segment::temporary(&small(share)), ok),
        "write" => word(attach().and_then(|segment| write(&segment)), |written| written.to_string()),
        "read" => word(attach().and_then(|segment| read(&segment)), |read| read.to_string()),
        "list" => word(list(None), |infos| match infos.first() {
            Some(info) => {
                info.error.as_ref().map_or("ok", |error| error.split([':', ' ']).next().unwrap()).into()
            }
            None => "none".into(),
        }),
        "unlink" => word(unlink(NAME, None), |removed| removed.to_string()),
        "says" => sentence(Segment::open(NAME, &options)),
        "unlink-says" => sentence(unlink(NAME, None)),
        other => panic!("no call {other}"),
    }
}

fn write(segment: &Arc<Segment>) -> Result<bool> {
    let mut producer = Producer::attach(segment, "")?;
    // SAFETY: the payload is a constant.
    unsafe { producer.ring().try_write(Payload::of(b"record")) }
}

fn read(segment: &Arc<Segment>) -> Result<usize> {
    let mut consumer = Consumer::attach(segment, "", EndWhen::Sealed)?;
    let mut ranges = [0; 2];
    let count = consumer.ring().peek(&mut ranges, 1, true)?.count;
    consumer.ring().release(&ranges, count)?;
    Ok(count)
}

/// The child: a user, a group, a mode for files it made itself or `-`, and calls.
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let mut words = role.split(' ');
    let mut number = || words.next().unwrap().parse::<u32>().unwrap();
    let (user, group) = (number(), number());
    // SAFETY: calls with numbers; of this process only this thread makes use of its rights.
    let done = unsafe {
        libc::setgroups(0, std::ptr::null()) == 0 && libc::setgid(group) == 0 && libc::setuid(user) == 0
    };
    if !done {
        return say(format!("refused: {}", std::io::Error::last_os_error()));
    }
    let answers: Vec<_> = words
        .map(|word| match word.strip_prefix("chmod-") {
            Some(mode) => {
                let directory = std::env::var("SHMRING_DIR").unwrap();
                let mode = Permissions::from_mode(u32::from_str_radix(mode, 8).unwrap());
                fs::set_permissions(format!("{directory}/shmring.{NAME}"), mode).unwrap();
                "chmod".to_owned()
            }
            None => call(word),
        })
        .collect();
    say(answers.join(" "));
}

/// Lets a user of a group make these calls. `None`: this machine lets nobody become another.
fn by(user: u32, group: u32, place: &Place, calls: &str) -> Option<String> {
    // SAFETY: has no arguments and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        skip("other-user", "only root can become somebody else");
        return None;
    }
    let mut child = Child::start(&format!("{user} {group} {calls}"), &place.0);
    let answer = child.hear();
    child.end();
    if answer.starts_with("refused") {
        skip("other-user", answer);
        return None;
    }
    Some(answer)
}

/// A directory with these permissions.
fn place(mode: u32) -> Place {
    let place = Place::new();
    fs::set_permissions(&place.0, Permissions::from_mode(mode)).unwrap();
    place
}

const EVERY_CALL: &str =
    "open group-open inspect openOrCreate group-openOrCreate create list write read unlink";

#[test]
fn a_ring_of_another_user_is_a_matter_of_permission_and_stays_as_it_is() {
    let place = place(0o1777);
    let segment = Arc::new(Segment::create(NAME, &place.small()).unwrap());
    assert!(write(&segment).unwrap());
    let before = fs::read(place.file(NAME)).unwrap();
    for group in [USER, 0] {
        let Some(answers) = by(USER, group, &place, EVERY_CALL) else { return };
        let refused = "PERMISSION PERMISSION PERMISSION PERMISSION PERMISSION EXISTS \
                       ERR_SHMRING_PERMISSION PERMISSION PERMISSION PERMISSION";
        assert_eq!(answers, refused);
        assert!(fs::read(place.file(NAME)).unwrap() == before);
    }
    assert!(!segment.is_stale());
    assert_eq!(read(&segment).unwrap(), 1);
}

#[test]
fn whoever_is_not_root_is_told_whose_ring_it_is_too() {
    let place = place(0o1777);
    let says = |calls: &str, parts: &[&str]| {
        let Some(answer) = by(USER, USER, &place, calls) else { return };
        let answer = answer.replace('_', " ");
        for part in parts {
            assert!(answer.contains(part), "{calls}: {answer}");
        }
    };
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let theirs = "shmring.x belongs to user 0, not to user 65534 of this process";
    says("says", &[theirs, "share 'group'"]);
    says("unlink-says", &[theirs, "its directory lets that user alone remove it"]);
    assert!(segment.unlink().unwrap());

    let options = CreateOptions { share: Some(Share::Group), ..place.small() };
    let segment = Segment::create(NAME, &options).unwrap();
    chown(place.file(NAME), None, Some(GROUP)).unwrap();
    says("group-says", &[theirs, "shared with group 64242, to which this process does not belong"]);
    assert!(segment.unlink().unwrap());
    says("create chmod-000 says", &["has mode 0000, which does not let its own user open it"]);
}

#[test]
fn a_ring_of_the_group_is_used_by_its_members_who_ask_for_it_and_by_nobody_else() {
    let place = place(0o1777);
    if by(USER, GROUP, &place, "list").is_none() {
        return;
    }
    let options = CreateOptions { share: Some(Share::Group), ..place.small() };
    let segment = Arc::new(Segment::create(NAME, &options).unwrap());
    chown(place.file(NAME), None, Some(GROUP)).unwrap();

    let Some(answers) = by(USER, GROUP, &place, "open inspect openOrCreate write group-open group-inspect")
    else {
        return;
    };
    assert_eq!(answers, "PERMISSION PERMISSION PERMISSION PERMISSION ok ok");
    let answers = by(USER, GROUP, &place, "group-openOrCreate create list group-write unlink");
    // Removing it is for its owner: the directory is sticky, as /dev/shm is.
    assert_eq!(answers.unwrap(), "ok EXISTS ok true PERMISSION");
    assert_eq!(read(&segment).unwrap(), 1, "what the member wrote");
    let answers = by(USER, USER, &place, EVERY_CALL).unwrap();
    assert!(
        answers.starts_with("PERMISSION PERMISSION PERMISSION PERMISSION PERMISSION EXISTS"),
        "{answers}"
    );
    assert!(write(&segment).unwrap(), "and the owner goes on");
}

#[test]
fn two_users_of_a_group_hand_each_other_records() {
    let place = place(0o1777);
    let Some(answers) = by(USER, GROUP, &place, "group-create group-write") else { return };
    assert_eq!(answers, "ok true");
    let found = fs::metadata(place.file(NAME)).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (USER, GROUP, 0o660));
    assert_eq!(by(OTHER, GROUP, &place, "group-read group-read unlink").unwrap(), "1 0 PERMISSION");
    assert_eq!(by(OTHER, OTHER, &place, "group-read").unwrap(), "PERMISSION");
    assert_eq!(by(USER, OTHER, &place, "group-write").unwrap(), "true", "the owner needs no group");
    assert_eq!(by(USER, GROUP, &place, "unlink unlink").unwrap(), "true false");
}

#[test]
fn root_does_not_use_the_rings_of_others_by_accident() {
    let place = place(0o1777);
    let Some(answers) = by(USER, USER, &place, "create write") else { return };
    assert_eq!(answers, "ok true");
    let error = place.open(NAME).unwrap_err();
    assert_eq!(error.code, Code::Permission);
    assert!(error.message.contains("belongs to user 65534, not to user 0"), "{error}");
    assert_eq!(Segment::open_or_create(NAME, &place.small()).unwrap_err().code, Code::Permission);
    assert_eq!(Segment::create(NAME, &place.small()).unwrap_err().code, Code::Exists);
    assert!(list(Some(&place.0)).unwrap()[0].error.is_some());
    assert_eq!(by(USER, USER, &place, "read").unwrap(), "1");
}

#[test]
fn a_ring_of_ones_own_whose_mode_was_changed_is_refused_and_can_be_removed() {
    for mode in ["666", "000", "400", "200", "660", "604"] {
        let place = place(0o1777);
        let calls = format!(
            "create chmod-{mode} open group-open inspect openOrCreate create list write unlink create write"
        );
        let Some(answers) = by(USER, USER, &place, &calls) else { return };
        let refused = "PERMISSION PERMISSION PERMISSION PERMISSION EXISTS ERR_SHMRING_PERMISSION PERMISSION";
        assert_eq!(answers, format!("ok chmod {refused} true ok true"), "mode {mode}");
    }
}

#[test]
fn a_directory_that_this_user_may_not_write_or_enter_is_a_matter_of_permission() {
    let readable = place(0o755);
    let calls = "open create openOrCreate temporary list unlink";
    let Some(answers) = by(USER, USER, &readable, calls) else { return };
    assert_eq!(answers, "NOT_FOUND PERMISSION PERMISSION PERMISSION none false");
    assert_eq!(fs::read_dir(&readable.0).unwrap().count(), 0);

    let closed = place(0o700);
    drop(Segment::create(NAME, &closed.small()).unwrap());
    let answers = by(USER, USER, &closed, calls).unwrap();
    assert_eq!(answers, "PERMISSION PERMISSION PERMISSION PERMISSION PERMISSION PERMISSION");
    closed.open(NAME).unwrap();
}

#[test]
fn what_may_be_removed_is_for_the_directory_to_say() {
    // Everybody may remove everything in it.
    let place = place(0o777);
    let segment = Segment::create(NAME, &place.small()).unwrap();
    let Some(answers) = by(USER, USER, &place, "unlink create") else { return };
    assert_eq!(answers, "true ok");
    assert!(segment.is_stale());
    assert!(!segment.unlink().unwrap(), "the successor is not ours to remove");
    assert_eq!(fs::metadata(place.file(NAME)).unwrap().uid(), USER);
}
