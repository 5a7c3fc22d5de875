//! Runs the built-in web server, as the [`Plan`] says.
#![forbid(unsafe_code)]

use super::error::StartError;
use super::figures::Facts;
use super::plan::{self, Plan, Where};
use super::ports;
use super::qr;
use crate::api::Api;
use crate::config::Config;
use crate::core::Core;
use crate::net::activation::{self, Activated};
use crate::options::{WEB_CONNECTIONS, WEB_ORIGINS, WEB_PROXIES, WEB_PROXY_PROTOCOL};
use crate::transports::door::{Door, Face, Kind};
use crate::transports::health::{self, Health};
use crate::transports::listener::{Listener, Place};
use crate::transports::pages::Pages;
use crate::transports::proxies::Proxies;
use crate::transports::site::{self, Packages, Site};
use crate::transports::tls::{Files, Names, Tls};
use crate::transports::web::{Limits, WebServer};
use crate::transports::{figures, http, websocket, whip};
use crate::util::lock::Lock;
use crate::util::thread::{self, Mask};
use axum::Router;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// The web server and the thread that it runs on; both end when this is dropped.
pub struct Web {
    ending: Arc<AtomicBool>,
    /// The APIs are served as long as it is there.
    open: Lock<Option<watch::Sender<()>>>,
    servers: Vec<WebServer>,
    runtime: Option<Runtime>,
}

/// Of the built-in transports where modules have the usual names.
const OWN_PACKAGES: Packages = Packages { http: "janus.rs.http", websocket: "janus.rs.websockets" };

impl Web {
    /// `None` when nothing is to be served. Errors end the start: somebody wants what cannot be served. A port that a
    /// transport module listens on is none: the module was there first.
    pub fn start(plan: &Plan, own: &Config, api: &Arc<Api>) -> Result<Option<Web>, StartError> {
        if plan.web.is_empty() {
            return Ok(None);
        }
        let core = &api.core;
        // Its threads start here, and those that they start inherit their mask.
        let runtime = thread::with(Mask::Ours, || {
            Builder::new_multi_thread().worker_threads(1).thread_name("web").enable_all().build()
        });
        let runtime = runtime.map_err(|error| StartError::Thread { thread: "web server", error })?;
        let (open, is_open) = watch::channel(());
        let mut web = Web {
            ending: Arc::new(AtomicBool::new(false)),
            open: Lock::new(Some(open)),
            servers: Vec::new(),
            runtime: None,
        };
        let packages = packages(core);
        let door = |kind| Door { core: api.clone(), kind, origins: WEB_ORIGINS.of(own).into() };
        let api_of = |kind| site::Api::new(door(kind), packages, is_open.clone());
        let root = plan.root.as_deref();
        let pages = Pages::of(root).ok_or_else(|| {
            let root = root.unwrap_or(Path::new("")).display().to_string();
            plan::no(&root, "a folder with index.html")
        })?;
        let facts = Arc::new(Facts::new(own, core)?);
        let mut routes = web.routes(pages, core).merge(figures::routes(facts));
        if plan.janus {
            let stun = core.settings.facts.stun_server.iter().map(|server| format!("stun:{server}"));
            routes = routes.merge(whip::routes(door(Kind::Janus), stun.collect()));
        }
        let pages = Arc::new(Site::new(routes, plan.janus.then(|| api_of(Kind::Janus))));
        let admin = Arc::new(Site::new(Router::new(), Some(api_of(Kind::Admin))));
        let tls = plan.tls.as_ref().map(|files| open_tls(files, core)).transpose()?;
        let limits = Limits { connections: WEB_CONNECTIONS.of(own) as usize, ..Limits::default() };
        let proxies = Proxies::new(&WEB_PROXIES.of(own), WEB_PROXY_PROTOCOL.of(own));
        let proxies = Arc::new(proxies.map_err(|text| plan::no(&text, "an address, a network or unix"))?);
        let (web_sockets, admin_sockets) = runtime.block_on(listeners(plan))?;
        let inside = runtime.enter();
        let s = if tls.is_some() { "s" } else { "" };
        for listener in web_sockets {
            let server = WebServer::start(listener, tls.clone(), pages.clone(), limits, proxies.clone());
            let at = shown(server.place(), core);
            tracing::info!("Web page at http{s}://{at}/");
            if tls.is_some() && plan.activated {
                show(&at);
            }
            if plan.janus {
                tracing::info!("Janus API at ws{s}://{at}/ and http{s}://{at}{}", Kind::Janus.base());
            }
            web.servers.push(server);
        }
        for listener in admin_sockets {
            let server = WebServer::start(listener, tls.clone(), admin.clone(), limits, proxies.clone());
            let at = server.place();
            tracing::info!("Admin API at ws{s}://{at}/ and http{s}://{at}{}", Kind::Admin.base());
            web.servers.push(server);
        }
        if web.servers.is_empty() {
            return Ok(None);
        }
        if let Some(tls) = &tls {
            tracing::info!("SHA-256 fingerprint of the certificate: {}", tls.fingerprint());
        }
        if plan.janus {
            announce(core, packages);
        }
        drop(inside);
        web.runtime = Some(runtime);
        Ok(Some(web))
    }

    /// What is served besides the Janus API.
    fn routes(&self, pages: Pages, core: &Arc<Core>) -> Router {
        let (core, seen, ending) = (Arc::downgrade(core), Arc::new(Lock::new(None)), self.ending.clone());
        let doctor = move || {
            let core = core.upgrade()?;
            // Threads that were told to end give no answer.
            if ending.load(Ordering::Relaxed) {
                return Some(Health::Draining);
            }
            health(&core, &seen)
        };
        pages.routes().merge(health::routes(doctor))
    }

