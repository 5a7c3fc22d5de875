//! Who may see what the server tells of itself, and where it is looked up.
#![forbid(unsafe_code)]

use super::error::OptionError;
use super::metrics;
use super::status::Status;
use crate::config::Config;
use crate::core::Core;
use crate::metrics::Format;
use crate::options::{File, WEB_METRICS};
use crate::transports::figures::{Admission, Figure, Figures};
use std::sync::{Arc, Weak};

/// `web.metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metrics {
    Secret,
    Open,
    Off,
}

pub struct Facts {
    core: Weak<Core>,
    metrics: Metrics,
    status: Status,
}

impl Facts {
    pub fn new(own: &Config, core: &Arc<Core>) -> Result<Facts, OptionError> {
        let metrics = match WEB_METRICS.of(own).unwrap_or_default() {
            "secret" => Metrics::Secret,
            "open" => Metrics::Open,
            "off" => Metrics::Off,
            other => {
                let expected = "secret, open or off";
                return Err(OptionError::Web { file: File::Own.name(), text: other.to_owned(), expected });
            }
        };
        Ok(Facts { core: Arc::downgrade(core), metrics, status: Status::new() })
    }
}

impl Figures for Facts {
    fn admits(&self, to: Figure, secret: Option<&str>) -> Admission {
        match (to, self.metrics) {
            (Figure::Metrics, Metrics::Open) => return Admission::Granted,
            (Figure::Metrics, Metrics::Off) => return Admission::Nobody,
            _ => {}
        }
        match self.core.upgrade() {
            Some(core) if !core.auth.admin_needed() => Admission::Nobody,
            Some(core) if secret.is_some() && core.auth.admin_valid(secret) => Admission::Granted,
            _ => Admission::Refused,
        }
    }

    fn metrics(&self, format: Format) -> Option<String> {
        Some(metrics::text(&*self.core.upgrade()?, format))
    }

    fn status(&self) -> Option<String> {
        self.status.of(&*self.core.upgrade()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::no_include;
    use crate::core::settings::Settings;

    #[test]
    fn who_may_look() {
        use Admission::*;
        let core = |secret: Option<&str>| {
            Core::new(Settings { admin_secret: secret.map(str::to_owned), ..Settings::default() }).unwrap()
        };
        let (with, without) = (core(Some("s")), core(None));
        let facts = |core, text: &str| {
            Facts::new(&Config::parse("own.jcfg", text.as_bytes(), &no_include).unwrap(), core)
        };
        for (text, figure, expected) in [
            ("", Figure::Metrics, [Granted, Refused, Refused, Nobody]),
            ("", Figure::Status, [Granted, Refused, Refused, Nobody]),
            ("web: { metrics = \"open\" }", Figure::Metrics, [Granted; 4]),
            ("web: { metrics = \"open\" }", Figure::Status, [Granted, Refused, Refused, Nobody]),
            ("web: { metrics = \"off\" }", Figure::Metrics, [Nobody; 4]),
        ] {
            let (closed, none) = (facts(&with, text).unwrap(), facts(&without, text).unwrap());
            let seen = [
                closed.admits(figure, Some("s")),
                closed.admits(figure, Some("S")),
                closed.admits(figure, None),
                none.admits(figure, Some("s")),
            ];
            assert_eq!(seen, expected, "{text} {figure:?}");
        }
        assert!(facts(&with, "web: { metrics = \"all\" }").is_err());
    }
}
