//! One handle of the plugin: its requests, and its media.
//!
//! No lock is held while another handle is told something: what a client of that does comes back here.

use super::PACKAGE;
use super::hall::{Guest, Hall, Member, Room};
use super::publisher::{Published, Publisher};
use super::request::{
    ALREADY_JOINED, Body, INVALID_ELEMENT, INVALID_REQUEST, JOIN_FIRST, NO_MESSAGE, NOT_PUBLISHED, Refusal,
    Result,
};
use super::subscriber::{Offer, Subscriber};
use crate::json::Json;
use crate::links::media::{Media, heard};
use crate::media::{Mindex, Route, RtpIn};
use crate::modules::host::{HandleHost, PluginResult, PluginSessionFace};
use crate::util::lock::Lock;
use crate::util::{serial, time};
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

/// How often a limit is told, µs.
const LIMIT_AGAIN: i64 = 5_000_000;
/// What a publisher is told that may send as much as it likes, bit/s.
const UNLIMITED: u32 = 1_000_000_000;
/// M-lines that can be muted.
const MUTABLE: usize = 64;

pub struct Session {
    number: u64,
    hall: Arc<Hall>,
    host: Arc<dyn HandleHost>,
    me: Weak<Session>,
    alive: AtomicBool,
    media: Media,
    /// By m-line, of whoever may: nothing of it is forwarded.
    muted: AtomicU64,
    /// Bit/s that the client may send; 0: any. And when it was told so, monotonic µs.
    limit: AtomicU32,
    limited_at: AtomicI64,
    role: Lock<Role>,
}

#[derive(Default)]
enum Role {
    #[default]
    None,
    Publisher(Publisher),
    Subscriber(Subscriber),
}

/// What a request leads to: the answer, and a description with it.
type Answer = (Json, Option<Json>);

impl Session {
    pub fn new(hall: Arc<Hall>, host: Arc<dyn HandleHost>) -> Arc<Session> {
        let session = Arc::new_cyclic(|me| Session {
            number: serial::next(),
            hall,
            host: host.clone(),
            me: me.clone(),
            alive: true.into(),
            media: Media::default(),
            muted: 0.into(),
            limit: 0.into(),
            limited_at: 0.into(),
            role: Lock::default(),
        });
        session.media.outlet.belongs_to(Arc::downgrade(&host));
        session
    }

    fn push(&self, transaction: Option<&str>, event: Json, jsep: Option<Json>) {
        self.host.push_event(PACKAGE, transaction, event, jsep);
    }

    fn with_publisher<T>(&self, act: impl FnOnce(&mut Publisher) -> Result<T>) -> Result<T> {
        match &mut *self.role.lock() {
            Role::Publisher(publisher) => act(publisher),
            _ => Err(Refusal::new(JOIN_FIRST, "Not in a room as a publisher")),
        }
    }

    fn with_subscriber<T>(&self, act: impl FnOnce(&mut Subscriber) -> Result<T>) -> Result<T> {
        match &mut *self.role.lock() {
            Role::Subscriber(subscriber) => act(subscriber),
            _ => Err(Refusal::new(JOIN_FIRST, "Not in a room as a subscriber")),
        }
    }

    // ---- Requests that are answered at once

    fn at_once(&self, name: &str, body: &Body<'_>) -> Option<Result<Json>> {
        Some(match name {
            "create" => self.create(body),
            "destroy" => self.destroy_room(body),
            "exists" => body.wanted_room().map(|name| {
                let exists = self.hall.find(&name).is_ok();
                success().with("room", &name).with("exists", exists)
            }),
            "list" => Ok(success().with("list", self.hall.list())),
            "listparticipants" => self.participants(body),
            "kick" => self.kick(body),
            "moderate" => self.moderate(body),
            _ => return None,
        })
    }

    fn create(&self, body: &Body<'_>) -> Result<Json> {
        let room = self.hall.create(body, self.number)?;
        Ok(Json::object().with("videoroom", "created").with("room", &room.name).with("permanent", false))
    }

    /// The room, for who knows its secret.
    fn obeying(&self, body: &Body<'_>) -> Result<Arc<Room>> {
        let room = self.hall.find(&body.wanted_room()?)?;
        room.obeys(body.text("secret")?.as_deref())?;
        Ok(room)
    }

