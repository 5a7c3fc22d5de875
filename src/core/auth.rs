//! Who may do what (control-plane.md §8): API secret, stored tokens, signed tokens.

use super::settings::Settings;
use crate::util::lock::Lock;
use crate::util::text::equal_const_time;
use crate::util::time;
use arc_swap::ArcSwap;
use ring::hmac;
use std::sync::Arc;

/// Realm of signed tokens for API requests.
const API_REALM: &str = "janus";

enum Tokens {
    Off,
    /// Each token with the packages it may attach to, both in order of addition.
    Stored(Lock<Vec<(String, Vec<String>)>>),
    /// With [`Secrets::key`].
    Signed,
}

/// What may change while running.
#[derive(Default)]
struct Secrets {
    api: Option<String>,
    admin: Option<String>,
    key: Option<hmac::Key>,
}

impl Secrets {
    fn new(api: Option<&str>, admin: Option<&str>, token: Option<&str>) -> Secrets {
        let key = |secret: &str| hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        Secrets { api: api.map(str::to_owned), admin: admin.map(str::to_owned), key: token.map(key) }
    }
}

/// True when none is wanted (CP-293).
fn is_valid(wanted: Option<&str>, given: Option<&str>) -> bool {
    wanted
        .is_none_or(|wanted| given.is_some_and(|given| equal_const_time(given.as_bytes(), wanted.as_bytes())))
}

pub struct Auth {
    secrets: ArcSwap<Secrets>,
    tokens: Tokens,
}

impl Auth {
    pub fn new(settings: &Settings) -> Auth {
        let tokens = match (settings.token_auth, &settings.token_auth_secret) {
            (false, _) => Tokens::Off,
            (true, None) => Tokens::Stored(Lock::default()),
            (true, Some(_)) => Tokens::Signed,
        };
        let auth = Auth { secrets: ArcSwap::default(), tokens };
        let Settings { api_secret, admin_secret, token_auth_secret, .. } = settings;
        auth.replace(api_secret.as_deref(), admin_secret.as_deref(), token_auth_secret.as_deref());
        auth
    }

    /// Other secrets, from now on. Whether there are tokens, and of which kind, stays: without a secret no signed one is valid.
    pub fn replace(&self, api: Option<&str>, admin: Option<&str>, token: Option<&str>) {
        self.secrets.store(Arc::new(Secrets::new(api, admin, token)));
    }

    pub fn secret_needed(&self) -> bool {
        self.secrets.load().api.is_some()
    }

    pub fn secret_valid(&self, secret: Option<&str>) -> bool {
        is_valid(self.secrets.load().api.as_deref(), secret)
    }

    pub fn admin_needed(&self) -> bool {
        self.secrets.load().admin.is_some()
    }

    pub fn admin_valid(&self, secret: Option<&str>) -> bool {
        is_valid(self.secrets.load().admin.as_deref(), secret)
    }

    /// What a signed token grants in this realm; `None`: nothing, it is not valid.
    fn signed(&self, token: &str, realm: &str) -> Option<Vec<String>> {
        descriptors(self.secrets.load().key.as_ref()?, token, realm)
    }

    pub fn token_needed(&self) -> bool {
        !matches!(self.tokens, Tokens::Off)
    }

    /// True when token auth is off (CP-294).
    pub fn token_valid(&self, token: Option<&str>) -> bool {
        match (&self.tokens, token) {
            (Tokens::Off, _) => true,
            (_, None) => false,
            (Tokens::Stored(tokens), Some(token)) => tokens.lock().iter().any(|t| t.0 == token),
            (Tokens::Signed, Some(token)) => self.signed(token, API_REALM).is_some(),
        }
    }

    /// A request of the Janus API: nothing configured, or a right secret, or a right token (CP-274..276).
    pub fn request_allowed(&self, secret: Option<&str>, token: Option<&str>) -> bool {
        match (self.secret_needed(), self.token_needed()) {
            (false, false) => true,
            (needs_secret, needs_token) => {
                (needs_secret && self.secret_valid(secret)) || (needs_token && self.token_valid(token))
            }
        }
    }

    /// Whether a token lets its bearer attach; asked only when token auth is on and a token was given.
    pub fn plugin_allowed(&self, token: &str, package: &str) -> bool {
        match &self.tokens {
            Tokens::Off => true,
            Tokens::Stored(tokens) => {
                tokens.lock().iter().any(|t| t.0 == token && t.1.iter().any(|p| p == package))
            }
            Tokens::Signed => {
                self.signed(token, API_REALM).is_some_and(|all| all.iter().any(|d| d == package))
            }
        }
    }