    /// Takes no requests any more: connections to the APIs end.
    pub fn close(&self) {
        drop(self.open.lock().take());
    }

    /// `/readyz` and `/healthz` say from now on that nobody should be sent here, and nobody is asked for a sign of life any more.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.close();
        self.servers.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long a sign of life may take, and how long one counts: whoever asks often costs no more than who asks seldom.
const LIMIT: Duration = Duration::from_secs(2);
const COUNTS: Duration = Duration::from_secs(1);

/// When it was looked last, and what was seen.
type Seen = Lock<Option<(Instant, Health)>>;

/// What was seen, unless that is too old: an answer does not become younger by being given once more.
fn seen_or(
    seen: &mut Option<(Instant, Health)>,
    clock: impl Fn() -> Instant,
    look: impl FnOnce() -> Health,
) -> Health {
    match seen {
        Some((at, health)) if clock().saturating_duration_since(*at) < COUNTS => health.clone(),
        _ => {
            let health = look();
            // From its end: whoever waited meanwhile does not look once more.
            *seen = Some((clock(), health.clone()));
            health
        }
    }
}

fn health(core: &Core, seen: &Seen) -> Option<Health> {
    let alive = seen_or(&mut seen.lock(), Instant::now, || match core.answers(LIMIT) {
        Ok(()) => Health::Ready,
        Err(who) => Health::Stuck(who),
    });
    let wanted = core.live.accepting_sessions.load(Ordering::Relaxed);
    Some(if !wanted && alive == Health::Ready { Health::Draining } else { alive })
}

/// For the web server, and for the Admin API. A port that a module of this process listens on is left out.
async fn listeners(plan: &Plan) -> Result<(Vec<Listener>, Vec<Listener>), StartError> {
    let activated = if plan.activated { activation::take() } else { Vec::new() };
    let (mut web, mut admin) = (Vec::new(), Vec::new());
    for Activated { name, socket } in activated {
        let to = if name == "admin" { &mut admin } else { &mut web };
        let error =
            |error| StartError::Serve { place: format!("socket {name:?} of the service manager"), error };
        to.push(Listener::given(socket).map_err(error)?);
    }
    if plan.admin.is_empty() && !admin.is_empty() {
        tracing::warn!("The service manager's socket \"admin\" is not used: the Admin API is not served");
        admin.clear();
    }
    for (places, to) in [(&plan.web, &mut web), (&plan.admin, &mut admin)] {
        let has_given = !to.is_empty();
        for place in places {
            match place {
                Where::Port(_) if has_given => {}
                Where::Port(address) => to.extend(bind(*address).await?),
                Where::Path(path) => {
                    let error = |error| StartError::Serve { place: path.display().to_string(), error };
                    to.push(Listener::at(path).map_err(error)?);
                }
            }
        }
    }
    Ok((web, admin))
}

async fn bind(address: SocketAddr) -> Result<Option<Listener>, StartError> {
    match Listener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && ports::is_ours(address.port()) => {
            tracing::error!(
                "A transport module listens on port {}, which therefore is not the built-in web server's",
                address.port()
            );
            Ok(None)
        }
        Err(error) => Err(StartError::Serve { place: address.to_string(), error }),
    }
}

/// Those of the distribution's modules, which clients and event handlers know, unless these are there as well.
fn packages(core: &Core) -> Packages {
    let free = |package| core.transports.get(package).is_none();
    Packages {
        http: if free(http::PACKAGE) { http::PACKAGE } else { OWN_PACKAGES.http },
        websocket: if free(websocket::PACKAGE) { websocket::PACKAGE } else { OWN_PACKAGES.websocket },
    }
}

fn open_tls((certificate, key): &(PathBuf, Option<PathBuf>), core: &Core) -> Result<Arc<Tls>, StartError> {
    let facts = &core.settings.facts;
    let addresses = std::iter::once(&facts.local_ip).chain(&facts.public_ips);
    let names = Names {
        hosts: rustix::system::uname().nodename().to_str().map(str::to_owned).into_iter().collect(),
        addresses: addresses.filter_map(|address| address.parse().ok()).collect(),
    };
    let files = Files { certificate: certificate.clone(), key: key.clone() };
    Ok(Arc::new(Tls::open(files, &names)?))
}

/// As others reach it: an address of this host in place of any.
fn shown(place: &Place, core: &Core) -> Place {
    match (place, core.settings.facts.local_ip.parse()) {
        (Place::Port(address), Ok(ip)) if address.ip().is_unspecified() => {
            Place::Port(SocketAddr::new(ip, address.port()))
        }
        _ => place.clone(),
    }
}

/// Phones get camera and microphone by https only, and nobody likes to type addresses there.
fn show(at: &Place) {
    let Place::Port(address) = at else { return };
    let code = qr::code(&format!("https://{address}/")).filter(|_| !address.ip().is_loopback());
    if let Some(code) = code.filter(|_| io::stdout().is_terminal()) {
        let _ = io::stdout().write_all(code.as_bytes());
    }
}

/// For `info`.
fn announce(core: &Core, packages: Packages) {
    for (package, name) in [(packages.http, "HTTP"), (packages.websocket, "WebSocket")] {
        let face = Face::new(package, &format!("{name}, built in"), &format!("The APIs over {name}"));
        core.transports.add(face.info(), Arc::new(face));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_often_is_told_what_is_so_now() {
        let (mut seen, mut looks) = (None, 0);
        let start = Instant::now();
        for step in 0..40 {
            let now = start + Duration::from_millis(100) * step;
            let health = seen_or(
                &mut seen,
                || now,
                || {
                    looks += 1;
                    Health::Stuck(looks.to_string())
                },
            );
            assert_eq!(health, Health::Stuck(looks.to_string()));
        }
        assert_eq!(looks, 4);
    }
}
