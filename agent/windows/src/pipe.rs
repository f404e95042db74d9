//! Named pipes with an access list.

use crate::{
    ace::{self, Findings},
    handle::{code, done},
    name::Scope,
    security::{Descriptor, TOLD, judged},
};
use std::{
    io,
    os::windows::io::{AsHandle, AsRawHandle as _, BorrowedHandle},
    ptr::null_mut,
};
use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, PipeMode, ServerOptions,
};
use windows_sys::Win32::{
    Security::Authorization::{GetSecurityInfo, SE_KERNEL_OBJECT},
    Storage::FileSystem::FlushFileBuffers,
    System::Pipes::{GetNamedPipeClientProcessId, GetNamedPipeServerProcessId},
};

/// Both ends are busy at the moment; try again soon.
pub const BUSY: i32 = 231;

/// Makes an instance of a pipe that only those in the descriptor (SDDL) may open, from this machine alone. `first`
/// refuses to join a pipe that somebody else made under our name.
///
/// # Errors
/// Whatever the system refuses; `PermissionDenied` when `first` and the name is taken.
pub fn serve(name: &str, sddl: &str, first: bool) -> io::Result<NamedPipeServer> {
    let descriptor = Descriptor::from_sddl(sddl)?;
    let mut attributes = descriptor.attributes();
    let mut options = ServerOptions::new();
    options.first_pipe_instance(first).reject_remote_clients(true).max_instances(16);
    options.pipe_mode(PipeMode::Byte).in_buffer_size(4096).out_buffer_size(4096);
    // SAFETY: the attributes are what the call takes, and point to a descriptor that lives through it.
    unsafe { options.create_with_security_attributes_raw(name, (&raw mut attributes).cast()) }
}

/// Opens a pipe. Its server may find out who we are, but not act in our name.
///
/// # Errors
/// `NotFound` when there is none; [`BUSY`] when all its instances are taken.
pub fn open(name: &str) -> io::Result<NamedPipeClient> {
    ClientOptions::new().pipe_mode(PipeMode::Byte).open(name)
}

/// What is wrong with owner and access list of a pipe in this scope. One whose owner is a stranger was made by somebody
/// who waits for our secret.
///
/// # Errors
/// Whatever the system refuses.
pub fn check(pipe: &impl PipeEnd, scope: &Scope) -> io::Result<Findings> {
    judged(ace::check(&sddl(pipe)?, scope))
}

/// Owner and access list of a pipe (SDDL).
///
/// # Errors
/// Whatever the system refuses.
pub fn sddl(pipe: &impl PipeEnd) -> io::Result<String> {
    descriptor(pipe.handle())?.to_sddl()
}

/// Process at the other end of a server's instance.
///
/// # Errors
/// Whatever the system refuses.
pub fn client_process(pipe: &NamedPipeServer) -> io::Result<u32> {
    let mut id = 0;
    // SAFETY: the handle is open while the pipe is borrowed, and the answer has its place.
    done(unsafe { GetNamedPipeClientProcessId(pipe.as_raw_handle(), &raw mut id) })?;
    Ok(id)
}

/// Process that serves the pipe.
///
/// # Errors
/// Whatever the system refuses.
pub fn server_process(pipe: &NamedPipeClient) -> io::Result<u32> {
    let mut id = 0;
    // SAFETY: the handle is open while the pipe is borrowed, and the answer has its place.
    done(unsafe { GetNamedPipeServerProcessId(pipe.as_raw_handle(), &raw mut id) })?;
    Ok(id)
}

/// Waits until the other end has read everything: disconnecting before that loses the answer. Blocks for as long as
/// the other end takes, so call it where that is bounded.
///
/// # Errors
/// Whatever the system refuses, `BrokenPipe` when the other end is gone.
pub fn drain(pipe: &NamedPipeServer) -> io::Result<()> {
    // SAFETY: the handle is open while the pipe is borrowed.
    done(unsafe { FlushFileBuffers(pipe.as_raw_handle()) })
}

/// Either end of a pipe.
pub trait PipeEnd {
    /// Its handle.
    fn handle(&self) -> BorrowedHandle<'_>;
}

impl PipeEnd for NamedPipeServer {
    fn handle(&self) -> BorrowedHandle<'_> {
        self.as_handle()
    }
}

impl PipeEnd for NamedPipeClient {
    fn handle(&self) -> BorrowedHandle<'_> {
        self.as_handle()
    }
}

fn descriptor(handle: BorrowedHandle<'_>) -> io::Result<Descriptor> {
    let mut descriptor = null_mut();
    // SAFETY: the handle is open for as long as it is borrowed; parts that are not wanted are null.
    let answer = unsafe {
        GetSecurityInfo(
            handle.as_raw_handle(),
            SE_KERNEL_OBJECT,
            TOLD,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    code(answer)?;
    Ok(Descriptor(descriptor))
}