    pub fn is_signed(&self) -> bool {
        matches!(self.tokens, Tokens::Signed)
    }

    /// For plugins: the realm is their package (CP-291). False outside signed mode.
    pub fn signature_valid(&self, realm: &str, token: Option<&str>) -> bool {
        match (&self.tokens, token) {
            (Tokens::Signed, Some(token)) => self.signed(token, realm).is_some(),
            _ => false,
        }
    }

    /// For plugins; true outside signed mode (CP-292).
    pub fn signature_contains(&self, realm: &str, token: Option<&str>, descriptor: &str) -> bool {
        match (&self.tokens, token) {
            (Tokens::Signed, Some(token)) => {
                self.signed(token, realm).is_some_and(|all| all.iter().any(|d| d == descriptor))
            }
            (Tokens::Signed, None) => false,
            _ => true,
        }
    }

    /// The store, in stored mode.
    pub fn store(&self) -> Option<TokenStore<'_>> {
        match &self.tokens {
            Tokens::Stored(tokens) => Some(TokenStore(tokens)),
            _ => None,
        }
    }
}

/// Stored tokens as the Admin API manages them (§8.2).
pub struct TokenStore<'a>(&'a Lock<Vec<(String, Vec<String>)>>);

impl TokenStore<'_> {
    pub fn contains(&self, token: &str) -> bool {
        self.0.lock().iter().any(|t| t.0 == token)
    }

    /// Adds the token if it is new and allows it these packages; returns all that it may use.
    pub fn allow(&self, token: &str, packages: &[String]) -> Vec<String> {
        let mut tokens = self.0.lock();
        let index = tokens.iter().position(|t| t.0 == token).unwrap_or_else(|| {
            tokens.push((token.to_owned(), Vec::new()));
            tokens.len() - 1
        });
        let allowed = &mut tokens[index].1;
        for package in packages {
            if !allowed.contains(package) {
                allowed.push(package.clone());
            }
        }
        allowed.clone()
    }

    /// The token stays valid for requests even when nothing is left (CP-284).
    pub fn disallow(&self, token: &str, packages: &[String]) -> Vec<String> {
        let mut tokens = self.0.lock();
        let Some((_, allowed)) = tokens.iter_mut().find(|t| t.0 == token) else {
            return Vec::new();
        };
        allowed.retain(|p| !packages.contains(p));
        allowed.clone()
    }

    pub fn remove(&self, token: &str) -> bool {
        let mut tokens = self.0.lock();
        let before = tokens.len();
        tokens.retain(|t| t.0 != token);
        tokens.len() < before
    }

    pub fn list(&self) -> Vec<(String, Vec<String>)> {
        self.0.lock().clone()
    }
}

/// Checks `EXPIRY,REALM[,DESC…]:SIGNATURE` (§8.3) and returns the descriptors.
fn descriptors(key: &hmac::Key, token: &str, realm: &str) -> Option<Vec<String>> {
    let (data, signature) = token.split_once(':')?;
    let mut parts = data.split(',');
    let expiry = leading_number(parts.next()?);
    let valid = !signature.contains(':')
        && parts.next()? == realm
        && expiry >= 0
        && time::real() / 1_000_000 <= expiry
        && equal_const_time(signature.as_bytes(), sign(key, data).as_bytes());
    valid.then(|| parts.map(str::to_owned).collect())
}

/// As C reads a number: what follows the digits does not matter, and no digits are 0 (a time long past).
fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value = digits[..end].parse().unwrap_or(if end == 0 { 0 } else { i64::MAX });
    if text.starts_with('-') { -value } else { value }
}

