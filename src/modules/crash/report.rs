//! The report itself: what is certain comes first, and each line is out before the next one is looked for. A fault on
//! the way, in memory that the crash left in disorder, costs the lines that would have followed.

use super::objects::{self, Place};
use super::text::{Outputs, Text};
use crate::stall::{self, Doing};
use std::ffi::{c_int, c_void};
use std::fmt::{self, Display, Write};
use std::ptr;

const FRAMES: usize = 40;
/// An address so far below the stack pointer that it belongs to a frame which did not fit any more.
const BELOW: usize = 64 * 1024;
const ABOVE: usize = 4096;

/// Where a thread was when the signal came.
pub struct Fault {
    signal: c_int,
    thread: c_int,
    code: c_int,
    /// For signals that have one.
    address: usize,
    /// Who sent it, where somebody did.
    sender: c_int,
    instruction: usize,
    stack: usize,
    /// The return address, where the machine keeps it in a register.
    link: Option<usize>,
}

impl Fault {
    /// # Safety
    /// `info` and `context` are those of a handler with SA_SIGINFO that runs.
    pub unsafe fn new(
        signal: c_int,
        thread: c_int,
        info: *const libc::siginfo_t,
        context: *const c_void,
    ) -> Fault {
        // SAFETY: promised by the caller; both members of the union are plain integers.
        unsafe {
            let (instruction, stack, link) = registers(&*context.cast());
            let (code, address, sender) = ((*info).si_code, (*info).si_addr() as usize, (*info).si_pid());
            Fault { signal, thread, code, address, sender, instruction, stack, link }
        }
    }

    fn was_sent(&self) -> bool {
        self.code <= 0
    }

    fn is_overflow(&self) -> bool {
        let near = self.stack.saturating_sub(BELOW)..self.stack.saturating_add(ABOVE);
        self.signal == libc::SIGSEGV && self.code > 0 && self.stack > BELOW && near.contains(&self.address)
    }
}

/// Instruction pointer, stack pointer, link register.
#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> (usize, usize, Option<usize>) {
    let register = |which: c_int| context.uc_mcontext.gregs[which as usize] as usize;
    (register(libc::REG_RIP), register(libc::REG_RSP), None)
}

/// Instruction pointer, stack pointer, link register.
#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> (usize, usize, Option<usize>) {
    let machine = &context.uc_mcontext;
    (machine.pc as usize, machine.sp as usize, Some(machine.regs[30] as usize))
}

/// All of it.
pub fn write(fault: &Fault, outputs: &Outputs) {
    line(outputs, format_args!("[FATAL] Crash: {fault}"));
    match stall::doing(fault.thread) {
        Some((outer, inner)) => {
            if let Some(inner) = inner {
                line(outputs, format_args!("  | in {}", In(inner)));
            }
            line(
                outputs,
                format_args!("  | {} {}", if inner.is_some() { "inside" } else { "in" }, In(outer)),
            );
        }
        None => {
            line(outputs, format_args!("  | in no callback: a thread of a module's own, or the core itself"))
        }
    }
    let place = objects::at(fault.instruction);
    let is_code = place.as_ref().is_some_and(Place::is_loaded);
    match &place {
        Some(place) if !is_code => {
            line(outputs, format_args!("  | at {place}, build-id {}, which is unloaded", place.build_id()));
        }
        Some(place) => line(outputs, format_args!("  | at {place}, build-id {}", place.build_id())),
        None => line(outputs, format_args!("  | at {:#x}, where no code is", fault.instruction)),
    }
    let last = place.as_ref().map(Place::build_id);
    if is_code {
        frames(fault, last, outputs);
    } else if let Some(caller) = fault.link.or_else(|| top_of_stack(fault)) {
        // The unwinder looks at the instructions that it cannot name.
        from(caller, last, outputs);
    }
}

fn line(outputs: &Outputs, content: fmt::Arguments<'_>) {
    let mut text = Text::new();
    let _ = text.write_fmt(content);
    outputs.write(&mut text);
}

