//! `application/trickle-ice-sdpfrag` (RFC 8840 §9), as far as WHIP has a use for it: candidates, and the credentials of an
//! ICE restart.

/// What a fragment says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    pub ufrag: Option<String>,
    pub pwd: Option<String>,
    /// `candidate:…` with the mid that it is for, when there is one.
    pub candidates: Vec<(Option<String>, String)>,
    /// No more will come.
    pub is_end: bool,
}

impl Fragment {
    pub fn parse(text: &str) -> Fragment {
        let mut fragment = Fragment::default();
        let mut mid = None;
        // Candidates may stand before the mid of their m-line, not after that of the next one.
        let mut without_mid = fragment.candidates.len();
        for line in text.lines().map(str::trim_end) {
            if line.starts_with("m=") {
                mid = None;
                without_mid = fragment.candidates.len();
            }
            let Some(attribute) = line.strip_prefix("a=") else { continue };
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            match name {
                "ice-ufrag" => fragment.ufrag = Some(value.to_owned()),
                "ice-pwd" => fragment.pwd = Some(value.to_owned()),
                "mid" => {
                    mid = Some(value.to_owned());
                    for candidate in &mut fragment.candidates[without_mid..] {
                        candidate.0 = mid.clone();
                    }
                }
                "candidate" => fragment.candidates.push((mid.clone(), attribute.to_owned())),
                "end-of-candidates" => fragment.is_end = true,
                _ => {}
            }
        }
        fragment
    }
}

/// The credentials of a description (its first).
pub(super) fn credentials(sdp: &str) -> Option<(&str, &str)> {
    let value = |name: &str| sdp.lines().find_map(|line| line.trim_end().strip_prefix(name));
    Some((value("a=ice-ufrag:")?, value("a=ice-pwd:")?))
}

/// RFC 8839 §5.4. Whoever guesses the password sends media away; the Janus API, as the reference, takes any.
pub(super) fn are_fit(ufrag: &str, pwd: &str) -> bool {
    let fits = |text: &str, least| {
        let is_ice_char = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
        (least..=256).contains(&text.len()) && text.bytes().all(is_ice_char)
    };
    fits(ufrag, 4) && fits(pwd, 22)
}

/// The same description with other credentials, and without candidates.
pub(super) fn with_credentials(sdp: &str, ufrag: &str, pwd: &str) -> String {
    let mut text = String::with_capacity(sdp.len() + 64);
    for line in sdp.lines().map(str::trim_end) {
        match line {
            _ if line.starts_with("a=ice-ufrag:") => text.push_str(&format!("a=ice-ufrag:{ufrag}")),
            _ if line.starts_with("a=ice-pwd:") => text.push_str(&format!("a=ice-pwd:{pwd}")),
            _ if line.starts_with("a=candidate:") || line == "a=end-of-candidates" => continue,
            _ => text.push_str(line),
        }
        text.push_str("\r\n");
    }
    text
}

/// What answers an ICE restart: credentials and candidates of the new description.
pub(super) fn answer_to_restart(sdp: &str) -> String {
    let mut text = String::new();
    let mut first = true;
    for line in sdp.lines().map(str::trim_end) {
        let is_medium = line.starts_with("m=");
        let is_wanted = is_medium
            || ["a=ice-ufrag:", "a=ice-pwd:", "a=ice-lite", "a=mid:", "a=candidate:", "a=end-of-candidates"]
                .iter()
                .any(|name| line.starts_with(name));
        // Everything is bundled: the first m-line has it all.
        if is_medium && !std::mem::take(&mut first) {
            break;
        }
        if is_wanted {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9725 §4.3.2, and an order that RFC 8840 allows as well.
    #[test]
    fn fragments() {
        let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
            a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";
        let fragment = Fragment::parse(text);
        assert_eq!(fragment.ufrag.as_deref(), Some("EsAw"));
        assert_eq!(fragment.pwd.as_deref(), Some("P2uYro0UCOQ4zxjKXaWCBui1"));
        assert_eq!(
            fragment.candidates,
            [(
                Some("0".to_owned()),
                "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host".to_owned()
            )]
        );
        assert!(fragment.is_end);
        let text = "a=candidate:0\nm=audio\na=candidate:1\na=mid:a\nm=video\na=candidate:2\na=mid:v\na=candidate:3\n";
        let mids: Vec<_> =
            Fragment::parse(text).candidates.into_iter().map(|c| c.0.unwrap_or_default()).collect();
        assert_eq!(mids, ["", "a", "v", "v"]);
        assert_eq!(Fragment::parse("nonsense\r\n\u{0}"), Fragment::default());
    }

    #[test]
    fn restarts() {
        let sdp = "v=0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\nm=audio 9 X 0\r\na=mid:0\r\na=candidate:1 x\r\na=rtpmap:0 PCMU/8000\r\n\
            m=video 9 X 1\r\na=mid:1\r\n";
        assert_eq!(credentials(sdp), Some(("a", "b")));
        let new = with_credentials(sdp, "c", "d");
        assert_eq!(credentials(&new), Some(("c", "d")));
        assert!(!new.contains("candidate") && new.contains("a=rtpmap:0") && new.ends_with("a=mid:1\r\n"));
        assert_eq!(
            answer_to_restart(sdp),
            "a=ice-ufrag:a\r\na=ice-pwd:b\r\nm=audio 9 X 0\r\na=mid:0\r\na=candidate:1 x\r\n"
        );
    }
}