fn sign(key: &hmac::Key, data: &str) -> String {
    openssl::base64::encode_block(hmac::sign(key, data.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(secret: Option<&str>, token_auth: bool, token_secret: Option<&str>) -> Auth {
        Auth::new(&Settings {
            api_secret: secret.map(Into::into),
            token_auth,
            token_auth_secret: token_secret.map(Into::into),
            ..Settings::default()
        })
    }

    fn signed(secret: &str, data: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        format!("{data}:{}", sign(&key, data))
    }

    #[test]
    fn secrets() {
        // CP-274, CP-275, CP-276, CP-293, CP-294
        let open = auth(None, false, None);
        assert!(open.request_allowed(None, None) && open.secret_valid(None) && open.token_valid(None));
        let secret = auth(Some("s3cret"), false, None);
        assert!(secret.request_allowed(Some("s3cret"), None));
        for wrong in [None, Some(""), Some("s3cre"), Some("s3cret\0"), Some("S3cret")] {
            assert!(!secret.request_allowed(wrong, Some("t")), "{wrong:?}");
        }
        let both = auth(Some("s"), true, None);
        both.store().unwrap().allow("t", &[]);
        assert!(both.request_allowed(Some("s"), None) && both.request_allowed(None, Some("t")));
        assert!(both.request_allowed(Some("x"), Some("t")) && !both.request_allowed(Some("x"), Some("u")));
        let tokens = auth(None, true, None);
        assert!(!tokens.request_allowed(Some("anything"), None), "no secret is no free pass beside tokens");
    }

    #[test]
    fn secrets_that_change() {
        let stored = auth(Some("old"), true, None);
        stored.store().unwrap().allow("t", &[]);
        stored.replace(Some("new"), Some("admin"), None);
        assert!(!stored.secret_valid(Some("old")) && stored.secret_valid(Some("new")));
        assert!(stored.admin_valid(Some("admin")) && !stored.admin_valid(None));
        assert!(stored.token_valid(Some("t")), "stored tokens stay");
        let later = time::real() / 1_000_000 + 3600;
        let token = |key| signed(key, &format!("{later},janus"));
        let signed = auth(None, true, Some("k"));
        signed.replace(None, None, Some("l"));
        assert!(!signed.token_valid(Some(&token("k"))) && signed.token_valid(Some(&token("l"))));
        signed.replace(None, None, None);
        assert!(signed.token_needed() && !signed.token_valid(Some(&token("l"))));
    }

    #[test]
    fn rfc2202_hmac_sha1() {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"Jefe");
        let hex: String = hmac::sign(&key, b"what do ya want for nothing?")
            .as_ref()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }

    #[test]
    fn signed_tokens() {
        // CP-288, CP-289, CP-290, CP-291, CP-292
        let auth = auth(None, true, Some("k"));
        let now = time::real() / 1_000_000;
        let later = now + 3600;
        let good = signed("k", &format!("{later},janus,a.plugin,b.plugin"));
        assert!(auth.is_signed() && auth.store().is_none());
        assert!(auth.token_valid(Some(&good)) && auth.plugin_allowed(&good, "b.plugin"));
        assert!(!auth.plugin_allowed(&good, "a.plug"));
        for odd in [format!("  {later}"), format!("+{later} "), format!("{later}abc")] {
            assert!(auth.token_valid(Some(&signed("k", &format!("{odd},janus")))), "{odd}");
        }
        for bad in [
            signed("k", &format!("{},janus", now - 1)),
            signed("k", &format!("{later},other")),
            signed("k", &format!("{later}")),
            signed("x", &format!("{later},janus")),
            format!("{later},janus"),
            format!("{good}:"),
            signed("k", "-5,janus"),
            signed("k", "0x7fffffff,janus"),
            signed("k", ",janus"),
        ] {
            assert!(!auth.token_valid(Some(&bad)), "{bad}");
        }
        let room = signed("k", &format!("{later},my.plugin,room=5"));
        assert!(
            auth.signature_valid("my.plugin", Some(&room)) && !auth.signature_valid("janus", Some(&room))
        );
        assert!(auth.signature_contains("my.plugin", Some(&room), "room=5"));
        assert!(!auth.signature_contains("my.plugin", Some(&room), "room=55"));
        assert!(!auth.signature_contains("my.plugin", None, "room=5"));
        assert!(super::tests::auth(None, true, None).signature_contains("p", None, "d"));
        assert!(!super::tests::auth(None, true, None).signature_valid("p", Some(&room)));
    }

    #[test]
    fn stored_tokens() {
        // CP-280, CP-284
        let auth = auth(None, true, None);
        let store = auth.store().unwrap();
        store.allow("t", &["a".into()]);
        assert_eq!(store.allow("t", &["b".into(), "a".into()]), ["a", "b"]);
        assert!(auth.plugin_allowed("t", "b") && !auth.plugin_allowed("t", "c"));
        assert!(store.disallow("t", &["a".into(), "b".into()]).is_empty());
        assert!(auth.token_valid(Some("t")) && !auth.plugin_allowed("t", "a"));
        assert!(store.remove("t") && !store.remove("t") && !auth.token_valid(Some("t")));
    }
}