/// One frame; the build-id unless it is that of the frame before. Its build-id.
fn from(address: usize, last: Option<&'static str>, outputs: &Outputs) -> Option<&'static str> {
    let place = objects::return_to(address);
    let build_id = place.as_ref().map(Place::build_id);
    match (&place, build_id) {
        (Some(place), Some(id)) if last != build_id => {
            line(outputs, format_args!("  | called from {place}, build-id {id}"));
        }
        (Some(place), _) => line(outputs, format_args!("  | called from {place}")),
        (None, _) => line(outputs, format_args!("  | called from {address:#x}")),
    }
    build_id
}

/// A call has put the return address there.
fn top_of_stack(fault: &Fault) -> Option<usize> {
    if fault.stack == 0 || !fault.stack.is_multiple_of(align_of::<usize>()) {
        return None;
    }
    // SAFETY: the thread's stack pointer. If that is no stack, this read ends the process, as the fault would have.
    Some(unsafe { ptr::read_volatile(fault.stack as *const usize) })
}

fn frames(fault: &Fault, mut last: Option<&'static str>, outputs: &Outputs) {
    let mut addresses = [ptr::null_mut(); FRAMES];
    // SAFETY: room for FRAMES addresses. If the stack is in disorder, this ends the process, as the fault would have.
    let count = unsafe { libc::backtrace(addresses.as_mut_ptr(), FRAMES as c_int) };
    let addresses = addresses.get(..usize::try_from(count).unwrap_or(0)).unwrap_or_default();
    // This handler comes first.
    let here = addresses.iter().position(|address| *address as usize == fault.instruction);
    let callers = here.map_or(&[][..], |here| &addresses[here + 1..]);
    // A function that calls itself is said once.
    for same in callers.chunk_by(|a, b| a == b) {
        last = from(same[0] as usize, last, outputs);
        if same.len() > 1 {
            line(outputs, format_args!("  | and {} times more", same.len() - 1));
        }
    }
}

/// `incoming_rtp of janus.plugin.x (libjanus_x.so, generation B6, build-id …), handle 7`
struct In(Doing);

impl Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.0.callback.name(), self.0.plugin.package())?;
        if let Some(origin) = self.0.plugin.origin() {
            write!(f, " ({}", origin.file)?;
            if let Some(generation) = &origin.generation {
                write!(f, ", generation {generation}")?;
            }
            if let Some(build_id) = &origin.build_id {
                write!(f, ", build-id {build_id}")?;
            }
            f.write_str(")")?;
        }
        match self.0.handle {
            0 => Ok(()),
            handle => write!(f, ", handle {handle}"),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.signal))?;
        if self.was_sent() {
            write!(f, ", sent by process {}", self.sender)?;
        } else if let Some(meaning) = meaning(self.signal, self.code) {
            write!(f, " ({meaning})")?;
        }
        // The kernel knows no address of what it calls a general protection fault.
        if matches!(self.signal, libc::SIGSEGV | libc::SIGBUS) && (1..0x80).contains(&self.code) {
            write!(f, " at address {:#x}", self.address)?;
        }
        if self.is_overflow() {
            f.write_str(", the end of the stack")?;
        }
        write!(f, ", thread {} (", self.thread)?;
        let mut bytes = [0_u8; 17];
        // SAFETY: writes at most 16 bytes.
        unsafe { libc::prctl(libc::PR_GET_NAME, bytes.as_mut_ptr()) };
        let length = bytes.iter().position(|b| *b == 0).unwrap_or(0);
        f.write_str(std::str::from_utf8(&bytes[..length]).unwrap_or("?"))?;
        write!(f, "), janus-rs {}", env!("CARGO_PKG_VERSION"))
    }
}

fn name(signal: c_int) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGABRT => "SIGABRT",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGSYS => "SIGSYS",
        _ => "a signal",
    }
}

/// Of sigaction(2)'s `si_code`.
fn meaning(signal: c_int, code: c_int) -> Option<&'static str> {
    Some(match (signal, code) {
        (libc::SIGSEGV, 1) => "nothing is mapped",
        (libc::SIGSEGV, 2) => "access is not allowed",
        (libc::SIGSEGV, 0x80) => "no possible address",
        (libc::SIGBUS, 1) => "not aligned",
        (libc::SIGBUS, 2) => "behind the end of a mapped file",
        (libc::SIGFPE, 1) => "integer division by zero",
        (libc::SIGFPE, 2) => "integer overflow",
        _ => return None,
    })
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:#x}", self.file(), self.offset())?;
        match self.symbol() {
            Some((name, 0)) => write!(f, " ({name})"),
            Some((name, further)) => write!(f, " ({name}+{further:#x})"),
            None => Ok(()),
        }
    }
}
