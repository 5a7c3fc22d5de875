//! The rooms that there are, and who is in them.

use super::request::{
    Body, NO_SUCH_FEED, NO_SUCH_ROOM, Name, PUBLISHERS_FULL, ROOM_EXISTS, Refusal, Result, UNAUTHORIZED,
};
use crate::core::jsep::MediumKind;
use crate::json::Json;
use crate::links::lines::Format;
use crate::links::media::Media;
use crate::util::lock::Lock;
use crate::util::random;
use crate::util::text::equal_const_time;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rooms at the same time,
const MOST_ROOMS: usize = 1024;
/// and who is in one of them: with and without media.
const MOST_MEMBERS: usize = 256;
/// Who publishes, unless the room says so.
const PUBLISHERS: u64 = 16;

/// All rooms.
#[derive(Default)]
pub struct Hall {
    rooms: Lock<HashMap<Name, Arc<Room>>>,
}

/// A handle, as the others in its room know it.
pub trait Guest: Send + Sync {
    fn number(&self) -> u64;
    fn media(&self) -> &Media;
    /// An event for its client.
    fn tell(&self, event: Json);
    /// Of an m-line: nothing of it is forwarded. False when it cannot be.
    fn mute(&self, index: usize, mute: bool) -> bool;
    fn is_muted(&self, index: usize) -> bool;
    /// A feed that it may have is gone.
    fn loses(&self, feed: u64);
    /// A message of a feed, if it wants them.
    fn hears(&self, feed: u64, protocol: Option<&str>, binary: bool, message: &[u8]);
    /// Somebody else ends its being here; `reason` is told to the others.
    fn removed(&self, reason: &str);
    /// Its room is no more.
    fn forget(&self);
}

/// What a room was made with.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub description: String,
    pub pin: Option<String>,
    /// Whoever knows it may mute, remove and destroy.
    pub secret: Option<String>,
    pub publishers: u64,
    /// Of each publisher, bit/s; 0: any.
    pub bitrate: u32,
    /// The only one that is taken, if there is one.
    pub audio: Option<Format>,
    pub video: Option<Format>,
    pub is_private: bool,
    pub tells_joining: bool,
}

/// Who looks, and does not publish.
type Watchers = Vec<Arc<dyn Guest>>;

pub struct Room {
    pub name: Name,
    pub terms: Terms,
    /// Number of the handle that made it: as long as that is there, it may be empty.
    maker: u64,
    has_ended: AtomicBool,
    present: Lock<Present>,
}

#[derive(Default)]
struct Present {
    members: BTreeMap<u64, Member>,
    watchers: Watchers,
}

/// Who may publish.
#[derive(Clone)]
pub struct Member {
    pub id: u64,
    pub display: Option<String>,
    pub guest: Arc<dyn Guest>,
    /// Empty: publishes nothing.
    pub streams: Arc<[Stream]>,
}

/// One m-line of a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub kind: MediumKind,
    pub mid: String,
    /// Of audio and video.
    pub format: Option<Format>,
    pub description: Option<String>,
    pub is_simulcast: bool,
    pub is_active: bool,
}

impl Stream {
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            MediumKind::Audio => "audio",
            MediumKind::Video => "video",
            _ => "data",
        }
    }
}

impl Terms {
    fn read(body: &Body<'_>) -> Result<Terms> {
        let format = |name: &str, video| {
            let named = body.text(name)?;
            let first = named.as_deref().and_then(|names| names.split(',').next());
            let read = first.map(|name| Format::list(Some(name), video)).transpose();
            let read =
                read.map_err(|fault| Refusal::new(super::request::INVALID_ELEMENT, fault.to_string()))?;
            Ok::<_, Refusal>(read.and_then(|formats| formats.into_iter().next()))
        };
        Ok(Terms {
            description: body.text("description")?.unwrap_or_default(),
            pin: body.text("pin")?.filter(|pin| !pin.is_empty()),
            secret: body.text("secret")?.filter(|secret| !secret.is_empty()),
            publishers: body.number("publishers")?.unwrap_or(PUBLISHERS),
            bitrate: u32::try_from(body.number("bitrate")?.unwrap_or(0)).unwrap_or(u32::MAX),
            audio: format("audiocodec", false)?,
            video: format("videocodec", true)?,
            is_private: body.flag("is_private")?.unwrap_or(false),
            tells_joining: body.flag("notify_joining")?.unwrap_or(false),
        })
    }
}

