use super::*;
use crate::rtp::extensions::AudioLevel;

const TO: Addressee = Addressee { seat: 3, peer: 9 };

/// A packet of a sequence number and a payload.
fn rtp(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9];
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet.extend(payload);
    packet
}

fn out<'a>(packet: &'a [u8], descriptor: &'a [u8]) -> RtpOut<'a> {
    let extensions = Extensions { dependency_descriptor: descriptor, ..Default::default() };
    RtpOut { mindex: 1, video: true, packet, extensions }
}

fn push(ring: &Ring, seat: u32, sequence: u16, payload: &[u8]) -> Option<Urgency> {
    // A share that is never used up.
    let share = Share::default();
    ring.push(Addressee { seat, peer: 9 }, &share, &out(&rtp(sequence, payload), &[]), Urgency::WithFrame)
}

/// Seat, sequence number and payload of the oldest packet.
fn pop(reader: &mut Reader<Ring>) -> Option<(u32, u16, Vec<u8>)> {
    let mut seen = None;
    let found = reader.pop(|to, parts, _| {
        assert_eq!(
            (to.peer, parts.mindex, parts.video, &parts.header[4..]),
            (9, 1, true, &[1, 2, 3, 4, 9, 9, 9, 9][..])
        );
        let sequence = u16::from_be_bytes([parts.header[2], parts.header[3]]);
        seen = Some((to.seat, sequence, parts.payload.to_vec()));
    });
    assert_eq!(found, seen.is_some());
    seen
}

fn halves(cells: usize) -> (Arc<Ring>, Reader<Ring>) {
    let ring = Arc::new(Ring::new(cells));
    (ring.clone(), Reader::of(ring, |ring| ring).unwrap())
}

fn offset(position: &AtomicU64) -> u64 {
    position.load(Ordering::Relaxed) & OFFSET
}

#[test]
fn a_packet_comes_out_as_it_went_in() {
    let (ring, mut reader) = halves(0);
    let extensions = Extensions {
        audio_level: Some(AudioLevel { level: 5, voice: true }),
        dependency_descriptor: &[7; MAX_DESCRIPTOR],
        abs_capture_time: 11,
        ..Default::default()
    };
    let plain = Extensions { audio_level: None, ..extensions };
    let packet = rtp(1, b"payload");
    for (mindex, extensions) in [(2, extensions), (-1, plain), (0, plain)] {
        let packet = RtpOut { mindex, video: false, packet: &packet, extensions };
        assert_eq!(ring.push(TO, &Share::default(), &packet, Urgency::Now), Some(Urgency::Now));
    }
    for (mindex, expected) in [(2, extensions), (-1, plain), (0, plain)] {
        assert!(reader.pop(|to, parts, urgency| {
            assert_eq!((to, parts.mindex, parts.video, urgency), (TO, mindex, false, Urgency::Now));
            assert_eq!((&parts.header[..], parts.payload), (&packet[..12], &b"payload"[..]));
            assert_eq!(parts.extensions, expected);
        }));
    }
    assert!(reader.is_empty() && pop(&mut reader).is_none());
}

#[test]
fn too_much_is_dropped_and_counted() {
    let (ring, mut reader) = halves(0);
    assert!(push(&ring, 0, 1, &[0; ROOM + 1]).is_none());
    assert!(ring.push(TO, &Share::default(), &out(b"no RTP", &[]), Urgency::Now).is_none());
    assert_eq!(ring.dropped(), 2);
    // A descriptor that is too long is left out.
    assert!(ring.push(TO, &Share::default(), &out(&rtp(1, &[1; ROOM]), &[0; 256]), Urgency::Now).is_some());
    assert!(reader.pop(|_, parts, _| {
        assert_eq!(parts.payload, [1; ROOM]);
        assert!(parts.extensions.dependency_descriptor.is_empty());
    }));
}

#[test]
fn a_full_ring_drops_what_is_new_and_keeps_order() {
    let (ring, mut reader) = halves(256);
    for round in 0..50_u8 {
        let mut count = 0_u16;
        // Different lengths, so that the end of the memory is met everywhere.
        while push(&ring, 1, count, &vec![round; usize::from(count) * 31 % 700]).is_some() {
            count += 1;
        }
        assert!(count > 20, "{count}");
        for sequence in 0..count {
            assert_eq!(pop(&mut reader), Some((1, sequence, vec![round; usize::from(sequence) * 31 % 700])));
        }
        assert!(pop(&mut reader).is_none() && reader.is_empty());
        assert_eq!(ring.dropped(), u64::from(round) + 1);
    }
}

