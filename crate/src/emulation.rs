//! Whether this program for x86 runs on a processor of another kind, which makes what it has written
//! visible in another order unless the emulator sees to it.
//!
//! An emulator passes for a genuine processor as well as it can. What it gives away differs: a name in
//! place of a hypervisor's (QEMU, FEX), one in the name of the model (Rosetta, box64), or nothing but
//! the kernel's own description of the processor, which it shows as it is.

use std::sync::OnceLock;

/// What a processor says of itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve letters, by the instruction `cpuid`.
    pub vendor: String,
    /// Of the hypervisor, if there is one; of the emulator, if it says so.
    pub hypervisor: String,
    /// The name of the model.
    pub model: String,
    /// The beginning of `/proc/cpuinfo`; empty where it cannot be read.
    pub cpuinfo: String,
}

/// Those who make, or made, x86 processors of 64 bits.
const VENDORS: [&str; 5] = ["GenuineIntel", "AuthenticAMD", "HygonGenuine", "CentaurHauls", "  Shanghai  "];

/// Whether the processor is one of x86; if not, what shows it.
pub fn evidence(identity: &Identity) -> Option<String> {
    let Identity { vendor, hypervisor, model, cpuinfo } = identity;
    if ["TCGTCGTCGTCG", "FEXIFEXIEMU"].contains(&hypervisor.as_str()) {
        return Some(format!("the hypervisor is called {hypervisor:?}"));
    }
    if ["VirtualApple", "Box64", "FEX-"].iter().any(|name| model.contains(name)) {
        return Some(format!("the model is called {model:?}"));
    }
    if !VENDORS.contains(&vendor.as_str()) {
        return Some(format!("the vendor is called {vendor:?}"));
    }
    // The kernel of an x86 machine has such a line for each processor; no other kernel has.
    let has_vendor = cpuinfo.lines().any(|line| line.starts_with("vendor_id"));
    if !cpuinfo.is_empty() && !has_vendor {
        return Some("/proc/cpuinfo is that of another kind of processor".to_owned());
    }
    None
}

/// The evidence that this very process is emulated. Looked for once.
pub fn found() -> Option<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    FOUND.get_or_init(|| identify().and_then(|identity| evidence(&identity))).as_deref()
}

/// `None`: this is no program for x86.
#[cfg(not(target_arch = "x86_64"))]
fn identify() -> Option<Identity> {
    None
}

#[cfg(target_arch = "x86_64")]
fn identify() -> Option<Identity> {
    use std::arch::x86_64::{__cpuid, CpuidResult};
    const HYPERVISOR: u32 = 0x4000_0000;
    const MODEL: [u32; 3] = [0x8000_0002, 0x8000_0003, 0x8000_0004];
    #[allow(unused_unsafe, reason = "safe in newer versions of Rust")]
    // SAFETY: every x86 processor of 64 bits has the instruction.
    let ask = |leaf| unsafe { __cpuid(leaf) };
    let text = |registers: &[u32]| -> String {
        let bytes: Vec<u8> = registers.iter().flat_map(|register| register.to_le_bytes()).collect();
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()
    };
    let CpuidResult { ebx, ecx, edx, .. } = ask(0);
    let vendor = text(&[ebx, edx, ecx]);
    let CpuidResult { ebx, ecx, edx, .. } = ask(HYPERVISOR);
    let hypervisor = text(&[ebx, ecx, edx]);
    let model = if ask(0x8000_0000).eax >= MODEL[2] {
        let parts = MODEL.map(|leaf| {
            let CpuidResult { eax, ebx, ecx, edx } = ask(leaf);
            [eax, ebx, ecx, edx]
        });
        text(parts.as_flattened())
    } else {
        String::new()
    };
    Some(Identity { vendor, hypervisor, model, cpuinfo: beginning_of_cpuinfo() })
}

/// As much as one processor's part takes: of many the kernel is slow to tell.
#[cfg(target_arch = "x86_64")]
fn beginning_of_cpuinfo() -> String {
    use std::io::Read;
    let mut part = [0; 2048];
    let length = std::fs::File::open("/proc/cpuinfo").and_then(|mut file| file.read(&mut part));
    String::from_utf8_lossy(&part[..length.unwrap_or(0)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n";
    const ARM: &str = "processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x61\n";

    fn of(vendor: &str, hypervisor: &str, model: &str, cpuinfo: &str) -> Identity {
        Identity {
            vendor: vendor.into(),
            hypervisor: hypervisor.into(),
            model: model.into(),
            cpuinfo: cpuinfo.into(),
        }
    }

    #[test]
    fn an_emulator_is_known_by_what_it_says() {
        for (identity, why) in [
            (of("GenuineIntel", "", "VirtualApple @ 2.50GHz", X86), "Rosetta"),
            (of("GenuineIntel", "", "VirtualApple @ 2.50GHz", ARM), "Rosetta in a virtual machine"),
            (of("AuthenticAMD", "TCGTCGTCGTCG", "QEMU Virtual CPU version 2.5+", X86), "QEMU's translator"),
            (of("GenuineIntel", "", "Box64 on Cortex-A76 @ 2400 MHz", X86), "box64"),
            (of("AuthenticAMD", "FEXIFEXIEMU", "FEX-2412 Cortex-X1C", X86), "FEX"),
            (of("GenuineIntel", "", "Intel(R) Core(TM)", ARM), "the kernel of an ARM machine shines through"),
            (of("GenuineIntel", "", "", "processor\t: 0\nhart\t: 1\nisa\t: rv64gc\n"), "RISC-V"),
            (of("SomebodyElse", "", "", ""), "a vendor that nobody knows"),
            (of("", "", "", ""), "no vendor at all"),
        ] {
            assert!(evidence(&identity).is_some(), "{why}: {identity:?}");
        }
    }

    #[test]
    fn a_genuine_processor_is_not_taken_for_an_emulator() {
        for identity in [
            of("GenuineIntel", "", "Intel(R) Xeon(R) Platinum 8488C", X86),
            of("AuthenticAMD", "KVMKVMKVM", "AMD EPYC 9R14", X86),
            of("GenuineIntel", "KVMKVMKVM", "QEMU Virtual CPU version 2.5+", X86),
            of("AuthenticAMD", "Microsoft Hv", "AMD EPYC 7763", X86),
            of("CentaurHauls", "", "VIA Nano", X86),
            // Where there is no hypervisor the answer to the question for its name means nothing.
            of("GenuineIntel", "\u{7}\0@\u{1}", "Intel(R) Core(TM) i7", X86),
            // A container without /proc/cpuinfo.
            of("AuthenticAMD", "VMwareVMware", "AMD Ryzen", ""),
        ] {
            assert_eq!(evidence(&identity), None, "{identity:?}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn what_this_processor_says_is_read_as_text() {
        let identity = identify().unwrap();
        assert_eq!(identity.vendor.len(), 12, "{identity:?}");
        assert!(identity.vendor.is_ascii(), "{identity:?}");
        assert_eq!(found().map(str::to_owned), evidence(&identity));
    }
}