impl Hall {
    pub fn find(&self, name: &Name) -> Result<Arc<Room>> {
        let none = || Refusal::new(NO_SUCH_ROOM, format!("No such room ({name})"));
        self.rooms.lock().get(name).cloned().ok_or_else(none)
    }

    /// Makes the room that is asked for. `maker`: the handle.
    pub fn create(&self, body: &Body<'_>, maker: u64) -> Result<Arc<Room>> {
        let wanted = body.room()?;
        let terms = Terms::read(body)?;
        let mut rooms = self.rooms.lock();
        let name = wanted.unwrap_or_else(|| Name::Number(random::u64()));
        if rooms.contains_key(&name) {
            return Err(Refusal::new(ROOM_EXISTS, format!("Room {name} already exists")));
        }
        if rooms.len() >= MOST_ROOMS {
            return Err(Refusal::new(UNAUTHORIZED, format!("There are {MOST_ROOMS} rooms already")));
        }
        let room = Arc::new(Room {
            name: name.clone(),
            terms,
            maker,
            has_ended: false.into(),
            present: Lock::default(),
        });
        rooms.insert(name, room.clone());
        Ok(room)
    }

    pub fn list(&self) -> Json {
        let rooms: Vec<Arc<Room>> = self.rooms.lock().values().cloned().collect();
        let list = Json::array();
        for room in rooms.iter().filter(|room| !room.terms.is_private) {
            let described = Json::object()
                .with("room", &room.name)
                .with("description", &room.terms.description)
                .with("pin_required", room.terms.pin.is_some())
                .with("max_publishers", room.terms.publishers)
                .with("bitrate", room.terms.bitrate)
                .with("num_participants", room.members().len());
            list.push(described);
        }
        list
    }

    /// Whom it had are the caller's.
    pub fn destroy(&self, room: &Room) -> (Vec<Member>, Watchers) {
        room.has_ended.store(true, Ordering::Release);
        self.rooms.lock().remove(&room.name);
        let Present { members, watchers } = std::mem::take(&mut *room.present.lock());
        (members.into_values().collect(), watchers)
    }

    /// Ends it if nobody is there, and nobody who made it can come any more. `gone`: a handle that is no more.
    pub fn tidy(&self, room: &Room, gone: Option<u64>) {
        let present = room.present.lock();
        let is_empty = present.members.is_empty() && present.watchers.is_empty();
        drop(present);
        let has_been_used = gone.is_none_or(|gone| gone == room.maker);
        if is_empty && has_been_used && !room.has_ended.load(Ordering::Acquire) {
            self.destroy(room);
        }
    }

    /// The handle has gone: rooms that it made, and where nobody came, go with it.
    pub fn maker_gone(&self, maker: u64) {
        let made: Vec<_> = self.rooms.lock().values().filter(|room| room.maker == maker).cloned().collect();
        for room in made {
            self.tidy(&room, Some(maker));
        }
    }
}

impl Room {
    pub fn let_in(&self, pin: Option<&str>) -> Result<()> {
        match &self.terms.pin {
            Some(wanted) if !pin.is_some_and(|pin| equal_const_time(pin.as_bytes(), wanted.as_bytes())) => {
                Err(Refusal::new(UNAUTHORIZED, "Unauthorized (wrong pin)"))
            }
            _ => Ok(()),
        }
    }

    /// Without a secret nobody may.
    pub fn obeys(&self, secret: Option<&str>) -> Result<()> {
        let knows = |wanted: &String| {
            secret.is_some_and(|secret| equal_const_time(secret.as_bytes(), wanted.as_bytes()))
        };
        if self.terms.secret.as_ref().is_some_and(knows) {
            Ok(())
        } else {
            Err(Refusal::new(UNAUTHORIZED, "Unauthorized (wrong secret)"))
        }
    }

