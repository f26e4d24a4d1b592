//! Keeps a CPU from going to sleep: spins on it with the least of all priorities, so that whoever wakes
//! there runs at once, until it is ended.
//!
//! ```text
//! awake --cpu N
//! ```

use std::error::Error;
use std::hint::spin_loop;
use std::mem::MaybeUninit;

use pico_args::Arguments;
use shmring_bench::pace::place;

fn main() -> Result<(), Box<dyn Error>> {
    place(Arguments::from_env().value_from_str("--cpu")?);
    // SAFETY: plain system calls; all zero is a valid parameter, and what this policy asks for.
    let status = unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        let parameter = MaybeUninit::<libc::sched_param>::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_IDLE, parameter.as_ptr())
    };
    if status != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    println!("ready");
    loop {
        spin_loop();
    }
}