/// One writer relays to one receiver without end, another one to somebody else.
#[test]
fn who_floods_the_ring_leaves_room_for_others() {
    let (ring, mut reader) = halves(1 << 13);
    let (storm, beside) = (Share::default(), Share::default());
    let flood = Addressee { seat: 1, peer: 7 };
    let relay =
        |to, share, payload: &[u8]| ring.push(to, share, &out(&rtp(1, payload), &[]), Urgency::Now).is_some();
    for round in 0..100_u8 {
        // Payloads that are shared, that are not, and both lengths.
        let taken = (0..10_000_u32)
            .filter(|n| relay(flood, &storm, &vec![(n % 3) as u8; 40 * usize::from(round % 30)]));
        let taken = taken.count() as u64;
        assert!(taken > 20, "{taken}");
        let used =
            ring.write.0.load(Ordering::Relaxed).wrapping_sub(reader.ring().read.0.load(Ordering::Relaxed));
        assert!(used <= ring.capacity() / 4, "{used} cells of {}", ring.capacity());
        // A frame of twenty packets for somebody else.
        assert!((0..20).all(|n| relay(TO, &beside, &[n; 1200])));
        let mut seen = [0, 0];
        loop {
            if let Some((to, cells)) = reader.owed() {
                if to == flood { storm.give_back(cells) } else { beside.give_back(cells) }
            }
            if !reader.pop(|to, _, _| seen[usize::from(to == TO)] += 1) {
                break;
            }
        }
        assert_eq!(seen, [taken, 20]);
        assert_eq!((storm.cells(), beside.cells(), beside.refused()), (0, 0, 0));
        assert_eq!(storm.refused(), ring.dropped());
    }
}

/// The largest packet for somebody, when the ring is crowded and a share has fewer cells than that.
#[test]
fn one_packet_is_taken_whatever_its_size() {
    let (ring, _reader) = halves(256);
    while push(&ring, 0, 1, &[0; 100]).is_some() && offset(&ring.write.0) < 60 {}
    let share = Share::default();
    let large = |byte| ring.push(TO, &share, &out(&rtp(1, &[byte; 1200]), &[]), Urgency::Now);
    assert!(large(1).is_some() && large(2).is_none());
    assert_eq!((share.refused(), ring.dropped()), (1, 1));
}

#[test]
fn wraps_around_while_it_is_never_empty() {
    let (ring, mut reader) = halves(256);
    let payload = |n: u16| vec![n as u8; usize::from(n) * 53 % 1500];
    for n in 0..4_u16 {
        push(&ring, 0, n, &payload(n)).unwrap();
    }
    for n in 4..5000 {
        push(&ring, u32::from(n), n, &payload(n)).unwrap();
        let (_, sequence, bytes) = pop(&mut reader).unwrap();
        assert_eq!((sequence, bytes), (n - 4, payload(n - 4)));
    }
    assert!(offset(&ring.write.0) > 20 * 256, "it went around in one era");
    assert_eq!(ring.dropped(), 0);
}

#[test]
fn a_frame_for_thousands_of_receivers_is_not_lost() {
    const RECEIVERS: u32 = 4000;
    let (ring, mut reader) = halves(1 << 17);
    for packet in 0..20_u16 {
        for seat in 0..RECEIVERS {
            push(&ring, seat, packet ^ seat as u16, &[packet as u8; 1200]).unwrap();
        }
    }
    // A cell each, and one payload for all.
    assert!(offset(&ring.write.0) < u64::from(RECEIVERS) * 20 + 20 * 32);
    for packet in 0..20_u16 {
        for seat in 0..RECEIVERS {
            assert_eq!(pop(&mut reader), Some((seat, packet ^ seat as u16, vec![packet as u8; 1200])));
        }
    }
    assert_eq!((pop(&mut reader), ring.dropped()), (None, 0));
}

#[test]
fn a_body_is_written_again_when_the_first_one_may_be_gone() {
    let (ring, mut reader) = halves(1024);
    let body = [5; 1200];
    push(&ring, 0, 0, &body).unwrap();
    // Two hundred notes with `keep` at 128: the body is there twice, and read after its first place was given free.
    for n in 1..200 {
        push(&ring, 0, n, &body).unwrap();
    }
    let used = offset(&ring.write.0);
    assert!((200 + 2 * 19..200 + 2 * 22).contains(&used), "{used}");
    for n in 0..5000_u16 {
        push(&ring, 0, n.wrapping_add(200), &body).unwrap();
        assert_eq!(pop(&mut reader), Some((0, n, body.to_vec())));
    }
}

#[test]
fn an_emptied_ring_begins_anew_at_the_first_cell() {
    let (ring, mut reader) = halves(1 << 17);
    for round in 0..3000_u16 {
        for n in 0..10 {
            push(&ring, 0, n, &round.to_be_bytes()).unwrap();
        }
        while let Some((_, _, payload)) = pop(&mut reader) {
            assert_eq!(payload, round.to_be_bytes());
        }
        assert!(offset(&ring.write.0) <= (1 << 12) + 40, "more memory is touched than was needed");
    }
}

