//! What the code of a module says about the headers it was compiled with: how it calls functions whose arguments have
//! changed. The file is read; nothing of it runs.
//!
//! A call site is looked at backwards, up to the call before it: which registers and stack places were filled, with
//! what. Compilers fill a C `int` with a 32-bit instruction and a pointer with a 64-bit one, and a list of options
//! carries its keys as constants. Other machines than x86-64 are not decoded: there, nothing is known from the code.
#![forbid(unsafe_code)]

use std::sync::Arc;

/// What call sites showed. All sites of a function have to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// `janus_rtp_simulcasting_context_process_rtp(context, buf, len, ssrcs, rids, codec, …)`.
    CodecIsSixth,
    /// `janus_rtp_simulcasting_context_process_rtp(context, buf, len, dd, dd_len, ssrcs, …)`.
    SsrcsAreSixth,
    /// `janus_rtp_svc_context_process_rtp(context, buf, len, codec, …)`.
    CodecIsFourth,
    /// `janus_rtp_svc_context_process_rtp(context, buf, len, dd, …)`.
    DescriptorIsFourth,
    /// Options of an offer or answer, as 1.0 numbers them: the whole list makes sense so, and not as 1.1 does.
    Options10,
    /// As 1.1 numbers them, and not as 1.0 does.
    Options11,
    /// `janus_vp8_parse_descriptor(buffer, len, picid, …)`: one argument on the stack.
    DescriptorOfSeven,
    /// `janus_vp8_parse_descriptor(buffer, len, m, picid, …)`: two.
    DescriptorOfEight,
}

impl Said {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Said::CodecIsSixth => "its code passes a codec as sixth argument of process_rtp",
            Said::SsrcsAreSixth => "its code passes SSRCs as sixth argument of process_rtp",
            Said::CodecIsFourth => "its code passes a codec as fourth argument of svc process_rtp",
            Said::DescriptorIsFourth => "its code passes a dependency descriptor to svc process_rtp",
            Said::Options10 => "its code numbers SDP options as 1.0 does",
            Said::Options11 => "its code numbers SDP options as 1.1 does",
            Said::DescriptorOfSeven => "its code passes seven arguments to janus_vp8_parse_descriptor",
            Said::DescriptorOfEight => "its code passes eight arguments to janus_vp8_parse_descriptor",
        }
    }
}

/// The result of reading a module's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// The plugin API number that its table's function returns.
    pub api: Option<i32>,
    /// The package name that its table's function returns.
    pub package: Option<String>,
    pub said: Vec<Said>,
    /// Functions of the core that run at opening, before any import can be bound: what constructors call.
    pub constructors: Vec<Arc<str>>,
}

/// Can the code of modules be read on this machine?
pub const DECODED: bool = cfg!(target_arch = "x86_64");

#[cfg(target_arch = "x86_64")]
pub use x86_64::read;