    /// One more; their id.
    pub fn enter(&self, guest: Arc<dyn Guest>, wanted: Option<u64>, display: Option<String>) -> Result<u64> {
        let mut present = self.present.lock();
        if self.has_ended.load(Ordering::Acquire) {
            return Err(Refusal::new(NO_SUCH_ROOM, format!("No such room ({})", self.name)));
        }
        if present.members.len() + present.watchers.len() >= MOST_MEMBERS {
            return Err(Refusal::new(PUBLISHERS_FULL, "The room is full"));
        }
        let id = wanted.unwrap_or_else(random::u64);
        if present.members.contains_key(&id) {
            return Err(Refusal::new(436, format!("User ID {id} already exists")));
        }
        present.members.insert(id, Member { id, display, guest, streams: [].into() });
        Ok(id)
    }

    pub fn watch(&self, guest: Arc<dyn Guest>) -> Result<()> {
        let mut present = self.present.lock();
        if self.has_ended.load(Ordering::Acquire) {
            return Err(Refusal::new(NO_SUCH_ROOM, format!("No such room ({})", self.name)));
        }
        if present.members.len() + present.watchers.len() >= MOST_MEMBERS {
            return Err(Refusal::new(PUBLISHERS_FULL, "The room is full"));
        }
        present.watchers.push(guest);
        Ok(())
    }

    /// Takes both kinds of presence of a handle away; whether it was a member.
    pub fn leave(&self, number: u64) -> bool {
        let mut present = self.present.lock();
        let before = present.members.len();
        present.members.retain(|_, member| member.guest.number() != number);
        present.watchers.retain(|watcher| watcher.number() != number);
        present.members.len() < before
    }

    pub fn members(&self) -> Vec<Member> {
        self.present.lock().members.values().cloned().collect()
    }

    pub fn member(&self, id: u64) -> Result<Member> {
        let none = || Refusal::new(NO_SUCH_FEED, format!("No such feed ({id})"));
        self.present.lock().members.get(&id).cloned().ok_or_else(none)
    }

    pub fn watchers(&self) -> Watchers {
        self.present.lock().watchers.clone()
    }

    /// What a member publishes from now on; refused when too many others do.
    pub fn publishes(&self, id: u64, streams: Arc<[Stream]>) -> Result<()> {
        let mut present = self.present.lock();
        let others = present.members.values().filter(|one| one.id != id && !one.streams.is_empty()).count();
        if !streams.is_empty() && others as u64 >= self.terms.publishers {
            let why = format!("Maximum number of publishers ({}) already reached", self.terms.publishers);
            return Err(Refusal::new(PUBLISHERS_FULL, why));
        }
        match present.members.get_mut(&id) {
            Some(member) => {
                member.streams = streams;
                Ok(())
            }
            None => Err(Refusal::new(NO_SUCH_FEED, format!("No such feed ({id})"))),
        }
    }

    /// An event for all members but one.
    pub fn tell(&self, except: Option<u64>, event: &Json) {
        for member in self.members() {
            if except != Some(member.id) {
                member.guest.tell(event.deep_copy());
            }
        }
    }

    pub fn event(&self) -> Json {
        Json::object().with("videoroom", "event").with("room", &self.name)
    }
}

impl Member {
    pub fn described(&self) -> Json {
        let streams = Json::array();
        for (index, stream) in self.streams.iter().enumerate() {
            let codec = stream.format.as_ref().map(|format| format.codec.name);
            let described = Json::object()
                .with("type", stream.type_name())
                .with("mindex", index)
                .with("mid", &stream.mid)
                .with_some("codec", codec)
                .with_some("description", stream.description.as_ref())
                .with_some("simulcast", stream.is_simulcast.then_some(true))
                .with_some("disabled", (!stream.is_active).then_some(true))
                .with_some("moderated", self.guest.is_muted(index).then_some(true));
            streams.push(described);
        }
        Json::object()
            .with("id", self.id)
            .with_some("display", self.display.as_ref())
            .with("streams", streams)
    }
}
