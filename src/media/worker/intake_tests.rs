use super::*;

fn data(len: usize) -> Command {
    Command::RelayData { label: None, protocol: None, binary: true, message: vec![0; len] }
}

#[test]
fn key_frames_and_bit_rates_merge_until_they_are_taken() {
    let intake = Intake::new(1);
    let mut looks = 0;
    for round in 0..1000 {
        for command in [
            Command::SendPli { mindex: None },
            Command::SendPli { mindex: Some(2) },
            Command::SendRemb { bitrate: round },
        ] {
            looks += usize::from(matches!(intake.enter(command), Entry::First));
        }
    }
    let taken: Vec<_> = intake.take().collect();
    assert_eq!(looks, 1);
    assert!(matches!(
        taken[..],
        [
            Command::SendPli { mindex: Some(2) },
            Command::SendPli { mindex: None },
            Command::SendRemb { bitrate: 999 }
        ]
    ));
    assert!(intake.take().next().is_none());
    assert!(matches!(intake.enter(Command::SendRemb { bitrate: 1 }), Entry::First));
}

#[test]
fn data_and_rtcp_are_counted_in_bytes_and_given_back() {
    let intake = Intake::new(1);
    let mut costs = Vec::new();
    for _ in 0..100_000 {
        let rtcp = Command::RelayRtcp { mindex: 0, video: true, packet: vec![0; 100] };
        for command in [data(1000), rtcp, Command::SendPli { mindex: Some(-7) }] {
            if let Entry::Single(_, cost) = intake.enter(command) {
                costs.push(cost);
            }
        }
    }
    let (bytes, dropped) = intake.figures();
    assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES / 2, "{bytes}");
    assert_eq!(costs.len() as u64 + dropped, 300_000);
    costs.into_iter().for_each(|cost| intake.leave(cost));
    assert_eq!(intake.figures().0, 0);
    // A single one may be as long as it likes.
    assert!(matches!(intake.enter(data(MOST_BYTES)), Entry::Single(..)));
    assert!(matches!(intake.enter(data(0)), Entry::Nothing));
}

#[test]
fn changes_are_never_dropped_but_counted_and_what_is_merged_waits_for_them() {
    let intake = Intake::new(1);
    let Entry::Single(_, cost) = intake.enter(Command::SetMedia(Vec::new())) else { panic!() };
    assert!(intake.must_wait());
    assert_eq!(intake.changes(), (1, ENTRY));
    intake.leave(cost);
    assert!(!intake.must_wait());
    assert_eq!(intake.changes(), (0, 0));
}
