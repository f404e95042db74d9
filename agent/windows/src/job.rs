//! Jobs: processes that end together.

use crate::handle::{done, owned, size_of};
use std::{
    io,
    os::windows::io::{AsRawHandle as _, OwnedHandle},
    process::Child,
    ptr::null,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_ACTIVE_PROCESS,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject, TerminateJobObject,
};

/// Holds processes, and everything that they start. All of them end with it, also when this process dies.
#[derive(Debug)]
pub struct Job(OwnedHandle);

impl Job {
    /// Makes a job without processes.
    ///
    /// # Errors
    /// Whatever the system refuses.
    pub fn new() -> io::Result<Self> {
        Self::make(None)
    }

    /// The same with at most so many processes at a time: the system starts no more.
    ///
    /// # Errors
    /// Whatever the system refuses.
    pub fn of_at_most(processes: u32) -> io::Result<Self> {
        Self::make(Some(processes))
    }

    fn make(processes: Option<u32>) -> io::Result<Self> {
        // SAFETY: neither attributes nor a name.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        // SAFETY: null, or open and ours.
        let job = Self(unsafe { owned(handle) }?);
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        if let Some(processes) = processes {
            limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
            limits.BasicLimitInformation.ActiveProcessLimit = processes;
        }
        // SAFETY: the handle is open; the structure is the one that this class of information is read from.
        let answer = unsafe {
            SetInformationJobObject(
                job.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>(),
            )
        };
        done(answer)?;
        Ok(job)
    }

    /// Takes a process in.
    ///
    /// # Errors
    /// Whatever the system refuses.
    pub fn add(&self, process: &Child) -> io::Result<()> {
        // SAFETY: both handles are open while they are borrowed.
        done(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) })
    }

    /// Ends all of its processes at once, with this exit code.
    ///
    /// # Errors
    /// Whatever the system refuses.
    pub fn end(&self, code: u32) -> io::Result<()> {
        // SAFETY: the handle is open while it is borrowed.
        done(unsafe { TerminateJobObject(self.0.as_raw_handle(), code) })
    }
}