/// Not on this machine.
#[cfg(not(target_arch = "x86_64"))]
pub fn read(_: &super::image::Image<'_>, _: &super::sound::Dynamic) -> Calls {
    Calls::default()
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{Calls, Said};
    use crate::modules::image::{Image, Load};
    use crate::modules::sound::{ADDRESS_RELOCATIONS, Dynamic, RELATIVE, Relocation, tag};
    use crate::sdp::options::{Numbering, Shape};
    use iced_x86::{
        Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
        OpKind, Register,
    };
    use std::collections::{HashMap, HashSet};
    use std::sync::Arc;

    /// How far back from a call its arguments are looked for.
    const WINDOW: usize = 96;
    /// How far back from a call through a register it is looked for what the register holds.
    const FURTHER: usize = 1024;
    /// Code of more than this is not read: bytes, of all segments together.
    const MOST: usize = 16 << 20;
    /// Instructions that are held at a time, beside those looked back at.
    const BLOCK: usize = 1 << 14;
    /// Calls that tell something; Debian's modules have 13 at most.
    const MOST_TELLING: usize = 10_000;
    /// Instructions that are looked at on the way back from calls; Debian's modules take 1,300
    /// at most, 8 MiB of Rust a hundred thousand.
    const MOST_LOOKS: usize = 500_000;

    /// Functions whose calls tell something.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    enum Telling {
        Simulcast,
        Svc,
        /// A list of options, after so many other arguments.
        Options(usize),
        /// A payload, and pointers to what is written.
        Descriptor,
    }

    fn telling(symbol: &str) -> Option<Telling> {
        Some(match symbol {
            "janus_rtp_simulcasting_context_process_rtp" => Telling::Simulcast,
            "janus_rtp_svc_context_process_rtp" => Telling::Svc,
            "janus_sdp_generate_answer_mline" => Telling::Options(3),
            "janus_sdp_generate_offer" => Telling::Options(2),
            "janus_sdp_generate_offer_mline" => Telling::Options(1),
            "janus_vp8_parse_descriptor" => Telling::Descriptor,
            _ => return None,
        })
    }

    /// What is known of an argument.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Value {
        Number(i64),
        /// 32 bits or less.
        Narrow,
        /// 64 bits.
        Wide,
        Unknown,
    }

    const ARGUMENTS: [Register; 6] =
        [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];

    /// Which a function saves before it uses them.
    const SAVED: [Register; 6] =
        [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];

    /// Reads the code.
    pub fn read(image: &Image<'_>, dynamic: &Dynamic) -> Calls {
        let mut calls = of_table(image, dynamic);
        calls.constructors = Early::new(image, dynamic).from(constructors(image, dynamic));
        let slots: HashMap<u64, Telling> = dynamic
            .relocations
            .iter()
            .filter(|r| ADDRESS_RELOCATIONS.contains(&r.kind))
            .filter_map(|r| Some((r.offset, telling(&dynamic.symbols.get(r.symbol)?.name)?)))
            .collect();
        if !slots.is_empty() {
            // What is read in part only says nothing: the rest might contradict it.
            calls.said = Reader::new(&slots).all(image).map(agreed).unwrap_or_default();
        }
        calls
    }

    /// Per pair of opposites: what some sites say and no site contradicts.
    fn agreed(sites: Vec<Vec<Said>>) -> Vec<Said> {
        let mut all: Vec<Said> = sites.into_iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let pairs = [
            (Said::CodecIsSixth, Said::SsrcsAreSixth),
            (Said::CodecIsFourth, Said::DescriptorIsFourth),
            (Said::Options10, Said::Options11),
            (Said::DescriptorOfSeven, Said::DescriptorOfEight),
        ];
        for (one, other) in pairs {
            if all.contains(&one) && all.contains(&other) {
                all.retain(|s| *s != one && *s != other);
            }
        }
        all
    }

    /// Reads code piece by piece: hostile files may have as much of it as they like.
    struct Reader<'a> {
        slots: &'a HashMap<u64, Telling>,
        /// Where a call goes through a stub (`jmp *slot`).
        stubs: HashMap<u64, Telling>,
        found: Vec<Vec<Said>>,
        factory: InstructionInfoFactory,
        /// Instructions that may still be looked at.
        looks: usize,
    }

    impl<'a> Reader<'a> {
        fn new(slots: &'a HashMap<u64, Telling>) -> Reader<'a> {
            let factory = InstructionInfoFactory::new();
            Reader { slots, stubs: HashMap::new(), found: Vec::new(), factory, looks: MOST_LOOKS }
        }

        /// What each call of a telling function shows; `None` if there is more than any module has.
        fn all(mut self, image: &Image<'_>) -> Option<Vec<Vec<Said>>> {
            let loads = || image.loads.iter().filter(|l| l.executable);
            if loads().map(|load| image.content(load).len()).sum::<usize>() > MOST {
                return None;
            }
            let decoder = |load: &Load| {
                Decoder::with_ip(64, image.content(load), load.memory.start, DecoderOptions::NONE)
            };
            for load in loads() {
                self.find_stubs(decoder(load).into_iter())?;
            }
            for load in loads() {
                let mut decoder = decoder(load).into_iter();
                let mut code: Vec<Instruction> = Vec::with_capacity(FURTHER + BLOCK);
                loop {
                    code.drain(..code.len().saturating_sub(FURTHER));
                    let new = code.len();
                    code.extend(decoder.by_ref().take(BLOCK));
                    if code.len() == new {
                        break;
                    }
                    self.read(&code, new)?;
                }
            }
            Some(self.found)
        }

        fn through(&self, i: &Instruction) -> Option<Telling> {
            (i.is_ip_rel_memory_operand())
                .then(|| self.slots.get(&i.ip_rel_memory_address()).copied())
                .flatten()
        }

        fn find_stubs(&mut self, code: impl Iterator<Item = Instruction>) -> Option<()> {
            let mut before: Option<Instruction> = None;
            for jump in code {
                let mark = before.replace(jump).filter(|i| i.mnemonic() == Mnemonic::Endbr64);
                let function = if jump.mnemonic() == Mnemonic::Jmp { self.through(&jump) } else { None };
                let Some(function) = function else { continue };
                self.stubs.extend([Some(jump), mark].into_iter().flatten().map(|i| (i.ip(), function)));
                if self.stubs.len() > MOST_TELLING {
                    return None;
                }
            }
            Some(())
        }

        /// The calls from the instruction `new` on.
        fn read(&mut self, code: &[Instruction], new: usize) -> Option<()> {
            for (at, call) in code.iter().enumerate().skip(new) {
                let function = match (call.flow_control(), call.mnemonic()) {
                    (FlowControl::Call | FlowControl::UnconditionalBranch, _) => {
                        self.stubs.get(&call.near_branch_target()).copied()
                    }
                    (FlowControl::IndirectCall, _) if call.op0_kind() == OpKind::Register => {
                        let place = self.site(code, at).pointer(call.op0_register());
                        place.and_then(|place| self.slots.get(&place).copied())
                    }
                    // A call, and one at the end of a function. Stubs are such jumps, too; nothing is before those.
                    (FlowControl::IndirectCall | FlowControl::IndirectBranch, _) => self.through(call),
                    _ => None,
                };
                if let Some(function) = function {
                    let says = self.site(code, at).says(function);
                    self.found.push(says);
                }
                if self.looks == 0 || self.found.len() > MOST_TELLING {
                    return None;
                }
            }
            Some(())
        }

        fn site<'b>(&'b mut self, code: &'b [Instruction], at: usize) -> Site<'b> {
            Site { code, at, factory: &mut self.factory, looks: &mut self.looks }
        }
    }

    /// A call, and the instructions before it.
    struct Site<'a> {
        code: &'a [Instruction],
        at: usize,
        factory: &'a mut InstructionInfoFactory,
        looks: &'a mut usize,
    }

    impl Site<'_> {
        fn says(&mut self, function: Telling) -> Vec<Said> {
            let argument = |site: &mut Self, index: usize| site.register(ARGUMENTS[index], site.at, 4);
            match function {
                Telling::Simulcast => match (argument(self, 4), argument(self, 5)) {
                    // rids, codec
                    (Value::Wide | Value::Number(0) | Value::Unknown, Value::Narrow) => {
                        vec![Said::CodecIsSixth]
                    }
                    (Value::Wide, Value::Number(_)) => vec![Said::CodecIsSixth],
                    // dd_len, ssrcs
                    (Value::Narrow | Value::Number(_) | Value::Unknown, Value::Wide) => {
                        vec![Said::SsrcsAreSixth]
                    }
                    _ => Vec::new(),
                },
                Telling::Svc => match (argument(self, 3), argument(self, 4)) {
                    // codec, info
                    (Value::Narrow | Value::Number(_), Value::Wide) => vec![Said::CodecIsFourth],
                    // dd, dd_len
                    (Value::Wide, Value::Narrow | Value::Number(_)) => vec![Said::DescriptorIsFourth],
                    _ => Vec::new(),
                },
                Telling::Descriptor => {
                    let mut list: Vec<Value> = (2..ARGUMENTS.len()).map(|i| argument(self, i)).collect();
                    let known = list.contains(&Value::Wide);
                    let stack = self.stack();
                    let given =
                        stack.iter().take_while(|(value, i)| *value == Value::Wide && self.is_fresh(*i));
                    let given: Vec<Value> = given.map(|(value, _)| *value).collect();
                    // What follows may be an argument that is not known, unless it is a register that calls change,
                    // pushed for the alignment.
                    let unclear = stack.get(given.len()).is_some_and(|(_, i)| !self.is_pad(*i));
                    list.extend(&given);
                    let pointers = list.iter().all(|v| !matches!(v, Value::Narrow | Value::Number(1..)));
                    // Stored beside the seventh, it may as well be a local variable: the smaller form is then all that
                    // is known to be given.
                    let pushed = stack
                        .iter()
                        .take(given.len())
                        .all(|(_, i)| self.code[*i].mnemonic() == Mnemonic::Push);
                    match given.len() {
                        1 if known && pointers && !unclear => vec![Said::DescriptorOfSeven],
                        2 if known && pointers && pushed => vec![Said::DescriptorOfEight],
                        _ => Vec::new(),
                    }
                }
                Telling::Options(before) => {
                    let mut list: Vec<Value> = (before..ARGUMENTS.len()).map(|i| argument(self, i)).collect();
                    list.extend(self.stack().iter().map(|(value, _)| *value));
                    match (sensible(&list, Numbering::V1_0), sensible(&list, Numbering::V1_1)) {
                        (true, false) => vec![Said::Options10],
                        (false, true) => vec![Said::Options11],
                        _ => Vec::new(),
                    }
                }
            }
        }

        /// The instructions before `from`, latest first, to the call or jump before them.
        fn before(&self, from: usize) -> impl Iterator<Item = usize> + use<> {
            let floor = self.at.saturating_sub(WINDOW);
            (self.stop(from).map_or(floor, |i| i + 1)..from).rev()
        }

        /// The last call or jump before `from`.
        fn stop(&self, from: usize) -> Option<usize> {
            let floor = self.at.saturating_sub(WINDOW);
            (floor..from).rev().find(|i| {
                let flow = self.code[*i].flow_control();
                !matches!(flow, FlowControl::Next | FlowControl::ConditionalBranch)
            })
        }

        /// No call is between the beginning of the function and this one, so that what it saves of its caller's may
        /// be in sight.
        fn is_first(&self) -> bool {
            let flow = self.stop(self.at).map(|i| self.code[i].flow_control());
            // A jump may be inside the function.
            matches!(flow, Some(FlowControl::Return))
        }

        /// Is it a push of a register that calls change?
        fn is_pad(&self, i: usize) -> bool {
            let push = &self.code[i];
            push.mnemonic() == Mnemonic::Push
                && push.op0_kind() == OpKind::Register
                && !SAVED.contains(&push.op0_register().full_register())
        }

        /// From where the register that is called was loaded. A compiler that calls a function often may keep its address
        /// in a register that calls do not change.
        fn pointer(&mut self, register: Register) -> Option<u64> {
            let floor = self.at.saturating_sub(FURTHER);
            let load = (floor..self.at).rev().find(|i| self.writes(*i, register.full_register()))?;
            let load = &self.code[load];
            (load.mnemonic() == Mnemonic::Mov && load.is_ip_rel_memory_operand())
                .then(|| load.ip_rel_memory_address())
        }

        /// Did the instruction `i` put something on the stack that nothing else has used? Else it may be any register,
        /// pushed for the stack's alignment only.
        fn is_fresh(&mut self, i: usize) -> bool {
            let instruction = self.code[i];
            let operand = if instruction.mnemonic() == Mnemonic::Push { 0 } else { 1 };
            if instruction.op_kind(operand) != OpKind::Register {
                return true;
            }
            let register = instruction.op_register(operand).full_register();
            for i in self.before(i) {
                if self.writes(i, register) {
                    return true;
                }
                *self.looks = self.looks.saturating_sub(1);
                let used = self.factory.info(&self.code[i]).used_registers();
                if used.iter().any(|used| used.register().full_register() == register) {
                    return false;
                }
            }
            false
        }

        fn writes(&mut self, i: usize, register: Register) -> bool {
            *self.looks = self.looks.saturating_sub(1);
            self.factory.info(&self.code[i]).used_registers().iter().any(|used| {
                used.register().full_register() == register
                    && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess)
            })
        }

        /// What `register` holds before the instruction `from`.
        fn register(&mut self, register: Register, from: usize, depth: usize) -> Value {
            // The way to the call before it.
            *self.looks = self.looks.saturating_sub(1);
            for i in self.before(from) {
                if self.writes(i, register) {
                    return self.written(i, depth);
                }
            }
            Value::Unknown
        }

        /// What the instruction `i` puts into its first operand.
        fn written(&mut self, i: usize, depth: usize) -> Value {
            let instruction = self.code[i];
            if instruction.op0_kind() != OpKind::Register {
                return Value::Unknown;
            }
            let (target, mnemonic) = (instruction.op0_register(), instruction.mnemonic());
            let by_size = if target.size() == 8 { Value::Wide } else { Value::Narrow };
            match mnemonic {
                Mnemonic::Mov if is_immediate(instruction.op1_kind()) => {
                    Value::Number(instruction.immediate(1) as i64)
                }
                Mnemonic::Mov if instruction.op1_kind() == OpKind::Register && depth > 0 => {
                    let source = instruction.op1_register();
                    match self.register(source.full_register(), i, depth - 1) {
                        Value::Unknown | Value::Wide | Value::Narrow => by_size,
                        number => number,
                    }
                }
                Mnemonic::Xor | Mnemonic::Sub
                    if instruction.op1_kind() == OpKind::Register && instruction.op1_register() == target =>
                {
                    Value::Number(0)
                }
                Mnemonic::Movsxd | Mnemonic::Movsx | Mnemonic::Movzx => Value::Narrow,
                Mnemonic::Pop => Value::Unknown,
                _ => by_size,
            }
        }

        /// The arguments on the stack, in order, as far as they are known, each with the instruction that put it there.
        fn stack(&mut self) -> Vec<(Value, usize)> {
            let mut places: HashMap<i64, (Value, usize)> = HashMap::new();
            // How far the stack pointer has gone down since the instruction that is looked at.
            let mut down = 0_i64;
            for i in self.before(self.at) {
                let instruction = self.code[i];
                match instruction.mnemonic() {
                    Mnemonic::Push => {
                        let value = match instruction.op0_kind() {
                            OpKind::Register => {
                                let register = instruction.op0_register().full_register();
                                let value = self.register(register, i, 4);
                                if value == Value::Unknown && SAVED.contains(&register) && self.is_first() {
                                    break;
                                }
                                value
                            }
                            kind if is_immediate(kind) => Value::Number(instruction.immediate(0) as i64),
                            _ => Value::Unknown,
                        };
                        places.entry(down).or_insert((value, i));
                        down += 8;
                    }
                    Mnemonic::Sub | Mnemonic::Add if instruction.op0_register() == Register::RSP => {
                        if !is_immediate(instruction.op1_kind()) {
                            break;
                        }
                        let amount = instruction.immediate(1) as i64;
                        down += if instruction.mnemonic() == Mnemonic::Sub { amount } else { -amount };
                    }
                    Mnemonic::Pop => down -= 8,
                    Mnemonic::Mov
                        if instruction.op0_kind() == OpKind::Memory
                            && instruction.memory_base() == Register::RSP
                            && instruction.memory_index() == Register::None =>
                    {
                        let value = match instruction.op1_kind() {
                            kind if is_immediate(kind) => Value::Number(instruction.immediate(1) as i64),
                            OpKind::Register => {
                                let source = instruction.op1_register();
                                match self.register(source.full_register(), i, 4) {
                                    number @ Value::Number(_) => number,
                                    _ if source.size() == 8 => Value::Wide,
                                    _ => Value::Narrow,
                                }
                            }
                            _ => Value::Unknown,
                        };
                        let place = down.wrapping_add(instruction.memory_displacement64() as i64);
                        places.entry(place).or_insert((value, i));
                    }
                    _ => {}
                }
            }
            (0..64).map_while(|i| places.get(&(8 * i)).copied()).collect()
        }
    }

    fn is_immediate(kind: OpKind) -> bool {
        matches!(
            kind,
            OpKind::Immediate8
                | OpKind::Immediate16
                | OpKind::Immediate32
                | OpKind::Immediate64
                | OpKind::Immediate8to16
                | OpKind::Immediate8to32
                | OpKind::Immediate8to64
                | OpKind::Immediate32to64
        )
    }

    /// Is this a list of options to its end, numbered so?
    fn sensible(list: &[Value], numbering: Numbering) -> bool {
        let int = |v: Option<&Value>| v.is_some_and(|v| *v != Value::Wide);
        // No text begins in the first page.
        let text =
            |v: Option<&Value>| v.is_some_and(|v| !matches!(v, Value::Number(1..4096) | Value::Narrow));
        let mut at = 0;
        while let Some(Value::Number(key)) = list.get(at) {
            let Some(key) = i32::try_from(*key).ok().and_then(|k| numbering.key(k)) else { return false };
            let (good, length) = match key.shape() {
                Shape::End => return at > 0,
                Shape::Int => (int(list.get(at + 1)), 2),
                Shape::Pointer => (text(list.get(at + 1)), 2),
                Shape::PointerInt => (text(list.get(at + 1)) && int(list.get(at + 2)), 3),
                Shape::PointerPointer => (text(list.get(at + 1)) && text(list.get(at + 2)), 3),
                Shape::Unknown => return false,
            };
            if !good {
                return false;
            }
            at += length;
        }
        false
    }

    /// Addresses that the linker writes into the file's own data: functions of the table are local ones, or exported under
    /// their names.
    fn pointers(dynamic: &Dynamic) -> HashMap<u64, u64> {
        let own = |r: &Relocation| match dynamic.symbols.get(r.symbol) {
            _ if r.kind == RELATIVE => Some(r.addend as u64),
            Some(symbol) if symbol.defined && ADDRESS_RELOCATIONS.contains(&r.kind) => {
                Some(symbol.address.wrapping_add(r.addend as u64))
            }
            _ => None,
        };
        dynamic.relocations.iter().filter_map(|r| Some((r.offset, own(r)?))).collect()
    }

    fn create(dynamic: &Dynamic) -> Option<u64> {
        dynamic.symbols.iter().find(|s| s.defined && &*s.name == "create").map(|s| s.address)
    }

    /// At most so many bytes of the code that begins here.
    fn code<'a>(image: &Image<'a>, address: u64, most: usize) -> Option<&'a [u8]> {
        let code = image.load(address, 1).filter(|l| l.executable).and_then(|_| image.from(address))?;
        Some(&code[..code.len().min(most)])
    }

    /// Follows `create` to the table it returns, and the table's functions to what they return: the third the API number,
    /// the ninth the package.
    fn of_table(image: &Image<'_>, dynamic: &Dynamic) -> Calls {
        let pointers = pointers(dynamic);
        let told = |table: u64| {
            let function = |index: u64| {
                let place = table.checked_add(8 * index)?;
                image.load(place, 8).filter(|l| l.writable)?;
                pointers.get(&place).copied().or_else(|| image.u64(place))
            };
            let api = Some(number(image, function(2)?)?);
            Some(Calls { api, package: function(8).and_then(|f| text(image, f)), ..Calls::default() })
        };
        let found = create(dynamic).and_then(|create| {
            let code = code(image, create, 2048)?;
            let tables = Decoder::with_ip(64, code, create, DecoderOptions::NONE)
                .into_iter()
                .filter(|i| i.mnemonic() == Mnemonic::Lea && i.is_ip_rel_memory_operand())
                .map(|i| i.ip_rel_memory_address());
            tables.filter_map(told).next()
        });
        found.unwrap_or_default()
    }

    /// The text whose address the function returns.
    fn text(image: &Image<'_>, function: u64) -> Option<String> {
        let mut address = None;
        for i in Decoder::with_ip(64, code(image, function, 128)?, function, DecoderOptions::NONE) {
            match (i.mnemonic(), i.flow_control()) {
                (Mnemonic::Ret, _) => break,
                (Mnemonic::Lea, _) if i.op0_register() == Register::RAX && i.is_ip_rel_memory_operand() => {
                    address = Some(i.ip_rel_memory_address());
                }
                (_, FlowControl::Next) if i.op0_register().full_register() == Register::RAX => return None,
                (_, FlowControl::Next) => {}
                _ => return None,
            }
        }
        let bytes = image.from(address?)?;
        let end = bytes.iter().take(256).position(|b| *b == 0)?;
        let text = std::str::from_utf8(&bytes[..end]).ok()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The constant that the function returns.
    fn number(image: &Image<'_>, function: u64) -> Option<i32> {
        let code = code(image, function, 128)?;
        let mut result = None;
        // Around the constant there may be a frame and a stack protector.
        for i in Decoder::with_ip(64, code, function, DecoderOptions::NONE) {
            match (i.mnemonic(), i.flow_control()) {
                (Mnemonic::Ret, _) => return result,
                (Mnemonic::Mov, _) if i.op0_register() == Register::EAX && is_immediate(i.op1_kind()) => {
                    result = i32::try_from(i.immediate(1)).ok().filter(|n| (1..1000).contains(n));
                }
                (_, FlowControl::Next) if i.op0_register().full_register() == Register::RAX => result = None,
                (_, FlowControl::Next | FlowControl::ConditionalBranch) => {}
                _ => return None,
            }
        }
        None
    }

    /// Functions that the dynamic linker calls at opening.
    fn constructors(image: &Image<'_>, dynamic: &Dynamic) -> Vec<u64> {
        let pointers = pointers(dynamic);
        let table = dynamic.value(tag::INIT_ARRAY).zip(dynamic.value(tag::INIT_ARRAY_SIZE));
        let places = table.map_or(0..0, |(_, size)| 0..size.min(1 << 16) / 8).map(|i| {
            let place = table.map_or(0, |table| table.0).saturating_add(8 * i);
            pointers.get(&place).copied().or_else(|| image.u64(place))
        });
        dynamic.value(tag::INIT).into_iter().chain(places.flatten()).collect()
    }

    /// Instructions that are followed from where code begins to run.
    const MOST_FOLLOWED: usize = 100_000;

    /// Do these not return? Names of the C and C++ libraries and of GLib. What follows such a call is another function's.
    fn ends(function: &str) -> bool {
        const ENDING: [&str; 12] = [
            "__stack_chk_fail",
            "__chk_fail",
            "__fortify_fail",
            "__assert_fail",
            "__longjmp_chk",
            "_Unwind_Resume",
            "_exit",
            "abort",
            "exit",
            "longjmp",
            "pthread_exit",
            "quick_exit",
        ];
        ENDING.contains(&function)
            || function.starts_with("g_assert")
            || function.starts_with("__cxa_throw")
            || function.starts_with("__cxa_rethrow")
            || (function.starts_with("_ZSt")
                && (function.contains("__throw_") || function.contains("terminate")))
    }

    /// Which functions of the core a piece of code calls: directly, through stubs, and in what it calls of its own file.
    /// Calls through tables and registers are not followed, nor what might be behind the end of a function: a module must
    /// not be refused for what its neighbour calls.
    struct Early<'a> {
        image: &'a Image<'a>,
        /// Where the addresses of other files' functions are.
        slots: HashMap<u64, Arc<str>>,
        /// Where its own functions begin that have names.
        starts: HashSet<u64>,
    }

    impl<'a> Early<'a> {
        fn new(image: &'a Image<'a>, dynamic: &Dynamic) -> Early<'a> {
            let of_others = |r: &&Relocation| ADDRESS_RELOCATIONS.contains(&r.kind);
            let slots = dynamic.relocations.iter().filter(of_others).filter_map(|r| {
                let symbol = dynamic.symbols.get(r.symbol).filter(|s| !s.defined)?;
                Some((r.offset, symbol.name.clone()))
            });
            let starts = dynamic.symbols.iter().filter(|s| s.defined).map(|s| s.address);
            Early { image, slots: slots.collect(), starts: starts.collect() }
        }

        /// The function whose address this call or jump takes from a slot.
        fn taken(&self, i: &Instruction) -> Option<&Arc<str>> {
            i.is_ip_rel_memory_operand().then(|| self.slots.get(&i.ip_rel_memory_address()))?
        }

        /// The function that is called: directly, or through a stub.
        fn called(&self, call: &Instruction) -> Option<&Arc<str>> {
            if call.flow_control() != FlowControl::Call {
                return self.taken(call);
            }
            let stub = call.near_branch_target();
            let mut stub = Decoder::with_ip(64, code(self.image, stub, 32)?, stub, DecoderOptions::NONE)
                .into_iter()
                .skip_while(|i| i.mnemonic() == Mnemonic::Endbr64);
            stub.next()
                .filter(|i| i.flow_control() == FlowControl::IndirectBranch)
                .and_then(|i| self.taken(&i))
        }

        fn from(&self, mut places: Vec<u64>) -> Vec<Arc<str>> {
            let (mut found, mut seen, mut left) = (Vec::new(), HashSet::new(), MOST_FOLLOWED);
            if !self.slots.values().any(|name| name.starts_with("janus_")) {
                return found;
            }
            while let Some(start) = places.pop() {
                let Some(code) = code(self.image, start, usize::MAX) else { continue };
                let mut after_call = false;
                for i in Decoder::with_ip(64, code, start, DecoderOptions::NONE) {
                    let beyond = i.ip() != start && self.starts.contains(&i.ip());
                    // Between functions, behind a call that does not return.
                    let between = after_call
                        && matches!(i.mnemonic(), Mnemonic::Nop | Mnemonic::Int3 | Mnemonic::Endbr64);
                    if left == 0 || beyond || between || !seen.insert(i.ip()) {
                        break;
                    }
                    left -= 1;
                    let flow = i.flow_control();
                    after_call = matches!(flow, FlowControl::Call | FlowControl::IndirectCall);
                    match flow {
                        FlowControl::Next => continue,
                        FlowControl::ConditionalBranch => {
                            places.push(i.near_branch_target());
                            continue;
                        }
                        FlowControl::UnconditionalBranch => places.push(i.near_branch_target()),
                        FlowControl::Call | FlowControl::IndirectCall => {
                            let called = self.called(&i);
                            found.extend(called.cloned());
                            if called.is_none() && flow == FlowControl::Call {
                                places.push(i.near_branch_target());
                            }
                            if !called.is_some_and(|name| ends(name)) {
                                continue;
                            }
                        }
                        FlowControl::IndirectBranch => found.extend(self.taken(&i).cloned()),
                        _ => {}
                    }
                    break;
                }
            }
            found.retain(|name| name.starts_with("janus_"));
            found.sort_unstable();
            found.dedup();
            found
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use Value::{Narrow, Number, Wide};

        #[test]
        fn a_list_of_options_makes_sense_in_one_numbering() {
            // MLINE audio, DIRECTION x, CODEC "opus", ACCEPT_EXTMAP "…", DONE
            let newer =
                [Number(1), Number(0), Number(3), Narrow, Number(6), Wide, Number(9), Wide, Number(0)];
            assert!(sensible(&newer, Numbering::V1_1) && !sensible(&newer, Numbering::V1_0));
            let older =
                [Number(1), Number(0), Number(3), Narrow, Number(5), Wide, Number(8), Wide, Number(0)];
            assert!(sensible(&older, Numbering::V1_0) && !sensible(&older, Numbering::V1_1));
            assert!(!sensible(&[Value::Unknown; 9], Numbering::V1_1));
            assert!(!sensible(&newer[..5], Numbering::V1_1), "without its end");
        }

        #[test]
        fn sites_have_to_agree() {
            assert_eq!(
                agreed(vec![vec![Said::CodecIsSixth], vec![Said::CodecIsSixth]]),
                [Said::CodecIsSixth]
            );
            assert!(agreed(vec![vec![Said::CodecIsSixth], vec![Said::SsrcsAreSixth]]).is_empty());
        }
    }
}