    fn destroy_room(&self, body: &Body<'_>) -> Result<Json> {
        let room = self.obeying(body)?;
        let destroyed = Json::object().with("videoroom", "destroyed").with("room", &room.name);
        let (members, watchers) = self.hall.destroy(&room);
        for guest in members.iter().map(|member| &member.guest).chain(&watchers) {
            guest.tell(destroyed.deep_copy());
            guest.forget();
        }
        Ok(destroyed.with("permanent", false))
    }

    fn participants(&self, body: &Body<'_>) -> Result<Json> {
        let room = self.hall.find(&body.wanted_room()?)?;
        let list = Json::array();
        for member in room.members() {
            let described = Json::object()
                .with("id", member.id)
                .with_some("display", member.display.as_ref())
                .with("publisher", !member.streams.is_empty());
            list.push(described);
        }
        Ok(Json::object()
            .with("videoroom", "participants")
            .with("room", &room.name)
            .with("participants", list))
    }

    fn kick(&self, body: &Body<'_>) -> Result<Json> {
        let room = self.obeying(body)?;
        let id = body.number("id")?.map_or_else(|| Body::missing("id"), Ok)?;
        let member = room.member(id)?;
        let event = room.event().with("leaving", "ok").with("reason", "kicked");
        member.guest.tell(event);
        member.guest.removed("kicked");
        Ok(success())
    }

    fn moderate(&self, body: &Body<'_>) -> Result<Json> {
        let room = self.obeying(body)?;
        let id = body.number("id")?.map_or_else(|| Body::missing("id"), Ok)?;
        let mid = body.text("mid")?.map_or_else(|| Body::missing("mid"), Ok)?;
        let mute = body.flag("mute")?.map_or_else(|| Body::missing("mute"), Ok)?;
        let member = room.member(id)?;
        let index = member.streams.iter().position(|stream| stream.mid == mid);
        if !index.is_some_and(|index| member.guest.mute(index, mute)) {
            return Err(Refusal::new(NOT_PUBLISHED, format!("No such stream ({mid})")));
        }
        let said = if mute { "muted" } else { "unmuted" };
        room.tell(None, &room.event().with("id", id).with("mid", mid).with("moderation", said));
        Ok(success())
    }

    // ---- Requests that are answered by an event

    fn later(&self, name: &str, body: &Body<'_>, jsep: Option<&Json>) -> Result<Answer> {
        match name {
            "join" => match body.text("ptype")?.as_deref() {
                Some("publisher") => self.join(body).map(|joined| (joined, None)),
                Some("subscriber") => self.subscribe_first(body),
                Some(_) => Err(Refusal::new(INVALID_ELEMENT, "Invalid element (ptype)")),
                None => Body::missing("ptype"),
            },
            "joinandconfigure" => {
                let joined = self.join(body)?;
                match self.configure(body, jsep) {
                    Ok((configured, answer)) => {
                        for name in ["streams", "configured"] {
                            joined.set_some(name, configured.get(name));
                        }
                        Ok((joined, answer))
                    }
                    Err(why) => {
                        self.leave(None);
                        Err(why)
                    }
                }
            }
            "publish" | "configure" => {
                let is_subscriber = match &*self.role.lock() {
                    Role::None => return Err(Refusal::new(JOIN_FIRST, "Join a room first")),
                    Role::Subscriber(_) => true,
                    Role::Publisher(_) => false,
                };
                if is_subscriber { self.reconfigure(body) } else { self.configure(body, jsep) }
            }
            "unpublish" => {
                self.unpublish()?;
                Ok((success_event().with("unpublished", "ok"), None))
            }
            "subscribe" | "unsubscribe" => {
                let streams = body.list("streams")?;
                let subscribes = name == "subscribe";
                let act = |subscriber: &mut Subscriber| {
                    match subscribes {
                        true => subscriber.add(&streams)?,
                        false => subscriber.remove(&streams)?,
                    }
                    self.updated(subscriber, false)
                };
                self.with_subscriber(act)
            }
            "leave" => {
                let left = match &*self.role.lock() {
                    Role::None => return Err(Refusal::new(JOIN_FIRST, "Not in a room")),
                    Role::Publisher(_) => "leaving",
                    Role::Subscriber(_) => "left",
                };
                self.leave(None);
                Ok((success_event().with(left, "ok"), None))
            }
            other => Err(Refusal::new(INVALID_REQUEST, format!("Unknown request '{other}'"))),
        }
    }

