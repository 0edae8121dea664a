//! No core dumps: a crash must not write the secrets that are in memory to a disk.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids them to this process, and to those that it starts: the local cloud, its emulators. On Linux it also keeps
/// other processes of the same user out of this one's memory, and dumps that are piped to a program, which the limit
/// does not stop (core(5)). A system that refuses is no reason not to work.
pub fn forbid() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use rustix::process::getrlimit;

    use super::*;

    #[test]
    fn a_process_that_forbade_them_has_none() {
        forbid();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
