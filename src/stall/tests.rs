use super::*;
use std::sync::mpsc;
use std::time::Instant;

/// Threads of other tests are in callbacks of other plugins.
fn of<'a>(package: &str, news: &'a [News]) -> Vec<(&'static str, &'a Stall)> {
    let with_name = |news: &'a News| match news {
        News::Began(stall) => ("began", stall),
        News::Lasts(stall) => ("lasts", stall),
        News::Over(stall) => ("over", stall),
    };
    news.iter().map(with_name).filter(|(_, stall)| stall.plugin.package() == package).collect()
}

#[test]
fn what_a_thread_is_in_is_known_to_others_without_a_lock() {
    let (plugin, other) = (Plugin::of("janus.plugin.nested"), Plugin::other("janus.transport.nested"));
    let origin = Origin { file: "libjanus_nested.so".into(), generation: Some("B6".into()), build_id: None };
    plugin.comes_from(origin.clone());
    let of = |(outer, inner): (Doing, Option<Doing>)| {
        let text = |doing: Doing| (doing.plugin.package(), doing.callback, doing.handle);
        (text(outer), inner.map(text))
    };
    let thread = std::thread::spawn(move || {
        let me: i32 = std::fs::read_link("/proc/thread-self")
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(doing(me).is_none());
        let outer = enter(plugin, Callback::HandleMessage, 7);
        let message = (plugin.package(), Callback::HandleMessage, 7);
        assert_eq!(of(doing(me).unwrap()), (message, None));
        let send = enter(other, Callback::SendMessage, 0);
        let deeper = enter(plugin, Callback::HangupMedia, 8);
        assert_eq!(of(doing(me).unwrap()), (message, Some((plugin.package(), Callback::HangupMedia, 8))));
        drop(deeper);
        assert_eq!(of(doing(me).unwrap()), (message, Some((other.package(), Callback::SendMessage, 0))));
        drop(send);
        assert_eq!(of(doing(me).unwrap()), (message, None));
        drop(outer);
        assert!(doing(me).is_none());
        // As a thread does that a plugin ends inside a callback.
        std::mem::forget(enter(plugin, Callback::QuerySession, 9));
        me
    });
    let tid = thread.join().unwrap();
    assert!(doing(tid).is_none());
    assert_eq!(plugin.origin(), Some(&origin));
    // Only plugins are reported, and no others' functions are watched.
    let packages: Vec<String> = report().into_iter().map(|report| report.package).collect();
    assert!(packages.iter().any(|p| p == plugin.package()) && packages.iter().all(|p| p != other.package()));
}

#[test]
fn a_callback_that_does_not_return_is_noticed_once_and_counted() {
    let package = "janus.plugin.stalls";
    let _turn = turn();
    let (plugin, mut observer) = (Plugin::of(package), Observer::default());
    assert!(std::ptr::eq(plugin, Plugin::of(package)));
    let (release, blocked) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let thread = std::thread::Builder::new().name("stalls".into()).spawn(move || {
        for handle in [7, 8] {
            let _outer = enter(plugin, Callback::IncomingRtp, handle);
            // Part of the outer one.
            drop(enter(plugin, Callback::SlowLink, 9));
            entered.send(()).unwrap();
            blocked.recv().unwrap();
        }
    });
    inside.recv().unwrap();
    let start = Instant::now();
    let counts = || report().into_iter().find(|report| report.package == package).unwrap().callbacks;
    assert!(of(package, &observer.look(start)).is_empty());
    assert!(of(package, &observer.look(start + LIMIT / 2)).is_empty() && counts().is_empty());
    let news = observer.look(start + LIMIT);
    let [("began", stall), ("lasts", _)] = of(package, &news)[..] else { panic!("stall not noticed") };
    assert_eq!((stall.callback, stall.handle, stall.time), (Callback::IncomingRtp, 7, LIMIT));
    assert!(stall.thread_name() == "stalls" && stall.lasts());
    let news = observer.look(start + LIMIT * 3);
    assert!(matches!(of(package, &news)[..], [("lasts", _)]));
    release.send(()).unwrap();
    inside.recv().unwrap();
    assert!(!stall.lasts());
    // The next call began later, whenever the thread was looked at.
    let news = observer.look(start + LIMIT * 4);
    assert!(matches!(of(package, &news)[..], [("over", _)]));
    release.send(()).unwrap();
    thread.unwrap().join().unwrap();
    assert!(of(package, &observer.look(start + LIMIT * 9)).is_empty());
    let callback = Callback::IncomingRtp;
    let expected = CallbackReport { callback, stalls: 1, stalled: 0, relieved: 0, longest_ms: 400 };
    assert_eq!(counts(), [expected]);
}

#[test]
fn time_is_counted_of_all_calls_or_of_a_sample_of_those_for_packets() {
    let package = "janus.plugin.times";
    let plugin = Plugin::of(package);
    // A thread of its own, whose calls nobody else counts.
    let calls = move || {
        for _ in 0..3 {
            let outer = enter(plugin, Callback::HandleMessage, 1);
            drop(enter(plugin, Callback::SlowLink, 2));
            drop(outer);
        }
        for _ in 0..2 * SAMPLE {
            drop(enter(plugin, Callback::IncomingRtp, 1));
        }
    };
    std::thread::spawn(calls).join().unwrap();
    let of = |callback| {
        spent().into_iter().find(|s| s.package == package && s.callback == callback).map(|s| s.calls)
    };
    assert_eq!(of(Callback::HandleMessage), Some(3));
    assert_eq!(of(Callback::SlowLink), None);
    assert_eq!(of(Callback::IncomingRtp), Some(2 * SAMPLE));
}