    fn join(&self, body: &Body<'_>) -> Result<Json> {
        let name = body.wanted_room()?;
        let (pin, display, wanted) = (body.text("pin")?, body.text("display")?, body.number("id")?);
        let room = match self.hall.find(&name) {
            // For who has no second request: WHIP.
            Err(_) if body.flag("create")? == Some(true) => {
                self.hall.create(body, self.number).or_else(|_| self.hall.find(&name))?
            }
            found => found?,
        };
        room.let_in(pin.as_deref())?;
        let me = self.me.upgrade().ok_or_else(|| Refusal::new(JOIN_FIRST, "The handle is ending"))?;
        let mut role = self.role.lock();
        if !matches!(*role, Role::None) {
            return Err(Refusal::new(ALREADY_JOINED, "Already in a room"));
        }
        let id = room.enter(me, wanted, display.clone())?;
        *role = Role::Publisher(Publisher::new(room.clone(), id));
        drop(role);
        self.limit.store(room.terms.bitrate, Ordering::Relaxed);
        let others: Vec<Member> = room.members().into_iter().filter(|member| member.id != id).collect();
        let described: Json =
            others.iter().filter(|member| !member.streams.is_empty()).map(Member::described).collect();
        if room.terms.tells_joining {
            let joining = Json::object().with("id", id).with_some("display", display.as_ref());
            room.tell(Some(id), &room.event().with("joining", joining));
        }
        Ok(Json::object()
            .with("videoroom", "joined")
            .with("room", &room.name)
            .with("description", &room.terms.description)
            .with("id", id)
            .with("private_id", self.number as u32)
            .with("publishers", described))
    }

    /// Of a publisher: an offer, or what it is called.
    fn configure(&self, body: &Body<'_>, jsep: Option<&Json>) -> Result<Answer> {
        let bitrate = body.number("bitrate")?;
        let taken = self.with_publisher(|publisher| {
            publisher.describe(body)?;
            let published = jsep.map(|jsep| publisher.take(jsep, self.number)).transpose()?;
            Ok((publisher.room.clone(), publisher.id, published))
        });
        let (room, id, published) = taken?;
        if let Some(bitrate) = bitrate {
            let most = room.terms.bitrate;
            let bitrate = u32::try_from(bitrate).unwrap_or(u32::MAX);
            let bitrate = if most > 0 && (bitrate == 0 || bitrate > most) { most } else { bitrate };
            self.limit.store(bitrate, Ordering::Relaxed);
            self.tell_limit();
        }
        let configured = success_event().with("room", &room.name).with("configured", "ok");
        let Some(Published { answer, facts, streams }) = published else { return Ok((configured, None)) };
        room.publishes(id, streams)?;
        self.media.update(facts);
        let member = room.member(id)?;
        let described = member.described();
        let streams = described.get("streams");
        room.tell(Some(id), &room.event().with("publishers", Json::array().push(described).clone()));
        let jsep = Json::object().with("type", "answer").with("sdp", answer);
        Ok((configured.with_some("streams", streams), Some(jsep)))
    }

    fn subscribe_first(&self, body: &Body<'_>) -> Result<Answer> {
        let room = self.hall.find(&body.wanted_room()?)?;
        room.let_in(body.text("pin")?.as_deref())?;
        let mut streams = body.list("streams")?;
        if let Some(feed) = body.number("feed")? {
            streams.push(Json::object().with("feed", feed));
        }
        if streams.is_empty() {
            return Body::missing("streams");
        }
        let me = self.me.upgrade().ok_or_else(|| Refusal::new(JOIN_FIRST, "The handle is ending"))?;
        let mut role = self.role.lock();
        if !matches!(*role, Role::None) {
            return Err(Refusal::new(ALREADY_JOINED, "Already in a room"));
        }
        let mut subscriber = Subscriber::new(room.clone());
        room.watch(me)?;
        let added = subscriber.add(&streams);
        let offer = added.and_then(|()| subscriber.offer(self.number, &self.media, false));
        let offer = offer.inspect_err(|_| {
            room.leave(self.number);
        })?;
        let attached = Json::object()
            .with("videoroom", "attached")
            .with("room", &room.name)
            .with("streams", subscriber.streams());
        *role = Role::Subscriber(subscriber);
        Ok((attached, offer.map(|offer| offer.jsep())))
    }

    fn updated(&self, subscriber: &mut Subscriber, restart: bool) -> Result<Answer> {
        let offer = subscriber.offer(self.number, &self.media, restart)?;
        let updated = Json::object()
            .with("videoroom", "updated")
            .with("room", &subscriber.room.name)
            .with("streams", subscriber.streams());
        Ok((updated, offer.as_ref().map(Offer::jsep)))
    }

