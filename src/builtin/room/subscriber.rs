//! A handle that receives: what it gets of whom, and the offers that say so.

use super::hall::{Member, Room, Stream};
use super::request::{Body, INVALID_ELEMENT, JOIN_FIRST, NO_SUCH_FEED, Refusal, Result};
use crate::core::jsep::MediumKind;
use crate::json::Json;
use crate::links::lines::{self, Line, Wanted};
use crate::links::link::Wish;
use crate::links::media::Media;
use crate::links::outlet::Fact;
use crate::media::Mindex;
use crate::sdp::{Direction, Sdp};
use std::sync::Arc;

/// Of one subscriber.
const MOST_LINES: usize = 256;

pub struct Subscriber {
    pub room: Arc<Room>,
    lines: Vec<Place>,
    /// Whose messages it gets.
    data: Vec<u64>,
    /// Of our offers.
    version: u64,
    mids: Vec<Option<String>>,
    /// The client's last answer.
    answer: Option<String>,
    /// An offer is out.
    is_waiting: bool,
    /// There is more to say, as soon as it is answered.
    has_changed: bool,
}

/// One m-line.
#[derive(Clone)]
struct Place {
    kind: MediumKind,
    /// `None`: nothing comes here now.
    feed: Option<Feed>,
    /// Of the last feed.
    wanted: Option<Wanted>,
    wish: Wish,
}

#[derive(Clone)]
struct Feed {
    member: Member,
    mid: String,
    codec: Option<&'static str>,
}

/// An offer, to be told.
pub struct Offer {
    pub sdp: String,
    pub restart: bool,
}

impl Offer {
    pub fn jsep(&self) -> Json {
        let jsep = Json::object().with("type", "offer").with("sdp", &self.sdp);
        jsep.with_some("restart", self.restart.then_some(true))
    }
}

impl Subscriber {
    pub fn new(room: Arc<Room>) -> Subscriber {
        Subscriber {
            room,
            lines: Vec::new(),
            data: Vec::new(),
            version: 0,
            mids: Vec::new(),
            answer: None,
            is_waiting: false,
            has_changed: false,
        }
    }

    pub fn gets_messages_of(&self, feed: u64) -> bool {
        self.data.contains(&feed)
    }

    /// Streams of a request: all of a feed, or one of them. Members who are not there are refused, unless some are.
    pub fn add(&mut self, streams: &[Json]) -> Result<()> {
        let mut missing = None;
        let mut found = false;
        for one in streams {
            let one = Body(one);
            let Some(feed) = one.number("feed")? else { return Body::missing("feed") };
            let mid = one.text("mid")?;
            match self.room.member(feed) {
                Ok(member) => {
                    for stream in member
                        .streams
                        .iter()
                        .filter(|stream| mid.as_ref().is_none_or(|mid| *mid == stream.mid))
                    {
                        found = true;
                        self.take(&member, stream)?;
                    }
                }
                Err(why) => missing = Some(why),
            }
        }
        match missing {
            Some(why) if !found => Err(why),
            _ if !found => Err(Refusal::new(NO_SUCH_FEED, "No such stream")),
            _ => Ok(()),
        }
    }

    fn take(&mut self, member: &Member, stream: &Stream) -> Result<()> {
        if stream.kind == MediumKind::Data {
            if !self.data.contains(&member.id) {
                self.data.push(member.id);
            }
            if !self.lines.iter().any(|place| place.kind == MediumKind::Data) {
                self.lines.push(Place {
                    kind: MediumKind::Data,
                    feed: None,
                    wanted: None,
                    wish: Wish::default(),
                });
            }
            return Ok(());
        }
        let Some(format) = stream.format.clone().filter(|_| stream.is_active) else { return Ok(()) };
        let is_this = |place: &Place| {
            place.feed.as_ref().is_some_and(|feed| feed.member.id == member.id && feed.mid == stream.mid)
        };
        if self.lines.iter().any(is_this) {
            return Ok(());
        }
        let wanted = Wanted {
            direction: Direction::SendOnly,
            msid: Some((member.id.to_string(), format!("{}-{}", member.id, stream.mid))),
            automatic: false,
            formats: vec![format.clone()],
            ..Wanted::automatic(stream.kind == MediumKind::Video)
        };
        let feed = Feed { member: member.clone(), mid: stream.mid.clone(), codec: Some(format.codec.name) };
        let place =
            Place { kind: stream.kind, feed: Some(feed), wanted: Some(wanted), wish: Wish::default() };
        match self.lines.iter().position(|old| old.kind == stream.kind && old.feed.is_none()) {
            Some(free) => self.lines[free] = place,
            None if self.lines.len() >= MOST_LINES => {
                return Err(Refusal::new(INVALID_ELEMENT, format!("{MOST_LINES} streams are the most")));
            }
            None => self.lines.push(place),
        }
        Ok(())
    }

