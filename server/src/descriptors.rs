//! Open files: every agent's socket and every person's connection is one, and the usual soft limit of a thousand is a
//! fleet's end.

/// Allows this process as many open files as the system lets it have.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files was not raised");
    }
}

/// How many files this process may have open.
#[cfg(unix)]
pub(crate) fn limit() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.maximum.or(limit.current).unwrap_or(UNLIMITED)
}

/// What stands for a limit where there is none.
const UNLIMITED: u64 = 1 << 20;

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn limit() -> u64 {
    UNLIMITED
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    #[test]
    fn as_many_files_as_the_system_allows_can_be_open() {
        let limit = getrlimit(Resource::Nofile);
        let lower = limit.maximum.map_or(4096, |maximum| maximum - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), ..limit }).expect("lowered");
        super::raise_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, limit.maximum);
    }
}