    /// Of a subscriber.
    fn reconfigure(&self, body: &Body<'_>) -> Result<Answer> {
        let (streams, restart) = (body.list("streams")?, body.flag("restart")? == Some(true));
        self.with_subscriber(|subscriber| {
            subscriber.configure(&streams, &self.media)?;
            if restart {
                return self.updated(subscriber, true);
            }
            Ok((success_event().with("room", &subscriber.room.name).with("configured", "ok"), None))
        })
    }

    /// The answer to an offer; what has changed since then comes behind ours.
    fn start(&self, jsep: Option<&Json>) -> Result<Vec<Answer>> {
        let Some(jsep) = jsep else { return Body::missing("jsep") };
        let (room, more) = self.with_subscriber(|subscriber| {
            let has_changed = subscriber.answered(jsep)?;
            let more = if has_changed { Some(self.updated(subscriber, false)?) } else { None };
            Ok((subscriber.room.clone(), more))
        })?;
        self.media.want_all();
        let started = (success_event().with("room", &room.name).with("started", "ok"), None);
        Ok(std::iter::once(started).chain(more).collect())
    }

    // ---- Ends

    /// Nothing of it is forwarded any more.
    fn unpublish(&self) -> Result<()> {
        let (room, id) = self.with_publisher(|publisher| Ok((publisher.room.clone(), publisher.id)))?;
        let was_there = room.member(id).is_ok_and(|member| !member.streams.is_empty());
        if !was_there {
            return Err(Refusal::new(NOT_PUBLISHED, "Publishes nothing"));
        }
        self.with_publisher(|publisher| {
            *publisher = Publisher::new(publisher.room.clone(), publisher.id);
            Ok(())
        })?;
        room.publishes(id, [].into())?;
        room.tell(Some(id), &room.event().with("unpublished", id));
        self.stop_sending(&room, id);
        Ok(())
    }

    fn stop_sending(&self, room: &Room, id: u64) {
        self.muted.store(0, Ordering::Relaxed);
        self.media.end();
        for watcher in room.watchers() {
            watcher.loses(id);
        }
    }

    /// Out of the room, however it was in it. `reason`: somebody else's; its PeerConnection ends then.
    fn leave(&self, reason: Option<&str>) {
        let role = std::mem::take(&mut *self.role.lock());
        let room = match &role {
            Role::None => return,
            Role::Publisher(publisher) => publisher.room.clone(),
            Role::Subscriber(subscriber) => subscriber.room.clone(),
        };
        let was_member = room.leave(self.number);
        if let Role::Publisher(publisher) = &role
            && was_member
        {
            let event = room.event();
            let event = match reason {
                Some(reason) => event.with(reason, publisher.id),
                None => event.with("leaving", publisher.id),
            };
            room.tell(Some(publisher.id), &event);
            self.stop_sending(&room, publisher.id);
        } else {
            self.media.end();
        }
        self.host.close_pc();
        self.hall.tidy(&room, None);
    }

    fn tell_limit(&self) {
        self.limited_at.store(time::recent(), Ordering::Relaxed);
        let bits = self.limit.load(Ordering::Relaxed);
        self.host.send_remb(if bits == 0 { UNLIMITED } else { bits });
    }
}

fn success() -> Json {
    Json::object().with("videoroom", "success")
}

fn success_event() -> Json {
    Json::object().with("videoroom", "event")
}

impl Guest for Session {
    fn number(&self) -> u64 {
        self.number
    }

    fn media(&self) -> &Media {
        &self.media
    }

    fn tell(&self, event: Json) {
        self.push(None, event, None);
    }

    fn mute(&self, index: usize, mute: bool) -> bool {
        let Some(bit) = (index < MUTABLE).then(|| 1 << index) else { return false };
        match mute {
            true => self.muted.fetch_or(bit, Ordering::Relaxed),
            false => self.muted.fetch_and(!bit, Ordering::Relaxed),
        };
        true
    }

    fn is_muted(&self, index: usize) -> bool {
        index < MUTABLE && self.muted.load(Ordering::Relaxed) >> index & 1 != 0
    }

