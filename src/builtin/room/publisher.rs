//! A handle that may publish.

use super::hall::{Room, Stream};
use super::request::{Body, INVALID_SDP, Refusal, Result};
use crate::core::jsep::MediumKind;
use crate::json::Json;
use crate::links::lines::{self, Format, Line};
use crate::links::outlet::Fact;
use crate::sdp::{Direction, Sdp};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub struct Publisher {
    pub room: Arc<Room>,
    pub id: u64,
    /// What it sends, by m-line.
    lines: Vec<Line>,
    /// Of our answers.
    version: u64,
    descriptions: HashMap<String, String>,
}

/// What becomes of an offer.
pub struct Published {
    pub answer: String,
    pub facts: Vec<Fact>,
    pub streams: Arc<[Stream]>,
}

impl Publisher {
    pub fn new(room: Arc<Room>, id: u64) -> Publisher {
        Publisher { room, id, lines: Vec::new(), version: 0, descriptions: HashMap::new() }
    }

    /// Texts that go with m-lines.
    pub fn describe(&mut self, body: &Body<'_>) -> Result<()> {
        for one in body.list("descriptions")? {
            let one = Body(&one);
            if let (Some(mid), Some(text)) = (one.text("mid")?, one.text("description")?)
                && (self.descriptions.len() < self.lines.len().max(16)
                    || self.descriptions.contains_key(&mid))
            {
                self.descriptions.insert(mid, text);
            }
        }
        Ok(())
    }

    /// Takes what is offered, as far as the room takes it. `jsep`: as plugins get it.
    pub fn take(&mut self, jsep: &Json, number: u64) -> Result<Published> {
        let invalid = |why: &str| Refusal::new(INVALID_SDP, why);
        let text = jsep.get("sdp").and_then(|sdp| sdp.as_str().map(str::to_owned)).unwrap_or_default();
        let offered = Sdp::parse(&text).map_err(|_| invalid("Error parsing offer"))?;
        let mut next = lines::follow(&self.lines, self.lines.len(), &offered, true);
        for (line, mline) in next.iter_mut().zip(&offered.mlines) {
            if let Line::Medium(wanted) = line {
                let sends =
                    matches!(mline.direction, Direction::SendOnly | Direction::SendRecv | Direction::Default);
                wanted.direction = if sends { Direction::RecvOnly } else { Direction::Inactive };
                let only = if wanted.video { &self.room.terms.video } else { &self.room.terms.audio };
                if let Some(only) = only {
                    wanted.formats = vec![only.clone()];
                }
            }
        }
        let answer = lines::answer(number, self.version + 1, &offered, &next)
            .ok_or_else(|| invalid("Nothing of the offer is taken"))?;
        let answered = Sdp::parse(&answer).map_err(|_| invalid("Error answering the offer"))?;
        (self.lines, self.version) = (next, self.version + 1);
        let simulcast = simulcast(jsep);
        let facts: Vec<Fact> = answered
            .mlines
            .iter()
            .zip(&offered.mlines)
            .enumerate()
            .map(|(index, (mline, offered))| {
                // The core puts the offer's mids into the answer, as it does for every plugin.
                let mid = offered.value("mid").map_or_else(|| index.to_string(), str::to_owned);
                Fact { mid, ..Fact::said(mline, *simulcast.get(&index).unwrap_or(&1)) }
            })
            .collect();
        let streams =
            answered.mlines.iter().zip(&facts).filter(|(_, fact)| fact.kind != MediumKind::Unsupported);
        let streams = streams.map(|(mline, fact)| Stream {
            kind: fact.kind,
            mid: fact.mid.clone(),
            format: fact.kind.is_media().then(|| Format::of(mline, *mline.ptypes.first()?)).flatten(),
            description: self.descriptions.get(&fact.mid).cloned(),
            is_simulcast: fact.layers > 1,
            is_active: mline.port > 0 && (fact.recv || fact.kind == MediumKind::Data),
        });
        let streams = streams.collect();
        Ok(Published { answer, facts, streams })
    }
}

/// How many layers come, by m-line.
fn simulcast(jsep: &Json) -> HashMap<usize, u8> {
    let layers = |one: &Json| {
        let rids = one.get("rids").map_or(0, |rids| rids.elements().collect::<Vec<_>>().len());
        let ssrcs = one.get("ssrcs").map_or(0, |ssrcs| {
            ssrcs
                .elements()
                .filter_map(|ssrc| ssrc.as_i64())
                .filter(|ssrc| *ssrc != 0)
                .collect::<HashSet<_>>()
                .len()
        });
        Some((usize::try_from(one.get("mindex")?.as_i64()?).ok()?, rids.max(ssrcs).clamp(1, 3) as u8))
    };
    jsep.get("simulcast").iter().flat_map(Json::elements).filter_map(|one| layers(&one)).collect()
}
