//! What is left of an attached segment by a process that ends by `exit`, whatever it still had open.

mod segment_support;

use segment_support::{Child, Place, listen, role, say};
use shmring::layout::{Kind, Lifetime};
use shmring::segment::{CreateOptions, Segment};

const NAME: &str = "x";

fn attach() -> Segment {
    let options = CreateOptions {
        kind: Some(Kind::Spsc),
        capacity: Some(4096),
        lifetime: Some(Lifetime::Attached),
        ..Default::default()
    };
    Segment::open_or_create(NAME, &options).unwrap()
}

unsafe extern "C" {
    fn quick_exit(status: libc::c_int) -> !;
}

/// The roles of child processes; see [`Child`].
#[test]
fn child_role() {
    let Some(role) = role() else { return };
    let segments = [attach(), attach()];
    match role.as_str() {
        "exits" => {
            say("attached");
            listen();
            std::process::exit(0)
        }
        "exits quickly" => {
            say("attached");
            listen();
            // SAFETY: ends the process.
            unsafe { quick_exit(0) }
        }
        "exits while a thread is at work" => {
            std::thread::spawn(|| {
                loop {
                    drop(attach());
                }
            });
            say("attached");
            listen();
            std::process::exit(0)
        }
        "has a forked child that exits" => {
            // SAFETY: the child calls `exit` and nothing else.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: ends the child, by all that is registered.
                unsafe { libc::exit(0) };
            }
            let mut status = -1;
            // SAFETY: waits for the child made above.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
            say(segments[0].is_stale());
            listen();
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn an_attached_segment_goes_with_the_last_process_that_exits_without_having_closed() {
    for how in ["exits", "exits quickly"] {
        let place = Place::new();
        let mut children: Vec<_> = (0..2).map(|_| Child::start(how, &place.0)).collect();
        children.iter_mut().for_each(|child| assert_eq!(child.hear(), "attached"));
        for mut child in children {
            assert!(place.file(NAME).exists(), "{how}: somebody is still attached");
            child.tell();
            child.end();
        }
        assert!(!place.file(NAME).exists(), "{how}");
    }
}

#[test]
fn exit_while_another_thread_attaches_and_detaches_ends_and_tears_nothing() {
    for _ in 0..20 {
        let place = Place::new();
        let mut child = Child::start("exits while a thread is at work", &place.0);
        assert_eq!(child.hear(), "attached");
        child.tell();
        child.end();
        // What that thread made in the last moment is replaced as if it had been killed.
        if place.file(NAME).exists() {
            let again = CreateOptions { lifetime: Some(Lifetime::Attached), ..place.small() };
            drop(Segment::create(NAME, &again).unwrap());
        }
        assert!(!place.file(NAME).exists());
    }
}

#[test]
fn a_forked_child_that_exits_leaves_its_parent_attached() {
    let place = Place::new();
    let mut parent = Child::start("has a forked child that exits", &place.0);
    assert_eq!(parent.hear(), "false", "the name leads to the segment");
    assert!(place.file(NAME).exists());
    parent.tell();
    parent.end();
    assert!(!place.file(NAME).exists());
}
