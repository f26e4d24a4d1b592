//! What a process has run out of when the kernel says `ENOMEM`.

use std::fs::File;
use std::io::Read;

use super::system::retry;

/// What is used of a limit, and the limit.
#[derive(Debug, Clone, Copy)]
struct Used {
    used: u64,
    limit: u64,
}

/// What of this process is limited. `None`: there is no limit, or it cannot be looked up.
#[derive(Debug, Default)]
struct Limits {
    /// Bytes of addresses.
    addresses: Option<Used>,
    /// Mappings.
    mappings: Option<Used>,
}

/// What to do about it.
pub(super) fn advice() -> String {
    advise(&Limits { addresses: addresses(), mappings: mappings() })
}

/// Mappings that the failed call may have needed: it splits others, and a guard page is one more.
const SPARE: u64 = 4;

fn advise(limits: &Limits) -> String {
    let exhausted = |mappings: &Used| mappings.used + SPARE >= mappings.limit;
    let mut causes = Vec::new();
    if let Some(Used { used, limit }) = limits.mappings.filter(exhausted) {
        causes.push(format!("this process has {used} of at most {limit} mappings; raise vm.max_map_count"));
    }
    if let Some(Used { used, limit }) = limits.addresses {
        causes.push(format!(
            "this process uses {used} bytes of addresses and may use {limit}; raise `ulimit -v`, or choose a \
             smaller capacity"
        ));
    }
    match (causes.is_empty(), limits.mappings) {
        (false, _) => causes.join("; or "),
        (true, Some(_)) => "no memory is left, of the machine or of the control group; free some".to_owned(),
        (true, None) => "no memory is left, or there are too many mappings; free some, or raise \
                         vm.max_map_count"
            .to_owned(),
    }
}

fn addresses() -> Option<Used> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: fills the struct, which is alive.
    retry(|| unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) }).ok()?;
    if limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    let pages = std::fs::read_to_string("/proc/self/statm");
    let pages: Option<u64> = pages.ok().and_then(|pages| pages.split(' ').next()?.parse().ok());
    // SAFETY: asks only.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let used = pages.unwrap_or(0).saturating_mul(u64::try_from(page).unwrap_or(0));
    Some(Used { used, limit: limit.rlim_cur })
}

fn mappings() -> Option<Used> {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    let mut maps = File::open("/proc/self/maps").ok()?;
    // A line each. On the stack: where there are too many mappings, no larger piece of memory may be had.
    let mut part = [0; 4096];
    let mut used = 0;
    loop {
        match maps.read(&mut part).ok()? {
            0 => return Some(Used { used, limit }),
            length => used += part[..length].iter().filter(|&&byte| byte == b'\n').count() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_memory_is_explained_by_the_limit_that_was_met() {
        let few = Some(Used { used: 300, limit: 65_530 });
        let many = Some(Used { used: 65_530, limit: 65_530 });
        let limited = Some(Used { used: 900, limit: 1000 });
        let said = |addresses, mappings| advise(&Limits { addresses, mappings });
        let says = |addresses, mappings| {
            let said = said(addresses, mappings);
            (said.contains("ulimit -v"), said.contains("max_map_count"))
        };
        assert_eq!(says(limited, few), (true, false));
        assert_eq!(says(None, many), (false, true));
        assert_eq!(says(limited, many), (true, true));
        assert_eq!(says(None, few), (false, false));
        assert!(said(None, few).contains("control group"));
        assert_eq!(says(None, None), (false, true));
    }

    #[test]
    fn this_process_has_mappings_and_fewer_than_it_may() {
        let Used { used, limit } = mappings().unwrap();
        assert!((10..limit).contains(&used), "{used} of {limit}");
    }
}