    fn loses(&self, feed: u64) {
        let told = self.with_subscriber(|subscriber| match subscriber.lose(feed) {
            true => self.updated(subscriber, false).map(Some),
            false => Ok(None),
        });
        if let Ok(Some((updated, offer @ Some(_)))) = told {
            self.push(None, updated, offer);
        }
    }

    /// The channel is called like whom it is of.
    fn hears(&self, feed: u64, protocol: Option<&str>, binary: bool, message: &[u8]) {
        if self.with_subscriber(|subscriber| Ok(subscriber.gets_messages_of(feed))) == Ok(true) {
            self.host.relay_data(Some(&feed.to_string()), protocol, binary, message);
        }
    }

    fn removed(&self, reason: &str) {
        self.leave(Some(reason));
    }

    fn forget(&self) {
        *self.role.lock() = Role::None;
        self.media.end();
        self.host.close_pc();
    }
}

impl PluginSessionFace for Session {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    fn route(&self) -> Option<&Route> {
        Some(&self.media.outlet.route)
    }

    fn handle_message(&self, transaction: &str, body: Json, jsep: Option<Json>) -> PluginResult {
        let body = Body(&body);
        let name = match body.text("request") {
            Ok(Some(name)) => name,
            Ok(None) => {
                let why = Refusal::new(NO_MESSAGE, "Missing mandatory element (request)");
                return PluginResult::Ok(Some(why.to_json()));
            }
            Err(why) => return PluginResult::Ok(Some(why.to_json())),
        };
        if let Some(answer) = self.at_once(&name, &body) {
            return PluginResult::Ok(Some(answer.unwrap_or_else(|why| why.to_json())));
        }
        let answers = match name.as_str() {
            "start" => self.start(jsep.as_ref()),
            name => self.later(name, &body, jsep.as_ref()).map(|answer| vec![answer]),
        };
        let mut transaction = Some(transaction);
        for (event, jsep) in answers.unwrap_or_else(|why| vec![(why.to_json(), None)]) {
            self.push(transaction.take(), event, jsep);
        }
        PluginResult::Wait(None)
    }

    fn query(&self) -> Option<Json> {
        let role = self.role.lock();
        let (kind, room) = match &*role {
            Role::None => return Some(Json::object().with("state", "none")),
            Role::Publisher(publisher) => ("publisher", &publisher.room),
            Role::Subscriber(subscriber) => ("subscriber", &subscriber.room),
        };
        Some(
            Json::object()
                .with("state", kind)
                .with("room", &room.name)
                .with("links", self.media.link_count()),
        )
    }

    fn setup_media(&self) {
        self.tell_limit();
        self.media.want_all();
    }

    fn incoming_rtp(&self, mut packet: RtpIn<'_>) {
        if self.muted.load(Ordering::Relaxed) != 0
            && usize::try_from(packet.mindex).is_ok_and(|index| self.is_muted(index))
        {
            return;
        }
        self.media.incoming(&mut packet);
    }

    fn incoming_rtcp(&self, mindex: Mindex, _: bool, packet: &mut [u8]) {
        let now = time::recent();
        self.media.remind(now);
        if self.limit.load(Ordering::Relaxed) > 0
            && now - self.limited_at.load(Ordering::Relaxed) >= LIMIT_AGAIN
        {
            self.tell_limit();
        }
        let heard = heard(packet);
        if let Some(bits) = heard.estimate {
            self.media.outlet.note_estimate(now, bits);
        }
        if heard.wants_keyframe {
            self.media.wants_keyframe(mindex);
        }
    }

    /// To all who have subscribed to its messages.
    fn incoming_data(&self, _: &str, protocol: &str, binary: bool, message: &[u8]) {
        let Ok((room, id)) = self.with_publisher(|publisher| Ok((publisher.room.clone(), publisher.id)))
        else {
            return;
        };
        let protocol = Some(protocol).filter(|protocol| !protocol.is_empty());
        for watcher in room.watchers() {
            watcher.hears(id, protocol, binary, message);
        }
    }

    fn data_ready(&self) {}
    fn slow_link(&self, _: Mindex, _: bool, _: bool) {}

    /// Who published may do so again; who watched has to come again.
    fn hangup_media(&self) {
        let publishes = matches!(*self.role.lock(), Role::Publisher(_));
        if publishes {
            let _ = self.unpublish();
        } else {
            self.leave(None);
        }
    }

    fn stop(&self) {
        self.alive.store(false, Ordering::Release);
    }

    fn destroy(&self) {
        self.leave(None);
        self.hall.maker_gone(self.number);
    }
}
