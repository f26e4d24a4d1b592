//! The rings: protocols over a [`Memory`](crate::memory::Memory), without files, futexes or Node.

pub mod spsc;