#[test]
fn the_count_of_eras_may_wrap_around() {
    let (ring, mut reader) = halves(256);
    let last = !OFFSET;
    for position in [&ring.write.0, &ring.read.0, &ring.free] {
        position.store(last, Ordering::Relaxed);
    }
    for round in 0..40 {
        for n in 0..30 {
            push(&ring, round, n, b"x").unwrap();
        }
        for n in 0..30 {
            assert_eq!(pop(&mut reader), Some((round, n, b"x".to_vec())));
        }
        assert!(pop(&mut reader).is_none());
    }
    assert!(ring.write.0.load(Ordering::Relaxed) < last);
}

#[test]
fn an_era_that_never_ends_is_full_in_the_end_and_recovers() {
    let (ring, mut reader) = halves(256);
    let late = OFFSET - 255;
    for position in [&ring.write.0, &ring.read.0, &ring.free] {
        position.store(late, Ordering::Relaxed);
    }
    let mut count = 0;
    while push(&ring, 0, count, b"x").is_some() {
        count += 1;
        if count > 3 {
            pop(&mut reader).unwrap();
        }
    }
    assert!((200..256).contains(&count), "{count}");
    while pop(&mut reader).is_some() {}
    assert!(push(&ring, 0, 7, b"y").is_some());
    assert_eq!(pop(&mut reader), Some((0, 7, b"y".to_vec())));
}

#[test]
fn a_ring_is_urgent_with_an_urgent_packet_or_half_full() {
    let (ring, mut reader) = halves(256);
    let push = |urgency| ring.push(TO, &Share::default(), &out(&rtp(1, &[1]), &[]), urgency).unwrap();
    while push(Urgency::WithFrame) == Urgency::WithFrame {
        assert!(!reader.is_urgent());
    }
    assert!((128..140).contains(&offset(&ring.write.0)) && reader.is_urgent());
    reader.begin();
    assert!(!reader.is_urgent());
    while reader.pop(|_, _, urgency| assert_eq!(urgency, Urgency::WithFrame)) {}
    assert_eq!(push(Urgency::WithFrame), Urgency::WithFrame);
    assert_eq!(push(Urgency::Now), Urgency::Now);
    assert!(reader.is_urgent());
}

// MP-181
#[test]
fn each_writer_keeps_its_order_and_its_payloads() {
    const PACKETS: u32 = 20_000;
    // Small, so that it is full, empty, and at its end all the time.
    let (ring, mut reader) = halves(512);
    let payload = |name: u32, n: u32| vec![(name * 7 + n / 5) as u8; (n / 5 * 37 % 1400) as usize];
    let writers: Vec<_> = (0..3_u32)
        .map(|name| {
            let ring = ring.clone();
            std::thread::spawn(move || {
                for n in 0..PACKETS {
                    while push(&ring, name, n as u16, &payload(name, n)).is_none() {
                        std::thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let mut next = [0_u32; 3];
    while next != [PACKETS; 3] {
        let Some((name, sequence, bytes)) = pop(&mut reader) else {
            std::thread::yield_now();
            continue;
        };
        let n = &mut next[name as usize];
        assert_eq!((sequence, bytes), (*n as u16, payload(name, *n)));
        *n += 1;
    }
    for writer in writers {
        writer.join().unwrap();
    }
    assert!(pop(&mut reader).is_none());
}

// MP-170
#[test]
fn what_has_waited_for_a_second_is_dropped() {
    let (ring, mut reader) = halves(0);
    let pushed = coarse_time();
    for sequence in 1..=2 {
        push(&ring, 1, sequence, b"the same");
    }
    let no_longer_than = coarse_time().wrapping_sub(pushed);
    reader.begin_at(pushed.wrapping_add(1000));
    assert_eq!(pop(&mut reader).unwrap().1, 1);
    reader.begin_at(pushed.wrapping_add(1001 + no_longer_than));
    assert!(reader.pop(|_, _, _| panic!("too old")) && reader.is_empty());
    assert_eq!((ring.late(), ring.dropped()), (1, 1));
    // The age is that of the packet, not of the payload that it shares.
    reader.begin();
    push(&ring, 1, 3, b"the same");
    assert_eq!(pop(&mut reader).unwrap().1, 3);
}

#[test]
fn there_is_one_reader_at_a_time() {
    let (ring, reader) = halves(256);
    assert!(Reader::of(ring.clone(), |ring| ring).is_none());
    drop(reader);
    assert!(Reader::of(ring, |ring| ring).is_some());
}
