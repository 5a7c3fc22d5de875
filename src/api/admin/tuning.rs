//! What can be changed while running (control-plane.md §7): each setter answers with the value now in force.

use crate::api::request::{Answer, Request};
use crate::core::errors::{ApiError, Code};
use crate::core::settings::LogKnob;
use crate::json::Json;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Longest retransmission queue, ms (CP-248).
const MAX_NACK_QUEUE: u32 = 1000;

pub fn status(request: &Request) -> Answer {
    let (settings, live) = (&request.core.settings, &request.core.live);
    let knob = |knob| settings.log.get(knob);
    let status = Json::object()
        .with("token_auth", request.core.auth.token_needed())
        .with("session_timeout", live.session_timeout.load(Ordering::Relaxed))
        .with("reclaim_session_timeout", settings.reclaim_session_timeout)
        .with("candidates_timeout", settings.candidates_timeout)
        .with("log_level", knob(LogKnob::Level))
        .with("log_timestamps", knob(LogKnob::Timestamps) != 0)
        .with("log_colors", knob(LogKnob::Colors) != 0)
        .with("log_rotate_sig", settings.facts.log_rotate_signal)
        .with("locking_debug", knob(LogKnob::Locking) != 0)
        .with("refcount_debug", knob(LogKnob::Refcount) != 0)
        .with("libnice_debug", live.libnice_debug.load(Ordering::Relaxed))
        .with("min_nack_queue", live.min_nack_queue.load(Ordering::Relaxed))
        .with("nack-optimizations", live.nack_optimizations.load(Ordering::Relaxed))
        .with("no_media_timer", live.no_media_timer.load(Ordering::Relaxed))
        .with("slowlink_threshold", live.slowlink_threshold.load(Ordering::Relaxed));
    Ok(request.success().with("status", status).into())
}

/// A number that fits, capped.
fn number(request: &Request, name: &str, cap: u32) -> Result<u32, ApiError> {
    Ok(u32::try_from(request.members().number(name)?).unwrap_or(u32::MAX).min(cap))
}

fn set_number(request: &Request, target: &AtomicU32, name: &str, cap: u32) -> Answer {
    let value = number(request, name, cap)?;
    target.store(value, Ordering::Relaxed);
    Ok(request.success().with(name, value).into())
}

fn set_flag(request: &Request, target: &AtomicBool, name: &str, shown: &str) -> Answer {
    let value = request.members().boolean(name)?;
    target.store(value, Ordering::Relaxed);
    Ok(request.success().with(shown, value).into())
}

fn set_knob(request: &Request, knob: LogKnob, name: &str, shown: &str) -> Answer {
    let value = request.members().boolean(name)?;
    request.core.settings.log.set(knob, i32::from(value));
    Ok(request.success().with(shown, value).into())
}

pub fn session_timeout(request: &Request) -> Answer {
    set_number(request, &request.core.live.session_timeout, "timeout", u32::MAX)
}

pub fn log_level(request: &Request) -> Answer {
    let level = request.members().number("level")?;
    if level > 7 {
        let reason = "Invalid element type (level should be between 0 and 7)";
        return Err(ApiError::new(Code::InvalidElementType, reason));
    }
    request.core.settings.log.set(LogKnob::Level, level as i32);
    Ok(request.success().with("level", level).into())
}

pub fn locking_debug(request: &Request) -> Answer {
    set_knob(request, LogKnob::Locking, "debug", "locking_debug")
}

pub fn refcount_debug(request: &Request) -> Answer {
    set_knob(request, LogKnob::Refcount, "debug", "refcount_debug")
}

/// Kept and shown, as pages for 1.1.2 expect; nothing listens, for ICE here is another library's (src/media/ice).
pub fn libnice_debug(request: &Request) -> Answer {
    set_flag(request, &request.core.live.libnice_debug, "debug", "libnice_debug")
}

pub fn log_timestamps(request: &Request) -> Answer {
    set_knob(request, LogKnob::Timestamps, "timestamps", "log_timestamps")
}

pub fn log_colors(request: &Request) -> Answer {
    set_knob(request, LogKnob::Colors, "colors", "log_colors")
}

/// Hands what a setter changed to the engine.
fn tuned(request: &Request, answer: Answer) -> Answer {
    request.core.tune_engine();
    answer
}

pub fn min_nack_queue(request: &Request) -> Answer {
    let live = &request.core.live;
    tuned(request, set_number(request, &live.min_nack_queue, "min_nack_queue", MAX_NACK_QUEUE))
}

pub fn nack_optimizations(request: &Request) -> Answer {
    let live = &request.core.live;
    tuned(request, set_flag(request, &live.nack_optimizations, "nack_optimizations", "nack-optimizations"))
}

pub fn no_media_timer(request: &Request) -> Answer {
    let live = &request.core.live;
    tuned(request, set_number(request, &live.no_media_timer, "no_media_timer", u32::MAX))
}

pub fn slowlink_threshold(request: &Request) -> Answer {
    let live = &request.core.live;
    tuned(request, set_number(request, &live.slowlink_threshold, "slowlink_threshold", u32::MAX))
}

pub fn accept_new_sessions(request: &Request) -> Answer {
    set_flag(request, &request.core.live.accepting_sessions, "accept", "accept")
}