    /// Of a request: `feed` (with `mid`), or `sub_mid`.
    pub fn remove(&mut self, streams: &[Json]) -> Result<()> {
        for one in streams {
            let one = Body(one);
            let (feed, mid, own) = (one.number("feed")?, one.text("mid")?, one.text("sub_mid")?);
            if let (Some(feed), None) = (feed, &mid) {
                self.data.retain(|other| *other != feed);
            }
            for (index, place) in self.lines.iter_mut().enumerate() {
                let is_meant = match (&own, feed, &place.feed) {
                    (Some(own), ..) => self.mids.get(index).is_some_and(|known| known.as_ref() == Some(own)),
                    (None, Some(feed), Some(present)) => {
                        present.member.id == feed && mid.as_ref().is_none_or(|mid| *mid == present.mid)
                    }
                    _ => false,
                };
                if is_meant {
                    place.feed = None;
                }
            }
        }
        Ok(())
    }

    /// Whether it got something of who does not send any more.
    pub fn lose(&mut self, feed: u64) -> bool {
        self.data.retain(|other| *other != feed);
        let mut lost = false;
        for place in &mut self.lines {
            if place.feed.as_ref().is_some_and(|present| present.member.id == feed) {
                (place.feed, lost) = (None, true);
            }
        }
        lost
    }

    /// `streams` of `configure`: what is sent of what it has.
    pub fn configure(&mut self, streams: &[Json], media: &Media) -> Result<()> {
        for one in streams {
            let one = Body(one);
            let mid = one.text("mid")?.map_or_else(|| Body::missing("mid"), Ok)?;
            let Some(index) = self.mids.iter().position(|known| known.as_ref() == Some(&mid)) else {
                continue;
            };
            let Some(place) = self.lines.get_mut(index) else { continue };
            if let Some(send) = one.flag("send")? {
                place.wish.paused = !send;
            }
            let layer = |number: Option<u64>| number.map(|number| number.min(2) as u8 + 1);
            if let Some(layers) = layer(one.number("substream")?) {
                // All of them: whatever there may be.
                place.wish.layers = if layers > 2 { 0 } else { layers };
            }
            if let Some(temporal) = layer(one.number("temporal")?) {
                place.wish.temporal = if temporal > 2 { 0 } else { temporal };
            }
            link(media, index, place);
        }
        Ok(())
    }

    /// The description of how it is now, and the links that it speaks of. `None`: the one before is not answered yet; another
    /// one follows then.
    pub fn offer(&mut self, number: u64, media: &Media, restart: bool) -> Result<Option<Offer>> {
        if self.is_waiting {
            self.has_changed = true;
            return Ok(None);
        }
        let wanted: Vec<Line> = self.lines.iter().map(Place::line).collect();
        self.version += 1;
        let sdp = lines::offer(number, self.version, &wanted, &self.mids, self.answer.as_deref());
        let said = Sdp::parse(&sdp).map_err(|_| Refusal::new(INVALID_ELEMENT, "no description"))?;
        self.mids = said.mlines.iter().map(|mline| mline.value("mid").map(str::to_owned)).collect();
        media.update(said.mlines.iter().map(|mline| Fact::said(mline, 1)).collect());
        for (index, place) in self.lines.iter().enumerate() {
            link(media, index, place);
        }
        (self.is_waiting, self.has_changed) = (true, false);
        Ok(Some(Offer { sdp, restart }))
    }

    /// The client has answered; whether there is more to say.
    pub fn answered(&mut self, jsep: &Json) -> Result<bool> {
        if !self.is_waiting {
            return Err(Refusal::new(JOIN_FIRST, "There is no offer to be answered"));
        }
        self.answer = jsep.get("sdp").and_then(|sdp| sdp.as_str().map(str::to_owned));
        self.is_waiting = false;
        Ok(self.has_changed)
    }

    /// What it gets, by m-line.
    pub fn streams(&self) -> Json {
        let streams = Json::array();
        for (index, place) in self.lines.iter().enumerate() {
            let kind = match place.kind {
                MediumKind::Audio => "audio",
                MediumKind::Video => "video",
                _ => "data",
            };
            let feed = place.feed.as_ref();
            let described = Json::object()
                .with("type", kind)
                .with("active", feed.is_some() || place.kind == MediumKind::Data)
                .with("mindex", index)
                .with_some("mid", self.mids.get(index).and_then(Option::as_ref))
                .with("send", !place.wish.paused)
                .with_some("feed_id", feed.map(|feed| feed.member.id))
                .with_some("feed_mid", feed.map(|feed| &feed.mid))
                .with_some("feed_display", feed.and_then(|feed| feed.member.display.as_ref()))
                .with_some("codec", feed.and_then(|feed| feed.codec));
            streams.push(described);
        }
        streams
    }
}

impl Place {
    fn line(&self) -> Line {
        match (&self.wanted, &self.feed) {
            (Some(wanted), Some(_)) => Line::Medium(wanted.clone()),
            (Some(wanted), None) => Line::Medium(Wanted { direction: Direction::Inactive, ..wanted.clone() }),
            (None, _) => Line::Data,
        }
    }
}

/// What cannot be linked is not there any more; its publisher's end is told elsewhere.
fn link(media: &Media, index: usize, place: &Place) {
    let mindex = index as Mindex;
    match &place.feed {
        Some(feed) => {
            let from = feed.member.guest.media();
            if let Some(of) = from.outlet.mindex_of(&feed.mid) {
                let _ = media.link(mindex, from, of, place.wish);
            }
        }
        None => drop(media.unlink(mindex)),
    }
}
