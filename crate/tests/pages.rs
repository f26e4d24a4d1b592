//! Pages that were asked for: on a kernel that knows nothing of it too.

mod sandbox;
mod segment_support;
mod skipping;

use std::sync::Arc;

use sandbox::{Uses, refuse};
use segment_support::{Child, Place, role, say};
use shmring::attached::{Producer, Ring};
use shmring::error::{Code, Detail};
use shmring::layout::{Kind, PAGE};
use shmring::pages::PageOptions;
use shmring::ring::spsc::Payload;
use shmring::segment::{CreateOptions, Segment};

const CAPACITY: u64 = 4 << 20;
const PAGES: usize = CAPACITY as usize / PAGE;

fn options(place: &Place, pages: PageOptions) -> CreateOptions {
    CreateOptions { kind: Some(Kind::Spsc), capacity: Some(CAPACITY), pages, ..place.small() }
}

/// Page faults of this thread that needed no disk.
fn faults() -> usize {
    // SAFETY: a plain struct of integers, which the kernel fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0);
        usage
    };
    usage.ru_minflt as usize
}

/// Fills a fresh ring; how many page faults that took.
fn first_pass(segment: Segment) -> usize {
    let segment = Arc::new(segment);
    let mut producer = Producer::attach(&segment, "first").unwrap();
    let record = vec![1; 16 * PAGE];
    let before = faults();
    // SAFETY: the record outlives the call.
    while unsafe { producer.ring().try_write(Payload::of(&record)) }.unwrap() {}
    faults() - before
}

/// Runs in a thread whose advice of that number is refused.
fn without_advice(advice: libc::c_int, errno: i32, test: impl FnOnce() + Send) {
    let refused = move || {
        let call = (libc::SYS_madvise, Uses::With(2, advice as u32));
        match refuse(&[call], errno) {
            Ok(()) => test(),
            Err(error) => skipping::skip("seccomp", error),
        }
    };
    std::thread::scope(|scope| scope.spawn(refused).join().unwrap());
}

#[test]
fn a_prefaulted_ring_meets_no_fault_on_a_kernel_without_the_advice_either() {
    let place = &Place::new();
    let plain = Segment::create("plain", &options(place, PageOptions::default())).unwrap();
    let usual = first_pass(plain);
    assert!(usual > PAGES / 2, "{usual} faults tell nothing");
    let prefault = PageOptions { prefault: true, huge: false };
    assert!(first_pass(Segment::create("new", &options(place, prefault)).unwrap()) < 16);
    without_advice(libc::MADV_POPULATE_WRITE, libc::EINVAL, move || {
        let faults = first_pass(Segment::create("old", &options(place, prefault)).unwrap());
        assert!(faults < 16, "{faults} of {usual}");
    });
}

#[test]
fn a_prefault_that_fails_is_an_error_and_leaves_nothing() {
    let place = &Place::new();
    let prefault = PageOptions { prefault: true, huge: false };
    without_advice(libc::MADV_POPULATE_WRITE, libc::ENOMEM, move || {
        let error = Segment::create("none", &options(place, prefault)).unwrap_err();
        assert_eq!(error.code, Code::System);
        assert!(error.details.contains(&("syscall", Detail::from("madvise"))), "{error}");
        assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 0);
    });
}

#[test]
fn huge_pages_that_the_kernel_refuses_are_no_error() {
    let place = &Place::new();
    let huge = PageOptions { prefault: false, huge: true };
    const MADV_COLLAPSE: libc::c_int = 25;
    for advice in [libc::MADV_HUGEPAGE, MADV_COLLAPSE] {
        without_advice(advice, libc::EINVAL, move || {
            let ring = Ring::attach(Segment::create("none", &options(place, huge)).unwrap()).unwrap();
            if advice == MADV_COLLAPSE {
                assert_eq!(ring.huge_page_bytes().unwrap(), 0);
            }
            ring.segment().unlink().unwrap();
        });
    }
}

#[test]
fn a_process_that_wants_no_huge_pages_gets_none() {
    let place = Place::new();
    let mut child = Child::start("refuses", &place.0);
    assert_eq!(child.hear(), "0 bytes");
    child.end();
}

/// A place of its own in the address space is reserved around such a mapping.
#[test]
fn what_was_reserved_for_huge_pages_is_given_back() {
    let place = Place::new();
    let mut child = Child::start("comes and goes", &place.0);
    let before: u64 = child.hear().parse().unwrap();
    let after: u64 = child.hear().parse().unwrap();
    assert_eq!(after, before, "pages of address space");
    child.end();
}

#[test]
fn child_role() {
    let directory = std::env::var_os("SHMRING_DIR").map(Into::into);
    let pages = PageOptions { prefault: true, huge: true };
    let options = CreateOptions { directory, pages, capacity: Some(CAPACITY), ..Default::default() };
    match role().as_deref() {
        Some("refuses") => {
            // SAFETY: changes how this process's memory is managed, nothing else.
            unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
            let ring = Ring::attach(Segment::create("plain", &options).unwrap()).unwrap();
            say(format!("{} bytes", ring.huge_page_bytes().unwrap()));
        }
        Some("comes and goes") => {
            let ring = Ring::attach(Segment::create("one", &options).unwrap()).unwrap();
            let come_and_go = || {
                let retired = ring.segment().map().unwrap();
                retired.retire().unwrap();
                drop(Producer::attach(ring.segment(), "p").unwrap());
            };
            // The first has the process prepare itself.
            come_and_go();
            say(address_space());
            (0..20).for_each(|_| come_and_go());
            say(address_space());
        }
        _ => {}
    }
}

/// Pages that this process has mapped, be there anything in them or not.
fn address_space() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse().unwrap()
}
